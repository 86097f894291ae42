//! `GET /api/v1/instruments/{venue}/{symbol}/candles`

use axum::Json;
use axum::extract::{Path, State};

use super::find::instrument;
use super::views::CandleSeriesView;
use crate::http::extract::params::Params;
use crate::http::extract::series::{SeriesParams, series_request};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;
use crate::market::series;

/// The candles of an instrument.
#[utoipa::path(
    get, path = "/api/v1/instruments/{venue}/{symbol}/candles", tag = "market",
    params(
        ("venue" = String, Path, description = "The venue", example = "kraken"),
        ("symbol" = String, Path, description = "The venue's own symbol; write a slash as `%2F` or `-`", example = "BTC-USD"),
        SeriesParams
    ),
    responses(
        (status = 200, description = "The candles, ascending", body = CandleSeriesView),
        (status = 404, description = "`unknown-venue`, `unknown-instrument`")
    )
)]
pub(in crate::http) async fn list_candles(
    State(state): State<MarketState>,
    _: MarketAccess,
    Path((venue, symbol)): Path<(String, String)>,
    mut params: Params,
) -> Result<Json<CandleSeriesView>, Problem> {
    let now = state.clock.now();
    let request = series_request(&mut params, now);
    params.finish()?;
    let instrument = instrument(&state, &venue, &symbol).await?;
    let page = series::read(&*state.market, &state.hub, now, &instrument, None, &request).await?;
    let body = CandleSeriesView::new(page, &instrument, request.interval);
    Ok(Json(body))
}
