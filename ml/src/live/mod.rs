//! Serving: a loaded model version, and one step of it for each closed candle. No window is computed
//! again, whatever the model: what it needs of the past, the state carries. It knows nothing of where
//! candles come from, or where forecasts and states are kept.
//!
//! A version never forecasts from candles that it was trained on, so that every forecast that is
//! realised, and so its calibration, its track record and the drift test, is out of sample. Those
//! candles only warm it up.

mod forecast;
mod state;
#[cfg(test)]
mod tests;
mod track;

pub use forecast::{Drift, LiveForecast, PriceInterval, Realised, Step, StepError};
pub use state::{LiveState, StateError};
pub use track::{Estimate, RealisedSkill};

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::bar::Bar;
use crate::conformal::{Calibrator, Outcome};
use crate::drift::{PageHinkley, PageHinkleyConfig};
use crate::features::{FeatureRow, FeatureStream};
use crate::fitted::Fitted;
use crate::model::{Card, Verdict};
use crate::series::{Bridge, bridge};
use state::{HorizonState, Pending};
use track::Track;

/// Method and state that serve one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The number of candles ahead.
    pub horizon: usize,
    /// The champion's place among the version's models.
    pub model: usize,
    /// The champion's errors in walk-forward evaluation, to begin with.
    pub calibrator: Calibrator,
    /// Their mean size in units of the expected deviation: what the drift test takes as usual.
    pub usual_score: f64,
}

/// A model version, loaded and immutable: share it, and give each instrument a state of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveModel {
    card: Card,
    /// The network, and every other model that is a horizon's champion.
    models: Vec<Fitted>,
    served: Vec<Served>,
    horizons: Vec<usize>,
}

impl LiveModel {
    /// Puts a version together.
    ///
    /// # Errors
    /// Says what of the parts does not fit together.
    pub(crate) fn new(
        card: Card,
        models: Vec<Fitted>,
        served: Vec<Served>,
    ) -> Result<Self, String> {
        let horizons: Vec<usize> = served.iter().map(|served| served.horizon).collect();
        if horizons != card.horizons {
            return Err(format!(
                "the card promises the horizons {:?}, {horizons:?} are served",
                card.horizons
            ));
        }
        for served in &served {
            if served.model >= models.len() {
                return Err(format!(
                    "horizon {} is to be served by model {} of {}",
                    served.horizon,
                    served.model,
                    models.len()
                ));
            }
            if !served.calibrator.is_valid()
                || !served.usual_score.is_finite()
                || served.usual_score <= 0.0
            {
                return Err(format!(
                    "the calibration of horizon {} holds impossible numbers",
                    served.horizon
                ));
            }
        }
        Ok(Self {
            card,
            models,
            served,
            horizons,
        })
    }

    /// Everything about the version that is not needed to forecast.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Notes what the comparison with the serving version came to.
    pub(crate) fn decide(&mut self, verdict: Verdict) {
        self.card.verdict = verdict;
    }

    /// The models that it steps.
    #[must_use]
    pub fn models(&self) -> &[Fitted] {
        &self.models
    }

    /// The served horizons.
    #[must_use]
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// The state before the first candle. Step it through history (a few hundred candles, or as many
    /// as there are) to warm it up.
    #[must_use]
    pub fn start(&self) -> LiveState {
        LiveState {
            model: self.card.id.clone(),
            features: FeatureStream::new(self.card.interval),
            carried: self.models.iter().map(Fitted::start).collect(),
            horizons: self
                .served
                .iter()
                .map(|served| HorizonState {
                    horizon: served.horizon,
                    calibrator: served.calibrator.clone(),
                    pending: VecDeque::new(),
                    track: Track::new(served.horizon),
                    drift: PageHinkley::new(PageHinkleyConfig::default()),
                })
                .collect(),
        }
    }

    /// Takes the next closed candle. Up to three missing ones before it are filled flat, as in
    /// training; after a longer hole what is carried begins again.
    ///
    /// # Errors
    /// When the candle is impossible or does not come later than the last one; the state is as it was.
    pub fn step(&self, state: &mut LiveState, bar: &Bar) -> Result<Step, StepError> {
        if state.model != self.card.id {
            return Err(StepError::OtherModel {
                model: self.card.id.clone(),
                state: state.model.clone(),
            });
        }
        bar.check().map_err(|cause| StepError::Impossible {
            open_time: bar.open_time,
            cause,
        })?;
        let mut step = Step::default();
        if let Some(last) = state.features.last().copied() {
            match bridge(&last, bar.open_time, self.card.interval) {
                Bridge::Next => {}
                Bridge::Filled(flat) => {
                    for bar in &flat {
                        self.advance(state, bar);
                        // What a missing candle would have decided stays undecided.
                        drop_until(state, bar.open_time);
                    }
                }
                Bridge::NotLater => {
                    return Err(StepError::NotLater {
                        last: last.open_time,
                        found: bar.open_time,
                    });
                }
                Bridge::Hole
                    if (bar.open_time - last.open_time) % self.card.interval.millis() != 0 =>
                {
                    return Err(StepError::OffGrid {
                        last: last.open_time,
                        found: bar.open_time,
                    });
                }
                Bridge::Hole => {
                    self.restart(state);
                    step.restarted = true;
                }
            }
        }
        self.realise(state, bar, &mut step);
        let (row, expected) = self.advance(state, bar);
        if let Some(row) = row
            && bar.open_time >= self.card.trained_through()
        {
            self.forecast(state, bar, &row, &expected, &mut step);
        }
        Ok(step)
    }

