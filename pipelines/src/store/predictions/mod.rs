//! Forecasts as they were served, what came of them, and the state of the models that made them.
//! It knows nothing of how forecasts are made: states and digests are bytes to it.

mod read;
mod states;
mod write;

use rust_decimal::Decimal;

use super::rows::InstrumentId;
use crate::market::{Interval, Timestamp};

/// The candles of one instrument and length that forecasts are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForecastSeries {
    /// The instrument whose candles are looked at.
    pub instrument: InstrumentId,
    /// Their length.
    pub interval: Interval,
}

/// A range of prices, in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    /// The lowest price inside.
    pub low: Decimal,
    /// The highest price inside.
    pub high: Decimal,
}

/// One forecast: at one candle's close, for one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The number of candles ahead, at least 1.
    pub horizon: u32,
    /// Opening time of the candle it rests on.
    pub open_time: Timestamp,
    /// When its outcome is known: the end of the candle that lies `horizon` ahead.
    pub target_time: Timestamp,
    /// The version of the model.
    pub model: String,
    /// Which of the model's methods made it, e.g. `lstm` or `persistence`.
    pub method: String,
    /// The close of the candle it rests on, in the quote asset.
    pub base_price: Decimal,
    /// The expected logarithm of target price over base price.
    pub expected_return: f64,
    /// The expected price, in the quote asset.
    pub price: Decimal,
    /// Where the price is expected in 50, 80 and 95 of 100 cases; absent while that is not calibrated.
    pub ranges: Option<[PriceRange; 3]>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Outcome of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The close of the target candle, in the quote asset.
    pub price: Decimal,
    /// The logarithm of that price over the base price.
    pub log_return: f64,
    /// When it was written here.
    pub realised_at: Timestamp,
}

/// A forecast as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredForecast {
    /// The forecast.
    pub forecast: Forecast,
    /// The number of times it was replaced by a different one before its outcome was known.
    pub revision: u32,
    /// Its outcome, once that is known.
    pub outcome: Option<Outcome>,
}

/// A close that settles the forecasts aimed at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Opening time of the candle that the forecast rests on.
    pub open_time: Timestamp,
    /// The forecast's horizon.
    pub horizon: u32,
    /// The close of the target candle, in the quote asset.
    pub price: Decimal,
}

/// Where a model's inference stands after one candle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastState {
    /// Opening time of the last candle in it.
    pub open_time: Timestamp,
    /// The model's own.
    pub state: Vec<u8>,
    /// Digests of the newest candles it rests on, the caller's own.
    pub inputs: Vec<u8>,
}

/// All that a stretch of candles changed, to be written at once.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastCommit {
    /// Of which candles.
    pub series: ForecastSeries,
    /// The version of the model whose states these are.
    pub model: String,
    /// New forecasts. One that is stored already is replaced only while its outcome is not known:
    /// what was said stays said.
    pub forecasts: Vec<Forecast>,
    /// Outcomes of whatever forecasts there are.
    pub settlements: Vec<Settlement>,
    /// New states.
    pub states: Vec<ForecastState>,
    /// The opening times of the states to keep; all others of this series are dropped.
    pub keep: Vec<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// Which forecasts to read, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastQuery {
    /// Of which candles.
    pub series: ForecastSeries,
    /// For which horizon, in candles.
    pub horizon: u32,
    /// Of this version of the model only.
    pub model: Option<String>,
    /// Only those that rest on candles which opened before this.
    pub before: Option<Timestamp>,
    /// Only those whose outcome is known and that were made before it was.
    pub realised_only: bool,
    /// Page size, 1 to [`super::MAX_PAGE`]; more is cut to that.
    pub limit: usize,
}
