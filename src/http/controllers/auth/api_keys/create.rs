//! `POST /api/v1/auth/api-keys`

use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{NewApiKeyView, WithSecret, with_secret};
use crate::accounts::{AccountError, Client, NewKey, PublicKey, Scope, Wrong};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The API key to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ApiKeyRequest)]
pub(in crate::http) struct MakeBody {
    /// A name for it.
    #[schema(example = "notebook", min_length = 1, max_length = 80)]
    name: String,
    /// Its scopes: `market:read`, `account:read`, `account:write`, `account:critical`,
    /// `keys:manage`, `portfolio:read`, `portfolio:write`,
    /// `alerts:read`, `alerts:write`.
    #[schema(example = json!(["market:read"]))]
    scopes: Vec<String>,
    /// Days until it expires, 1 to 3650; it never expires if absent.
    #[schema(example = 90, minimum = 1, maximum = 3650)]
    expires_in_days: Option<u32>,
    /// The public key that will verify signed requests: Ed25519, its 32 bytes as base64, or PEM.
    #[schema(
        example = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=",
        max_length = 400
    )]
    public_key: Option<String>,
}

/// Creates an API key for a program.
#[utoipa::path(
    post, path = "/api/v1/auth/api-keys", tag = "accounts",
    request_body = MakeBody,
    responses(
        (status = 201, description = "The key with its secret", body = NewApiKeyView),
        (status = 403, description = "`forbidden`: the key's scopes do not allow this; `email-not-verified`"),
        (status = 409, description = "`conflict`: there is a key with this name, or there are 50 keys already")
    )
)]
pub(in crate::http) async fn create_api_key(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<MakeBody>,
) -> Result<(StatusCode, WithSecret), Problem> {
    params.finish()?;
    let mut scopes = Vec::new();
    for text in &body.scopes {
        let scope: Scope = text.parse()?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if body
        .expires_in_days
        .is_some_and(|days| !(1..=3_650).contains(&days))
    {
        let wrong = Wrong::new("expires_in_days", "use a whole number from 1 to 3650");
        return Err(AccountError::Invalid(vec![wrong]).into());
    }
    let public_key = body.public_key.as_deref().map(str::parse::<PublicKey>);
    let new = NewKey {
        name: &body.name,
        scopes: &scopes,
        days: body.expires_in_days,
        public_key: public_key.transpose()?,
    };
    let made = state
        .accounts
        .make_api_key(principal.holder(), new, &client)
        .await?;
    Ok((StatusCode::CREATED, with_secret(made)))
}
