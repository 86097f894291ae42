//! `GET /api/v1/admin/users/{id}`

use axum::extract::{Path, State};

use super::views::{AdministeredUserView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A user.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The user", body = AdministeredUserView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn show_user(
    State(state): State<AccountState>,
    _: AdminUser,
    Path(user): Path<String>,
    params: Params,
) -> Result<NoStore<AdministeredUserView>, Problem> {
    params.finish()?;
    let user = state.accounts.any_user(id(&user)?).await?;
    Ok(NoStore(user.into()))
}
