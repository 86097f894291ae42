//! `GET /api/v1/admin/users`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::AdministeredUserBody;
use crate::accounts::ListPlace;
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::Admin;
use crate::http::respond::no_store::{Unkept, unkept};
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredUsers)]
pub(in crate::http) struct UsersBody {
    /// The newest first.
    data: Vec<AdministeredUserBody>,
    /// Where the next page begins; null on the last.
    #[schema(example = "62746375736474")]
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
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let mut users = state.accounts.users(page.after, page.to_read()).await?;
    let next_cursor = page.cut(&mut users, |user| ListPlace {
        at: user.created_at,
        id: user.id.0,
    });
    let data = users.into_iter().map(Into::into).collect();
    Ok(unkept(UsersBody { data, next_cursor }))
}
