//! `GET /api/v1/tokens/{id}/history`

use axum::Json;
use axum::extract::{Path, State};

use super::find;
use crate::http::controllers::instruments::views::CandleSeriesView;
use crate::http::extract::params::{Params, venue};
use crate::http::extract::series::{SeriesParams, series_request};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::MarketState;
use crate::market::series;

/// Which instrument stands for the token.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct VenueParams {
    /// The venue whose instrument is used: `binance`, `coinbase` or `kraken`. By default, the first
    /// venue that trades the token, in the order of the setting `market.venues`.
    #[param(pattern = "^(binance|coinbase|kraken)$")]
    venue: Option<String>,
}

/// The candles of a token: those of its primary instrument, which the answer names.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}/history", tag = "market",
    params(
        ("id" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin"),
        VenueParams, SeriesParams
    ),
    responses(
        (status = 200, description = "The candles, ascending", body = CandleSeriesView),
        (status = 404, description = "`unknown-token`, `unknown-instrument`"),
        (status = 409, description = "`ambiguous-token`: several tokens have this symbol: see `candidates`")
    )
)]
pub(in crate::http) async fn show_token_history(
    State(state): State<MarketState>,
    _: MarketAccess,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Json<CandleSeriesView>, Problem> {
    let venue = params.take("venue", venue);
    let now = state.clock.now();
    let request = series_request(&mut params, now);
    params.finish()?;
    let token = find(&*state.market, &id).await?;
    let instruments = state.market.instruments_of(&token.id).await?;
    let wanted = |venue_of: &coinsphere_pipelines::market::Venue| {
        venue.is_none_or(|venue| venue == *venue_of)
    };
    let instrument = instruments
        .iter()
        .find(|instrument| wanted(&instrument.key.venue))
        .ok_or_else(|| {
            let place = venue.map_or("any venue".to_owned(), |venue| venue.to_string());
            Problem::new(Kind::UnknownInstrument)
                .with_detail(format!("no instrument of {place} trades {}", token.id))
        })?;
    let asset = Some(token.id);
    let page = series::read(&*state.market, &state.hub, now, instrument, asset, &request).await?;
    let body = CandleSeriesView::new(page, instrument, request.interval);
    Ok(Json(body))
}
