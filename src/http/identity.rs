//! Who sends a request: found once for each, before the handler; the extractors here say what a
//! handler needs of them. Nothing here decides by a token's words what the database may have changed.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::client_address::ClientAddress;
use super::problem::{Kind, Problem};
use super::router::ApiState;
use crate::accounts::{Access, AccountError, Client, SessionId, UserId};

/// What looking at a request's credentials came to.
#[derive(Debug, Clone)]
enum Identity {
    Nobody,
    Somebody(SignedIn),
    Refused(Problem),
}

/// A request of somebody who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignedIn {
    /// Who.
    pub(super) user: UserId,
    /// In which session.
    pub(super) session: SessionId,
}

impl SignedIn {
    /// As the accounts know it.
    pub(super) const fn access(self) -> Access {
        Access {
            user: self.user,
            session: self.session,
        }
    }
}

/// A request of somebody who may read market data: everybody where it is public.
#[derive(Debug, Clone, Copy)]
pub(super) struct MarketReader;

/// Finds out who sends the request.
pub(super) async fn identify(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match bearer(request.headers()) {
        Ok(None) => Identity::Nobody,
        Ok(Some(token)) => match state.accounts.authenticate(token).await {
            Ok(Access { user, session }) => Identity::Somebody(SignedIn { user, session }),
            Err(error) => Identity::Refused(error.into()),
        },
        Err(problem) => Identity::Refused(problem),
    };
    request.extensions_mut().insert(identity);
    next.run(request).await
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let wrong = |detail: &str| Err(Problem::new(Kind::InvalidToken).with_detail(detail));
    if lines.next().is_some() {
        return wrong("there is more than one authorization header");
    }
    let Some((scheme, token)) = line.to_str().ok().and_then(|line| line.split_once(' ')) else {
        return wrong("the authorization header is not of the form `Bearer TOKEN`");
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return wrong("the authorization scheme must be Bearer");
    }
    Ok(Some(token.trim()))
}

impl FromRequestParts<ApiState> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Somebody(signed_in)) => Ok(*signed_in),
            Some(Identity::Refused(problem)) => Err(problem.clone()),
            Some(Identity::Nobody) | None => Err(AccountError::NotSignedIn.into()),
        }
    }
}

impl FromRequestParts<ApiState> for MarketReader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        if !state.public_market_data {
            <SignedIn as FromRequestParts<_>>::from_request_parts(parts, state).await?;
        }
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, state).await;
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        Ok(Self {
            address: Some(address.to_string()),
            user_agent: agent.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token_or_none() {
        let with = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, line.parse().unwrap());
            }
            bearer(&headers)
                .map(|token| token.map(str::to_owned))
                .map_err(|_| ())
        };
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&["Bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(with(&["bearer  abc "]), Ok(Some("abc".to_owned())));
        for bad in [
            &["Basic abc"][..],
            &["Bearer"],
            &["abc"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(with(bad), Err(()), "{bad:?}");
        }
    }
}
