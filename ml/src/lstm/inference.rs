//! Forecasting with a network: whole windows from zero, or one step with carried state.

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
        let (width, outputs) = (self.architecture.inputs, self.architecture.outputs);
        assert!(
            inputs.len().is_multiple_of(width),
            "{} inputs are not rows of {width}",
            inputs.len()
        );
        let mut state = self.zero_state();
        let mut answer = vec![0.0; inputs.len() / width * outputs];
        for (input, output) in inputs
            .chunks_exact(width)
            .zip(answer.chunks_exact_mut(outputs))
        {
            self.step(&mut state, input, output);
        }
        answer
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
        let architecture = &self.architecture;
        assert_eq!(
            inputs.len(),
            states.len() * architecture.inputs,
            "a row per state"
        );
        assert_eq!(
            outputs.len(),
            states.len() * architecture.outputs,
            "a row per state"
        );
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let rows = inputs
            .chunks_exact(architecture.inputs)
            .zip(outputs.chunks_exact_mut(architecture.outputs));
        for (state, (input, output)) in states.iter_mut().zip(rows) {
            let mut below = input.to_vec();
            for (index, layer) in self.parameters.layers.iter().enumerate() {
                let (hidden, cell) = (&mut state.hidden[index], &mut state.cell[index]);
                let gate = |row: usize, hidden: &[f32]| {
                    let ih = &layer.weight_ih[row * layer.inputs..][..layer.inputs];
                    let hh = &layer.weight_hh[row * layer.units..][..layer.units];
                    let products = ih.iter().zip(&below).chain(hh.iter().zip(hidden));
                    products.map(|(w, x)| w * x).sum::<f32>() + layer.bias[row]
                };
                let gates: Vec<f32> = (0..4 * layer.units).map(|row| gate(row, hidden)).collect();
                for unit in 0..layer.units {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * layer.units + unit]);
                    cell[unit] = sigmoid(f) * cell[unit] + sigmoid(i) * g.tanh();
                    hidden[unit] = sigmoid(o) * cell[unit].tanh();
                }
                below.clone_from(hidden);
            }
            for (row, value) in output.iter_mut().enumerate() {
                let weights = &self.parameters.weight[row * below.len()..][..below.len()];
                *value = weights.iter().zip(&below).map(|(w, x)| w * x).sum::<f32>()
                    + self.parameters.bias[row];
            }
        }
    }
}
