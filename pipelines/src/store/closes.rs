//! Closing prices of days, and the newest prices, of many assets at once: what portfolios are valued
//! with. One statement reads all of them.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::Store;
use super::error::StoreError;
use super::exact::{Micros, Numeric};
use super::pool::query;
use super::rows::{CandleSource, InstrumentId};
use crate::market::Timestamp;

/// A series of prices: of an instrument, and where it has none, what was imported for the asset as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CloseSeries {
    /// The instrument.
    pub instrument: Option<InstrumentId>,
    /// The asset's id.
    pub asset: Option<String>,
}

/// The closing price of a day in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyClose {
    /// The day.
    pub day: NaiveDate,
    /// The last price of the day; of a day that is not over yet, the last so far.
    pub close: Decimal,
    /// Where it comes from.
    pub source: CandleSource,
}

/// The prices of a series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesCloses {
    /// Ascending, each day once; days without a price are absent.
    pub days: Vec<DailyClose>,
    /// The close of the newest minute with a trade, and that minute.
    pub newest: Option<(Timestamp, Decimal)>,
}

/// Kinds of row; the first column names one.
mod kind {
    pub(super) const BUILT: i32 = 0;
    pub(super) const IMPORTED: i32 = 1;
    pub(super) const IMPORTED_FOR_ASSET: i32 = 2;
    pub(super) const NEWEST: i32 = 3;
    /// A gap over the end of a day.
    pub(super) const GAP: i32 = 4;
}

/// The most gaps that are looked at.
const GAPS: usize = 10_000;

fn prices() -> String {
    format!(
        "SELECT {built}, instrument_id, NULL::text, open_time, close, complete, NULL::text, NULL::timestamptz \
             FROM price_1d WHERE instrument_id = ANY($1) AND open_time >= $3 \
         UNION ALL SELECT {imported}, instrument_id, NULL, open_time, close, true, source, NULL \
             FROM price_history WHERE instrument_id = ANY($1) AND interval = '1d' AND open_time >= $3 \
         UNION ALL SELECT {of_asset}, NULL, asset_id, open_time, close, true, source, NULL \
             FROM price_history WHERE asset_id = ANY($2) AND interval = '1d' AND open_time >= $3 \
         UNION ALL SELECT {newest}, id, NULL, open_time, close, true, NULL, NULL \
             FROM unnest($1::integer[]) AS wanted (id) CROSS JOIN LATERAL ( \
                 (SELECT open_time, close FROM price_data WHERE instrument_id = id \
                  ORDER BY open_time DESC LIMIT 1) \
                 UNION ALL (SELECT open_time, close FROM live_candles WHERE instrument_id = id \
                            ORDER BY open_time DESC LIMIT 1)) AS last \
         UNION ALL (SELECT {gap}, instrument_id, NULL, from_time, NULL, NULL, NULL, to_time \
             FROM gaps WHERE instrument_id = ANY($1) AND filled_at IS NULL \
                 AND (to_time IS NULL OR (to_time >= $3 AND date_trunc('day', to_time) >= from_time)) \
             ORDER BY from_time DESC LIMIT {GAPS})",
        built = kind::BUILT,
        imported = kind::IMPORTED,
        of_asset = kind::IMPORTED_FOR_ASSET,
        newest = kind::NEWEST,
        gap = kind::GAP,
    )
}

/// Known state of one instrument or asset.
#[derive(Default)]
struct Known {
    built: BTreeMap<NaiveDate, (Decimal, bool)>,
    imported: BTreeMap<NaiveDate, (Decimal, String)>,
    newest: Option<(Timestamp, Decimal)>,
    /// Stretches in which trades are missing, over the end of a day.
    gaps: Vec<(Timestamp, Option<Timestamp>)>,
}

