//! What users keep of their own (portfolios and the like) is for those whose mail address is known to
//! be theirs. It is asked for by path, before it is looked which handler there is: none can forget it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::accounts::{AccountError, UserId};
use crate::http::middleware::identity;
use crate::http::respond::problem::Problem;
use crate::http::state::ApiState;

/// The paths, and everything below them.
const PERSONAL: [&str; 6] = [
    "/api/v1/portfolios",
    "/api/v1/holdings",
    "/api/v1/transactions",
    "/api/v1/exchange-connections",
    "/api/v1/wallets",
    "/api/v1/alerts",
];

/// Refuses whoever is not signed in, or has not verified the address.
pub(in crate::http) async fn require_verified(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    if !is_personal(request.uri().path()) {
        return next.run(request).await;
    }
    let user = identity::user_of(request.extensions());
    match verified(&state, user).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn verified(state: &ApiState, user: Result<UserId, Problem>) -> Result<(), Problem> {
    match state.accounts.user(user?).await?.email_verified {
        true => Ok(()),
        false => Err(AccountError::EmailNotVerified.into()),
    }
}

fn is_personal(path: &str) -> bool {
    PERSONAL.iter().any(|personal| {
        let rest = path.strip_prefix(personal);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_count() {
        for path in [
            "/api/v1/alerts",
            "/api/v1/alerts/",
            "/api/v1/portfolios/7/holdings",
        ] {
            assert!(is_personal(path), "{path}");
        }
        for path in [
            "/api/v1/alertsandmore",
            "/api/v1/tokens",
            "/api/v1",
            "/alerts",
        ] {
            assert!(!is_personal(path), "{path}");
        }
    }
}
