//! `GET /api/v1/instruments/{venue}/{symbol}/candles`

use axum::Json;
use axum::extract::{Path, State};
use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::venues;

use super::views::CandleSeriesView;
use crate::http::extract::params::{Params, venue_names};
use crate::http::extract::series::{SeriesParams, series_request};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::{Kind, Problem};
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
    let shown = |text: &str| text.chars().take(60).collect::<String>();
    let venue = venues::named(&venue).ok_or_else(|| {
        Problem::new(Kind::UnknownVenue).with_detail(format!(
            "there is no venue {:?}: use one of {}",
            shown(&venue),
            venue_names()
        ))
    })?;
    let spellings = spellings(&symbol);
    let found = match &spellings[..] {
        [] => None,
        spellings => state.market.instrument(venue, spellings).await?,
    };
    let instrument = found.ok_or_else(|| {
        Problem::new(Kind::UnknownInstrument).with_detail(format!(
            "{venue} has no instrument {:?} here; /api/v1/instruments?venue={venue} lists them",
            shown(&symbol)
        ))
    })?;
    let page = series::read(&*state.market, &state.hub, now, &instrument, None, &request).await?;
    let body = CandleSeriesView::new(page, &instrument, request.interval);
    Ok(Json(body))
}

/// The symbols that a path may mean: as written, and with `-` for a slash.
fn spellings(symbol: &str) -> Vec<Symbol> {
    let mut spellings = vec![symbol.to_owned()];
    if symbol.contains('-') {
        spellings.push(symbol.replace('-', "/"));
    }
    spellings
        .iter()
        .filter_map(|text| Symbol::new(text).ok())
        .collect()
}
