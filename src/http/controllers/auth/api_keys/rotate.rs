//! `POST /api/v1/auth/api-keys/{id}/rotate`

use axum::extract::{Path, State};
use chrono::TimeDelta;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{NewApiKeyView, WithSecret, id, with_secret};
use crate::accounts::{AccountError, Client, Wrong};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Validity of the previous secret.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ApiKeyRotation)]
pub(in crate::http) struct RotateBody {
    /// Seconds that the previous secret stays valid, 0 to 604800; one day if absent.
    #[schema(example = 86400, minimum = 0, maximum = 604_800)]
    overlap_seconds: Option<u32>,
}

/// Rotates the secret of an API key.
#[utoipa::path(
    post, path = "/api/v1/auth/api-keys/{id}/rotate", tag = "accounts",
    params(("id" = uuid::Uuid, Path, description = "The key")),
    request_body = RotateBody,
    responses(
        (status = 200, description = "The key with its new secret", body = NewApiKeyView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn rotate_api_key(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    Path(key): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<RotateBody>,
) -> Result<WithSecret, Problem> {
    params.finish()?;
    let seconds = body.overlap_seconds.unwrap_or(86_400);
    if seconds > 604_800 {
        let wrong = Wrong::new("overlap_seconds", "use a whole number from 0 to 604800");
        return Err(AccountError::Invalid(vec![wrong]).into());
    }
    let overlap = TimeDelta::seconds(seconds.into());
    let rotated = state
        .accounts
        .rotate_api_key(principal.holder(), id(&key)?, overlap, &client)
        .await?;
    Ok(with_secret(rotated))
}
