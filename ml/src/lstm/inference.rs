//! Forecasting with a network: whole windows from the zero state, or one step with carried state.

use pulp::Arch;

use super::kernel::{LANES, Row, Scratch, Step, forward, pack, panels, unpack};
use super::network::Network;
use super::state::NetworkState;

impl Network {
    /// Outputs of every step of one sequence, from the zero state. `inputs` is row-major, a row per
    /// step; so is the answer.
    ///
    /// # Panics
    /// When `inputs` is not whole rows.
    #[must_use]
    pub fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        self.forward_many(Arch::new(), inputs, 1)
    }

    /// Outputs of every step of `rows` sequences of one length, from the zero state. Of `inputs` and of
    /// the answer, a step's rows stand next to each other.
    pub(crate) fn forward_many(&self, arch: Arch, inputs: &[f32], rows: usize) -> Vec<f32> {
        let width = self.architecture().inputs;
        assert_eq!(
            inputs.len() % (width * rows),
            0,
            "{} inputs are not rows of {width} for {rows} sequences",
            inputs.len()
        );
        let steps = inputs.len() / (width * rows);
        let mut below = vec![Row::ZERO; steps * panels(width) * rows];
        for (step, matrix) in inputs
            .chunks_exact(width * rows)
            .zip(below.chunks_exact_mut(panels(width) * rows))
        {
            pack(step, width, matrix);
        }
        let mut scratch = Scratch::default();
        for weights in self.packed() {
            forward(arch, weights, &below, rows, &mut scratch);
            below.clear();
            below.extend_from_slice(scratch.hidden());
        }
        let top = self.architecture().top();
        let mut hidden = vec![0.0; rows * top];
        let mut outputs = vec![0.0; steps * rows * self.architecture().outputs];
        let per_step = outputs.chunks_exact_mut(rows * self.architecture().outputs);
        for (matrix, outputs) in below.chunks_exact(panels(top) * rows).zip(per_step) {
            unpack(matrix, top, &mut hidden);
            self.read_out(&hidden, outputs);
        }
        outputs
    }

    /// One step of one sequence: reads the row `input`, moves `state` on, writes the outputs.
    ///
    /// # Panics
    /// When a slice or the state is not of the architecture's shape.
    pub fn step(&self, state: &mut NetworkState, input: &[f32], output: &mut [f32]) {
        self.step_many(&mut [state], input, output);
    }

    /// One step of several sequences, each with its own state. `inputs` and `outputs` are row-major, a
    /// row per state.
    ///
    /// # Panics
    /// When a slice or a state is not of the architecture's shape.
    pub fn step_many(&self, states: &mut [&mut NetworkState], inputs: &[f32], outputs: &mut [f32]) {
        let architecture = self.architecture();
        let rows = states.len();
        assert_eq!(
            inputs.len(),
            rows * architecture.inputs,
            "a row of inputs per state"
        );
        assert_eq!(
            outputs.len(),
            rows * architecture.outputs,
            "a row of outputs per state"
        );
        if rows == 0 {
            return;
        }
        let arch = Arch::new();
        let mut below = vec![Row::ZERO; panels(architecture.inputs) * rows];
        pack(inputs, architecture.inputs, &mut below);
        for (index, (weights, &units)) in self.packed().iter().zip(&architecture.layers).enumerate()
        {
            let length = weights.hidden_rows(rows);
            let mut gates = vec![Row::ZERO; weights.gate_rows(rows)];
            let mut values = vec![Row::ZERO; 5 * length];
            let (previous_hidden, rest) = values.split_at_mut(length);
            let (previous, rest) = rest.split_at_mut(length);
            let (cell, rest) = rest.split_at_mut(length);
            let (squashed, hidden) = rest.split_at_mut(length);
            for (row, state) in states.iter().enumerate() {
                spread(&state.hidden[index], units, row, previous_hidden, rows);
                spread(&state.cell[index], units, row, previous, rows);
            }
            Step {
                inputs: &below,
                previous_hidden: Some(previous_hidden),
                previous,
                gates: &mut gates,
                cell,
                squashed,
                hidden,
            }
            .run(arch, weights, rows);
            for (row, state) in states.iter_mut().enumerate() {
                gather(hidden, rows, row, &mut state.hidden[index]);
                gather(cell, rows, row, &mut state.cell[index]);
            }
            below.clear();
            below.extend_from_slice(hidden);
        }
        for (state, outputs) in states
            .iter()
            .zip(outputs.chunks_exact_mut(architecture.outputs))
        {
            if let Some(top) = state.hidden.last() {
                self.read_out(top, outputs);
            }
        }
    }

    /// The linear layer: rows of the last layer's hidden values to rows of outputs.
    fn read_out(&self, hidden: &[f32], outputs: &mut [f32]) {
        let (top, width) = (self.architecture().top(), self.architecture().outputs);
        let parameters = self.parameters();
        for (hidden, outputs) in hidden
            .chunks_exact(top)
            .zip(outputs.chunks_exact_mut(width))
        {
            let rows = parameters.weight.chunks_exact(top).zip(&parameters.bias);
            for (output, (weights, bias)) in outputs.iter_mut().zip(rows) {
                *output = bias + weights.iter().zip(hidden).map(|(w, h)| w * h).sum::<f32>();
            }
        }
    }
}

