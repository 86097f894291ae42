//! Who may change models: whoever sends the administrators' token, which programs next to this one
//! have, and every user who is an admin. The one place that decides it.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::audit::AdminAction;
use crate::http::client_address::ClientAddress;
use crate::http::middleware::identity::{AdminUser, is_server_token};
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A request by an administrator: handlers that take it refuse others.
#[derive(Debug)]
pub(in crate::http) struct AdminOrServerToken {
    /// Who; `None` for whoever has the administrators' token.
    pub(in crate::http) user: Option<Uuid>,
}

impl<S> FromRequestParts<S> for AdminOrServerToken
where
    S: Send + Sync,
    AccountState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if is_server_token(&parts.extensions) {
            return Ok(Self { user: None });
        }
        let admin = AdminUser::from_request_parts(parts, state).await?;
        Ok(Self {
            user: Some(admin.user.id.0),
        })
    }
}

impl AdminOrServerToken {
    /// Audit entry for an action of this administrator, done or refused.
    pub(in crate::http) fn act(
        &self,
        what: &'static str,
        done: bool,
        from: ClientAddress,
        about: impl Into<String>,
    ) -> AdminAction {
        AdminAction {
            what,
            done,
            by: self.user,
            from: from.0,
            about: about.into(),
        }
    }
}
