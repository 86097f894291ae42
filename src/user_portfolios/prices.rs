//! The prices a portfolio is valued with: the closing price of each day and the newest price of each of
//! its assets, in its currency, out of the stored candles of the instrument that stands for the asset.
//! An asset is known by the catalogue's id, so that a ticker never finds the price of another coin.
//!
//! Quotes in dollars and in coins that stand for a dollar count as dollars. A price in anything else is
//! converted by the day's rate, and each price says how. Days are those of UTC candles.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveTime};
use coinsphere_pipelines::market::{InstrumentKey, Timestamp};
use coinsphere_pipelines::store::{CandleSource, SeriesCloses, Store, StoreError};

use super::price_plan::{BRIDGE, Catalogue, Plan, Priced, Series, Steps};

use crate::portfolios::ledger::is_money;
use crate::portfolios::{Decimal, Money, Prices};

/// Quotes of instruments besides dollars, the most common.
const QUOTES: [&str; 11] = [
    "BTC", "ETH", "BNB", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "TRY", "BRL",
];

/// Parameters of a query for prices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceQuery<'a> {
    /// The currency they are wanted in.
    pub(crate) currency: &'a str,
    /// The assets, as the transactions name them: the code of money, the catalogue's id, or a name of the
    /// owner's, which has no price here.
    pub(crate) tickers: &'a BTreeSet<String>,
    /// The first day.
    pub(crate) from: NaiveDate,
    /// The last day: today, where the portfolio is.
    pub(crate) today: NaiveDate,
}

/// The prices of a portfolio's assets in its currency.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PortfolioPrices {
    /// The closing price of each day; that of today is the newest price.
    pub(crate) closes: Prices,
    /// Price of each asset, and its source.
    pub(crate) assets: BTreeMap<String, AssetPrice>,
}

/// Price of an asset, and its source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AssetPrice {
    /// With this.
    Priced(PriceSource),
    /// Not at all, and why.
    Unpriced(String),
}

/// Where an asset's price comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceSource {
    /// The catalogue's id.
    pub(crate) asset: Option<String>,
    /// In words: the instrument, or what the price was imported from, and the conversion.
    pub(crate) source: String,
    /// The newest price that is stored, in the portfolio's currency.
    pub(crate) newest: Decimal,
    /// When it was paid: the minute or the end of the day.
    pub(crate) newest_at: Timestamp,
    /// The instrument whose trades are newer prices, and what each is multiplied by.
    pub(crate) live: Option<(InstrumentKey, Decimal)>,
}

impl PriceSource {
    /// The price that a trade of its instrument means.
    pub(crate) fn of_trade(&self, price: rust_decimal::Decimal) -> Option<Decimal> {
        let (_, factor) = self.live.as_ref()?;
        times(exact(price)?, *factor)
    }
}

/// Reads the prices.
///
/// # Errors
/// When the database is unreachable or refuses.
pub(crate) async fn read(
    store: &Store,
    asked: PriceQuery<'_>,
) -> Result<PortfolioPrices, StoreError> {
    let mut named: Vec<&str> = asked.tickers.iter().map(String::as_str).collect();
    named.extend([asked.currency, BRIDGE]);
    let currencies = named.iter().copied().filter(|name| is_money(name));
    let currencies: Vec<&str> = currencies.chain(QUOTES).collect();
    let found = store.priced_assets(&named, &QUOTES, &currencies).await?;
    let currency = asked.currency;
    let catalogue = Catalogue { found, currency };
    let mut plan = Plan::default();
    let wanted: Vec<(&String, Priced)> = asked
        .tickers
        .iter()
        .filter(|ticker| *ticker != asked.currency)
        .map(|ticker| (ticker, catalogue.plan(ticker, &mut plan)))
        .collect();
    let from = asked.from.checked_sub_days(Days::new(LOOK_BACK));
    let from = start_of(from.unwrap_or(asked.from));
    let closes = store.daily_closes(&plan.series, from).await?;
    let mut prices = PortfolioPrices::default();
    for (ticker, priced) in wanted {
        let how = match priced {
            Priced::Not(why) => AssetPrice::Unpriced(why),
            Priced::By(steps) => prices.fill(ticker, &steps, &closes, asked.today),
        };
        prices.assets.insert(ticker.clone(), how);
    }
    Ok(prices)
}

/// Days before the first transaction that are read as well: on the day itself there may be no price.
const LOOK_BACK: u64 = 7;

/// The first moment of a day in UTC.
pub(super) fn start_of(day: NaiveDate) -> Timestamp {
    Timestamp::from_utc(day.and_time(NaiveTime::MIN).and_utc())
}

