//! `POST /api/v1/auth/logout-all`

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Acting;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// Ends all of the user's sessions, at once.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Done"),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: the API key may not do this", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn logout_all(
    State(state): State<ApiState>,
    acting: Acting,
    client: Client,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state
        .accounts
        .logout_everywhere(acting.user, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
