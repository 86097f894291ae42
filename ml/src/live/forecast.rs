//! Results of a live model's step: forecasts made, forecasts realised, and changes found.

use serde::{Deserialize, Serialize};

use crate::conformal::LEVELS;
use crate::drift::Alarm;
use crate::fit_error::ModelName;

/// A forecast made at the close of a candle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveForecast {
    /// The number of candles ahead.
    pub horizon: usize,
    /// Open time of the candle it rests on, in milliseconds since the Unix epoch, UTC.
    pub base_open_time: i64,
    /// Open time of the candle whose close it forecasts.
    pub target_open_time: i64,
    /// The close it rests on.
    pub base_price: f64,
    /// Which model made it: the champion of its horizon.
    pub model: ModelName,
    /// The expected log return from base to target.
    pub expected_log_return: f64,
    /// The price at the expected log return.
    pub price: f64,
    /// Standard deviation of the log return expected over the horizon.
    pub scale: f64,
    /// The ranges of prices that hold the outcome in 50, 80 and 95 % of cases, narrowest first; empty
    /// until enough forecasts were realised to calibrate them.
    pub intervals: Vec<PriceInterval>,
}

/// A range of prices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriceInterval {
    /// The share of outcomes that it promises to hold.
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A forecast whose candle has closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Realised {
    /// Number of candles ahead.
    pub horizon: usize,
    /// Open time of the candle it rested on.
    pub base_open_time: i64,
    /// Open time of the candle that it forecast.
    pub target_open_time: i64,
    /// Which model made it.
    pub model: ModelName,
    /// The log return that it expected.
    pub expected_log_return: f64,
    /// The log return that came.
    pub actual_log_return: f64,
    /// True if the 50, 80 and 95 % intervals held it; `None` if the forecast had none.
    pub inside: Option<[bool; LEVELS.len()]>,
}

/// A change in a horizon's errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Of the forecasts this many candles ahead.
    pub horizon: usize,
    /// Verdict of the test.
    pub alarm: Alarm,
}

/// Results of one closed candle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// New forecasts, one per horizon; none while features warm up, and none that rest on candles
    /// which the model was trained on.
    pub forecasts: Vec<LiveForecast>,
    /// Forecasts that this candle decided.
    pub realised: Vec<Realised>,
    /// Changes found in the errors: a reason to retrain.
    pub drifts: Vec<Drift>,
    /// The candle came after a hole too long to fill: what was carried began again, and forecasts
    /// across the hole are never realised.
    pub restarted: bool,
}

/// Why a candle was not taken. The state is as it was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// No market could have produced it.
    #[error("cannot step with the candle of {open_time}: {cause}")]
    Impossible {
        /// Its open time.
        open_time: i64,
        /// The impossibility.
        cause: crate::bar::BarError,
    },
    /// It is not newer than the last one. A correction of an earlier candle means to go back to a
    /// state saved before it.
    #[error(
        "cannot step with the candle of {found}: the state already stands at that of {last}; go back to an earlier state"
    )]
    NotLater {
        /// Open time of the last candle.
        last: i64,
        /// Its open time.
        found: i64,
    },
    /// It stands off the grid of the candles before it.
    #[error(
        "cannot step with the candle of {found}: it is not a whole number of intervals after that of {last}"
    )]
    OffGrid {
        /// Open time of the last candle.
        last: i64,
        /// Its open time.
        found: i64,
    },
    /// The state is another model version's.
    #[error("cannot step model {model} with a state of {state}: begin with the model's own")]
    OtherModel {
        /// This model.
        model: crate::model::ModelId,
        /// The state's.
        state: crate::model::ModelId,
    },
}
