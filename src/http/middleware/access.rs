//! Refuses whoever the route is not for, as its policy says: before its handler, which cannot forget
//! it, and for paths that are kept for what is to come.

use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::accounts::{AccountError, Role, User};
use crate::http::middleware::api_key_policy::is_admitted;
use crate::http::middleware::identity::{API_KEY_IS_NOT_ENOUGH, is_server_token, user_of};
use crate::http::policy::{self, Audience, Policy};
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Lets a request through to its handler when it may come from whoever sent it.
pub(in crate::http) async fn require(
    State(state): State<AccountState>,
    mut request: Request,
    next: Next,
) -> Response {
    let policy = policy::of(request.extensions());
    match admitted(&state, policy, request.extensions()).await {
        Ok(None) => {}
        Ok(Some(user)) => {
            request.extensions_mut().insert(user);
        }
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}

/// The user, where the policy rests on what is known of them.
async fn admitted(
    state: &AccountState,
    policy: Policy,
    extensions: &Extensions,
) -> Result<Option<User>, Problem> {
    let is_admin = match policy.audience {
        Audience::Anonymous => return Ok(None),
        Audience::MarketData if state.public_market_data => return Ok(None),
        Audience::AdminOrServerToken if is_server_token(extensions) => return Ok(None),
        Audience::Admin | Audience::AdminOrServerToken => true,
        Audience::MarketData | Audience::BrowserSession | Audience::User => false,
    };
    let user = user_of(extensions)?;
    if !is_admitted(extensions) {
        return Err(AccountError::Forbidden(API_KEY_IS_NOT_ENOUGH).into());
    }
    if !is_admin && !policy.verified_email {
        return Ok(None);
    }
    let user = state.accounts.user(user).await?;
    if policy.verified_email && !user.email_verified {
        return Err(AccountError::EmailNotVerified.into());
    }
    if is_admin && user.role != Role::Admin {
        return Err(AccountError::Forbidden("this is for admins only").into());
    }
    Ok(Some(user))
}
