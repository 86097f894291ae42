//! `GET /.well-known/jwks.json`

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::params::Params;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The keys (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeySet)]
pub(in crate::http) struct KeySetView {
    /// JSON Web Keys.
    #[schema(value_type = Vec<Object>, example = json!([{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "jXt…", "n": "sXch…", "e": "AQAB"}]))]
    keys: Vec<jsonwebtoken::jwk::Jwk>,
}

/// The public keys that verify access tokens.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "accounts",
    responses((status = 200, description = "The keys", body = KeySetView))
)]
pub(in crate::http) async fn show_jwks(
    State(state): State<AccountState>,
    params: Params,
) -> Result<([(HeaderName, &'static str); 1], Json<KeySetView>), Problem> {
    params.finish()?;
    let keys = state.accounts.public_keys().keys;
    Ok((
        [(header::CACHE_CONTROL, "public, max-age=60")],
        Json(KeySetView { keys }),
    ))
}
