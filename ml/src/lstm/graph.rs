//! One batch through burn: windows in, the loss and its gradient out.

use burn::prelude::*;
use burn::tensor::TensorData;
use pulp::Arch;

use super::config::{Loss, TrainConfig};
use super::kernel::Dropout;
use super::network::{LayerParameters, Network, Parameters};
use super::operation::{self, Pool, Setting};
use super::sequences::{Sequences, Window};

/// Gradients and loss of a batch.
pub(crate) struct Learnt {
    /// Mean loss of a target, dropout on.
    pub(crate) loss: f64,
    /// Targets compared.
    pub(crate) targets: usize,
    /// Of the mean loss, by parameter.
    pub(crate) gradient: Parameters,
}

/// Loss and gradient of the windows that begin at `starts`.
pub(crate) fn learn(
    network: &Network,
    data: &Sequences<'_>,
    starts: &[usize],
    config: &TrainConfig,
    seed: u64,
    pool: &Pool,
) -> Learnt {
    let device = Device::flex().autodiff();
    let architecture = network.architecture();
    let (steps, batch) = (config.window, starts.len());
    let compared = steps - config.unsupervised();

    let inputs = time_major(data.inputs, architecture.inputs, starts, 0..steps);
    let mut hidden = tensor::<3>(inputs, [steps, batch, architecture.inputs], &device);
    let mut leaves = Vec::new();
    for (index, layer) in network.parameters().layers.iter().enumerate() {
        let LayerParameters { inputs, units, .. } = *layer;
        let weight_ih = leaf(&layer.weight_ih, [4 * units, inputs], &device);
        let weight_hh = leaf(&layer.weight_hh, [4 * units, units], &device);
        let bias = leaf(&layer.bias, [4 * units], &device);
        let setting = Setting {
            arch: Arch::new(),
            dropout: Dropout {
                share: architecture.dropout,
                seed: seed ^ index as u64,
            },
            pool: pool.clone(),
        };
        hidden = operation::lstm_layer(
            hidden,
            weight_ih.clone(),
            weight_hh.clone(),
            bias.clone(),
            setting,
        );
        leaves.push((weight_ih, weight_hh, bias));
    }
    let (top, outputs) = (architecture.top(), architecture.outputs);
    let weight = leaf(&network.parameters().weight, [outputs, top], &device);
    let bias = leaf(&network.parameters().bias, [outputs], &device);
    let read = hidden
        .narrow(0, steps - compared, compared)
        .reshape([compared * batch, top]);
    let forecast = read.matmul(weight.clone().transpose()) + bias.clone().unsqueeze();

    let mut targets = time_major(data.targets, outputs, starts, steps - compared..steps);
    let present: Vec<f32> = targets
        .iter()
        .map(|t| f32::from(u8::from(!t.is_nan())))
        .collect();
    let count = present.iter().filter(|&&p| p != 0.0).count();
    targets
        .iter_mut()
        .filter(|t| t.is_nan())
        .for_each(|t| *t = 0.0);
    let shape = [compared * batch, outputs];
    let error = (forecast - tensor(targets, shape, &device)) * tensor(present, shape, &device);
    let losses = match config.loss {
        Loss::Mse => error.square(),
        Loss::Huber { delta } => {
            let size = error.abs();
            let inner = size.clone().clamp_max(delta);
            inner.clone() * (size - inner * 0.5)
        }
    };
    let loss = losses.sum() / count as f32;
    let value = f64::from(loss.clone().into_scalar::<f32>());
    let gradients = loss.backward();
    let layers = network.parameters().layers.iter().zip(leaves);
    let gradient = Parameters {
        layers: layers
            .map(|(layer, (weight_ih, weight_hh, bias))| LayerParameters {
                inputs: layer.inputs,
                units: layer.units,
                weight_ih: values(weight_ih.grad(&gradients)),
                weight_hh: values(weight_hh.grad(&gradients)),
                bias: values(bias.grad(&gradients)),
            })
            .collect(),
        weight: values(weight.grad(&gradients)),
        bias: values(bias.grad(&gradients)),
    };
    Learnt {
        loss: value,
        targets: count,
        gradient,
    }
}

/// Sum of the losses of the counted rows of each window, and how many targets they have.
pub(crate) fn judge(
    network: &Network,
    data: &Sequences<'_>,
    windows: &[Window],
    config: &TrainConfig,
) -> (f64, usize) {
    let (inputs, outputs) = (
        network.architecture().inputs,
        network.architecture().outputs,
    );
    let starts: Vec<usize> = windows.iter().map(|window| window.start).collect();
    let rows = time_major(data.inputs, inputs, &starts, 0..config.window);
    let forecasts = network.forward_many(Arch::new(), &rows, windows.len());
    let (mut sum, mut count) = (0.0, 0);
    for (index, window) in windows.iter().enumerate() {
        for row in window.counted.clone() {
            let targets = &data.targets[row * outputs..][..outputs];
            let place = (row - window.start) * windows.len() + index;
            let forecast = &forecasts[place * outputs..][..outputs];
            for (target, forecast) in targets.iter().zip(forecast).filter(|(t, _)| !t.is_nan()) {
                sum += config.loss.of(f64::from(forecast - target));
                count += 1;
            }
        }
    }
    (sum, count)
}

impl Loss {
    fn of(self, error: f64) -> f64 {
        match self {
            Self::Mse => error * error,
            Self::Huber { delta } => {
                let inner = error.abs().min(f64::from(delta));
                inner * (error.abs() - 0.5 * inner)
            }
        }
    }
}

/// Rows `steps` of every window, a step's rows next to each other.
fn time_major(
    rows: &[f32],
    width: usize,
    starts: &[usize],
    steps: std::ops::Range<usize>,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(steps.len() * starts.len() * width);
    for step in steps {
        for start in starts {
            values.extend_from_slice(&rows[(start + step) * width..][..width]);
        }
    }
    values
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn leaf<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(values.to_vec(), shape, device).require_grad()
}

fn values<const D: usize>(gradient: Option<Tensor<D>>) -> Vec<f32> {
    gradient
        .expect("the loss depends on every parameter")
        .into_data()
        .try_into_vec()
        .expect("parameters are f32")
}
