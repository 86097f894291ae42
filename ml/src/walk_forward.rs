//! Walk-forward evaluation: the newest part of a series is forecast block by block by models that were
//! fitted on what lay before, with an embargo between. A calibration part before the first tested block
//! is forecast in the same way, so that intervals rest on errors of forecasts, not of fits, from the
//! first test on.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::baselines::{fit_auto_ets, fit_drift, fit_linear};
use crate::conformal::{Calibrator, LEVELS, MIN_SCORES, Outcome};
use crate::features::WARM_UP;
use crate::fit_error::{FitError, ModelName};
use crate::fitted::Fitted;
use crate::lstm_model::{self, LstmConfig, NetworkEpoch};
use crate::metrics::{Scored, Skill, skill};
use crate::prepared::Prepared;

/// Candles that the first fit needs.
const MIN_TRAIN: usize = 30;
/// Forecasts that a tested part needs.
const MIN_TEST: usize = 25;
/// Candles that a block needs for a fit of its own to be worth it.
const MIN_BLOCK: usize = 30;

/// Settings of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Blocks of the tested part, each forecast by a fit of its own.
    pub folds: usize,
    /// Share of the candles that is tested, the newest.
    pub test_share: f64,
    /// Candles between the last outcome learned from and the first forecast; by default the longest
    /// horizon.
    pub embargo: Option<usize>,
    /// Decides everything random.
    pub seed: u64,
    /// The networks.
    pub lstm: LstmConfig,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            folds: 5,
            test_share: 0.5,
            embargo: None,
            seed: 0,
            lstm: LstmConfig::default(),
        }
    }
}

/// Why there is no evaluation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// There are too few candles.
    #[error(
        "{found} candles are too few to evaluate forecasts over {horizon}: give at least {needed}, or a shorter horizon"
    )]
    TooShort {
        /// Number found.
        found: usize,
        /// The longest horizon.
        horizon: usize,
        /// Number needed.
        needed: usize,
    },
    /// A horizon of zero, or none at all.
    #[error("a horizon must be at least 1 candle, and at least one must be asked for")]
    NoHorizon,
    /// No tested outcome is known, or no tested price moved.
    #[error(
        "no outcome over {horizon} candles can be scored in the tested part: there are too many holes, or its price stands still"
    )]
    NothingToScore {
        /// The horizon.
        horizon: usize,
    },
    /// The caller asked to stop.
    #[error("the evaluation was cancelled")]
    Cancelled,
}

/// Progress of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// A model begins a block.
    Fold {
        /// Which model.
        model: ModelName,
        /// Which block, the calibration part being 0.
        fold: usize,
        /// Of how many.
        folds: usize,
    },
    /// A network has done an epoch.
    Epoch(NetworkEpoch),
}

/// Hears of the progress, from several threads, and may stop the evaluation.
pub type Watch<'a> = dyn Fn(&Progress) -> ControlFlow<()> + Sync + 'a;

/// One model's forecasts over one horizon, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEvaluation {
    /// The model.
    pub model: ModelName,
    /// Its horizon, in candles.
    pub horizon: usize,
    /// Skill of its forecasts.
    pub skill: Skill,
    /// Every tested forecast, oldest first.
    pub forecasts: Vec<Scored>,
    /// Its intervals' calibration after the newest outcome: what serving starts with.
    pub calibrator: Calibrator,
}

/// The best model over one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Champion {
    /// The horizon, in candles.
    pub horizon: usize,
    /// The model with the lowest error; of equals, the simpler.
    pub model: ModelName,
    /// True if it beats the last price beyond doubt.
    pub has_skill: bool,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Per horizon, every model in the order asked for.
    pub models: Vec<ModelEvaluation>,
    /// Per horizon.
    pub champions: Vec<Champion>,
    /// The tested candles.
    pub tested: Range<usize>,
    /// Fits, the calibration part's included.
    pub fits: usize,
    /// Candles of embargo.
    pub embargo: usize,
    /// Fits that could not be made; the last price stood in for them.
    pub notes: Vec<String>,
}

/// Which candles are learned from and which are forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The blocks forecast, in order; the first is the calibration part.
    pub blocks: Vec<Range<usize>>,
    /// Candles between a block and the last outcome that its fit has seen.
    pub embargo: usize,
}

