//! Plan of an asset's price in a portfolio's currency: the instrument, and the rates by which it is converted. It
//! knows no prices.

use std::collections::HashMap;

use coinsphere_pipelines::market::InstrumentKey;
use coinsphere_pipelines::store::{CloseSeries, Instrument, PricedAssets};

use crate::portfolios::ledger::is_money;

/// Coins that stand for a dollar; a quote in one is a quote in dollars.
const DOLLARS: [&str; 8] = [
    "USD", "USDT", "USDC", "DAI", "FDUSD", "TUSD", "PYUSD", "BUSD",
];

/// The coin over which a currency without an instrument of its own is converted.
pub(super) const BRIDGE: &str = "bitcoin";

/// The series that one statement reads, each once.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) series: Vec<CloseSeries>,
    known: HashMap<CloseSeries, usize>,
}

impl Plan {
    fn add(&mut self, series: CloseSeries) -> usize {
        let next = self.series.len();
        *self.known.entry(series.clone()).or_insert_with(|| {
            self.series.push(series);
            next
        })
    }
}

/// Source of a price.
pub(super) enum Priced {
    By(Steps),
    Not(String),
}

/// A series of prices, and what each is multiplied and divided by.
pub(super) struct Steps {
    pub(super) asset: Option<String>,
    pub(super) base: Series,
    pub(super) multiplied: Vec<Series>,
    pub(super) divided: Vec<Series>,
    /// The conversion in words, if there is one.
    pub(super) conversion: Option<String>,
}

/// One of the planned series.
#[derive(Clone)]
pub(super) enum Series {
    /// One dollar, always.
    Par,
    At {
        number: usize,
        instrument: Option<InstrumentKey>,
    },
}

/// Known assets and instruments.
pub(super) struct Catalogue<'a> {
    pub(super) found: PricedAssets,
    /// Currency of the prices.
    pub(super) currency: &'a str,
}

