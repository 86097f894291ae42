//! `PUT` and `DELETE /api/v1/auth/api-keys/{id}/public-key`: by a user who is signed in, never by a
//! key, or a thief would replace what stops them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{ApiKeyView, id};
use crate::accounts::{Client, PublicKey};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A public key.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PublicKey)]
pub(in crate::http) struct PublicKeyBody {
    /// An Ed25519 public key: its 32 bytes as base64, or PEM.
    #[schema(
        example = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=",
        max_length = 400
    )]
    public_key: String,
}

/// Sets the public key that verifies the signed requests of an API key, replacing any earlier one.
#[utoipa::path(
    put, path = "/api/v1/auth/api-keys/{id}/public-key", tag = "accounts",
    params(("id" = uuid::Uuid, Path, description = "The key")),
    request_body = PublicKeyBody,
    responses(
        (status = 200, description = "The updated key", body = ApiKeyView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn set_public_key(
    State(state): State<AccountState>,
    signed_in: SignedIn,
    client: Client,
    Path(key): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<PublicKeyBody>,
) -> Result<Json<ApiKeyView>, Problem> {
    params.finish()?;
    let public_key: PublicKey = body.public_key.parse()?;
    let changed = state
        .accounts
        .set_public_key(signed_in.user, id(&key)?, Some(public_key), &client)
        .await?;
    Ok(Json(changed.into()))
}

/// Removes the public key of an API key: operations that require a signature are then refused.
#[utoipa::path(
    delete, path = "/api/v1/auth/api-keys/{id}/public-key", tag = "accounts",
    params(("id" = uuid::Uuid, Path, description = "The key")),
    responses(
        (status = 204, description = "The public key is removed"),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn remove_public_key(
    State(state): State<AccountState>,
    signed_in: SignedIn,
    client: Client,
    Path(key): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state
        .accounts
        .set_public_key(signed_in.user, id(&key)?, None, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
