//! An answer's series of candles: what is stored, the newest state of the open candle, empty
//! intervals filled on request, and what all of it covers. The same for tokens and instruments.

use std::time::Duration;

use coinsphere_pipelines::market::{AssetId, Candle, Interval, Timestamp};
use rust_decimal::Decimal;

use crate::http::controllers::views::{CandleSeriesBody, CoverageBody};
use crate::http::extract::cursor::SeriesCursor;
use crate::http::extract::params::{Params, limit, time};
use crate::http::respond::problem::Problem;
use crate::http::state::ApiState;
use crate::market::{Candles, CandlesQuery, Gap, Instrument, SeriesCandle};

/// The most candles of one answer.
pub(in crate::http) const MAX_LIMIT: usize = 5_000;
const DEFAULT_LIMIT: usize = 1_000;

/// An empty interval is not called complete until late trades had this long to arrive.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Parameters of a series of candles.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what SeriesRequest::read reads; a test compares the two"
)]
pub(in crate::http) struct SeriesParams {
    /// Length of a candle: `1m` (default), `5m`, `15m`, `1h`, `4h` or `1d`.
    #[param(pattern = "^(1m|5m|15m|1h|4h|1d)$")]
    interval: Option<String>,
    /// Earliest opening time, RFC 3339, inclusive. Without it (and without `range`) the newest
    /// candles are answered.
    #[param(format = DateTime)]
    from: Option<String>,
    /// End, RFC 3339, exclusive.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Instead of `from` and `to`, the time up to now: `24h`, `7d`, `30d`, `90d` or `1y`.
    #[param(pattern = "^(24h|7d|30d|90d|1y)$")]
    range: Option<String>,
    /// Most candles of one answer: 1 to 5000, by default 1000, with `range` 5000.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u32>,
    /// The `next_cursor` of an answer to the same request.
    cursor: Option<String>,
    /// `previous` adds the intervals without trades, at the close before them and without volume.
    #[param(pattern = "^previous$")]
    fill: Option<String>,
}

/// Which candles are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct SeriesRequest {
    interval: Interval,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: usize,
    fill: bool,
}

impl SeriesRequest {
    /// Takes its parameters; wrong ones make `params.finish()` fail.
    pub(in crate::http) fn read(params: &mut Params, now: Timestamp) -> Self {
        let interval = params.take("interval", |text| {
            text.parse()
                .map_err(|_| "use one of 1m, 5m, 15m, 1h, 4h, 1d".to_owned())
        });
        let mut from = params.take("from", time);
        let mut to = params.take("to", time);
        let range = params.take("range", range);
        let limit = params.take("limit", limit(MAX_LIMIT));
        let cursor = params.take("cursor", SeriesCursor::decode);
        let fill = params.take("fill", |text| match text {
            "previous" => Ok(()),
            _ => Err("use previous, or leave it out".to_owned()),
        });
        if range.is_some() && (from.is_some() || to.is_some()) {
            params.refuse("range", "cannot be combined with from or to");
        } else if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            params.refuse("to", "must be later than from");
        }
        from = range.map(|range| now - range).or(from);
        match cursor {
            Some(SeriesCursor::From(time)) if from.is_some() => from = Some(time),
            Some(SeriesCursor::To(time)) if from.is_none() => to = Some(time),
            Some(_) => params.refuse(
                "cursor",
                "belongs to another request: repeat the parameters of the request it came from",
            ),
            None => {}
        }
        let default_limit = if range.is_some() {
            MAX_LIMIT
        } else {
            DEFAULT_LIMIT
        };
        Self {
            interval: interval.unwrap_or(Interval::Minute1),
            from,
            to,
            limit: limit.unwrap_or(default_limit),
            fill: fill.is_some(),
        }
    }
}

fn range(text: &str) -> Result<Duration, String> {
    let days = match text {
        "24h" => 1,
        "7d" => 7,
        "30d" => 30,
        "90d" => 90,
        "1y" => 365,
        _ => return Err("use one of 24h, 7d, 30d, 90d, 1y".to_owned()),
    };
    Ok(Duration::from_secs(days * 86_400))
}

/// Answers the request for this instrument, which may stand for an asset as a whole.
pub(in crate::http) async fn answer(
    state: &ApiState,
    instrument: &Instrument,
    asset: Option<AssetId>,
    request: &SeriesRequest,
) -> Result<CandleSeriesBody, Problem> {
    let now = state.clock.now();
    let query = CandlesQuery {
        instrument: instrument.key.clone(),
        asset,
        interval: request.interval,
        from: request.from,
        to: request.to,
        limit: request.limit,
    };
    let mut page = state.market.candles(&query).await?;
    add_live(state, request, instrument, &mut page);
    let before = close_before(state, &query, request, &page).await?;
    let (coverage, gaps) = cover(request, &mut page, before, now);
    if request.fill {
        fill(&mut page, request, before, &gaps, now);
    }
    let next = match request.from {
        Some(_) => page.next.map(SeriesCursor::From),
        None => page.previous.map(SeriesCursor::To),
    };
    Ok(CandleSeriesBody {
        data: page.candles,
        next_cursor: next.map(SeriesCursor::encode),
        coverage,
        instrument: instrument.into(),
        interval: request.interval,
    })
}

fn end_of(interval: Interval, candle: &SeriesCandle) -> Timestamp {
    interval.end_of(candle.candle.open_time)
}

/// The close before the asked `from`, when something hangs on it: whether a page that begins with
/// a hole begins before anything was known, and what to fill that hole with.
async fn close_before(
    state: &ApiState,
    query: &CandlesQuery,
    request: &SeriesRequest,
    page: &Candles,
) -> Result<Option<Decimal>, Problem> {
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
    let found = state.market.candles(&before).await?.candles;
    Ok(found.last().map(|last| last.candle.close))
}

