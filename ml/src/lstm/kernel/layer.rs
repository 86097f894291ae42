//! A layer's passes over a batch of sequences, forward and back.

use pulp::Arch;

use super::cell;
use super::panels::{LANES, Row, panels};
use super::product::{Onto, accumulate, accumulate_transposed};

/// Steps whose weight gradient is taken at once: what they hold is then still in the second cache.
const STEPS: usize = 4;

/// A layer's weights as the way forward reads them: a column per gate value, gates of a block of units
/// next to each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weights {
    inputs: usize,
    units: usize,
    /// `inputs` rows.
    ih: Vec<Row>,
    /// `units` rows.
    hh: Vec<Row>,
    /// One row.
    bias: Vec<Row>,
}

/// The same as the way back reads them: a row per gate value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transposed {
    ih: Vec<Row>,
    hh: Vec<Row>,
}

/// Values that the forward pass leaves for the backward pass. Sequences of matrices with a row per
/// sequence, a step after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    steps: usize,
    rows: usize,
    /// The gates' values; on the way back their gradient.
    gates: Vec<Row>,
    /// From the step before the first on.
    cell: Vec<Row>,
    squashed: Vec<Row>,
    /// From the step before the first on.
    hidden: Vec<Row>,
}

/// Gradients of a layer's weights, in PyTorch's layout.
#[derive(Debug)]
pub(crate) struct Gradients {
    pub(crate) weight_ih: Vec<f32>,
    pub(crate) weight_hh: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Where the gate values of a unit stand: calls `place` with PyTorch's row, our panel and our lane.
fn each_gate(units: usize, mut place: impl FnMut(usize, usize, usize)) {
    for gate in 0..4 {
        for unit in 0..units {
            place(gate * units + unit, unit / LANES * 4 + gate, unit % LANES);
        }
    }
}

/// Empties a buffer to `length` rows of zeros.
fn zeros(buffer: &mut Vec<Row>, length: usize) {
    buffer.clear();
    buffer.resize(length, Row::ZERO);
}

impl Weights {
    /// From PyTorch's layout: `weight_ih` is `[4 × units, inputs]`, `weight_hh` `[4 × units, units]`.
    pub(crate) fn load(&mut self, weight_ih: &[f32], weight_hh: &[f32], bias: &[f32]) {
        let units = bias.len() / 4;
        let inputs = weight_ih.len() / bias.len();
        (self.inputs, self.units) = (inputs, units);
        zeros(&mut self.ih, 4 * panels(units) * inputs);
        zeros(&mut self.hh, 4 * panels(units) * units);
        zeros(&mut self.bias, 4 * panels(units));
        each_gate(units, |from, panel, lane| {
            let columns = [
                (&mut self.ih, &weight_ih[from * inputs..][..inputs]),
                (&mut self.hh, &weight_hh[from * units..][..units]),
            ];
            for (packed, column) in columns {
                let rows = &mut packed[panel * column.len()..][..column.len()];
                for (row, value) in rows.iter_mut().zip(column) {
                    row[lane] = *value;
                }
            }
            self.bias[panel][lane] = bias[from];
        });
    }

    /// Rows that a batch's gates take.
    pub(crate) fn gate_rows(&self, rows: usize) -> usize {
        4 * panels(self.units) * rows
    }

    /// Rows that a batch's hidden values take.
    pub(crate) fn hidden_rows(&self, rows: usize) -> usize {
        panels(self.units) * rows
    }
}

impl Transposed {
    /// From PyTorch's layout.
    pub(crate) fn load(&mut self, weight_ih: &[f32], weight_hh: &[f32], units: usize) {
        let depth = 4 * panels(units) * LANES;
        let inputs = weight_ih.len() / (4 * units);
        for (packed, weights, columns) in [
            (&mut self.ih, weight_ih, inputs),
            (&mut self.hh, weight_hh, units),
        ] {
            zeros(packed, panels(columns) * depth);
            each_gate(units, |from, panel, lane| {
                let values = &weights[from * columns..][..columns];
                let rows = packed.iter_mut().skip(panel * LANES + lane).step_by(depth);
                for (row, values) in rows.zip(values.chunks(LANES)) {
                    row[..values.len()].copy_from_slice(values);
                }
            });
        }
    }
}

/// One step of a layer. All slices but `gates` have a row per sequence and panel.
pub(crate) struct Step<'a> {
    pub(crate) inputs: &'a [Row],
    /// `None` where it is zero, as is `previous` then.
    pub(crate) previous_hidden: Option<&'a [Row]>,
    pub(crate) previous: &'a [Row],
    /// See [`Weights::gate_rows`].
    pub(crate) gates: &'a mut [Row],
    pub(crate) cell: &'a mut [Row],
    pub(crate) squashed: &'a mut [Row],
    pub(crate) hidden: &'a mut [Row],
}

impl Step<'_> {
    pub(crate) fn run(self, arch: Arch, weights: &Weights, rows: usize) {
        let Weights { inputs, units, .. } = *weights;
        for block in 0..panels(units) {
            let part = block * rows..(block + 1) * rows;
            let gates = &mut self.gates[4 * part.start..4 * part.end];
            let bias = &weights.bias[4 * block..][..4];
            let ih = &weights.ih[4 * block * inputs..][..4 * inputs];
            accumulate(
                arch,
                rows,
                self.inputs,
                inputs,
                ih,
                Onto::EachRow(bias),
                gates,
            );
            if let Some(hidden) = self.previous_hidden {
                let hh = &weights.hh[4 * block * units..][..4 * units];
                accumulate(arch, rows, hidden, units, hh, Onto::Result, gates);
            }
            cell::Forward {
                gates,
                previous: &self.previous[part.clone()],
                cell: &mut self.cell[part.clone()],
                squashed: &mut self.squashed[part.clone()],
                hidden: &mut self.hidden[part],
            }
            .run(arch);
        }
    }
}

