//! Which instrument stands for an asset, in charts, forecasts and wherever one price is meant: one rule.

use super::rows::Instrument;
use crate::market::Venue;
use crate::venues;

/// The order in which an asset's instruments are preferred: listed ones first, then by venue, then by
/// what they are priced in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryOrder {
    /// Venues, best first; others come behind these.
    pub venues: Vec<Venue>,
    /// Quotes by ticker, best first; others come behind these.
    pub quotes: Vec<String>,
}

impl Default for PrimaryOrder {
    fn default() -> Self {
        Self {
            venues: venues::ALL
                .iter()
                .map(|protocol| protocol.venue())
                .collect(),
            quotes: ["USDT", "USD", "USDC", "EUR"].map(str::to_owned).to_vec(),
        }
    }
}

impl PrimaryOrder {
    /// Sorts an asset's instruments: the first is the primary one.
    pub fn sort(&self, instruments: &mut [Instrument]) {
        fn rank<T: PartialEq>(order: &[T], wanted: impl Fn(&T) -> bool) -> usize {
            order.iter().position(wanted).unwrap_or(order.len())
        }
        instruments.sort_by_cached_key(|instrument| {
            let quote = instrument.quote.as_deref().unwrap_or_default();
            (
                !instrument.listed,
                rank(&self.venues, |venue| *venue == instrument.key.venue),
                rank(&self.quotes, |name| name == quote),
                instrument.key.clone(),
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{InstrumentKey, Symbol};
    use crate::store::InstrumentId;

    fn instrument(venue: &str, symbol: &str, quote: &str, listed: bool) -> Instrument {
        Instrument {
            id: InstrumentId::new(1),
            key: InstrumentKey::new(venues::named(venue).unwrap(), Symbol::new(symbol).unwrap()),
            base_asset: None,
            base: None,
            quote: Some(quote.to_owned()),
            listed,
        }
    }

    fn sorted(order: &PrimaryOrder) -> Vec<String> {
        let mut instruments = [
            instrument("kraken", "BTC/USDT", "USDT", true),
            instrument("binance", "BTCTRY", "TRY", true),
            instrument("binance", "BTCEUR", "EUR", true),
            instrument("binance", "BTCUSDC", "USDC", true),
            instrument("binance", "BTCUSDT", "USDT", false),
        ];
        order.sort(&mut instruments);
        let name = |instrument: &Instrument| instrument.key.symbol.as_str().to_owned();
        instruments.iter().map(name).collect()
    }

    #[test]
    fn listed_ones_then_venues_then_quotes_are_preferred_in_their_order() {
        assert_eq!(
            sorted(&PrimaryOrder::default()),
            ["BTCUSDC", "BTCEUR", "BTCTRY", "BTC/USDT", "BTCUSDT"]
        );
        let order = PrimaryOrder {
            venues: vec![venues::named("kraken").unwrap()],
            quotes: vec!["EUR".to_owned()],
        };
        assert_eq!(
            sorted(&order),
            ["BTC/USDT", "BTCEUR", "BTCTRY", "BTCUSDC", "BTCUSDT"]
        );
    }
}
