//! A forecast as it is shown to subscribers.

use std::time::Duration;

use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::store::Forecast;

/// The shares of outcomes, in percent, that a forecast's ranges promise to hold.
pub const LEVELS: [u8; 3] = [50, 80, 95];

/// A new forecast and what must be known to judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveForecast {
    /// CoinGecko id of what is forecast.
    pub token: String,
    /// End of the candle it rests on.
    pub close_time: Timestamp,
    /// The forecast.
    pub forecast: Forecast,
    /// True if the model that made it beat persistence beyond chance when it was evaluated.
    pub has_skill: bool,
}

/// A horizon as people write it: whole days from a week on, hours below: `1h`, `24h`, `7d`.
#[must_use]
pub fn horizon_name(ahead: Duration) -> String {
    let hours = ahead.as_secs() / 3_600;
    if hours >= 48 && hours.is_multiple_of(24) {
        format!("{}d", hours / 24)
    } else {
        format!("{hours}h")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizons_are_named_as_people_write_them() {
        let name = |hours: u64| horizon_name(Duration::from_secs(hours * 3_600));
        assert_eq!([1, 24, 36, 168].map(name), ["1h", "24h", "36h", "7d"]);
    }
}
