//! `GET` and `PATCH /api/v1/auth/me`

use axum::extract::State;

use super::shapes::{Unkept, UserBody, unkept};
use crate::http::identity::SignedIn;
use crate::http::params::Params;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::router::ApiState;

/// Who is signed in.
#[utoipa::path(
    get, path = "/api/v1/auth/me", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user", body = UserBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    State(state): State<ApiState>,
    signed_in: SignedIn,
    params: Params,
) -> Result<Unkept<UserBody>, Problem> {
    params.finish()?;
    let user = state.accounts.user(signed_in.user).await?;
    Ok(unkept(user.into()))
}
