//! Adam (Kingma and Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019), over plain
//! numbers, so that a checkpoint can hold what it has gathered.

use serde::{Deserialize, Serialize};

use super::config::TrainConfig;
use super::network::Parameters;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;

/// The running means of the gradient and of its square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adam {
    steps: u32,
    /// One value per parameter, tensors in the order of the network's.
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self {
            steps: 0,
            mean: vec![0.0; parameters],
            square: vec![0.0; parameters],
        }
    }

    /// Returns whether it belongs to a network with so many parameters.
    pub(crate) fn fits(&self, parameters: usize) -> bool {
        self.mean.len() == parameters && self.square.len() == parameters
    }

    /// Moves the parameters against `gradient`, which has their layout and is scaled by `scale` first.
    pub(crate) fn step(
        &mut self,
        parameters: &mut Parameters,
        gradient: &Parameters,
        scale: f32,
        config: &TrainConfig,
    ) {
        self.steps = self.steps.saturating_add(1);
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(f64::from(self.steps));
        let rate = (f64::from(config.learning_rate) / correction(BETA_1)) as f32;
        let root = correction(BETA_2).sqrt().recip() as f32;
        let keep = 1.0 - config.learning_rate * config.weight_decay;
        let (mut mean, mut square) = (self.mean.as_mut_slice(), self.square.as_mut_slice());
        for (values, gradients) in parameters.slices_mut().zip(gradient.slices()) {
            let (means, squares);
            (means, mean) = mean.split_at_mut(values.len());
            (squares, square) = square.split_at_mut(values.len());
            let moments = means.iter_mut().zip(squares);
            for ((value, gradient), (mean, square)) in values.iter_mut().zip(gradients).zip(moments)
            {
                let gradient = gradient * scale;
                *mean = BETA_1 * *mean + (1.0 - BETA_1) * gradient;
                *square = BETA_2 * *square + (1.0 - BETA_2) * gradient * gradient;
                *value =
                    *value * keep - rate * *mean / (square.sqrt() * root + config.adam_epsilon);
            }
        }
    }
}
