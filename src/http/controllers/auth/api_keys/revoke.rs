//! `DELETE /api/v1/auth/api-keys/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Acting;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// Ends a key, at once.
#[utoipa::path(
    delete, path = "/api/v1/auth/api-keys/{id}", tag = "accounts",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The key")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `signature-required`, `signature-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: the API key does not reach as far", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn revoke(
    State(state): State<ApiState>,
    acting: Acting,
    client: Client,
    Path(key): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let key = id(&key)?;
    state
        .accounts
        .revoke_api_key(acting.holder(), key, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
