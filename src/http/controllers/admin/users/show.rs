//! `GET /api/v1/admin/users/{id}`

use axum::extract::{Path, State};

use super::views::{AdministeredUserBody, id};
use crate::http::extract::params::Params;
use crate::http::middleware::identity::Admin;
use crate::http::respond::no_store::{Unkept, unkept};
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// A user.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}", tag = "administration",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Who")),
    responses(
        (status = 200, description = "The user", body = AdministeredUserBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: for admins only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    State(state): State<ApiState>,
    _: Admin,
    Path(user): Path<String>,
    params: Params,
) -> Result<Unkept<AdministeredUserBody>, Problem> {
    params.finish()?;
    let user = state.accounts.any_user(id(&user)?).await?;
    Ok(unkept(user.into()))
}
