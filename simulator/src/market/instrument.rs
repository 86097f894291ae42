//! Instruments: one token on one venue, in that venue's spelling, with its tick and lot.
//!
//! Knows nothing of time or trades.

use std::fmt;

use super::token::{TOKENS, Token};

/// The venues whose protocols the simulator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// Coinbase: one book, served over both the Exchange and the Advanced Trade protocol.
    Coinbase,
    /// Kraken spot.
    Kraken,
}

impl Venue {
    /// Every venue.
    pub const ALL: [Self; 3] = [Self::Binance, Self::Coinbase, Self::Kraken];

    /// Lower-case name, as in paths and faults.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Coinbase => "coinbase",
            Self::Kraken => "kraken",
        }
    }

    /// The venue of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|v| v.name().eq_ignore_ascii_case(name))
    }

    /// Share of a token's turnover that trades here, relative to Binance.
    fn share(self) -> f64 {
        match self {
            Self::Binance => 1.0,
            Self::Coinbase => 0.35,
            Self::Kraken => 0.12,
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One token on one venue.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// Position among all instruments of the simulated market.
    pub index: usize,
    /// Where it trades.
    pub venue: Venue,
    /// The token traded.
    pub token: &'static Token,
    /// The venue's symbol: `BTCUSDT`, `BTC-USD`, `BTC/USD`.
    pub symbol: String,
    /// Currency it is priced in: `USDT` on Binance, `USD` elsewhere.
    pub quote: &'static str,
    /// Fractional digits of a price; one tick is `10^-price_digits`.
    pub price_digits: u32,
    /// Fractional digits of a quantity; one lot is `10^-quantity_digits`.
    pub quantity_digits: u32,
    /// Weight in the market's turnover and trade count.
    pub weight: f64,
}

impl Instrument {
    /// Price of one tick, in the quote currency.
    pub(crate) fn tick(&self) -> f64 {
        10f64.powi(-(self.price_digits as i32))
    }

    /// Quantity of one lot, in the token.
    pub(crate) fn lot(&self) -> f64 {
        10f64.powi(-(self.quantity_digits as i32))
    }

    /// Kraken's names of the token (altname, key): the old ones for the assets that have them.
    #[must_use]
    pub fn kraken_asset(&self) -> (&'static str, String) {
        let alt = match self.token.ticker {
            "BTC" => "XBT",
            "DOGE" => "XDG",
            other => other,
        };
        let key = match alt {
            "XBT" | "ETH" | "XRP" | "LTC" | "XLM" | "ETC" | "XDG" => format!("X{alt}"),
            _ => alt.to_owned(),
        };
        (alt, key)
    }

    /// Kraken's REST names (altname, wsname, key): the old ones for the assets that have them.
    #[must_use]
    pub fn kraken_names(&self) -> (String, String, String) {
        let (alt, asset) = self.kraken_asset();
        let altname = format!("{alt}{}", self.quote);
        let key = match alt {
            // Dogecoin's pairs go without the prefixes.
            alt if alt == asset || alt == "XDG" => altname.clone(),
            _ => format!("{asset}Z{}", self.quote),
        };
        (altname, format!("{alt}/{}", self.quote), key)
    }

    /// Returns whether a user who wrote `wanted` means this instrument: the symbol, `venue:symbol`, the
    /// ticker, or the CoinGecko id, in any case.
    #[must_use]
    pub fn is_called(&self, wanted: &str) -> bool {
        let (venue, name) = match wanted.split_once(':') {
            Some((venue, name)) => (Some(venue), name),
            None => (None, wanted),
        };
        venue.is_none_or(|v| v.eq_ignore_ascii_case(self.venue.name()))
            && [self.symbol.as_str(), self.token.ticker, self.token.id]
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Every instrument of the market: each token on each venue, tokens first by turnover.
pub(crate) fn all() -> Vec<Instrument> {
    TOKENS
        .iter()
        .flat_map(|token| Venue::ALL.map(|venue| (token, venue)))
        .enumerate()
        .map(|(index, (token, venue))| {
            let ((price_digits, quantity_digits), quote, symbol) = match venue {
                Venue::Binance => (token.binance, "USDT", format!("{}USDT", token.ticker)),
                Venue::Coinbase => (token.coinbase, "USD", format!("{}-USD", token.ticker)),
                Venue::Kraken => (token.kraken, "USD", format!("{}/USD", token.ticker)),
            };
            Instrument {
                index,
                venue,
                token,
                symbol,
                quote,
                price_digits,
                quantity_digits,
                weight: token.weight * venue.share(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_venues_own() {
        let all = all();
        assert_eq!(all.len(), 93);
        let of = |symbol: &str| all.iter().find(|i| i.symbol == symbol).expect("listed");
        assert_eq!(of("BTC/USD").kraken_names().2, "XXBTZUSD");
        assert_eq!(of("DOGE/USD").kraken_names().1, "XDG/USD");
        assert_eq!(of("DOGE/USD").kraken_names().2, "XDGUSD");
        assert_eq!(of("DOGE/USD").kraken_asset().1, "XXDG");
        assert_eq!(of("SOL/USD").kraken_names().0, "SOLUSD");
        assert!(of("BTCUSDT").is_called("binance:btcusdt"));
        assert!(of("BTC-USD").is_called("bitcoin"));
        assert!(!of("BTC-USD").is_called("binance:bitcoin"));
    }
}
