//! `POST /api/v1/auth/register`

use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{Secret, UserView};
use crate::accounts::{Client, Registration};
use crate::http::client_address::ClientAddress;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The account to register.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = Registration)]
pub(in crate::http) struct RegisterBody {
    /// The email address.
    #[schema(example = "ada@example.org", max_length = 254)]
    email: String,
    /// The password: 8 to 128 characters, and not one of the most common passwords. There are no
    /// other rules.
    #[schema(value_type = String, example = "correct horse battery staple", min_length = 8, max_length = 128)]
    password: Secret,
    /// The display name.
    #[schema(example = "Ada", max_length = 80)]
    display_name: Option<String>,
    /// The invitation token, if registration is by invitation; or the setup token that a server
    /// without an admin prints when it starts.
    #[schema(example = "dGhlIGludml0YXRpb24gdG9rZW4gb2YgMjU2IGJpdHM")]
    invitation: Option<String>,
}

/// Registers an account.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "accounts",
    request_body = RegisterBody,
    responses(
        (status = 201, description = "The user", body = UserView),
        (status = 403, description = "`registration-closed`, `invitation-needed`"),
        (status = 409, description = "`email-taken`")
    )
)]
pub(in crate::http) async fn register(
    State(state): State<AccountState>,
    client: Client,
    address: ClientAddress,
    params: Params,
    JsonBody(body): JsonBody<RegisterBody>,
) -> Result<(StatusCode, NoStore<UserView>), Problem> {
    params.finish()?;
    state.limits.attempt_on(&body.email, address).await?;
    let registration = Registration {
        email: body.email,
        password: body.password.0,
        display_name: body.display_name,
        invitation: body.invitation,
    };
    let user = state.accounts.register(registration, &client).await?;
    Ok((StatusCode::CREATED, NoStore(user.into())))
}
