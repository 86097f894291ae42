//! Which series of candles is forecast.

use coinsphere_pipelines::market::{InstrumentKey, Interval};

/// Which candles are forecast, and of what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesSpec {
    /// CoinGecko id of the asset.
    pub asset: String,
    /// The instrument whose candles stand for it.
    pub instrument: InstrumentKey,
    /// The candles' length.
    pub interval: Interval,
    /// The number of candles ahead, ascending.
    pub horizons: Vec<u32>,
    /// Number of candles that a model is warmed up and trained with.
    pub history: u32,
}

impl SeriesSpec {
    /// Its name on boards and in logs.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.asset, self.interval)
    }
}
