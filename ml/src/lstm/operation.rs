//! An LSTM layer as one operation of burn's autodiff graph: a node a layer, where the textbook's
//! formulation makes a dozen a step.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients as BurnGradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};
use pulp::Arch;

use super::kernel::{self, Dropout, Row, Scratch, Transposed, Weights, pack, panels, unpack};

/// Settings of a layer's operation besides its tensors, and its memory.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) arch: Arch,
    pub(crate) dropout: Dropout,
    pub(crate) pool: Pool,
}

/// Memory that the batches of one training hand to each other: fresh pages for every batch cost a
/// tenth of its time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Memory>>>);

/// Memory of one layer for one batch.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// Layers of one shape are handed the memory of that shape.
    shape: (usize, usize),
    weights: Weights,
    transposed: Transposed,
    inputs: Vec<Row>,
    scratch: Scratch,
    mask: Vec<Row>,
    above: Vec<Row>,
    below: Vec<Row>,
}

impl Pool {
    fn take(&self, inputs: usize, units: usize) -> Memory {
        let shape = (inputs, units);
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.iter().position(|memory| memory.shape == shape) {
            Some(place) => idle.swap_remove(place),
            None => Memory {
                shape,
                ..Memory::default()
            },
        }
    }

    fn give(&self, memory: Memory) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(memory);
    }
}

/// An LSTM layer and dropout on its hidden values, as burn's operation.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait LstmBackend: Backend {
    /// `x` is `[steps, batch, inputs]`, the weights have PyTorch's layout; the hidden values are
    /// `[steps, batch, units]`, from the zero state.
    fn lstm_layer(
        x: FloatTensor<Self>,
        weight_ih: FloatTensor<Self>,
        weight_hh: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        setting: Setting,
    ) -> FloatTensor<Self>;
}

/// See [`LstmBackend::lstm_layer`].
pub(crate) fn lstm_layer(
    x: Tensor<3>,
    weight_ih: Tensor<2>,
    weight_hh: Tensor<2>,
    bias: Tensor<1>,
    setting: Setting,
) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::lstm_layer(
        x.into_dispatch(),
        weight_ih.into_dispatch(),
        weight_hh.into_dispatch(),
        bias.into_dispatch(),
        setting,
    ))
}

impl LstmBackend for Flex {
    fn lstm_layer(
        x: FlexTensor,
        weight_ih: FlexTensor,
        weight_hh: FlexTensor,
        bias: FlexTensor,
        setting: Setting,
    ) -> FlexTensor {
        let (memory, hidden) = run_forward(&x, &weight_ih, &weight_hh, &bias, &setting, false);
        setting.pool.give(memory);
        hidden
    }
}

impl<C: CheckpointStrategy> LstmBackend for Autodiff<Flex, C> {
    fn lstm_layer(
        x: FloatTensor<Self>,
        weight_ih: FloatTensor<Self>,
        weight_hh: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        setting: Setting,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight_ih, ih_node) = weight_ih.into_parts();
        let (weight_hh, hh_node) = weight_hh.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [x_node, ih_node, hh_node, bias_node];
        match LstmBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let (memory, hidden) =
                    run_forward(&x, &weight_ih, &weight_hh, &bias, &setting, true);
                let state = Saved {
                    memory,
                    setting,
                    batch: x.shape()[1],
                };
                preparation.finish(state, hidden)
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(Flex::lstm_layer(x, weight_ih, weight_hh, bias, setting))
            }
        }
    }
}

/// Values that the forward pass keeps for the backward pass.
#[derive(Debug, Clone)]
struct Saved {
    memory: Memory,
    setting: Setting,
    batch: usize,
}

#[derive(Debug)]
struct LstmBackward;

impl Backward<Flex, 4> for LstmBackward {
    type State = Saved;

    fn backward(
        self,
        ops: Ops<Saved, 4>,
        gradients: &mut BurnGradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [x_node, ih_node, hh_node, bias_node] = ops.parents;
        let Saved {
            mut memory,
            setting,
            batch,
        } = ops.state;
        let (inputs, units) = memory.shape;
        let above = contiguous(&gradients.consume::<Flex>(&ops.node));
        let above = values(&above);
        let steps = above.len() / (batch * units);

        pack_sequence(above, units, batch, &mut memory.above);
        if setting.dropout.share > 0.0 {
            for (row, mask) in memory.above.iter_mut().zip(&memory.mask) {
                *row = row.times(mask);
            }
        }
        if x_node.is_some() {
            memory.below.resize(memory.inputs.len(), Row::ZERO);
        }
        let found = kernel::backward(
            setting.arch,
            (inputs, units),
            &memory.transposed,
            &memory.inputs,
            &mut memory.scratch,
            &memory.above,
            x_node.is_some().then_some(memory.below.as_mut_slice()),
        );
        if let Some(node) = x_node {
            let below = unpack_sequence(&memory.below, inputs, batch);
            gradients.register::<Flex>(node.id, tensor(below, [steps, batch, inputs]));
        }
        setting.pool.give(memory);
        if let Some(node) = ih_node {
            gradients.register::<Flex>(node.id, tensor(found.weight_ih, [4 * units, inputs]));
        }
        if let Some(node) = hh_node {
            gradients.register::<Flex>(node.id, tensor(found.weight_hh, [4 * units, units]));
        }
        if let Some(node) = bias_node {
            gradients.register::<Flex>(node.id, tensor(found.bias, [4 * units]));
        }
    }
}

