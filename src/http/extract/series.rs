//! Parameters of a series of candles: the same for tokens and instruments.

use std::time::Duration;

use coinsphere_pipelines::market::{Interval, Timestamp};

use crate::http::extract::cursor::SeriesCursor;
use crate::http::extract::params::{Params, limit, time};
use crate::market::series::{MAX_CANDLES, SeriesRequest};

/// Candles of one answer without a `limit` or a `range`.
const DEFAULT_LIMIT: usize = 1_000;

/// Parameters of a series of candles.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what series_request reads; a test compares the two"
)]
pub(in crate::http) struct SeriesParams {
    /// Length of a candle: `1m` (default), `5m`, `15m`, `1h`, `4h` or `1d`.
    #[param(pattern = "^(1m|5m|15m|1h|4h|1d)$")]
    interval: Option<String>,
    /// Earliest opening time, RFC 3339, inclusive. Without it (and without `range`), the answer has
    /// the newest candles.
    #[param(format = DateTime)]
    from: Option<String>,
    /// End, RFC 3339, exclusive.
    #[param(format = DateTime)]
    to: Option<String>,
    /// A period up to now, instead of `from` and `to`: `24h`, `7d`, `30d`, `90d` or `1y`.
    #[param(pattern = "^(24h|7d|30d|90d|1y)$")]
    range: Option<String>,
    /// Maximum number of candles: 1 to 5000; by default 1000, or 5000 with `range`.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u32>,
    /// The `next_cursor` from an answer to the same request.
    cursor: Option<String>,
    /// `previous` adds intervals without trades, at the previous close and with zero volume.
    #[param(pattern = "^previous$")]
    fill: Option<String>,
}

/// Takes the parameters of a series; wrong ones make `params.finish()` fail.
pub(in crate::http) fn series_request(params: &mut Params, now: Timestamp) -> SeriesRequest {
    let interval = params.take("interval", |text| {
        text.parse()
            .map_err(|_| "use one of 1m, 5m, 15m, 1h, 4h, 1d".to_owned())
    });
    let mut from = params.take("from", time);
    let mut to = params.take("to", time);
    let range = params.take("range", range);
    let limit = params.take("limit", limit(MAX_CANDLES));
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
        MAX_CANDLES
    } else {
        DEFAULT_LIMIT
    };
    SeriesRequest {
        interval: interval.unwrap_or(Interval::Minute1),
        from,
        to,
        limit: limit.unwrap_or(default_limit),
        fill: fill.is_some(),
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
