//! `GET /api/v1/predictions/{token}`

use axum::Json;
use axum::extract::{Path, State};

use super::{Asked, SeriesParams, nothing_of};
use crate::http::controllers::predictions::views::PredictionsBody;
use crate::http::controllers::tokens::find;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketReader;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// The newest forecasts of a token, with intervals and how far to trust them.
#[utoipa::path(
    get, path = "/api/v1/predictions/{token}", tag = "forecasts",
    params(
        ("token" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin"),
        SeriesParams
    ),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The forecasts, the shortest horizon first", body = PredictionsBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`: market data is not public here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 400, description = "`invalid-request`: a parameter is wrong", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-token`, `no-forecast`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`ambiguous-token`: several have this symbol: `candidates`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the database is away", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    _: MarketReader,
    State(state): State<ApiState>,
    Path(token): Path<String>,
    mut params: Params,
) -> Result<Json<PredictionsBody>, Problem> {
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
    Ok(Json(PredictionsBody::new(
        token.to_string(),
        asked.interval,
        instrument.as_ref(),
        &newest,
    )))
}