    /// Begins the carried state again; what was learned of the errors stays.
    fn restart(&self, state: &mut LiveState) {
        state.features = FeatureStream::new(self.card.interval);
        state.carried = self.models.iter().map(Fitted::start).collect();
        for horizon in &mut state.horizons {
            horizon.pending.clear();
        }
    }

    /// Moves features and models on by one candle. Returns what the models saw, and what each expects
    /// over each horizon.
    fn advance(&self, state: &mut LiveState, bar: &Bar) -> (Option<FeatureRow>, Vec<Vec<f64>>) {
        let row = state.features.push(bar);
        let mut expected = vec![vec![0.0; self.horizons.len()]; self.models.len()];
        for ((model, carried), out) in self
            .models
            .iter()
            .zip(&mut state.carried)
            .zip(&mut expected)
        {
            model.step(carried, bar, row.as_ref(), &self.horizons, out);
        }
        (row, expected)
    }

    /// Decides the forecasts of this candle.
    fn realise(&self, state: &mut LiveState, bar: &Bar, step: &mut Step) {
        for (horizon, served) in state.horizons.iter_mut().zip(&self.served) {
            let due = horizon
                .pending
                .front()
                .is_some_and(|pending| pending.target_open_time == bar.open_time);
            let Some(pending) = horizon.pending.pop_front_if(|_| due) else {
                continue;
            };
            let actual = (bar.close / pending.base_price).ln();
            let error = actual - pending.expected;
            let outcome = pending.bands.map(|bands| Outcome::of(&bands, actual));
            horizon
                .calibrator
                .realise(error, pending.scale, outcome.as_ref());
            let inside = outcome.map(|outcome| outcome.inside);
            horizon.track.push(pending.expected, actual, inside);
            // Errors of overlapping forecasts are alike: the test takes those that do not overlap.
            let index = pending
                .base_open_time
                .div_euclid(self.card.interval.millis());
            if index.rem_euclid(served.horizon as i64) == 0
                && let Some(alarm) = horizon
                    .drift
                    .push(error.abs() / pending.scale / served.usual_score)
            {
                step.drifts.push(Drift {
                    horizon: served.horizon,
                    alarm,
                });
            }
            step.realised.push(Realised {
                horizon: served.horizon,
                base_open_time: pending.base_open_time,
                target_open_time: pending.target_open_time,
                model: self.models[served.model].name(),
                expected_log_return: pending.expected,
                actual_log_return: actual,
                inside,
            });
        }
    }

    /// Forecasts from the close of this candle.
    fn forecast(
        &self,
        state: &mut LiveState,
        bar: &Bar,
        row: &FeatureRow,
        expected: &[Vec<f64>],
        step: &mut Step,
    ) {
        for (at, (horizon, served)) in state.horizons.iter_mut().zip(&self.served).enumerate() {
            let expected = expected[served.model][at];
            let scale = row.volatility * (served.horizon as f64).sqrt();
            let bands = horizon.calibrator.bands(expected, scale);
            let price = |log_return: f64| bar.close * log_return.exp();
            let target_open_time =
                bar.open_time + served.horizon as i64 * self.card.interval.millis();
            step.forecasts.push(LiveForecast {
                horizon: served.horizon,
                base_open_time: bar.open_time,
                target_open_time,
                base_price: bar.close,
                model: self.models[served.model].name(),
                expected_log_return: expected,
                price: price(expected),
                scale,
                intervals: bands
                    .iter()
                    .flatten()
                    .map(|band| PriceInterval {
                        level: band.level,
                        low: price(band.low),
                        high: price(band.high),
                    })
                    .collect(),
            });
            horizon.pending.push_back(Pending {
                base_open_time: bar.open_time,
                target_open_time,
                base_price: bar.close,
                expected,
                scale,
                bands,
            });
        }
    }

    /// Checks that this version can step a state read from bytes.
    fn fits(&self, state: &LiveState) -> Result<(), String> {
        let horizons = state.horizons.iter().map(|horizon| horizon.horizon);
        if !horizons.eq(self.horizons.iter().copied()) {
            return Err("its horizons are not the model's".to_owned());
        }
        for horizon in &state.horizons {
            if !horizon.calibrator.is_valid() || horizon.pending.len() > horizon.horizon {
                return Err(format!("horizon {} holds what it cannot", horizon.horizon));
            }
        }
        if state.carried.len() != self.models.len() {
            return Err("it carries other models".to_owned());
        }
        for (model, carried) in self.models.iter().zip(&state.carried) {
            model.check_carried(carried)?;
        }
        Ok(())
    }
}

/// Drops the forecasts for candles up to this one.
fn drop_until(state: &mut LiveState, open_time: i64) {
    for horizon in &mut state.horizons {
        while horizon
            .pending
            .pop_front_if(|pending| pending.target_open_time <= open_time)
            .is_some()
        {}
    }
}
