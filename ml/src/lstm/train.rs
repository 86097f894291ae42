//! The training loop: epochs over shuffled windows, validation, early stopping, and carrying on from a
//! checkpoint.

use std::ops::{ControlFlow, Range};

use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::config::{ConfigError, TrainConfig};
use super::graph;
use super::network::Network;
use super::operation::Pool;
use super::sequences::{Sequences, SequencesError, Window};

/// Windows forecast at once when validating.
const VALIDATION_BATCH: usize = 64;

/// Result of one pass over the windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean loss over the training windows while they were learnt, dropout on.
    pub train_loss: f32,
    /// Mean loss over the validation rows after the epoch, dropout off; `None` without any.
    pub validation_loss: Option<f32>,
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every epoch was run.
    Completed,
    /// The validation loss had stopped falling.
    Converged,
    /// The observer asked for it.
    Interrupted,
}

/// Result of a training.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The network with the lowest validation loss; without validation rows, the last.
    pub network: Network,
    /// Every epoch, first to last.
    pub curves: Vec<Epoch>,
    /// Why it ended.
    pub ended: Ended,
    /// To carry on from with [`resume`].
    pub checkpoint: Checkpoint,
}

/// Why a training gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// A setting is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rows cannot be trained on.
    #[error(transparent)]
    Sequences(#[from] SequencesError),
    /// The loss is not a number any more.
    #[error(
        "training diverged in epoch {epoch}: the loss is not finite; use a lower learning rate, clip \
         the gradient, or check the scale of inputs and targets"
    )]
    Diverged {
        /// Which epoch, from 1.
        epoch: usize,
    },
}

/// Trains `start`, fresh or trained before, on the windows within the `train` ranges of rows, and keeps
/// the weights that were best on the `validation` ranges. The same arguments give the same answer on
/// the same kind of processor. `observer` hears of each epoch and may end the training.
///
/// # Errors
/// When a setting or the rows cannot be worked with, or the loss stops being a number.
pub fn train(
    start: Network,
    data: &Sequences<'_>,
    train: &[Range<usize>],
    validation: &[Range<usize>],
    config: &TrainConfig,
    observer: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    resume(
        Checkpoint::new(start),
        data,
        train,
        validation,
        config,
        observer,
    )
}

/// Carries a training on; `config.epochs` counts the epochs of the checkpoint too. With the rows and
/// settings it began with, the answer is that of an uninterrupted training.
///
/// # Errors
/// As [`train`].
pub fn resume(
    mut checkpoint: Checkpoint,
    data: &Sequences<'_>,
    train: &[Range<usize>],
    validation: &[Range<usize>],
    config: &TrainConfig,
    observer: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    config.check()?;
    let outputs = checkpoint.network.architecture().outputs;
    data.check(checkpoint.network.architecture().inputs, outputs)?;
    let no_windows = |what| SequencesError::NoWindows {
        what,
        window: config.window,
    };
    let windows = data.training_windows(train, outputs, config)?;
    if windows.is_empty() {
        return Err(no_windows("training").into());
    }
    let held_back = data.validation_windows(validation, outputs, config)?;
    if held_back.is_empty() && !validation.is_empty() {
        return Err(no_windows("validation").into());
    }

    let pool = Pool::default();
    let mut ended = Ended::Completed;
    for number in checkpoint.curves.len() + 1..=config.epochs {
        if has_converged(&checkpoint.curves, config) {
            ended = Ended::Converged;
            break;
        }
        let train_loss = run_epoch(&mut checkpoint, data, &windows, config, number, &pool);
        let validation_loss = (!held_back.is_empty())
            .then(|| validate(&checkpoint.network, data, &held_back, config));
        if !train_loss.is_finite() || validation_loss.is_some_and(|loss| !loss.is_finite()) {
            return Err(TrainError::Diverged { epoch: number });
        }
        let best = lowest(&checkpoint.curves);
        if validation_loss.is_none_or(|loss| best.is_none_or(|(_, best)| loss < best)) {
            checkpoint.best.clone_from(&checkpoint.network);
        }
        let epoch = Epoch {
            number,
            train_loss,
            validation_loss,
        };
        checkpoint.curves.push(epoch);
        if observer(&epoch).is_break() {
            ended = Ended::Interrupted;
            break;
        }
    }
    Ok(Trained {
        network: checkpoint.best.clone(),
        curves: checkpoint.curves.clone(),
        ended,
        checkpoint,
    })
}

