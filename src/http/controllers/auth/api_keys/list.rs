//! `GET /api/v1/auth/api-keys`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ApiKeyView;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(in crate::http) struct ApiKeysView {
    /// Newest first; at most 50.
    data: Vec<ApiKeyView>,
}

/// Lists your API keys.
#[utoipa::path(
    get, path = "/api/v1/auth/api-keys", tag = "accounts",
    responses(
        (status = 200, description = "The keys", body = ApiKeysView)
    )
)]
pub(in crate::http) async fn list_api_keys(
    State(state): State<AccountState>,
    principal: Principal,
    params: Params,
) -> Result<Json<ApiKeysView>, Problem> {
    params.finish()?;
    let keys = state.accounts.api_keys(principal.user).await?;
    let data = keys.into_iter().map(Into::into).collect();
    Ok(Json(ApiKeysView { data }))
}
