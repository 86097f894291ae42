//! `PATCH /api/v1/admin/users/{id}`

use axum::extract::{Path, State};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{AdministeredUserView, id};
use crate::accounts::{AccountError, Client, Role, UserChange, Wrong};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Changes to a user; absent fields stay as they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = AdministeredUserChange)]
pub(in crate::http) struct ChangeBody {
    /// `user` or `admin`.
    #[schema(example = "admin")]
    role: Option<String>,
    /// True to disable the account: nobody can sign in, its sessions end, and its API keys are
    /// refused.
    #[schema(example = false)]
    disabled: Option<bool>,
}

/// Changes a user's role, or disables or enables the account, with immediate effect.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The user's id")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The updated user", body = AdministeredUserView),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`: no admin would be left")
    )
)]
pub(in crate::http) async fn change_user(
    State(state): State<AccountState>,
    admin: AdminUser,
    client: Client,
    Path(user): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<NoStore<AdministeredUserView>, Problem> {
    params.finish()?;
    let role = match body.role.as_deref() {
        None => None,
        Some("user") => Some(Role::User),
        Some("admin") => Some(Role::Admin),
        Some(_) => {
            let wrong = Wrong::new("role", "use user or admin");
            return Err(AccountError::Invalid(vec![wrong]).into());
        }
    };
    let change = UserChange {
        role,
        disabled: body.disabled,
    };
    let changed = state
        .accounts
        .change_user(admin.user.id, id(&user)?, change, &client)
        .await?;
    Ok(NoStore(changed.into()))
}
