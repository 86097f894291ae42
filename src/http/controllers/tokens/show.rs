//! `GET /api/v1/tokens/{id}`

use axum::Json;
use axum::extract::{Path, State};

use super::find;
use super::views::AssetDetailView;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;

/// One token and the instruments that trade it.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}", tag = "market",
    params(("id" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin")),
    responses(
        (status = 200, description = "The token", body = AssetDetailView),
        (status = 404, description = "`unknown-token`"),
        (status = 409, description = "`ambiguous-token`: several tokens have this symbol: see `candidates`")
    )
)]
pub(in crate::http) async fn show_token(
    State(state): State<MarketState>,
    _: MarketAccess,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<AssetDetailView>, Problem> {
    params.finish()?;
    let token = find(&*state.market, &id).await?;
    let instruments = state.market.instruments_of(&token.id).await?;
    Ok(Json(AssetDetailView {
        token: token.into(),
        instruments: instruments.iter().map(Into::into).collect(),
    }))
}
