//! `GET` and `PATCH /api/v1/auth/me`, its export and its deletion.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::views::{ProofBody, Secret, UserView};
use crate::accounts::{Client, ProfileChange, Proof};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::limits::Class;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The signed-in user.
#[utoipa::path(
    get, path = "/api/v1/auth/me", tag = "accounts",
    responses(
        (status = 200, description = "The user", body = UserView)
    )
)]
pub(in crate::http) async fn show_me(
    State(state): State<AccountState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<UserView>, Problem> {
    params.finish()?;
    let user = state.accounts.user(principal.user).await?;
    Ok(NoStore(user.into()))
}

/// Changes to the profile; absent fields stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ProfileChange)]
pub(in crate::http) struct ChangeBody {
    /// The display name; an empty string removes it.
    #[schema(example = "Ada", max_length = 80)]
    display_name: Option<String>,
    /// A new email address: it takes effect once the link in the email sent to it has been opened.
    #[schema(example = "ada@example.net", max_length = 254)]
    email: Option<String>,
    /// The current password; required to change the email address.
    #[schema(value_type = Option<String>, example = "correct horse battery staple")]
    current_password: Option<Secret>,
    /// A second-factor code; required to change the email address if the account has a second
    /// factor.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

/// Changes your profile.
#[utoipa::path(
    patch, path = "/api/v1/auth/me", tag = "accounts",
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The updated user", body = UserView),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 409, description = "`email-taken`"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn change_me(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<NoStore<UserView>, Problem> {
    params.finish()?;
    if body.email.is_some() {
        principal.must_be_critical()?;
        // A password is tried here: as strict as where else one proves who one is.
        let who = format!("change-email:{}", principal.user.0);
        state.limits.count_for(Class::Strict, &who).await?;
    }
    let totp_code = body.totp_code;
    let change = ProfileChange {
        display_name: body.display_name,
        email: body.email,
        proof: body.current_password.map(|password| Proof {
            password: password.0,
            totp_code,
        }),
    };
    let user = state
        .accounts
        .change_profile(principal.user, change, &client)
        .await?;
    Ok(NoStore(user.into()))
}

/// As a file to keep, which nobody on the way may.
type Export = ([(HeaderName, &'static str); 2], Json<Value>);

fn as_file(export: Value) -> Export {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"coinsphere-account.json\"",
        ),
    ];
    (headers, Json(export))
}

/// Exports all data of your account.
#[utoipa::path(
    get, path = "/api/v1/auth/me/export", tag = "accounts",
    responses(
        (status = 200, description = "The data", body = Object, example = json!({
            "user": {"id": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60", "email": "ada@example.org", "email_verified": true, "display_name": "Ada", "role": "user", "created_at": "2026-03-01T12:00:00Z"},
            "sessions": [{"id": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f61", "created_at": "2026-03-01T12:00:00Z", "address": "203.0.113.9"}]
        }))
    )
)]
pub(in crate::http) async fn export_me(
    State(state): State<AccountState>,
    principal: Principal,
    params: Params,
) -> Result<Export, Problem> {
    params.finish()?;
    Ok(as_file(state.accounts.export(principal.user).await?))
}

/// Deletes your account and all of its data, and returns that data one last time.
#[utoipa::path(
    post, path = "/api/v1/auth/me/delete", tag = "accounts",
    request_body = ProofBody,
    responses(
        (status = 200, description = "The data that was deleted", body = Object, example = json!({
            "user": {"id": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60", "email": "ada@example.org", "email_verified": true, "display_name": "Ada", "role": "user", "created_at": "2026-03-01T12:00:00Z"},
            "sessions": [{"id": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f61", "created_at": "2026-03-01T12:00:00Z", "address": "203.0.113.9"}]
        })),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 409, description = "`conflict`: the account is that of the only admin"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn delete_me(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ProofBody>,
) -> Result<Export, Problem> {
    params.finish()?;
    let export = state
        .accounts
        .delete(principal.user, &body.into(), &client)
        .await?;
    Ok(as_file(export))
}
