//! `GET /api/v1/tokens`

use axum::Json;
use axum::extract::State;

use super::views::AssetView;
use crate::http::extract::cursor::{decode_name, encode_name};
use crate::http::extract::params::{Params, limit};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::page::Page;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;

/// Parameters of a list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct ListParams {
    /// Maximum number of items: 1 to 500, by default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` from an answer to the same request.
    cursor: Option<String>,
}

/// Lists tokens, by id.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "market", params(ListParams),
    responses(
        (status = 200, description = "A page of tokens", body = Page<AssetView>)
    )
)]
pub(in crate::http) async fn list_tokens(
    State(state): State<MarketState>,
    _: MarketAccess,
    mut params: Params,
) -> Result<Json<Page<AssetView>>, Problem> {
    let limit = params.take("limit", limit(500)).unwrap_or(100);
    let after = params.take("cursor", decode_name);
    params.finish()?;
    // One more than asked for shows whether there is another page.
    let mut tokens = state.market.tokens(after.as_deref(), limit + 1).await?;
    let more = tokens.len() > limit;
    tokens.truncate(limit);
    let last = tokens.last().filter(|_| more);
    Ok(Json(Page {
        next_cursor: last.map(|token| encode_name(token.id.as_str())),
        data: tokens.into_iter().map(Into::into).collect(),
    }))
}