impl Layout {
    /// Lays out a series of `len` candles.
    ///
    /// # Errors
    /// When it is too short for the longest horizon.
    pub fn new(
        len: usize,
        longest: usize,
        config: &EvaluationConfig,
    ) -> Result<Self, EvaluationError> {
        let embargo = config.embargo.unwrap_or(longest);
        let calibration_least = MIN_SCORES + 5 + longest;
        let test_least = MIN_TEST + longest;
        let needed = WARM_UP + MIN_TRAIN + embargo + calibration_least + test_least;
        if len < needed {
            return Err(EvaluationError::TooShort {
                found: len,
                horizon: longest,
                needed,
            });
        }
        let usable = len - WARM_UP;
        let share = |share: f64| (usable as f64 * share) as usize;
        let test_share = config.test_share.clamp(0.05, 0.9);
        let test_most = usable - MIN_TRAIN - embargo - calibration_least;
        let test = share(test_share).clamp(test_least, test_most);
        // Enough for the 95 % interval to begin well, but not at the cost of the first fit.
        let calibration = share(0.15)
            .clamp(60, 250)
            .saturating_add(longest)
            .min((usable - test) / 2)
            .max(calibration_least);
        let folds = (test / MIN_BLOCK).clamp(1, config.folds.max(1));
        let first = len - test;
        let tested = (0..folds).map(|k| first + test * k / folds..first + test * (k + 1) / folds);
        let blocks = std::iter::once(first - calibration..first)
            .chain(tested)
            .collect();
        Ok(Self { blocks, embargo })
    }

    /// The candles whose outcomes the fit of block `fold` may see: they are all realised before its end.
    #[must_use]
    pub fn train(&self, fold: usize) -> Range<usize> {
        0..self.blocks[fold].start.saturating_sub(self.embargo)
    }

    /// The tested candles.
    #[must_use]
    pub fn tested(&self) -> Range<usize> {
        self.blocks[1].start..self.blocks[self.blocks.len() - 1].end
    }
}

/// Fits one model on outcomes realised before the training part ends.
///
/// # Errors
/// When it cannot learn from them, or `watch` stops it.
pub fn fit(
    name: ModelName,
    data: &Prepared,
    train: Range<usize>,
    horizons: &[usize],
    config: &EvaluationConfig,
    warm: Option<&Fitted>,
    watch: &Watch<'_>,
) -> Result<Fitted, FitError> {
    match name {
        ModelName::Persistence => Ok(Fitted::Persistence),
        ModelName::Drift => fit_drift(data, train),
        ModelName::Ridge | ModelName::ElasticNet => fit_linear(name, data, train, horizons),
        ModelName::AutoEts => fit_auto_ets(data, train),
        ModelName::Lstm => {
            let warm = match warm {
                Some(Fitted::Lstm(warm)) => Some(warm),
                _ => None,
            };
            let hear = |epoch: &NetworkEpoch| watch(&Progress::Epoch(*epoch));
            lstm_model::fit(
                data,
                train,
                horizons,
                &config.lstm,
                config.seed,
                warm,
                &hear,
            )
            .map(|fit| Fitted::Lstm(fit.forecaster))
        }
    }
}

/// Forecasts of one model: per candle from the first block on, per horizon.
type Forecasts = Vec<Option<Vec<f64>>>;

