//! Who may change models: whoever sends the administrators' token, which programs beside this one
//! have, and every user who is an admin. The one place that decides it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::http::middleware::identity::{AdminUser, is_server_token};
use crate::http::respond::problem::Problem;
use crate::http::state::ApiState;

/// The administrators' token, as a hash.
#[derive(Clone)]
pub struct AdminToken(Arc<[u8; 32]>);

impl AdminToken {
    /// Those who send this token are administrators.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self(Arc::new(hash(token.expose_secret())))
    }

    /// Takes as long for every wrong token.
    pub(in crate::http) fn is(&self, token: &str) -> bool {
        let given = hash(token);
        let differences = given.iter().zip(self.0.iter());
        std::hint::black_box(differences.fold(0, |all, (a, b)| all | (a ^ b))) == 0
    }
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken")
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A request by an administrator: handlers that take it refuse others.
#[derive(Debug)]
pub(in crate::http) struct AdminOrServerToken {
    /// Who; `None` for whoever has the administrators' token.
    pub(in crate::http) user: Option<Uuid>,
}

impl FromRequestParts<ApiState> for AdminOrServerToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        if is_server_token(&parts.extensions) {
            return Ok(Self { user: None });
        }
        let admin = AdminUser::from_request_parts(parts, state).await?;
        Ok(Self {
            user: Some(admin.user.id.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_opens() {
        let admin = AdminToken::new(&SecretString::from("0123456789abcdef01234567"));
        assert!(admin.is("0123456789abcdef01234567"));
        for wrong in ["", "0123456789abcdef0123456", "0123456789abcdef012345678"] {
            assert!(!admin.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{admin:?}"), "AdminToken");
    }
}