fn run_forward(
    x: &FlexTensor,
    weight_ih: &FlexTensor,
    weight_hh: &FlexTensor,
    bias: &FlexTensor,
    setting: &Setting,
    keep_for_backward: bool,
) -> (Memory, FlexTensor) {
    let [x, weight_ih, weight_hh, bias] = [x, weight_ih, weight_hh, bias].map(contiguous);
    let (steps, batch, inputs) = (x.shape()[0], x.shape()[1], x.shape()[2]);
    let units = weight_hh.shape()[1];
    let mut memory = setting.pool.take(inputs, units);
    let weights = (values(&weight_ih), values(&weight_hh));
    memory.weights.load(weights.0, weights.1, values(&bias));
    if keep_for_backward {
        memory.transposed.load(weights.0, weights.1, units);
    }
    pack_sequence(values(&x), inputs, batch, &mut memory.inputs);
    kernel::forward(
        setting.arch,
        &memory.weights,
        &memory.inputs,
        batch,
        &mut memory.scratch,
    );
    let hidden = if setting.dropout.share > 0.0 {
        let hidden = memory.scratch.hidden();
        memory.mask.resize(hidden.len(), Row::ZERO);
        setting.dropout.fill(setting.arch, &mut memory.mask);
        memory.above.clear();
        let kept = hidden.iter().zip(&memory.mask);
        memory.above.extend(kept.map(|(row, mask)| row.times(mask)));
        unpack_sequence(&memory.above, units, batch)
    } else {
        unpack_sequence(memory.scratch.hidden(), units, batch)
    };
    (memory, tensor(hidden, [steps, batch, units]))
}

/// A sequence of matrices, a step after the other, into panels.
fn pack_sequence(values: &[f32], width: usize, batch: usize, into: &mut Vec<Row>) {
    let step = panels(width) * batch;
    into.resize(values.len() / (width * batch) * step, Row::ZERO);
    for (values, matrix) in values
        .chunks_exact(width * batch)
        .zip(into.chunks_exact_mut(step))
    {
        pack(values, width, matrix);
    }
}

/// The reverse of [`pack_sequence`].
fn unpack_sequence(matrices: &[Row], width: usize, batch: usize) -> Vec<f32> {
    let step = panels(width) * batch;
    let mut values = vec![0.0; matrices.len() / step * width * batch];
    for (matrix, values) in matrices
        .chunks_exact(step)
        .zip(values.chunks_exact_mut(width * batch))
    {
        unpack(matrix, width, values);
    }
    values
}

