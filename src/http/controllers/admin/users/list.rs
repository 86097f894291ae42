//! `GET /api/v1/admin/users`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::AdministeredUserView;
use crate::accounts::ListPlace;
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredUsers)]
pub(in crate::http) struct UsersView {
    /// Newest first.
    data: Vec<AdministeredUserView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// Lists users, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "administration",
    params(
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of users", body = UsersView)
    )
)]
pub(in crate::http) async fn list_users(
    State(state): State<AccountState>,
    _: AdminUser,
    mut params: Params,
) -> Result<NoStore<UsersView>, Problem> {
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let mut users = state.accounts.users(page.after, page.to_read()).await?;
    let next_cursor = page.cut(&mut users, |user| ListPlace {
        at: user.created_at,
        id: user.id.0,
    });
    let data = users.into_iter().map(Into::into).collect();
    Ok(NoStore(UsersView { data, next_cursor }))
}
