//! `GET /api/v1/predictions/{token}`

use axum::Json;
use axum::extract::{Path, State};

use super::{Asked, SeriesParams, nothing_of};
use crate::http::controllers::predictions::views::PredictionsView;
use crate::http::controllers::tokens::find;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::ForecastState;

/// The newest forecasts of a token, with prediction intervals and skill.
#[utoipa::path(
    get, path = "/api/v1/predictions/{token}", tag = "forecasts",
    params(
        ("token" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin"),
        SeriesParams
    ),
    responses(
        (status = 200, description = "The forecasts, shortest horizon first", body = PredictionsView),
        (status = 404, description = "`unknown-token`, `no-forecast`"),
        (status = 409, description = "`ambiguous-token`: several tokens have this symbol: see `candidates`")
    )
)]
pub(in crate::http) async fn show_predictions(
    _: MarketAccess,
    State(state): State<ForecastState>,
    Path(token): Path<String>,
    mut params: Params,
) -> Result<Json<PredictionsView>, Problem> {
    let asked = Asked::read(&mut params);
    params.finish()?;
    let token = find(&*state.market, &token).await?.id;
    let mut newest = state.forecasts.newest(&token, asked.interval).await?;
    newest.retain(|judged| {
        asked
            .horizon
            .is_none_or(|h| judged.stored.forecast.horizon == h)
    });
    if newest.is_empty() {
        return Err(nothing_of(&state, &token, asked.interval));
    }
    let instrument = state.forecasts.instrument(&token).await?;
    Ok(Json(PredictionsView::new(
        token.to_string(),
        asked.interval,
        instrument.as_ref(),
        &newest,
    )))
}