/// Puts the newest state of the open candle, which the store learns of later, at the end of the
/// page that it belongs to.
fn add_live(
    state: &ApiState,
    request: &SeriesRequest,
    instrument: &Instrument,
    page: &mut Candles,
) {
    let Some(live) = state.hub.newest_candle(&instrument.key, request.interval) else {
        return;
    };
    let open_time = live.candle.open_time;
    let outside = request.from.is_some_and(|from| open_time < from)
        || request.to.is_some_and(|to| open_time >= to);
    if live.closed || outside || page.next.is_some() {
        return;
    }
    let live = SeriesCandle {
        candle: live.candle,
        revision: live.revision,
        open: true,
    };
    match page.candles.last_mut() {
        Some(last) if last.candle.open_time > open_time => return,
        Some(last) if last.candle.open_time == open_time => {
            if last.open && last.candle.trades <= live.candle.trades {
                *last = live;
            }
            return;
        }
        _ => {}
    }
    if page.candles.len() < request.limit {
        page.candles.push(live);
    } else if request.from.is_some() {
        page.next = Some(open_time);
    } else {
        page.candles.remove(0);
        page.candles.push(live);
        page.previous = page.candles.first().map(|first| first.candle.open_time);
    }
}

/// What the page covers, with the gaps in it.
fn cover(
    request: &SeriesRequest,
    page: &mut Candles,
    before: Option<Decimal>,
    now: Timestamp,
) -> (CoverageBody, Vec<Gap>) {
    let first = page.candles.first().map(|first| first.candle.open_time);
    let to = page
        .next
        .unwrap_or_else(|| request.to.map_or(now, |to| to.min(now)));
    let nothing = CoverageBody {
        from: None,
        to: None,
        gaps: Vec::new(),
    };
    let Some(mut from) = request.from.or(first).filter(|from| *from < to) else {
        return (nothing, Vec::new());
    };
    let mut gaps = std::mem::take(&mut page.gaps);
    gaps.retain(|gap| gap.touches(from, to));
    let begins_with_hole = first.is_none_or(|first| first > ceil(request.interval, from));
    if begins_with_hole && before.is_none() {
        // Nobody listened yet at `from`: silence there means nothing.
        let heard = gaps.iter().map(|gap| gap.from).chain(first).min();
        let Some(heard) = heard else {
            return (nothing, gaps);
        };
        from = from.max(heard);
    }
    let body = CoverageBody {
        from: Some(from),
        to: Some(to),
        gaps: gaps.iter().map(Into::into).collect(),
    };
    (body, gaps)
}

/// Adds the empty intervals, at the close before them; never more than the limit in all. The open
/// interval is not added: it is not known yet whether it is empty.
fn fill(
    page: &mut Candles,
    request: &SeriesRequest,
    seed: Option<Decimal>,
    gaps: &[Gap],
    now: Timestamp,
) {
    let interval = request.interval;
    let first = page.candles.first().map(|first| first.candle.open_time);
    let last_end = page.candles.last().map(|last| end_of(interval, last));
    let settled = request
        .to
        .unwrap_or(Timestamp::MAX)
        .min(interval.open_of(now));
    let end = page
        .next
        .unwrap_or_else(|| last_end.map_or(settled, |last| last.max(settled)));
    let Some(mut start) = first else {
        if let (Some(seed), Some(from)) = (seed, request.from) {
            extend(
                page,
                request,
                ceil(interval, from),
                end,
                Some(seed),
                gaps,
                now,
            );
        }
        return;
    };
    match request.from {
        Some(from) if seed.is_some() => start = ceil(interval, from),
        // The page begins where it was asked to, or nothing is known before it.
        Some(_) => {}
        None => {
            // The newest `limit` intervals, and not what comes before them.
            let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
            let length = interval.nanos().saturating_mul(limit);
            let earliest = ceil(interval, end).nanos().saturating_sub(length);
            if start.nanos() < earliest {
                start = Timestamp::from_nanos(earliest);
                page.previous = Some(start);
            }
        }
    }
    extend(page, request, start, end, seed, gaps, now);
}

fn extend(
    page: &mut Candles,
    request: &SeriesRequest,
    start: Timestamp,
    end: Timestamp,
    seed: Option<Decimal>,
    gaps: &[Gap],
    now: Timestamp,
) {
    let interval = request.interval;
    let mut stored = std::mem::take(&mut page.candles).into_iter().peekable();
    let mut close = seed;
    while let Some(early) = stored.next_if(|candle| candle.candle.open_time < start) {
        close = Some(early.candle.close);
    }
    let mut at = start;
    while at < end && page.candles.len() < request.limit {
        let next = interval.end_of(at);
        if let Some(candle) = stored.next_if(|candle| candle.candle.open_time < next) {
            close = Some(candle.candle.close);
            page.candles.push(candle);
        } else if let Some(price) = close {
            let settled = next + SETTLED_AFTER <= now;
            let complete = settled && !gaps.iter().any(|gap| gap.touches(at, next));
            page.candles.push(empty(at, price, complete));
        }
        at = next;
    }
    if at < end && request.from.is_some() {
        page.next = Some(at);
    }
}

fn empty(open_time: Timestamp, price: Decimal, complete: bool) -> SeriesCandle {
    SeriesCandle {
        candle: Candle {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            trades: 0,
            taker_buy_volume: Decimal::ZERO,
            complete,
        },
        revision: 0,
        open: false,
    }
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
