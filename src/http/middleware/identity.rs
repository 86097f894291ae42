//! Who sends a request: found once for each, before the handler; the extractors here say what a
//! handler needs of them. Nothing here decides by a token's words what the database may have changed.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use uuid::Uuid;

use crate::accounts::{
    Access, AccountError, Accounts, Client, KeyAccess, Role, Scope, SessionId, User, UserId,
};
use crate::http::client_address::{self, ClientAddress};
use crate::http::limits::Caller;
use crate::http::middleware::browser;
use crate::http::policy::{self, RateLimit};
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::AccountState;

/// Outcome of checking a request's credentials.
#[derive(Debug, Clone)]
enum Identity {
    Nobody,
    Somebody(SignedIn),
    Program(KeyAccess),
    /// Whoever has the administrators' token: it stands for no account.
    ServerToken,
    Refused(Problem),
}

/// A request of somebody who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct SignedIn {
    /// The user's id.
    pub(in crate::http) user: UserId,
    /// In which session.
    pub(in crate::http) session: SessionId,
}

impl SignedIn {
    /// As the accounts know it.
    pub(in crate::http) const fn access(self) -> Access {
        Access {
            user: self.user,
            session: self.session,
        }
    }
}

/// A request of somebody whose email address is known to be theirs.
#[derive(Debug, Clone)]
pub(in crate::http) struct VerifiedUser {
    /// The user.
    pub(in crate::http) user: User,
}

/// A request of somebody who looks after the server.
#[derive(Debug, Clone)]
pub(in crate::http) struct AdminUser {
    /// The user.
    pub(in crate::http) user: User,
}

/// A request of somebody who may read market data: everybody where it is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum MarketAccess {
    /// Anybody: it is public.
    Public,
    /// Somebody who is signed in.
    User(SignedIn),
    /// A program with an API key.
    Program(Uuid),
}

impl MarketAccess {
    /// Returns whether a stream that was opened with this may go on. While the database is away it may:
    /// what is new is refused then, what runs is not cut off.
    pub(in crate::http) async fn is_still_valid(self, accounts: &Accounts) -> bool {
        let answer = match self {
            Self::Public => Ok(true),
            Self::User(signed_in) => accounts.session_is_valid(signed_in.session).await,
            Self::Program(key) => accounts.api_key_is_valid(key).await,
        };
        answer.unwrap_or(true)
    }
}

/// Somebody whose portfolios or alerts a stream may follow: who is signed in, or whose program has a key for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct StreamOwner {
    /// The user.
    pub(in crate::http) user: UserId,
    /// It may follow portfolios.
    pub(in crate::http) reads_portfolios: bool,
    /// It may follow alerts.
    pub(in crate::http) reads_alerts: bool,
    access: MarketAccess,
}

