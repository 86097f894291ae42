//! `GET /api/v1/auth/api-keys`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ApiKeyBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(in crate::http) struct ApiKeysBody {
    /// Newest first; at most 50.
    data: Vec<ApiKeyBody>,
}

/// Lists your API keys.
#[utoipa::path(
    get, path = "/api/v1/auth/api-keys", tag = "accounts",
    responses(
        (status = 200, description = "The keys", body = ApiKeysBody)
    )
)]
pub(in crate::http) async fn list_api_keys(
    State(state): State<AccountState>,
    principal: Principal,
    params: Params,
) -> Result<Json<ApiKeysBody>, Problem> {
    params.finish()?;
    let keys = state.accounts.api_keys(principal.user).await?;
    let data = keys.into_iter().map(Into::into).collect();
    Ok(Json(ApiKeysBody { data }))
}