impl Catalogue<'_> {
    /// Plans the price of an asset in the portfolio's currency.
    pub(super) fn plan(&self, ticker: &str, plan: &mut Plan) -> Priced {
        let (asset, base, quote) = match self.base(ticker, plan) {
            Ok(base) => base,
            Err(why) => return Priced::Not(why),
        };
        let currency = self.currency;
        let mut steps = Steps {
            asset,
            base,
            multiplied: Vec::new(),
            divided: Vec::new(),
            conversion: None,
        };
        if self.is_priced_in(&quote, currency) {
            return Priced::By(steps);
        }
        let no_rate = |of: &str| {
            Priced::Not(format!(
                "its price is in {quote}, and no rate of {of} is known: add an instrument that trades {of}"
            ))
        };
        let Some(of_quote) = self.dollars(&quote, plan) else {
            return no_rate(&quote);
        };
        let Some(of_currency) = self.dollars(currency, plan) else {
            return no_rate(currency);
        };
        steps.multiplied = [of_quote.up, of_currency.down].concat();
        steps.divided = [of_quote.down, of_currency.up].concat();
        let ways = [of_quote.ways, of_currency.ways].concat();
        steps.conversion = Some(match ways.is_empty() {
            true => format!("{quote} taken as {currency}"),
            false => format!("{quote} to {currency} by {}", ways.join(" and ")),
        });
        Priced::By(steps)
    }

    /// The series of an asset's own prices, and what they are quoted in.
    fn base(
        &self,
        ticker: &str,
        plan: &mut Plan,
    ) -> Result<(Option<String>, Series, String), String> {
        if is_money(ticker) {
            return match self.currency_instrument(ticker) {
                Some(instrument) => {
                    let quote = instrument.quote.clone().unwrap_or_default();
                    Ok((None, instrument_series(instrument, None, plan), quote))
                }
                // One of it is worth one of it: the rate is the conversion's.
                None if ticker == "USD" || self.bridge(ticker).is_some() => {
                    Ok((None, Series::Par, ticker.to_owned()))
                }
                None => Err(format!(
                    "no rate of {ticker} is known: add an instrument that trades {ticker}"
                )),
            };
        }
        let known = self.found.assets.get_key_value(ticker);
        let Some((id, (_, instruments))) = known else {
            if DOLLARS.contains(&ticker) {
                return Ok((None, Series::Par, "USD".to_owned()));
            }
            return Err(format!("{ticker} is no coin that is known here"));
        };
        let id = id.clone();
        let primary = instruments.first();
        match primary {
            Some(instrument) => {
                let quote = instrument.quote.clone().unwrap_or_default();
                // What was imported for an asset as a whole is in dollars.
                let whole = DOLLARS.contains(&quote.as_str()).then(|| id.clone());
                let series = instrument_series(instrument, whole, plan);
                Ok((Some(id), series, quote))
            }
            None => {
                let series = CloseSeries {
                    instrument: None,
                    asset: Some(id.clone()),
                };
                let number = plan.add(series);
                let series = Series::At {
                    number,
                    instrument: None,
                };
                Ok((Some(id), series, "USD".to_owned()))
            }
        }
    }

    /// True when a quote, which is a ticker, is the currency, which is money or an id.
    fn is_priced_in(&self, quote: &str, currency: &str) -> bool {
        quote == currency || self.quote(quote) == Some(currency)
    }

    /// The one followed asset that a quote means.
    fn quote(&self, ticker: &str) -> Option<&str> {
        let followed = |all: &[Instrument]| all.iter().any(|one| one.listed);
        let assets = self.found.assets.iter();
        let mut candidates = assets.filter(|(_, (symbol, all))| symbol == ticker && followed(all));
        let (id, _) = candidates.next()?;
        candidates.next().is_none().then_some(id.as_str())
    }

    /// The instrument that prices a currency of a state in dollars.
    fn currency_instrument(&self, currency: &str) -> Option<&Instrument> {
        let all = self.found.currencies.get(currency)?;
        all.iter().find(|one| quoted_in_dollars(one))
    }

    /// The bridge's price in dollars, and in this currency.
    fn bridge(&self, currency: &str) -> Option<(&Instrument, &Instrument)> {
        let (_, all) = self.found.assets.get(BRIDGE)?;
        let dollars = all.iter().find(|one| quoted_in_dollars(one))?;
        let own = all
            .iter()
            .find(|one| one.quote.as_deref() == Some(currency))?;
        Some((dollars, own))
    }

    /// Dollar value of a quote or currency.
    fn dollars(&self, of: &str, plan: &mut Plan) -> Option<Rate> {
        if DOLLARS.contains(&of) {
            return Some(Rate::default());
        }
        let own = if is_money(of) {
            self.currency_instrument(of)
        } else {
            let known = self.found.assets.get(of);
            let (_, all) = match known {
                Some(known) => known,
                None => self.found.assets.get(self.quote(of)?)?,
            };
            all.iter().find(|one| quoted_in_dollars(one))
        };
        if let Some(instrument) = own {
            return Some(Rate {
                up: vec![instrument_series(instrument, None, plan)],
                down: Vec::new(),
                ways: vec![instrument.key.to_string()],
            });
        }
        let (dollars, own) = self.bridge(of)?;
        Some(Rate {
            up: vec![instrument_series(dollars, None, plan)],
            down: vec![instrument_series(own, None, plan)],
            ways: vec![dollars.key.to_string(), own.key.to_string()],
        })
    }
}

/// Rate of something to the dollar: its factors, its divisors, and the instruments of both.
#[derive(Default)]
struct Rate {
    up: Vec<Series>,
    down: Vec<Series>,
    ways: Vec<String>,
}

fn quoted_in_dollars(instrument: &Instrument) -> bool {
    let quote = instrument.quote.as_deref();
    quote.is_some_and(|quote| DOLLARS.contains(&quote))
}

fn instrument_series(instrument: &Instrument, whole: Option<String>, plan: &mut Plan) -> Series {
    let series = CloseSeries {
        instrument: Some(instrument.id),
        asset: whole,
    };
    Series::At {
        number: plan.add(series),
        instrument: Some(instrument.key.clone()),
    }
}