/// Evaluates models over the horizons, in candles. The same arguments give the same answer, however many
/// threads there are.
///
/// # Errors
/// When the series is too short, nothing can be scored, or `watch` stops it.
pub fn evaluate(
    data: &Prepared,
    horizons: &[usize],
    models: &[ModelName],
    config: &EvaluationConfig,
    watch: &Watch<'_>,
) -> Result<Evaluation, EvaluationError> {
    let longest = horizons.iter().copied().max().unwrap_or(0);
    if longest == 0 || horizons.contains(&0) {
        return Err(EvaluationError::NoHorizon);
    }
    let layout = Layout::new(data.len(), longest, config)?;
    let stop = AtomicBool::new(false);
    let watch = |progress: &Progress| {
        if watch(progress).is_break() {
            stop.store(true, Ordering::Relaxed);
        }
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let run = |&model: &ModelName| walk(model, data, horizons, &layout, config, &watch);
    // The networks take most of the time, and threads of their own; the others share this one.
    let results: Vec<_> = std::thread::scope(|scope| {
        let network = models
            .iter()
            .find(|&&model| model == ModelName::Lstm)
            .map(|model| scope.spawn(|| run(model)));
        let others: Vec<_> = models
            .iter()
            .map(|model| (*model != ModelName::Lstm).then(|| run(model)))
            .collect();
        let mut network = network.map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        others
            .into_iter()
            .filter_map(|result| result.or_else(|| network.take()))
            .collect()
    });
    let mut evaluation = Evaluation {
        models: Vec::new(),
        champions: Vec::new(),
        tested: layout.tested(),
        fits: layout.blocks.len(),
        embargo: layout.embargo,
        notes: Vec::new(),
    };
    let mut walks = Vec::with_capacity(results.len());
    for result in results {
        let (forecasts, notes) = result?;
        evaluation.notes.extend(notes);
        walks.push(forecasts);
    }
    for (place, &horizon) in horizons.iter().enumerate() {
        for (&model, forecasts) in models.iter().zip(&walks) {
            let (scored, calibrator) = judge(data, &layout, forecasts, place, horizon);
            let skill = skill(&scored, horizon, config.seed)
                .ok_or(EvaluationError::NothingToScore { horizon })?;
            evaluation.models.push(ModelEvaluation {
                model,
                horizon,
                skill,
                forecasts: scored,
                calibrator,
            });
        }
        evaluation
            .champions
            .extend(champion(&evaluation.models, horizon));
    }
    Ok(evaluation)
}

/// The model with the lowest error; of equals the simplest, persistence first.
fn champion(models: &[ModelEvaluation], horizon: usize) -> Option<Champion> {
    const SIMPLEST_FIRST: [ModelName; 6] = [
        ModelName::Persistence,
        ModelName::Drift,
        ModelName::AutoEts,
        ModelName::Ridge,
        ModelName::ElasticNet,
        ModelName::Lstm,
    ];
    SIMPLEST_FIRST
        .into_iter()
        .filter_map(|name| {
            models
                .iter()
                .find(|m| m.model == name && m.horizon == horizon)
        })
        .min_by(|a, b| a.skill.mase.value.total_cmp(&b.skill.mase.value))
        .map(|best| Champion {
            horizon,
            model: best.model,
            has_skill: best.skill.has_skill,
        })
}

/// Fits and forecasts block by block.
fn walk(
    model: ModelName,
    data: &Prepared,
    horizons: &[usize],
    layout: &Layout,
    config: &EvaluationConfig,
    watch: &Watch<'_>,
) -> Result<(Forecasts, Vec<String>), EvaluationError> {
    let mut forecasts = Vec::new();
    let mut notes = Vec::new();
    let mut last: Option<Fitted> = None;
    for (fold, block) in layout.blocks.iter().enumerate() {
        let progress = Progress::Fold {
            model,
            fold,
            folds: layout.blocks.len(),
        };
        if watch(&progress).is_break() {
            return Err(EvaluationError::Cancelled);
        }
        let fitted = fit(
            model,
            data,
            layout.train(fold),
            horizons,
            config,
            last.as_ref(),
            watch,
        );
        let fitted = match fitted {
            Ok(fitted) => fitted,
            Err(FitError::Cancelled) => return Err(EvaluationError::Cancelled),
            Err(error) => {
                notes.push(format!(
                    "block {fold} of {}: {error}; the last price was forecast instead",
                    layout.blocks.len()
                ));
                Fitted::Persistence
            }
        };
        forecasts.extend(fitted.forecast(data, block.clone(), horizons));
        last = Some(fitted);
    }
    Ok((forecasts, notes))
}

/// Goes through the forecasts as time did: outcomes are heard when they are realised, then the next
/// forecast gets its intervals. Only tested ones are scored.
fn judge(
    data: &Prepared,
    layout: &Layout,
    forecasts: &Forecasts,
    place: usize,
    horizon: usize,
) -> (Vec<Scored>, Calibrator) {
    let first = layout.blocks[0].start;
    let tested = layout.tested();
    let mut calibrator = Calibrator::new();
    let mut pending: VecDeque<(Scored, f64)> = VecDeque::new();
    let mut scored = Vec::with_capacity(tested.len());
    for (origin, forecast) in (first..).zip(forecasts) {
        hear(&mut calibrator, &mut pending, origin, horizon);
        let (Some(forecast), Some(scale)) = (forecast, data.scale(origin, horizon)) else {
            continue;
        };
        let Some(actual) = data.log_return(origin, horizon) else {
            continue;
        };
        let expected = forecast[place];
        let bands = calibrator.bands(expected, scale);
        let forecast = Scored {
            origin,
            expected,
            actual,
            outcome: bands.map(|bands| Outcome::of(&bands, actual)),
        };
        pending.push_back((forecast, scale));
        if tested.contains(&origin) {
            scored.push(forecast);
        }
    }
    hear(&mut calibrator, &mut pending, data.len(), horizon);
    (scored, calibrator)
}

/// Hears the outcomes realised by the close of candle `now`.
fn hear(
    calibrator: &mut Calibrator,
    pending: &mut VecDeque<(Scored, f64)>,
    now: usize,
    horizon: usize,
) {
    while let Some((forecast, scale)) = pending.front() {
        if forecast.origin + horizon > now {
            break;
        }
        calibrator.realise(
            forecast.actual - forecast.expected,
            *scale,
            forecast.outcome.as_ref(),
        );
        pending.pop_front();
    }
}

const _: () = assert!(LEVELS.len() == 3, "reports name three levels");

#[cfg(test)]
mod tests;