/// One pass over the windows in an order of its own; the mean loss of a compared target.
fn run_epoch(
    checkpoint: &mut Checkpoint,
    data: &Sequences<'_>,
    windows: &[usize],
    config: &TrainConfig,
    number: usize,
    pool: &Pool,
) -> f32 {
    let mut order = windows.to_vec();
    let seed = mix(config.seed, number as u64);
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let (mut sum, mut count) = (0.0, 0);
    for (index, batch) in order.chunks(config.batch).enumerate() {
        let seed = mix(seed, index as u64);
        let learnt = graph::learn(&checkpoint.network, data, batch, config, seed, pool);
        let scale = config.clip.map_or(1.0, |clip| {
            let squares = learnt
                .gradient
                .slices()
                .flatten()
                .map(|&g| f64::from(g).powi(2));
            let length = squares.sum::<f64>().sqrt();
            (f64::from(clip) / length).min(1.0) as f32
        });
        let network = &mut checkpoint.network;
        network.change(|parameters| {
            checkpoint
                .adam
                .step(parameters, &learnt.gradient, scale, config)
        });
        sum += learnt.loss * learnt.targets as f64;
        count += learnt.targets;
    }
    (sum / count as f64) as f32
}

/// Mean loss of a compared target over the validation windows, dropout off.
fn validate(
    network: &Network,
    data: &Sequences<'_>,
    windows: &[Window],
    config: &TrainConfig,
) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for batch in windows.chunks(VALIDATION_BATCH) {
        let (loss, targets) = graph::judge(network, data, batch, config);
        sum += loss;
        count += targets;
    }
    (sum / count as f64) as f32
}

/// The lowest validation loss so far and its epoch.
fn lowest(curves: &[Epoch]) -> Option<(usize, f32)> {
    let losses = curves
        .iter()
        .filter_map(|epoch| Some((epoch.number, epoch.validation_loss?)));
    losses.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
}

fn has_converged(curves: &[Epoch], config: &TrainConfig) -> bool {
    let (Some(patience), Some((best, _))) = (config.patience, lowest(curves)) else {
        return false;
    };
    curves
        .last()
        .is_some_and(|last| last.number >= best + patience)
}

