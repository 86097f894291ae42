//! The network as a forecaster: what it is given to learn, how several of them are averaged, and how far
//! they are believed.
//!
//! The training part is split in blocks among as many groups as there are networks (cross-fitting). Each network learns
//! from the others' blocks, stops when it no longer gets better on its own, and so forecasts its own
//! blocks without having seen them. How much of those forecasts came true over the whole training part
//! is how much of the average forecast is believed; where nothing did, the answer is the last price.

mod cross_fitting;

use std::ops::{ControlFlow, Range};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::features::{FEATURES, FeatureRow, Scaler};
use crate::fit_error::{FitError, ModelName};
use crate::lstm::{
    Architecture, Epoch, Loss, Network, NetworkState, Sequences, Supervise, TrainConfig,
    TrainError, train,
};
use crate::prepared::Prepared;
use cross_fitting::CrossFitting;

/// Outcomes, in units of their expected deviation, are cut off here when learning.
const CLIP: f64 = 5.0;
/// A forecast is believed only beyond this many squared standard errors of its worth.
const DOUBT: f64 = 4.0;
/// Candles in a block at least: the first one's features warm up, and some must remain.
const MIN_BLOCK: usize = 60;
/// Known outcomes needed to train.
const MIN_ROWS: usize = 150;

/// Settings for training networks and averaging them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmConfig {
    /// Units of each layer, the lowest first.
    pub layers: Vec<usize>,
    /// Share of each layer's outputs dropped in training.
    pub dropout: f32,
    /// Networks averaged, at least 2; fewer where the training part is short.
    pub networks: usize,
    /// Settings for each network; the seed is replaced.
    pub training: TrainConfig,
    /// Epochs at most of a network that continues an earlier one.
    pub warm_epochs: usize,
    /// Which rows such a network learns from; all of them if `None`.
    pub replay: Option<Replay>,
    /// Threads that train at the same time.
    pub threads: usize,
}

/// Which rows a network that continues an earlier one learns from: the newest, and so many of the older
/// blocks, drawn by the seed, that it does not forget them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// Share of the rows that counts as the newest: all of them are learned from.
    pub newest: f64,
    /// Share of the older blocks that are learned from again.
    pub older: f64,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            newest: 0.25,
            older: 0.25,
        }
    }
}

impl Default for LstmConfig {
    fn default() -> Self {
        Self {
            // The reference, 128-64-32, learns too slowly from a few hundred rows: docs/forecasts.md.
            layers: vec![32],
            dropout: 0.5,
            networks: 8,
            training: TrainConfig {
                window: 60,
                stride: 20,
                batch: 8,
                epochs: 50,
                learning_rate: 3e-3,
                loss: Loss::Huber { delta: 1.5 },
                supervise: Supervise::EveryStep { warm_up: 10 },
                patience: Some(8),
                clip: Some(1.0),
                weight_decay: 0.01,
                ..TrainConfig::default()
            },
            warm_epochs: 15,
            replay: None,
            threads: 2,
        }
    }
}

/// Trained networks and how they are used.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmForecaster {
    /// Of the features, by the training part.
    pub scaler: Scaler,
    /// They see the scaled features and give, per horizon, the expected return in units of its expected
    /// deviation. Their mean is the forecast.
    pub networks: Vec<Network>,
    /// Per horizon, the share of the mean forecast that is believed, from 0 to 1.
    pub belief: Vec<f64>,
    /// Candles in a block of the training part: an update keeps to the blocks.
    pub block: usize,
}

/// One epoch of one of the networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkEpoch {
    /// Which of the networks, from 0.
    pub network: usize,
    /// Result of the epoch.
    pub epoch: Epoch,
}

/// Trained networks with the course of their training.
#[derive(Debug, Clone)]
pub struct LstmFit {
    /// The forecaster.
    pub forecaster: LstmForecaster,
    /// Every network's epochs.
    pub curves: Vec<Vec<Epoch>>,
}

/// Hears of every epoch, from any of the training threads, and may stop the training.
pub type Watch<'a> = dyn Fn(&NetworkEpoch) -> ControlFlow<()> + Sync + 'a;

impl LstmForecaster {
    /// State at the first candle.
    #[must_use]
    pub fn start(&self) -> Vec<NetworkState> {
        self.networks.iter().map(Network::zero_state).collect()
    }

