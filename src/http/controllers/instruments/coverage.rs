//! `GET /api/v1/instruments/{venue}/{symbol}/coverage`

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use coinsphere_pipelines::market::Interval;

use super::find::instrument;
use crate::http::extract::params::{Params, time};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;
use crate::market::coverage::CoverageReport;

/// The period if none is asked for.
const USUAL: Duration = Duration::from_secs(30 * 86_400);

/// Parameters of a report of coverage.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what show_coverage reads")]
pub(in crate::http) struct CoverageParams {
    /// Length of a candle: `1m` (default), `5m`, `15m`, `1h`, `4h` or `1d`.
    #[param(pattern = "^(1m|5m|15m|1h|4h|1d)$")]
    interval: Option<String>,
    /// Start of the period, RFC 3339, inclusive; by default 30 days before its end.
    #[param(format = DateTime)]
    from: Option<String>,
    /// End of the period, RFC 3339, exclusive; by default now.
    #[param(format = DateTime)]
    to: Option<String>,
}

/// The coverage of an instrument: which times are proven, which are gaps, which are unknown.
#[utoipa::path(
    get, path = "/api/v1/instruments/{venue}/{symbol}/coverage", tag = "market",
    params(
        ("venue" = String, Path, description = "The venue", example = "kraken"),
        ("symbol" = String, Path, description = "The venue's own symbol; write a slash as `%2F` or `-`", example = "BTC-USD"),
        CoverageParams
    ),
    responses(
        (status = 200, description = "The coverage; with more than 5,000 gaps of the period's beginning, up to its `to`", body = CoverageReport),
        (status = 404, description = "`unknown-venue`, `unknown-instrument`")
    )
)]
pub(in crate::http) async fn show_coverage(
    State(state): State<MarketState>,
    _: MarketAccess,
    Path((venue, symbol)): Path<(String, String)>,
    mut params: Params,
) -> Result<Json<CoverageReport>, Problem> {
    let interval = params.take("interval", |text| {
        text.parse()
            .map_err(|_| "use one of 1m, 5m, 15m, 1h, 4h, 1d".to_owned())
    });
    let interval = interval.unwrap_or(Interval::Minute1);
    let from = params.take("from", time);
    let now = state.clock.now();
    let to = params.take("to", time);
    let to = to.unwrap_or_else(|| from.map_or(now, |from| from.max(now)));
    let from = from.unwrap_or(to - USUAL);
    if from > to {
        params.refuse("to", "must not be before from");
    }
    params.finish()?;
    let instrument = instrument(&state, &venue, &symbol).await?;
    let coverage = state
        .market
        .coverage(&instrument.key, interval, (from, to))
        .await?;
    Ok(Json(CoverageReport::new(
        &instrument.key,
        interval,
        &coverage,
    )))
}
