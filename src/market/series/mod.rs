//! A series of candles as it is answered: the stored ones, the newest state of the open one, empty
//! intervals filled on request, and what all of it covers. The same for tokens and instruments.

mod coverage;
mod fill;
mod live;

use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::market::{AssetId, Interval, Timestamp};
use rust_decimal::Decimal;

pub use coverage::Coverage;

use super::data::{Candles, CandlesQuery, Instrument, MarketData, ReadError, SeriesCandle};

/// The most candles of one answer.
pub const MAX_CANDLES: usize = 5_000;

/// Which candles are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRequest {
    /// Of which length.
    pub interval: Interval,
    /// The earliest opening time, inclusive. Without it the newest candles are answered.
    pub from: Option<Timestamp>,
    /// The end, exclusive.
    pub to: Option<Timestamp>,
    /// Page size, at least 1 and at most [`MAX_CANDLES`].
    pub limit: usize,
    /// True if intervals without trades are filled, at the close before them.
    pub fill: bool,
}

/// A page of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Ascending.
    pub candles: Vec<SeriesCandle>,
    /// Where later candles go on; only when the request had a `from`.
    pub next: Option<Timestamp>,
    /// Before here there are earlier candles; only when the request had no `from`.
    pub previous: Option<Timestamp>,
    /// The time that the page speaks for.
    pub coverage: Coverage,
}

/// Answers the request for this instrument, which may stand for an asset as a whole.
///
/// # Errors
/// When the records cannot be read.
pub async fn read(
    market: &dyn MarketData,
    hub: &PushHub,
    now: Timestamp,
    instrument: &Instrument,
    asset: Option<AssetId>,
    request: &SeriesRequest,
) -> Result<Series, ReadError> {
    let query = CandlesQuery {
        instrument: instrument.key.clone(),
        asset,
        interval: request.interval,
        from: request.from,
        to: request.to,
        limit: request.limit,
    };
    let mut page = market.candles(&query).await?;
    if let Some(newest) = hub.newest_candle(&instrument.key, request.interval) {
        live::splice(newest, request, &mut page);
    }
    let before = close_before(market, &query, request, &page).await?;
    let coverage = coverage::cover(request, &mut page, before, now);
    if request.fill {
        fill::fill(&mut page, request, before, &coverage.gaps, now);
    }
    let ascending = request.from.is_some();
    Ok(Series {
        candles: page.candles,
        next: page.next.filter(|_| ascending),
        previous: page.previous.filter(|_| !ascending),
        coverage,
    })
}

/// The close before the asked `from`, where it matters: it says whether a page that begins with a hole
/// begins before anything was known, and fills that hole.
async fn close_before(
    market: &dyn MarketData,
    query: &CandlesQuery,
    request: &SeriesRequest,
    page: &Candles,
) -> Result<Option<Decimal>, ReadError> {
    let first = page.candles.first().map(|first| first.candle.open_time);
    let Some(from) = request.from else {
        return Ok(None);
    };
    if first.is_some_and(|first| first <= ceil(request.interval, from)) {
        return Ok(None);
    }
    let before = CandlesQuery {
        from: None,
        to: Some(from),
        limit: 1,
        ..query.clone()
    };
    let found = market.candles(&before).await?.candles;
    Ok(found.last().map(|last| last.candle.close))
}

/// The first opening time at or after `time`.
fn ceil(interval: Interval, time: Timestamp) -> Timestamp {
    let open = interval.open_of(time);
    if open == time {
        open
    } else {
        interval.end_of(open)
    }
}