    /// Checks that states read from a store fit these networks.
    ///
    /// # Errors
    /// Says why not.
    pub fn check_states(&self, states: &[NetworkState]) -> Result<(), String> {
        if states.len() != self.networks.len() {
            return Err("it carries another number of networks".to_owned());
        }
        for (network, state) in self.networks.iter().zip(states) {
            state
                .check(network.architecture())
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Takes one candle's features and gives the expected log return over each horizon.
    pub fn step(
        &self,
        states: &mut [NetworkState],
        row: &FeatureRow,
        horizons: &[usize],
        out: &mut [f64],
    ) {
        let input = self.scaler.apply(row);
        let mut one = vec![0.0_f32; horizons.len()];
        out.fill(0.0);
        for (network, state) in self.networks.iter().zip(states) {
            network.step(state, &input, &mut one);
            for (sum, value) in out.iter_mut().zip(&one) {
                *sum += f64::from(*value);
            }
        }
        for ((out, &horizon), belief) in out.iter_mut().zip(horizons).zip(&self.belief) {
            let scale = row.volatility * (horizon as f64).sqrt();
            *out *= belief * scale / self.networks.len() as f64;
        }
    }
}

/// Rows of the training part as the networks take them.
struct Examples {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    runs: Vec<Range<usize>>,
}

impl Examples {
    fn new(data: &Prepared, scaler: &Scaler, train: &Range<usize>, horizons: &[usize]) -> Self {
        let mut inputs = vec![0.0; train.end * FEATURES];
        let mut targets = vec![f32::NAN; train.end * horizons.len()];
        for index in train.clone() {
            let Some(row) = &data.rows()[index] else {
                continue;
            };
            inputs[index * FEATURES..][..FEATURES].copy_from_slice(&scaler.apply(row));
            for (place, &horizon) in horizons.iter().enumerate() {
                // What is realised after the training part ends is not known.
                if index + horizon < train.end
                    && let Some(target) = data.target(index, horizon)
                {
                    targets[index * horizons.len() + place] = target.clamp(-CLIP, CLIP) as f32;
                }
            }
        }
        let runs = data
            .series()
            .runs()
            .iter()
            .filter_map(|run| {
                let run = run.start.max(train.start)..run.end.min(train.end);
                let first = run.clone().find(|&index| data.rows()[index].is_some())?;
                Some(first..run.end)
            })
            .collect();
        Self {
            inputs,
            targets,
            runs,
        }
    }

    fn known(&self) -> usize {
        self.targets
            .iter()
            .filter(|target| !target.is_nan())
            .count()
    }
}

/// Trains on outcomes realised before the training part ends; `warm` is continued if it has the same
/// shape.
///
/// # Errors
/// When the training part is too short, training diverges, or `watch` stops it.
pub fn fit(
    data: &Prepared,
    range: Range<usize>,
    horizons: &[usize],
    config: &LstmConfig,
    seed: u64,
    warm: Option<&LstmForecaster>,
    watch: &Watch<'_>,
) -> Result<LstmFit, FitError> {
    let architecture = Architecture {
        inputs: FEATURES,
        layers: config.layers.clone(),
        dropout: config.dropout,
        outputs: horizons.len(),
    };
    // A short training part has no blocks for all of them.
    let most = (range.len() / MIN_BLOCK).clamp(2, config.networks.max(2));
    let warm = warm.filter(|warm| {
        [most, config.networks].contains(&warm.networks.len())
            && warm
                .networks
                .iter()
                .all(|n| *n.architecture() == architecture)
    });
    let groups = warm.map_or(most, |warm| warm.networks.len());
    let longest = horizons.iter().copied().max().unwrap_or(1);
    // Between two of a group's blocks, windows must fit after what the embargo takes.
    let spread = (2 * longest + 2 * config.training.window).div_ceil(groups.max(2) - 1);
    let (scaler, block) = match warm {
        // The networks have learned to read these scales.
        Some(warm) => (warm.scaler.clone(), warm.block),
        None => (
            Scaler::fit(data.rows()[range.clone()].iter().flatten()),
            (range.len() / (2 * groups))
                .clamp(MIN_BLOCK, 180)
                .max(spread),
        ),
    };
    let examples = Examples::new(data, &scaler, &range, horizons);
    if examples.known() < MIN_ROWS * horizons.len() {
        return Err(FitError::TooShort {
            model: ModelName::Lstm,
            found: examples.known() / horizons.len().max(1),
            needed: MIN_ROWS,
        });
    }
    let split = CrossFitting {
        range: range.clone(),
        block,
        groups,
        longest,
    };
    let train_one = |place: usize| {
        let mut training = config.training.clone();
        training.seed = seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(place as u64);
        let start = match warm {
            Some(warm) => {
                training.epochs = config.warm_epochs;
                warm.networks[place].clone()
            }
            None => Network::new(&architecture, training.seed).map_err(|error| failed(&error))?,
        };
        let rows = Sequences {
            inputs: &examples.inputs,
            targets: &examples.targets,
            runs: examples.runs.clone(),
        };
        let sample = config
            .replay
            .filter(|_| warm.is_some())
            .map(|replay| split.replayed(place, replay, training.seed))
            .filter(|rows| rows.iter().any(|rows| rows.len() >= training.window));
        // Where a sample is too small to hold a window, all of it is learned from.
        let learned = sample.unwrap_or_else(|| split.learned(place));
        let mut stopped = false;
        let trained = train(
            start,
            &rows,
            &learned,
            &split.held(place),
            &training,
            &mut |epoch| {
                let answer = watch(&NetworkEpoch {
                    network: place,
                    epoch: *epoch,
                });
                stopped |= answer.is_break();
                answer
            },
        );
        match trained {
            Ok(_) if stopped => Err(FitError::Cancelled),
            Ok(trained) => Ok((trained.network, trained.curves)),
            Err(TrainError::Sequences(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    };
    let mut networks = Vec::with_capacity(groups);
    let mut curves = Vec::with_capacity(groups);
    for result in in_threads(groups, config.threads, &train_one) {
        let (network, curve) = result?;
        networks.push(network);
        curves.push(curve);
    }
    let forecaster = LstmForecaster {
        belief: belief(&networks, &examples, &split, horizons),
        scaler,
        networks,
        block,
    };
    Ok(LstmFit { forecaster, curves })
}

fn failed(error: &dyn std::error::Error) -> FitError {
    FitError::Numerics {
        model: ModelName::Lstm,
        reason: error.to_string(),
    }
}

/// Runs the jobs on a few threads; the answers stand in the order of the jobs.
fn in_threads<T: Send>(jobs: usize, threads: usize, run: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let next = Mutex::new(0..jobs);
    let answers = Mutex::new(Vec::with_capacity(jobs));
    let work = || {
        loop {
            let job = next.lock().unwrap_or_else(|held| held.into_inner()).next();
            let Some(job) = job else { break };
            let answer = run(job);
            let mut answers = answers.lock().unwrap_or_else(|held| held.into_inner());
            answers.push((job, answer));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs) {
            scope.spawn(work);
        }
        work();
    });
    let mut answers = answers
        .into_inner()
        .unwrap_or_else(|held| held.into_inner());
    answers.sort_by_key(|(job, _)| *job);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Factor by which forecasts are scaled: the slope of outcomes on forecasts of held-back rows, less
/// what chance could have made of it. Zero where they were worth nothing.
fn belief(
    networks: &[Network],
    examples: &Examples,
    split: &CrossFitting,
    horizons: &[usize],
) -> Vec<f64> {
    let outputs = horizons.len();
    let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); outputs];
    for (group, network) in networks.iter().enumerate() {
        for run in &examples.runs {
            let mut state = network.zero_state();
            let mut output = vec![0.0_f32; outputs];
            for row in run.clone() {
                let input = &examples.inputs[row * FEATURES..][..FEATURES];
                network.step(&mut state, input, &mut output);
                if split.group_of(row) != group {
                    continue;
                }
                for (place, pairs) in pairs.iter_mut().enumerate() {
                    let target = examples.targets[row * outputs + place];
                    if !target.is_nan() {
                        pairs.push((f64::from(output[place]), f64::from(target)));
                    }
                }
            }
        }
    }
    pairs
        .iter()
        .zip(horizons)
        .map(|(pairs, &horizon)| worth(pairs, horizon))
        .collect()
}

fn worth(pairs: &[(f64, f64)], horizon: usize) -> f64 {
    let power: f64 = pairs.iter().map(|(f, _)| f * f).sum();
    if power <= 0.0 || !power.is_finite() {
        return 0.0;
    }
    let slope = pairs.iter().map(|(f, y)| f * y).sum::<f64>() / power;
    let noise: f64 = pairs
        .iter()
        .map(|(f, y)| (f * (y - slope * f)).powi(2))
        .sum();
    // Outcomes that overlap say the same thing up to `horizon` times.
    let squared_error = noise / (power * power) * horizon as f64;
    if slope <= 0.0 {
        return 0.0;
    }
    slope.min(1.0) * (1.0 - DOUBT * squared_error / (slope * slope)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_true_is_believed() {
        let pairs = |f: fn(usize) -> (f64, f64)| (0..400).map(f).collect::<Vec<_>>();
        let right = pairs(|i| {
            let signal = ((i * 31) % 17) as f64 / 8.0 - 1.0;
            (signal, signal + ((i * 7_919) % 101) as f64 / 50.0 - 1.0)
        });
        assert!(worth(&right, 1) > 0.9, "{}", worth(&right, 1));
        let wrong: Vec<_> = right.iter().map(|(f, y)| (-f, *y)).collect();
        assert_eq!(worth(&wrong, 1), 0.0);
        let still: Vec<_> = right.iter().map(|(_, y)| (0.0, *y)).collect();
        assert_eq!(worth(&still, 1), 0.0);
    }
}