/// Writes one sequence's values into its row of a matrix in panels.
fn spread(values: &[f32], units: usize, row: usize, matrix: &mut [Row], rows: usize) {
    assert_eq!(values.len(), units, "the state is of this network");
    let places = matrix.iter_mut().skip(row).step_by(rows);
    for (values, place) in values.chunks(LANES).zip(places) {
        place[..values.len()].copy_from_slice(values);
    }
}

/// The reverse of [`spread`].
fn gather(matrix: &[Row], rows: usize, row: usize, values: &mut [f32]) {
    let places = matrix.iter().skip(row).step_by(rows);
    for (values, place) in values.chunks_mut(LANES).zip(places) {
        values.copy_from_slice(&place[..values.len()]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::architecture::Architecture;
    use super::*;

    fn network(inputs: usize, layers: Vec<usize>, outputs: usize, seed: u64) -> Network {
        let architecture = Architecture {
            inputs,
            layers,
            dropout: 0.2,
            outputs,
        };
        Network::new(&architecture, seed).expect("possible")
    }

    fn rows(count: usize, seed: u64) -> Vec<f32> {
        (0..count)
            .map(|place| ((place as f32 + seed as f32 * 0.37) * 78.233).sin() * 2.0)
            .collect()
    }

    /// One step by the definition, in `f64`.
    fn by_definition(network: &Network, inputs: &[f32]) -> Vec<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let architecture = network.architecture();
        let mut sequence: Vec<Vec<f64>> = inputs
            .chunks(architecture.inputs)
            .map(|row| row.iter().map(|v| f64::from(*v)).collect())
            .collect();
        for layer in &network.parameters().layers {
            let units = layer.units;
            let (mut hidden, mut cell) = (vec![0.0; units], vec![0.0; units]);
            for row in &mut sequence {
                let gate = |index: usize| {
                    let ih = &layer.weight_ih[index * layer.inputs..][..layer.inputs];
                    let hh = &layer.weight_hh[index * units..][..units];
                    let products = ih.iter().zip(row.iter()).chain(hh.iter().zip(&hidden));
                    let sum: f64 = products.map(|(w, x)| f64::from(*w) * x).sum();
                    sum + f64::from(layer.bias[index])
                };
                let gates: Vec<f64> = (0..4 * units).map(gate).collect();
                for unit in 0..units {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * units + unit]);
                    cell[unit] = sigmoid(f) * cell[unit] + sigmoid(i) * g.tanh();
                    hidden[unit] = sigmoid(o) * cell[unit].tanh();
                }
                row.clone_from(&hidden);
            }
        }
        let parameters = network.parameters();
        let mut outputs = Vec::new();
        for hidden in &sequence {
            for (weights, bias) in parameters.weight.chunks(hidden.len()).zip(&parameters.bias) {
                let sum: f64 = weights
                    .iter()
                    .zip(hidden)
                    .map(|(w, h)| f64::from(*w) * h)
                    .sum();
                outputs.push(sum + f64::from(*bias));
            }
        }
        outputs
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn stepping_from_zero_equals_the_window_forward(
            inputs in 1_usize..20,
            layers in prop::collection::vec(1_usize..70, 1..4),
            outputs in 1_usize..4,
            steps in 1_usize..40,
            seed in any::<u64>(),
        ) {
            let network = network(inputs, layers, outputs, seed);
            let window = rows(steps * inputs, seed % 1_000);
            let forward = network.forward(&window);
            let mut state = network.zero_state();
            let mut output = vec![0.0; outputs];
            for (input, expected) in window.chunks(inputs).zip(forward.chunks(outputs)) {
                network.step(&mut state, input, &mut output);
                for (a, b) in output.iter().zip(expected) {
                    prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
                }
            }
            for (a, b) in forward.iter().zip(by_definition(&network, &window)) {
                prop_assert!((f64::from(*a) - b).abs() < 1e-6, "{a} {b}");
            }
        }

        #[test]
        fn many_step_as_each_alone(
            inputs in 1_usize..20,
            layers in prop::collection::vec(1_usize..40, 1..3),
            count in 1_usize..21,
            seed in any::<u64>(),
        ) {
            let network = network(inputs, layers, 2, seed);
            let mut alone = vec![network.zero_state(); count];
            let mut together = alone.clone();
            for step in 0..3 {
                let inputs_of_all = rows(count * inputs, step);
                let mut outputs = vec![0.0; count * 2];
                let mut states: Vec<&mut NetworkState> = together.iter_mut().collect();
                network.step_many(&mut states, &inputs_of_all, &mut outputs);
                for (index, state) in alone.iter_mut().enumerate() {
                    let mut output = [0.0; 2];
                    network.step(state, &inputs_of_all[index * inputs..][..inputs], &mut output);
                    for (a, b) in output.iter().zip(&outputs[2 * index..]) {
                        prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_processor_forecasts_the_same_also_where_gates_saturate() {
        let network = network(3, vec![40, 18], 2, 4);
        let window: Vec<f32> = rows(50 * 3, 2).iter().map(|v| v * 30.0).collect();
        let ours = network.forward_many(Arch::new(), &window, 1);
        let scalar = network.forward_many(Arch::Scalar, &window, 1);
        for ((a, b), c) in ours
            .iter()
            .zip(&scalar)
            .zip(by_definition(&network, &window))
        {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
            assert!((f64::from(*a) - c).abs() < 1e-6, "{a} {c}");
        }
    }
}
