//! An LSTM layer in burn's own operations, as the textbook has it: what the fast operation's values and
//! gradients are checked against.

use burn::prelude::*;
use burn::tensor::activation::{sigmoid, tanh};

/// Hidden values `[steps, batch, units]` of a layer from the zero state; `x` is `[steps, batch, inputs]`,
/// the weights have PyTorch's layout.
pub(crate) fn lstm_layer(
    x: Tensor<3>,
    weight_ih: Tensor<2>,
    weight_hh: Tensor<2>,
    bias: Tensor<1>,
) -> Tensor<3> {
    let [steps, batch, _] = x.dims();
    let [_, units] = weight_hh.dims();
    let device = x.device();
    let mut hidden = Tensor::<2>::zeros([batch, units], &device);
    let mut cell = Tensor::<2>::zeros([batch, units], &device);
    let mut outputs = Vec::with_capacity(steps);
    for input in x.chunk(steps, 0) {
        let gates = input
            .squeeze_dim::<2>(0)
            .matmul(weight_ih.clone().transpose())
            + hidden.matmul(weight_hh.clone().transpose())
            + bias.clone().unsqueeze();
        let gate = |index: usize| gates.clone().narrow(1, index * units, units);
        cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * tanh(gate(2));
        hidden = sigmoid(gate(3)) * tanh(cell.clone());
        outputs.push(hidden.clone());
    }
    Tensor::stack(outputs, 0)
}
