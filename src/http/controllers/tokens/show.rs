//! `GET /api/v1/tokens/{id}`

use axum::Json;
use axum::extract::{Path, State};

use super::find;
use crate::http::controllers::views::TokenDetailBody;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketReader;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// One token and the instruments that trade it.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}", tag = "market",
    params(("id" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin")),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The token", body = TokenDetailBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`: market data is not public here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`ambiguous-token`: several have this symbol: `candidates`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    State(state): State<ApiState>,
    _: MarketReader,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<TokenDetailBody>, Problem> {
    params.finish()?;
    let token = find(&*state.market, &id).await?;
    let instruments = state.market.instruments_of(&token.id).await?;
    Ok(Json(TokenDetailBody {
        token: token.into(),
        instruments: instruments.iter().map(Into::into).collect(),
    }))
}