impl Series {
    fn closes<'a>(&self, closes: &'a [SeriesCloses]) -> Option<&'a SeriesCloses> {
        match self {
            Self::Par => None,
            Self::At { number, .. } => closes.get(*number),
        }
    }

    /// The price on a day, or the last before it.
    fn on(&self, day: NaiveDate, closes: &[SeriesCloses]) -> Option<Decimal> {
        if matches!(self, Self::Par) {
            return Some(Decimal::ONE);
        }
        let days = &self.closes(closes)?.days;
        let after = days.partition_point(|close| close.day <= day);
        after.checked_sub(1).and_then(|at| exact(days[at].close))
    }

    /// The newest price, when it was, and what says so.
    fn newest(
        &self,
        closes: &[SeriesCloses],
        today: NaiveDate,
    ) -> Option<(Decimal, Timestamp, String)> {
        let Self::At { instrument, .. } = self else {
            return Some((
                Decimal::ONE,
                start_of(today),
                "a dollar by its name".to_owned(),
            ));
        };
        let closes = self.closes(closes)?;
        let last = closes.days.last();
        let of_day = last.and_then(|last| {
            let end = start_of(last.day.succ_opt()?);
            let source = match (&last.source, instrument) {
                (CandleSource::Imported(source), _) => format!("imported from {source}"),
                (CandleSource::Built, Some(instrument)) => instrument.to_string(),
                (CandleSource::Built, None) => String::new(),
            };
            Some((exact(last.close)?, end, source))
        });
        let of_minute = closes.newest.and_then(|(minute, price)| {
            let name = instrument.as_ref().map(ToString::to_string);
            Some((exact(price)?, minute, name.unwrap_or_default()))
        });
        match (of_minute, of_day) {
            // The day's end lies ahead while the day goes on: its last minute is what it is made of.
            (Some(minute), Some(day)) if day.1 <= minute.1 || is_running(day.1, minute.1) => {
                Some(minute)
            }
            (minute, day) => day.or(minute),
        }
    }
}

/// True when the minute is of the day that ends then.
fn is_running(end: Timestamp, minute: Timestamp) -> bool {
    minute < end && end.since(minute) <= std::time::Duration::from_secs(86_400)
}

impl Steps {
    /// A price, converted with the rates of a day.
    fn converted(
        &self,
        price: Decimal,
        day: NaiveDate,
        closes: &[SeriesCloses],
    ) -> Option<Decimal> {
        let up = self.multiplied.iter().map(|series| series.on(day, closes));
        let down = self.divided.iter().map(|series| series.on(day, closes));
        let up = up.collect::<Option<Vec<_>>>()?;
        let down = down.collect::<Option<Vec<_>>>()?;
        let price = up.into_iter().try_fold(price, times)?;
        down.into_iter().try_fold(price, over)
    }
}

impl PortfolioPrices {
    /// Fills in the prices of an asset, and says how it is priced.
    fn fill(
        &mut self,
        ticker: &str,
        steps: &Steps,
        closes: &[SeriesCloses],
        today: NaiveDate,
    ) -> AssetPrice {
        let days: BTreeSet<NaiveDate> = match steps.base.closes(closes) {
            Some(closes) => closes.days.iter().map(|close| close.day).collect(),
            // A price that is always the same changes with the rates.
            None => {
                let rates = steps.multiplied.iter().chain(&steps.divided);
                let rates = rates.filter_map(|series| series.closes(closes));
                rates
                    .flat_map(|closes| closes.days.iter().map(|close| close.day))
                    .collect()
            }
        };
        for day in days.into_iter().filter(|day| *day <= today) {
            let price = steps.base.on(day, closes);
            let price = price.and_then(|price| steps.converted(price, day, closes));
            if let Some(price) = price {
                self.closes.set(ticker, day, price);
            }
        }
        let newest = steps.base.newest(closes, today);
        let newest = newest.and_then(|(price, at, source)| {
            let converted = steps.converted(price, today, closes)?;
            Some((converted, at, source))
        });
        let Some((newest, newest_at, source)) = newest else {
            return AssetPrice::Unpriced(format!("no price of {ticker} is stored"));
        };
        self.closes.set(ticker, today, newest);
        let factor = steps.converted(Decimal::ONE, today, closes);
        let live = match &steps.base {
            Series::At {
                instrument: Some(instrument),
                ..
            } => factor.map(|factor| (instrument.clone(), factor)),
            _ => None,
        };
        AssetPrice::Priced(PriceSource {
            asset: steps.asset.clone(),
            source: match &steps.conversion {
                Some(conversion) => format!("{source}, {conversion}"),
                None => source,
            },
            newest,
            newest_at,
            live,
        })
    }
}

/// The price with at most 18 fractional digits; none if nothing of it is left, or it is too large.
fn exact(price: rust_decimal::Decimal) -> Option<Decimal> {
    let price = price.round_dp(18).normalize();
    let price: Decimal = price.to_string().parse().ok()?;
    price.is_positive().then_some(price)
}

/// A product, rounded to 18 fractional digits, half to even.
fn times(price: Decimal, by: Decimal) -> Option<Decimal> {
    if by == Decimal::ONE {
        return Some(price);
    }
    positive(Money::product(price.atoms(), by)?)
}

/// A quotient, rounded alike.
fn over(price: Decimal, by: Decimal) -> Option<Decimal> {
    if by == Decimal::ONE {
        return Some(price);
    }
    positive(Money::from(price).share(Decimal::ONE.atoms(), by.atoms())?)
}

fn positive(amount: Money) -> Option<Decimal> {
    let amount: Decimal = amount.to_string().parse().ok()?;
    amount.is_positive().then_some(amount)
}
