//! Fitted models, all of one kind: a candle's features go in, an expected log return per horizon comes
//! out, one step at a time. Evaluation steps them as serving does, so that what was measured is what
//! is served.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::bar::Bar;
use crate::baselines::{Ets, EtsState, Linear};
use crate::features::FeatureRow;
use crate::fit_error::ModelName;
use crate::lstm::NetworkState;
use crate::lstm_model::LstmForecaster;
use crate::prepared::Prepared;

/// A model that has learned, for the horizons it was fitted for.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// Expects no change.
    Persistence,
    /// Expects the mean return of its training part, a candle.
    Drift(f64),
    /// Ridge or elastic net.
    Linear(Linear),
    /// Exponential smoothing.
    AutoEts(Ets),
    /// Recurrent networks.
    Lstm(LstmForecaster),
}

/// State that a model carries from candle to candle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Carried {
    /// Nothing: the features say it all.
    Nothing,
    /// Level and slope.
    AutoEts(EtsState),
    /// Each network's state.
    Lstm(Vec<NetworkState>),
}

impl Fitted {
    /// Which model it is.
    #[must_use]
    pub const fn name(&self) -> ModelName {
        match self {
            Self::Persistence => ModelName::Persistence,
            Self::Drift(_) => ModelName::Drift,
            Self::Linear(linear) => linear.name(),
            Self::AutoEts(_) => ModelName::AutoEts,
            Self::Lstm(_) => ModelName::Lstm,
        }
    }

    /// State at the first candle of a series, or the first after a hole.
    #[must_use]
    pub fn start(&self) -> Carried {
        match self {
            Self::Persistence | Self::Drift(_) | Self::Linear(_) => Carried::Nothing,
            Self::AutoEts(ets) => Carried::AutoEts(ets.start()),
            Self::Lstm(lstm) => Carried::Lstm(lstm.start()),
        }
    }

    /// Checks that the model can carry this state: one that was read from a store may not fit.
    ///
    /// # Errors
    /// Says why not.
    pub fn check_carried(&self, carried: &Carried) -> Result<(), String> {
        match (self, carried) {
            (Self::Persistence | Self::Drift(_) | Self::Linear(_), Carried::Nothing) => Ok(()),
            (Self::AutoEts(_), Carried::AutoEts(state)) => state.check(),
            (Self::Lstm(lstm), Carried::Lstm(state)) => lstm.check_states(state),
            (model, _) => Err(format!("{} cannot continue another model's", model.name())),
        }
    }

    /// Takes one closed candle with its features, and gives the expected log return over each of
    /// `horizons` from its close: nothing while the features warm up. `horizons` must be those of the
    /// fit; `out` has one place for each. Says whether there is a forecast.
    ///
    /// # Panics
    /// If `carried` is another model's.
    pub fn step(
        &self,
        carried: &mut Carried,
        bar: &Bar,
        row: Option<&FeatureRow>,
        horizons: &[usize],
        out: &mut [f64],
    ) -> bool {
        match (self, carried) {
            (Self::Persistence, Carried::Nothing) => out.fill(0.0),
            (Self::Drift(mean), Carried::Nothing) => {
                for (out, &horizon) in out.iter_mut().zip(horizons) {
                    *out = mean * horizon as f64;
                }
            }
            (Self::Linear(linear), Carried::Nothing) => {
                if let Some(row) = row {
                    linear.forecast(row, horizons, out);
                }
            }
            (Self::AutoEts(ets), Carried::AutoEts(state)) => {
                ets.step(state, bar.close.ln());
                ets.forecast(state, bar.close.ln(), horizons, out);
            }
            (Self::Lstm(lstm), Carried::Lstm(states)) => {
                if let Some(row) = row {
                    lstm.step(states, row, horizons, out);
                }
            }
            (model, carried) => panic!("{} cannot continue {carried:?}", model.name()),
        }
        row.is_some()
    }

    /// The forecasts made at the candles of `origins`, each from the candles up to it: nothing where
    /// none can be made.
    #[must_use]
    pub fn forecast(
        &self,
        data: &Prepared,
        origins: Range<usize>,
        horizons: &[usize],
    ) -> Vec<Option<Vec<f64>>> {
        let bars = data.series().bars();
        let mut forecasts = Vec::with_capacity(origins.len());
        for run in data.series().runs() {
            let mut carried = self.start();
            let end = run.end.min(origins.end).max(run.start);
            for (index, bar) in (run.start..end).zip(&bars[run.start..end]) {
                let mut out = vec![0.0; horizons.len()];
                let known = self.step(
                    &mut carried,
                    bar,
                    data.rows()[index].as_ref(),
                    horizons,
                    &mut out,
                );
                if index >= origins.start {
                    forecasts.push((known && data.is_origin(index)).then_some(out));
                }
            }
        }
        forecasts
    }
}
