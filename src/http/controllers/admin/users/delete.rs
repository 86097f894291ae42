//! `DELETE /api/v1/admin/users/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Deletes a user's account and all of its data. The user is informed by email.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The user's id")),
    responses(
        (status = 204, description = "The account is deleted"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`: no admin would be left")
    )
)]
pub(in crate::http) async fn delete_user(
    State(state): State<AccountState>,
    admin: AdminUser,
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
