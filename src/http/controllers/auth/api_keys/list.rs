//! `GET /api/v1/auth/api-keys`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ApiKeyBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Acting;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// The keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(in crate::http) struct ApiKeysBody {
    /// The newest first; at most 50.
    data: Vec<ApiKeyBody>,
}

/// One's keys.
#[utoipa::path(
    get, path = "/api/v1/auth/api-keys", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys", body = ApiKeysBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: the API key lacks the scope", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn list(
    State(state): State<ApiState>,
    acting: Acting,
    params: Params,
) -> Result<Json<ApiKeysBody>, Problem> {
    params.finish()?;
    let keys = state.accounts.api_keys(acting.user).await?;
    let data = keys.into_iter().map(Into::into).collect();
    Ok(Json(ApiKeysBody { data }))
}
