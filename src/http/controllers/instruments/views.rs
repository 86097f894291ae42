//! The shapes of instruments and their candles: decimals as strings, times RFC 3339 UTC.

use coinsphere_pipelines::candles::GapReason;
use coinsphere_pipelines::market::{CandleJson, Interval, Timestamp};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::http::extract::cursor::SeriesCursor;
use crate::market::series::{Coverage, Series};
use crate::market::{Gap, Instrument, SeriesCandle};

/// An instrument.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Instrument)]
pub(in crate::http) struct InstrumentView {
    /// The venue.
    #[schema(example = "kraken")]
    venue: &'static str,
    /// The venue's own symbol.
    #[schema(example = "BTC/USD")]
    symbol: String,
    /// CoinGecko id of the base asset, if known.
    #[schema(example = "bitcoin")]
    token: Option<String>,
    /// Ticker of the base asset, if known.
    #[schema(example = "BTC")]
    base: Option<String>,
    /// Ticker of the quote asset, if known.
    #[schema(example = "USD")]
    quote: Option<String>,
}

/// A series of candles, with what is known to be missing from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CandleSeries)]
pub(in crate::http) struct CandleSeriesView {
    /// Ascending by `open_time`.
    #[schema(value_type = Vec<CandleView>)]
    #[serde(serialize_with = "candles")]
    data: Vec<SeriesCandle>,
    /// Pass it as `cursor` for the next page (later candles when `from` or `range` was given, else
    /// earlier ones); null when there are no more.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
    /// The time these candles cover.
    coverage: CoverageView,
    /// The instrument these are candles of.
    instrument: InstrumentView,
    /// The length of a candle.
    #[schema(value_type = String, example = "1m")]
    #[serde(serialize_with = "interval")]
    interval: Interval,
}

/// A candle.
#[derive(ToSchema)]
#[schema(as = Candle)]
#[expect(
    dead_code,
    reason = "documents what CandleJson writes; a test compares the two"
)]
struct CandleView {
    /// Start of the interval.
    #[schema(value_type = String, format = DateTime, example = "2024-08-08T23:54:00Z")]
    open_time: Timestamp,
    /// Price of the first trade, a decimal.
    #[schema(example = "61837.63")]
    open: String,
    /// Highest price, a decimal.
    #[schema(example = "61901")]
    high: String,
    /// Lowest price, a decimal.
    #[schema(example = "61890.25")]
    low: String,
    /// Price of the last trade, a decimal.
    #[schema(example = "61895.6")]
    close: String,
    /// Volume in the base asset, a decimal.
    #[schema(example = "4.813")]
    volume: String,
    /// Volume in the quote asset, a decimal.
    #[schema(example = "297930.12")]
    quote_volume: String,
    /// Number of trades.
    trades: u64,
    /// The part of `volume` that takers bought, a decimal.
    #[schema(example = "2.706")]
    taker_buy_volume: String,
    /// True when the interval has closed with no trade missing.
    complete: bool,
    /// Number of corrections of the candle.
    revision: u32,
}

/// The range the candles cover, and the gaps in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coverage)]
struct CoverageView {
    /// Start, inclusive; null when nothing is covered.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// End, exclusive; null when nothing is covered.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The gaps, earliest first.
    gaps: Vec<GapView>,
}

/// A period in which trades are, or may be, missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gap)]
struct GapView {
    /// Start, inclusive.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// End, exclusive; null while it is ongoing.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The reason: `missing_trades`, `numbering_restart`, `disconnect`, `silence`, `late_start`,
    /// `log_full`, `log_truncated`, `overflow` or `venue_hole`.
    #[schema(value_type = String, example = "disconnect")]
    reason: GapReason,
    /// First missing trade id, if known.
    first_missing_trade: Option<u64>,
    /// Last missing trade id, if known.
    last_missing_trade: Option<u64>,
}

fn candles<S: Serializer>(series: &[SeriesCandle], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(series.iter().map(|entry| CandleJson {
        candle: &entry.candle,
        revision: entry.revision,
        closed: !entry.open,
    }))
}

fn interval<S: Serializer>(interval: &Interval, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(interval.name())
}

impl From<&Instrument> for InstrumentView {
    fn from(instrument: &Instrument) -> Self {
        Self {
            venue: instrument.key.venue.name(),
            symbol: instrument.key.symbol.to_string(),
            token: instrument.token.as_ref().map(ToString::to_string),
            base: instrument.base.clone(),
            quote: instrument.quote.clone(),
        }
    }
}

impl From<&Gap> for GapView {
    fn from(gap: &Gap) -> Self {
        Self {
            from: gap.from,
            to: gap.to,
            reason: gap.reason,
            first_missing_trade: gap.missing.map(|(first, _)| first.0),
            last_missing_trade: gap.missing.map(|(_, last)| last.0),
        }
    }
}

impl From<Coverage> for CoverageView {
    fn from(coverage: Coverage) -> Self {
        Self {
            from: coverage.range.map(|(from, _)| from),
            to: coverage.range.map(|(_, to)| to),
            gaps: coverage.gaps.iter().map(Into::into).collect(),
        }
    }
}

impl CandleSeriesView {
    /// A page of this instrument's candles.
    pub(in crate::http) fn new(
        series: Series,
        instrument: &Instrument,
        interval: Interval,
    ) -> Self {
        let next = series.next.map(SeriesCursor::From);
        let next = next.or(series.previous.map(SeriesCursor::To));
        Self {
            data: series.candles,
            next_cursor: next.map(SeriesCursor::encode),
            coverage: series.coverage.into(),
            instrument: instrument.into(),
            interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use coinsphere_pipelines::market::Candle;
    use rust_decimal::Decimal;
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn a_candle_has_the_fields_that_are_documented() {
        let candle = Candle {
            open_time: Timestamp::from_nanos(0),
            open: Decimal::ONE,
            high: Decimal::ONE,
            low: Decimal::ONE,
            close: Decimal::ONE,
            volume: Decimal::ONE,
            quote_volume: Decimal::ONE,
            trades: 1,
            taker_buy_volume: Decimal::ONE,
            complete: true,
        };
        let written = CandleJson {
            candle: &candle,
            revision: 0,
            closed: true,
        };
        let written = serde_json::to_value(written).unwrap();
        let documented = serde_json::to_value(CandleView::schema()).unwrap();
        let fields = |value: &serde_json::Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(fields(&written), fields(&documented["properties"]));
    }
}