/// A seed for one part of what another seed decides (splitmix64's finish).
fn mix(seed: u64, part: u64) -> u64 {
    let mut z = seed.wrapping_add((part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "one run, or one range of rows"
)]
mod tests {
    use super::super::architecture::Architecture;
    use super::super::config::{Loss, Supervise};
    use super::*;

    /// A noisy second-order autoregression; each row's target is the next value.
    fn series(rows: usize) -> (Vec<f32>, Vec<f32>) {
        let mut random = StdRng::seed_from_u64(3);
        let mut values = vec![0.3_f32, -0.2];
        while values.len() <= rows {
            let [.., b, a] = values[..] else {
                unreachable!("two to begin with")
            };
            let noise: f32 = rand::RngExt::random_range(&mut random, -0.3..0.3);
            values.push(1.2 * a - 0.6 * b + noise);
        }
        (values[..rows].to_vec(), values[1..=rows].to_vec())
    }

    fn network(seed: u64) -> Network {
        let architecture = Architecture {
            inputs: 1,
            layers: vec![12, 7],
            dropout: 0.1,
            outputs: 1,
        };
        Network::new(&architecture, seed).expect("possible")
    }

    fn config() -> TrainConfig {
        TrainConfig {
            window: 12,
            stride: 2,
            batch: 16,
            epochs: 6,
            learning_rate: 1e-2,
            ..TrainConfig::default()
        }
    }

    fn run(checkpoint: Checkpoint, config: &TrainConfig) -> Trained {
        let (inputs, targets) = series(240);
        let data = Sequences {
            inputs: &inputs,
            targets: &targets,
            runs: vec![0..100, 103..240],
        };
        resume(
            checkpoint,
            &data,
            &[0..180],
            &[185..240],
            config,
            &mut |_| ControlFlow::Continue(()),
        )
        .expect("trainable")
    }

    #[test]
    fn the_loss_falls_below_that_of_knowing_nothing() {
        let (_, targets) = series(240);
        let variance = targets[185..].iter().map(|y| y * y).sum::<f32>() / 55.0;
        for (loss, supervise) in [
            (Loss::Mse, Supervise::LastStep),
            (Loss::Mse, Supervise::EveryStep { warm_up: 4 }),
            (
                Loss::Huber { delta: 10.0 },
                Supervise::EveryStep { warm_up: 4 },
            ),
        ] {
            let config = TrainConfig {
                loss,
                supervise,
                epochs: 25,
                patience: None,
                ..config()
            };
            let trained = run(Checkpoint::new(network(1)), &config);
            let reached = lowest(&trained.curves).expect("validated").1;
            let nothing = match loss {
                Loss::Mse => variance,
                Loss::Huber { .. } => variance / 2.0,
            };
            assert!(
                reached < 0.6 * nothing,
                "{loss:?} {supervise:?}: {reached} of {nothing}"
            );
        }
    }

    #[test]
    fn saved_loaded_and_carried_on_it_equals_an_uninterrupted_run() {
        let whole = run(Checkpoint::new(network(1)), &config());
        assert_eq!(whole.curves.len(), 6);

        let half = run(
            Checkpoint::new(network(1)),
            &TrainConfig {
                epochs: 3,
                ..config()
            },
        );
        let file = serde_json::to_vec(&half.checkpoint).expect("plain values");
        let loaded: Checkpoint = serde_json::from_slice(&file).expect("as written");
        let carried_on = run(loaded, &config());

        assert_eq!(carried_on.checkpoint, whole.checkpoint);
        assert_eq!(carried_on.network, whole.network);
        assert_ne!(half.network, whole.network);
    }

    #[test]
    fn the_seed_decides_the_whole_training() {
        let one = run(Checkpoint::new(network(1)), &config());
        assert_eq!(
            one.checkpoint,
            run(Checkpoint::new(network(1)), &config()).checkpoint
        );
        let other = TrainConfig {
            seed: 1,
            ..config()
        };
        assert_ne!(
            one.checkpoint,
            run(Checkpoint::new(network(1)), &other).checkpoint
        );
    }

    #[test]
    fn training_ends_when_validation_stops_improving_and_keeps_the_best() {
        let config = TrainConfig {
            epochs: 400,
            learning_rate: 5e-2,
            patience: Some(3),
            ..config()
        };
        let trained = run(Checkpoint::new(network(1)), &config);
        assert_eq!(trained.ended, Ended::Converged);
        let (best, _) = lowest(&trained.curves).expect("validated");
        assert_eq!(trained.curves.len(), best + 3);
        let until_best = run(
            Checkpoint::new(network(1)),
            &TrainConfig {
                epochs: best,
                ..config
            },
        );
        assert_eq!(trained.network, until_best.network);
    }

    #[test]
    fn an_observer_may_end_it_and_what_cannot_be_trained_is_an_error() {
        let (inputs, targets) = series(100);
        let data = Sequences {
            inputs: &inputs,
            targets: &targets,
            runs: vec![0..100],
        };
        let attempt = |config: &TrainConfig, stop_at: usize| {
            let mut observer = |epoch: &Epoch| {
                if epoch.number == stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            train(network(1), &data, &[0..100], &[], config, &mut observer)
        };
        let stopped = attempt(&config(), 2).expect("trainable");
        assert_eq!(
            (stopped.ended, stopped.curves.len()),
            (Ended::Interrupted, 2)
        );
        assert_eq!(stopped.curves[1].validation_loss, None);

        let long = TrainConfig {
            window: 101,
            ..config()
        };
        assert!(matches!(
            attempt(&long, 0),
            Err(TrainError::Sequences(SequencesError::NoWindows {
                what: "training",
                ..
            }))
        ));
        let wild = TrainConfig {
            learning_rate: 1e30,
            ..config()
        };
        assert!(matches!(
            attempt(&wild, 0),
            Err(TrainError::Diverged { .. })
        ));
    }
}