impl Store {
    /// The closing prices of days from `from` on, and the newest prices, of each series. A day counts
    /// as it was built here; where trades at its end may be missing, or there is none, as it was imported.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn daily_closes(
        &self,
        series: &[CloseSeries],
        from: Timestamp,
    ) -> Result<Vec<SeriesCloses>, StoreError> {
        if series.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = series.iter().filter_map(|series| series.instrument);
        let instruments: Vec<i32> = wanted.map(|id| id.0).collect();
        let wanted = series.iter().filter_map(|series| series.asset.as_deref());
        let assets: Vec<&str> = wanted.collect();
        let session = self.pool.get().await?;
        let doing = "read closing prices";
        let from = from.to_utc();
        let rows = query(&session, doing, &prices(), &[&instruments, &assets, &from]).await?;
        let mut by_instrument: HashMap<i32, Known> = HashMap::new();
        let mut by_asset: HashMap<String, Known> = HashMap::new();
        for row in &rows {
            let kind: i32 = row.get(0);
            let Micros(time) = row.get(3);
            let day = time.to_utc().date_naive();
            let close = row.get::<_, Option<Numeric>>(4).map(|close| close.value);
            let known = match row.get::<_, Option<i32>>(1) {
                Some(number) => by_instrument.entry(number).or_default(),
                None => by_asset.entry(row.get(2)).or_default(),
            };
            match (kind, close) {
                (kind::BUILT, Some(close)) => {
                    known.built.insert(day, (close, row.get(5)));
                }
                (kind::IMPORTED | kind::IMPORTED_FOR_ASSET, Some(close)) => {
                    known.imported.insert(day, (close, row.get(6)));
                }
                (kind::NEWEST, Some(close)) => known.newest = known.newest.max(Some((time, close))),
                _ => {
                    let to: Option<Micros> = row.get(7);
                    known.gaps.push((time, to.map(|Micros(to)| to)));
                }
            }
        }
        let (none, no_imports) = (Known::default(), BTreeMap::new());
        Ok(series
            .iter()
            .map(|series| {
                let id = series.instrument.map(|id| id.0);
                let own = id.and_then(|id| by_instrument.get(&id)).unwrap_or(&none);
                let asset = series.asset.as_deref();
                let of_asset = asset.and_then(|asset| by_asset.get(asset));
                own.merged(of_asset.map_or(&no_imports, |known| &known.imported))
            })
            .collect())
    }
}

impl Known {
    /// One price a day: what was built here, else what was imported for the instrument, else for the asset.
    fn merged(&self, of_asset: &BTreeMap<NaiveDate, (Decimal, String)>) -> SeriesCloses {
        let mut days: BTreeMap<NaiveDate, DailyClose> = BTreeMap::new();
        for imported in [of_asset, &self.imported] {
            for (&day, (close, source)) in imported {
                let source = CandleSource::Imported(source.clone());
                let close = *close;
                days.insert(day, DailyClose { day, close, source });
            }
        }
        for (&day, &(close, complete)) in &self.built {
            if days.contains_key(&day) && !(complete && self.is_whole_to_its_end(day)) {
                continue;
            }
            let source = CandleSource::Built;
            days.insert(day, DailyClose { day, close, source });
        }
        SeriesCloses {
            days: days.into_values().collect(),
            newest: self.newest,
        }
    }

    /// True when no gap lies over the end of the day.
    fn is_whole_to_its_end(&self, day: NaiveDate) -> bool {
        let end = day
            .succ_opt()
            .unwrap_or(day)
            .and_time(chrono::NaiveTime::MIN);
        let end = Timestamp::from_utc(end.and_utc());
        let over = |&(from, to): &(Timestamp, Option<Timestamp>)| {
            from < end && to.is_none_or(|to| to >= end)
        };
        !self.gaps.iter().any(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_day_whose_end_was_missed_is_the_imported_one() {
        let price = Decimal::from;
        let known = Known {
            built: BTreeMap::from([
                (day("2026-02-01"), (price(1), true)),
                (day("2026-02-02"), (price(2), true)),
                (day("2026-02-03"), (price(3), false)),
                (day("2026-02-04"), (price(4), false)),
            ]),
            imported: BTreeMap::from([
                (day("2026-02-01"), (price(10), "binance".to_owned())),
                (day("2026-02-02"), (price(20), "binance".to_owned())),
                (day("2026-02-03"), (price(30), "binance".to_owned())),
            ]),
            newest: None,
            gaps: vec![(at("2026-02-02T12:00:00Z"), Some(at("2026-02-03T06:00:00Z")))],
        };
        let of_asset = BTreeMap::from([
            (day("2026-01-31"), (price(100), "coingecko".to_owned())),
            (day("2026-02-03"), (price(300), "coingecko".to_owned())),
        ]);
        let closes: Vec<_> = known
            .merged(&of_asset)
            .days
            .into_iter()
            .map(|close| close.close)
            .collect();
        assert_eq!(closes, [100, 1, 20, 30, 4].map(price));
    }
}
