//! The shapes that several answers share.

use axum::http::{HeaderName, header};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{AccountError, ApiKey};
use crate::http::middleware::idempotency::DoNotReplay;

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(in crate::http) struct ApiKeyView {
    /// The id.
    id: Uuid,
    /// The name its user gave it.
    #[schema(example = "notebook")]
    name: String,
    /// The scopes of the key.
    #[schema(example = json!(["market:read"]))]
    scopes: Vec<String>,
    /// When the key was created.
    created_at: DateTime<Utc>,
    /// When the key expires; null if it never does.
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When the secret from before the last rotation stops being valid, or stopped; null if the key
    /// was never rotated.
    previous_secret_until: Option<DateTime<Utc>>,
    /// The public key that verifies signed requests, as base64; null if there is none.
    #[schema(example = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")]
    public_key: Option<String>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            previous_secret_until: key.previous_until,
            public_key: key.public_key.map(|key| key.to_string()),
        }
    }
}

/// An API key with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub(in crate::http) struct NewApiKeyView {
    #[serde(flatten)]
    key: ApiKeyView,
    /// The secret, for `Authorization: Bearer …`. Shown only once.
    #[schema(
        example = "csk_0190a3c8f7d24b1f8a6b2f0c9d4e5f60_kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w"
    )]
    secret: String,
}

/// Nobody may keep the secret, neither on the way nor here.
pub(super) type WithSecret = (
    [(HeaderName, &'static str); 1],
    Extension<DoNotReplay>,
    Json<NewApiKeyView>,
);

pub(super) fn with_secret((key, secret): (ApiKey, String)) -> WithSecret {
    let key = key.into();
    (
        [(header::CACHE_CONTROL, "no-store")],
        Extension(DoNotReplay),
        Json(NewApiKeyView { key, secret }),
    )
}

/// The id in a path: what is none is nobody's.
pub(super) fn id(text: &str) -> Result<Uuid, AccountError> {
    text.parse().map_err(|_| AccountError::Unknown("API key"))
}