/// Runs a layer over `rows` sequences from the zero state. `inputs` is a sequence of matrices, a step
/// after the other. The hidden values are then in [`Scratch::hidden`].
pub(crate) fn forward(
    arch: Arch,
    weights: &Weights,
    inputs: &[Row],
    rows: usize,
    scratch: &mut Scratch,
) {
    let (gate_rows, hidden_rows) = (weights.gate_rows(rows), weights.hidden_rows(rows));
    let input_rows = panels(weights.inputs) * rows;
    let steps = inputs.len() / input_rows;
    (scratch.steps, scratch.rows) = (steps, rows);
    scratch.gates.resize(steps * gate_rows, Row::ZERO);
    scratch.squashed.resize(steps * hidden_rows, Row::ZERO);
    scratch.cell.resize((steps + 1) * hidden_rows, Row::ZERO);
    scratch.hidden.resize((steps + 1) * hidden_rows, Row::ZERO);
    scratch.cell[..hidden_rows].fill(Row::ZERO);
    scratch.hidden[..hidden_rows].fill(Row::ZERO);

    for step in 0..steps {
        let (before, cell) = scratch.cell.split_at_mut((step + 1) * hidden_rows);
        let (before_hidden, hidden) = scratch.hidden.split_at_mut((step + 1) * hidden_rows);
        Step {
            inputs: &inputs[step * input_rows..][..input_rows],
            previous_hidden: (step > 0).then(|| &before_hidden[step * hidden_rows..]),
            previous: &before[step * hidden_rows..],
            gates: &mut scratch.gates[step * gate_rows..][..gate_rows],
            cell: &mut cell[..hidden_rows],
            squashed: &mut scratch.squashed[step * hidden_rows..][..hidden_rows],
            hidden: &mut hidden[..hidden_rows],
        }
        .run(arch, weights, rows);
    }
}

impl Scratch {
    /// The hidden values of every step.
    pub(crate) fn hidden(&self) -> &[Row] {
        let first = self.hidden.len() / (self.steps + 1);
        &self.hidden[first..]
    }
}

/// The way back from [`forward`]: `above` is the gradient of every step's hidden values, `inputs` as they
/// were. Writes the gradient of the inputs to `below`, where it is wanted.
pub(crate) fn backward(
    arch: Arch,
    (inputs_width, units): (usize, usize),
    weights: &Transposed,
    inputs: &[Row],
    scratch: &mut Scratch,
    above: &[Row],
    mut below: Option<&mut [Row]>,
) -> Gradients {
    let (steps, rows) = (scratch.steps, scratch.rows);
    let (blocks, input_rows) = (panels(units), panels(inputs_width) * rows);
    let (gate_rows, hidden_rows) = (4 * blocks * rows, blocks * rows);
    let depth = 4 * blocks * LANES;
    let mut ih = vec![Row::ZERO; 4 * blocks * inputs_width];
    let mut hh = vec![Row::ZERO; 4 * blocks * units];
    let mut bias = vec![Row::ZERO; 4 * blocks];
    let mut next = vec![Row::ZERO; hidden_rows];
    let mut cell = vec![Row::ZERO; hidden_rows];
    // Steps from here on have their part in the weights' gradient.
    let mut done = steps;

    for step in (0..steps).rev() {
        let gates = &mut scratch.gates[step * gate_rows..][..gate_rows];
        let of_step = step * hidden_rows..(step + 1) * hidden_rows;
        let (previous, squashed) = (
            &scratch.cell[of_step.clone()],
            &scratch.squashed[of_step.clone()],
        );
        let above = &above[of_step];
        for block in 0..blocks {
            let part = block * rows..(block + 1) * rows;
            cell::Backward {
                gates: &mut gates[4 * part.start..4 * part.end],
                previous: &previous[part.clone()],
                squashed: &squashed[part.clone()],
                above: &above[part.clone()],
                next: &next[part.clone()],
                cell: &mut cell[part],
                bias: &mut bias[4 * block..][..4],
            }
            .run(arch);
        }
        if step > 0 {
            accumulate(arch, rows, gates, depth, &weights.hh, Onto::Zero, &mut next);
        }
        if let Some(below) = &mut below {
            let below = &mut below[step * input_rows..][..input_rows];
            accumulate(arch, rows, gates, depth, &weights.ih, Onto::Zero, below);
        }
        if done - step == STEPS || step == 0 {
            let gates = &scratch.gates[step * gate_rows..done * gate_rows];
            let inputs = &inputs[step * input_rows..done * input_rows];
            accumulate_transposed(arch, rows, inputs, inputs_width, gates, &mut ih);
            let hidden = &scratch.hidden[step * hidden_rows..done * hidden_rows];
            accumulate_transposed(arch, rows, hidden, units, gates, &mut hh);
            done = step;
        }
    }

    let mut gradients = Gradients {
        weight_ih: vec![0.0; 4 * units * inputs_width],
        weight_hh: vec![0.0; 4 * units * units],
        bias: vec![0.0; 4 * units],
    };
    each_gate(units, |to, panel, lane| {
        for (packed, values, columns) in [
            (&ih, &mut gradients.weight_ih, inputs_width),
            (&hh, &mut gradients.weight_hh, units),
        ] {
            let rows = &packed[panel * columns..][..columns];
            for (value, row) in values[to * columns..][..columns].iter_mut().zip(rows) {
                *value = row[lane];
            }
        }
        gradients.bias[to] = bias[panel][lane];
    });
    gradients
}