impl StreamOwner {
    /// Checks that a stream may still go on for them.
    pub(in crate::http) async fn is_still_valid(self, accounts: &Accounts) -> bool {
        self.access.is_still_valid(accounts).await
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for StreamOwner {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(match parts.extensions.get::<Identity>() {
            Some(Identity::Somebody(signed_in)) => Some(Self {
                user: signed_in.user,
                reads_portfolios: true,
                reads_alerts: true,
                access: MarketAccess::User(*signed_in),
            }),
            Some(Identity::Program(key)) => Some(Self {
                user: key.user,
                reads_portfolios: key.allows(Scope::PortfolioRead),
                reads_alerts: key.allows(Scope::AlertsRead),
                access: MarketAccess::Program(key.key),
            }),
            _ => None,
        })
    }
}

/// Finds out who sends the request.
pub(in crate::http) async fn identify(
    State(state): State<AccountState>,
    mut request: Request,
    next: Next,
) -> Response {
    let policy = policy::of(request.extensions());
    if policy.rate_limit == RateLimit::Unlimited {
        // Nobody is asked for there, and nothing is to be looked up.
        return next.run(request).await;
    }
    let mut identity = find(&state, &mut request).await;
    let user = match &identity {
        Identity::Somebody(signed_in) => Some(signed_in.user),
        Identity::Program(key) => Some(key.user),
        _ => None,
    };
    if let Some(user) = user.filter(|_| policy.second_factor) {
        match state.accounts.lacks_second_factor(user).await {
            Ok(false) => {}
            Ok(true) => identity = Identity::Refused(AccountError::SecondFactorMissing.into()),
            Err(error) => identity = Identity::Refused(error.into()),
        }
    }
    // Limits and idempotency keys go by user, whichever credential stands for it.
    let subject = match &identity {
        Identity::Somebody(signed_in) => Some(signed_in.user.0.to_string()),
        Identity::Program(key) => Some(key.user.0.to_string()),
        Identity::ServerToken => Some("administrators' token".to_owned()),
        Identity::Nobody | Identity::Refused(_) => None,
    };
    if let Some(subject) = subject {
        let subject = subject.into();
        request.extensions_mut().insert(Caller { subject });
    }
    request.extensions_mut().insert(identity);
    next.run(request).await
}

async fn find(state: &AccountState, request: &mut Request) -> Identity {
    let address = client_address::of(request.extensions());
    let found = match bearer(request.headers()) {
        Ok(Some(token)) if state.server_token.is(token) => return Identity::ServerToken,
        Ok(Some(token)) if !Accounts::is_api_key(token) => {
            // Told by its signature: the database is not asked.
            let access = state.accounts.authenticate(token).await;
            return match access {
                Ok(Access { user, session }) => Identity::Somebody(SignedIn { user, session }),
                Err(error) => Identity::Refused(error.into()),
            };
        }
        Ok(None) if !browser::has_cookie(state, request.headers()) => return Identity::Nobody,
        Err(problem) => return Identity::Refused(problem),
        Ok(other) => other,
    };
    if let Err(verdict) = state.limits.may_look_up(address) {
        return Identity::Refused(verdict.into());
    }
    let refused = |problem: Problem| {
        if problem.is(Kind::InvalidToken) {
            state.limits.record_failed_lookup(address);
        }
        Identity::Refused(problem)
    };
    match found {
        Some(key) => match state.accounts.authenticate_key(key).await {
            Ok(access) => Identity::Program(access),
            Err(error) => refused(error.into()),
        },
        None => match browser::signed_in(state, request).await {
            Ok(Some((user, session))) => Identity::Somebody(SignedIn { user, session }),
            Ok(None) => Identity::Nobody,
            Err(problem) => refused(problem),
        },
    }
}

/// The user that the request is of, by whichever credential.
pub(in crate::http) fn user_of(extensions: &Extensions) -> Result<UserId, Problem> {
    match extensions.get::<Identity>() {
        Some(Identity::Somebody(signed_in)) => Ok(signed_in.user),
        Some(Identity::Program(key)) => Ok(key.user),
        other => Err(not_signed_in(other)),
    }
}

/// Said where a route takes no API keys.
pub(in crate::http) const API_KEY_IS_NOT_ENOUGH: &str =
    "an API key is not enough for this: sign in, and send an access token";

/// Why a request is nobody's.
fn not_signed_in(identity: Option<&Identity>) -> Problem {
    match identity {
        Some(Identity::Refused(problem)) => problem.clone(),
        Some(Identity::ServerToken) => {
            AccountError::BadToken("the administrators' token signs nobody in").into()
        }
        _ => AccountError::NotSignedIn.into(),
    }
}

/// Returns whether the request came with the administrators' token.
pub(in crate::http) fn is_server_token(extensions: &Extensions) -> bool {
    matches!(extensions.get::<Identity>(), Some(Identity::ServerToken))
}

/// Whom the request's API key speaks for, if it came with a good one.
pub(in crate::http) fn program(extensions: &Extensions) -> Option<&KeyAccess> {
    match extensions.get::<Identity>() {
        Some(Identity::Program(key)) => Some(key),
        _ => None,
    }
}

/// Subprotocol that a page offers for its WebSocket, because it can set no header: `coinsphere` and
/// `bearer.TOKEN`, of which the first is taken.
pub(in crate::http) const SUBPROTOCOL: &str = "coinsphere";

fn offered(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .find_map(|one| one.trim().strip_prefix("bearer."))
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1), or of a WebSocket's subprotocols.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Ok(offered(headers));
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

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Somebody(signed_in)) => Ok(*signed_in),
            Some(Identity::Program(_)) => {
                Err(AccountError::Forbidden(API_KEY_IS_NOT_ENOUGH).into())
            }
            other => Err(not_signed_in(other)),
        }
    }
}

async fn user(parts: &mut Parts, state: &AccountState) -> Result<User, Problem> {
    // Its policy has asked for the user already.
    if let Some(user) = parts.extensions.get::<User>() {
        return Ok(user.clone());
    }
    let signed_in = SignedIn::from_request_parts(parts, state).await?;
    Ok(state.accounts.user(signed_in.user).await?)
}

impl<S> FromRequestParts<S> for VerifiedUser
where
    S: Send + Sync,
    AccountState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = user(parts, &AccountState::from_ref(state)).await?;
        if !user.email_verified {
            return Err(AccountError::EmailNotVerified.into());
        }
        Ok(Self { user })
    }
}

impl<S> FromRequestParts<S> for AdminUser
where
    S: Send + Sync,
    AccountState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = user(parts, &AccountState::from_ref(state)).await?;
        if user.role != Role::Admin {
            return Err(AccountError::Forbidden("this is for admins only").into());
        }
        Ok(Self { user })
    }
}

impl<S> FromRequestParts<S> for MarketAccess
where
    S: Send + Sync,
    AccountState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if AccountState::from_ref(state).public_market_data {
            return Ok(Self::Public);
        }
        match parts.extensions.get::<Identity>() {
            Some(Identity::Program(key)) if !key.allows(Scope::MarketRead) => {
                Err(AccountError::Forbidden("the key lacks the scope market:read").into())
            }
            Some(Identity::Program(key)) => Ok(Self::Program(key.key)),
            _ => {
                let signed_in = SignedIn::from_request_parts(parts, state).await?;
                Ok(Self::User(signed_in))
            }
        }
    }
}

/// Description of the client that sends a request.
pub(in crate::http) fn client(
    ClientAddress(address): ClientAddress,
    headers: &HeaderMap,
) -> Client {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    Client {
        address: Some(address.to_string()),
        user_agent: agent.map(str::to_owned),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Ok(address) = ClientAddress::from_request_parts(parts, state).await;
        Ok(client(address, &parts.headers))
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
        let mut page = HeaderMap::new();
        let line = "coinsphere, bearer.abc.def";
        page.insert(header::SEC_WEBSOCKET_PROTOCOL, line.parse().unwrap());
        assert_eq!(bearer(&page).ok(), Some(Some("abc.def")));
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
