//! `POST /api/v1/auth/logout`

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// Ends the session that the access token belongs to, at once.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Done"),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn logout(
    State(state): State<ApiState>,
    signed_in: SignedIn,
    client: Client,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state.accounts.logout(signed_in.access(), &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