fn contiguous(tensor: &FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() {
        tensor.clone()
    } else {
        tensor.to_contiguous()
    }
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("made contiguous, and burn's floats are f32 here")
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::super::plain;
    use super::*;

    /// Every kind of processor that this one can play.
    fn architectures() -> Vec<Arch> {
        #[cfg(target_arch = "x86_64")]
        let narrower = pulp::x86::V3::try_new().map(Arch::V3);
        #[cfg(not(target_arch = "x86_64"))]
        let narrower = None;
        [Some(Arch::new()), narrower, Some(Arch::Scalar)]
            .into_iter()
            .flatten()
            .collect()
    }

    struct Case {
        steps: usize,
        batch: usize,
        inputs: usize,
        units: usize,
        dropout: f32,
    }

    fn setting(arch: Arch, dropout: f32) -> Setting {
        Setting {
            arch,
            dropout: Dropout {
                share: dropout,
                seed: 9,
            },
            pool: Pool::default(),
        }
    }

    /// Hidden values, and gradients of `x`, the weights and the bias, of a loss that weighs every hidden
    /// value differently.
    fn run(
        layer: impl Fn(Tensor<3>, Tensor<2>, Tensor<2>, Tensor<1>) -> Tensor<3>,
        case: &Case,
    ) -> [Vec<f32>; 5] {
        let &Case {
            steps,
            batch,
            inputs,
            units,
            ..
        } = case;
        let device = Device::flex().autodiff();
        let random = |seed: f32, count: usize| -> Vec<f32> {
            (0..count)
                .map(|place| ((place as f32 + seed) * 12.9898).sin() * 0.6)
                .collect()
        };
        let leaf3 = |seed, shape: [usize; 3]| {
            let data = TensorData::new(random(seed, shape.iter().product()), shape);
            Tensor::<3>::from_data(data, &device).require_grad()
        };
        let leaf2 = |seed, shape: [usize; 2]| {
            let data = TensorData::new(random(seed, shape.iter().product()), shape);
            Tensor::<2>::from_data(data, &device).require_grad()
        };
        let x = leaf3(0.5, [steps, batch, inputs]);
        let (ih, hh) = (
            leaf2(1.5, [4 * units, inputs]),
            leaf2(2.5, [4 * units, units]),
        );
        let bias = leaf2(3.5, [1, 4 * units]);
        let flat = bias.clone().squeeze_dim::<1>(0);
        let hidden = layer(x.clone(), ih.clone(), hh.clone(), flat);
        let weights = leaf3(4.5, [steps, batch, units]);
        let gradients = (hidden.clone() * weights).sum().backward();
        let list = |data: TensorData| data.try_into_vec::<f32>().expect("f32");
        let of2 = |tensor: &Tensor<2>| list(tensor.grad(&gradients).expect("used").into_data());
        [
            list(hidden.into_data()),
            list(x.grad(&gradients).expect("used").into_data()),
            of2(&ih),
            of2(&hh),
            of2(&bias),
        ]
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_formulation() {
        let mut cases = Vec::new();
        for (steps, batch, inputs, units) in [
            (1, 1, 1, 1),
            (7, 1, 3, 5),
            (9, 6, 1, 16),
            (5, 17, 20, 33),
            (6, 11, 33, 20),
            (12, 32, 48, 70),
        ] {
            for dropout in [0.0, 0.25] {
                cases.push(Case {
                    steps,
                    batch,
                    inputs,
                    units,
                    dropout,
                });
            }
        }
        for case in &cases {
            let &Case {
                steps,
                batch,
                units,
                dropout,
                ..
            } = case;
            let mask: Vec<f32> = {
                let mut mask = vec![Row::ZERO; steps * panels(units) * batch];
                setting(Arch::Scalar, dropout)
                    .dropout
                    .fill(Arch::Scalar, &mut mask);
                unpack_sequence(&mask, units, batch)
            };
            let plain = run(
                |x, ih, hh, bias| {
                    let device = x.device();
                    let mask = TensorData::new(mask.clone(), [steps, batch, units]);
                    plain::lstm_layer(x, ih, hh, bias) * Tensor::from_data(mask, &device)
                },
                case,
            );
            for arch in architectures() {
                let ours = run(
                    |x, ih, hh, bias| lstm_layer(x, ih, hh, bias, setting(arch, dropout)),
                    case,
                );
                let names = ["hidden", "x", "weight_ih", "weight_hh", "bias"];
                for ((name, ours), plain) in names.iter().zip(&ours).zip(&plain) {
                    assert_eq!(ours.len(), plain.len());
                    let largest = plain.iter().fold(1e-3_f32, |most, v| most.max(v.abs()));
                    let apart = ours.iter().zip(plain).map(|(a, b)| (a - b).abs());
                    let worst = apart.fold(0.0, f32::max);
                    assert!(
                        worst <= 2e-6 + 4e-6 * largest,
                        "{name} of {steps}×{batch}×{}→{units}, dropout {dropout}, {arch:?}: \
                         {worst} of {largest}",
                        case.inputs
                    );
                }
            }
        }
    }

    #[test]
    fn without_gradients_wanted_it_gives_the_same_values() {
        let device = Device::flex();
        let random = |shape: [usize; 3]| Tensor::<3>::random(shape, Distribution::Default, &device);
        let x = random([4, 3, 2]);
        let (ih, hh) = (
            random([1, 20, 2]).squeeze_dim(0),
            random([1, 20, 5]).squeeze_dim(0),
        );
        let bias = random([1, 1, 20]).squeeze_dim::<2>(0).squeeze_dim::<1>(0);
        let ours = lstm_layer(
            x.clone(),
            ih.clone(),
            hh.clone(),
            bias.clone(),
            setting(Arch::new(), 0.0),
        );
        let plain = plain::lstm_layer(x, ih, hh, bias);
        let apart = (ours - plain).abs().max().into_scalar::<f32>();
        assert!(apart < 1e-6, "{apart}");
    }
}
