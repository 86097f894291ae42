//! Settings of market data.

use coinsphere_pipelines::store::PrimaryOrder;
use coinsphere_pipelines::venues;
use serde::{Deserialize, Serialize};

/// Which instrument stands for a token, in charts and forecasts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketSettings {
    /// The venues whose instruments are preferred, best first; others come behind these.
    pub venues: Vec<String>,
    /// The quotes that are preferred within a venue, best first; others come behind these.
    pub quotes: Vec<String>,
}

impl Default for MarketSettings {
    fn default() -> Self {
        let order = PrimaryOrder::default();
        Self {
            venues: order.venues.iter().map(ToString::to_string).collect(),
            quotes: order.quotes,
        }
    }
}

impl MarketSettings {
    /// The order of preference. A venue that is not known has no instruments.
    #[must_use]
    pub fn order(&self) -> PrimaryOrder {
        PrimaryOrder {
            venues: self
                .venues
                .iter()
                .filter_map(|name| venues::named(name))
                .collect(),
            quotes: self.quotes.clone(),
        }
    }
}
