//! `GET /api/v1/admin/users`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::shapes::{AdministeredUserBody, Unkept, unkept};
use crate::http::cursor::{decode_user, encode_user};
use crate::http::identity::Admin;
use crate::http::params::{Params, limit};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::router::ApiState;

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredUsers)]
pub(in crate::http) struct UsersBody {
    /// The newest first.
    data: Vec<AdministeredUserBody>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Users, the newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "administration",
    security(("bearer" = [])),
    params(
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")
    ),
    responses(
        (status = 200, description = "A page of users", body = UsersBody),
        (status = 400, description = "`invalid-request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: for admins only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn list(
    State(state): State<ApiState>,
    _: Admin,
    mut params: Params,
) -> Result<Unkept<UsersBody>, Problem> {
    let limit = params.take("limit", limit(500)).unwrap_or(100);
    let after = params.take("cursor", decode_user);
    params.finish()?;
    // One more than asked for tells whether there is another page.
    let most = u32::try_from(limit + 1).unwrap_or(501);
    let mut users = state.accounts.users(after, most).await?;
    let more = users.len() > limit;
    users.truncate(limit);
    let last = users.last().filter(|_| more);
    let next_cursor = last.map(encode_user);
    let data = users.into_iter().map(Into::into).collect();
    Ok(unkept(UsersBody { data, next_cursor }))
}
