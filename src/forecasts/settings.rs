//! Settings of forecasts.

use serde::{Deserialize, Serialize};

/// Forecasts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastSettings {
    /// Tokens to forecast, by CoinGecko id.
    pub tokens: Vec<String>,
    /// True if history is taken from Binance's REST interface where candles are missing.
    pub load_history: bool,
    /// Hourly candles of history that are loaded and trained on.
    pub hourly_candles: u32,
    /// Daily candles of history that are loaded and trained on.
    pub daily_candles: u32,
    /// True if models are trained without being asked for.
    pub train: bool,
    /// Age of the newest model after which another is trained, in hours.
    pub retrain_hours: u64,
    /// Parts of the history that models are tried on before one is chosen.
    pub folds: u32,
    /// Units of each layer of the network, the lowest first.
    pub layers: Vec<String>,
    /// Networks that are averaged.
    pub networks: u32,
    /// Passes over the history at most when a network is trained.
    pub epochs: u32,
    /// Threads that train at the same time, all of the lowest priority.
    pub threads: u32,
    /// Versions of each model that are kept.
    pub keep_versions: u32,
}

impl Default for ForecastSettings {
    fn default() -> Self {
        Self {
            tokens: ["bitcoin", "ethereum", "solana"]
                .map(str::to_owned)
                .to_vec(),
            load_history: true,
            hourly_candles: 2_200,
            daily_candles: 1_600,
            train: true,
            retrain_hours: 24,
            folds: 5,
            layers: ["128", "64", "32"].map(str::to_owned).to_vec(),
            networks: 4,
            epochs: 50,
            threads: 2,
            keep_versions: 5,
        }
    }
}

impl ForecastSettings {
    /// The network's layers as numbers; `None` if they are none.
    #[must_use]
    pub fn widths(&self) -> Option<Vec<usize>> {
        let width = |text: &String| {
            let width: usize = text.trim().parse().ok()?;
            (1..=1_024).contains(&width).then_some(width)
        };
        let widths: Vec<usize> = self.layers.iter().map(width).collect::<Option<_>>()?;
        (1..=4).contains(&widths.len()).then_some(widths)
    }
}
