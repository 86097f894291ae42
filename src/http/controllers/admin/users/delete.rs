//! `DELETE /api/v1/admin/users/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::Admin;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// Deletes somebody's account and all that is kept for it. Their address gets an email.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}", tag = "administration",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Who")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: for admins only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`conflict`: it would leave no admin", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn delete(
    State(state): State<ApiState>,
    admin: Admin,
    client: Client,
    Path(user): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state
        .accounts
        .delete_user(admin.user.id, id(&user)?, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
