//! The requirements of a route, checked before its handler runs. Each is registered with one [`Policy`];
//! middleware looks its own field up, and the OpenAPI document is generated from the same value.
//! It knows no handler and no service.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::accounts::Scope;
use crate::http::dashboard;
use crate::http::settings::HttpSettings;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Audience {
    /// Everybody.
    Anonymous,
    /// Everybody where market data is public, else whoever is signed in or has a key for it.
    MarketData,
    /// A browser with its session cookie.
    BrowserSession,
    /// Whoever is signed in.
    User,
    /// A user who is an admin.
    Admin,
    /// A user who is an admin, or a program with the server's token.
    AdminOrServerToken,
}

/// The scope an API key needs for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct RouteScope {
    /// The scope that the key must have.
    pub(in crate::http) scope: Scope,
    /// True if the request must be signed (critical operations).
    pub(in crate::http) signed: bool,
}

/// Which rate limit counts the requests of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum RateLimit {
    /// By user for whoever is signed in, else by address.
    Standard,
    /// By address, because only the handler learns whose request it is.
    ByAddress,
    /// Attempts to sign in, to register or to reset a password.
    Authentication,
    /// Costs much or decides much: by caller and route.
    Strict,
    /// Not counted, and nobody is looked up: for what monitors and explains the server.
    Unlimited,
}

/// The requirements of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(in crate::http) struct Policy {
    /// Who may call it.
    pub(in crate::http) audience: Audience,
    /// The scope an API key needs; `None`: no key may call it.
    pub(in crate::http) api_key: Option<RouteScope>,
    /// True if the caller's address must be verified.
    pub(in crate::http) verified_email: bool,
    /// True if it is refused until a required second factor is set up.
    pub(in crate::http) second_factor: bool,
    /// Which rate limit counts it.
    pub(in crate::http) rate_limit: RateLimit,
    /// True if its answer is remembered for an `Idempotency-Key`.
    pub(in crate::http) idempotent: bool,
    /// True if its body may have `http.import_limit_bytes`, instead of `http.body_limit_bytes`.
    pub(in crate::http) large_body: bool,
    /// True if the browser session gets another cookie afterwards, which makes its CSRF tokens stale:
    /// what its user proves who they are with has changed.
    pub(in crate::http) renews_cookie: bool,
}

impl Policy {
    const fn of(audience: Audience) -> Self {
        Self {
            audience,
            api_key: None,
            verified_email: false,
            second_factor: true,
            rate_limit: RateLimit::Standard,
            idempotent: false,
            large_body: false,
            renews_cookie: false,
        }
    }

    /// For everybody.
    pub(in crate::http) const fn anonymous() -> Self {
        Self::of(Audience::Anonymous)
    }

    /// For readers of market data, with a key's scope `market:read`.
    pub(in crate::http) const fn market_data() -> Self {
        Self::of(Audience::MarketData).scope(Scope::MarketRead)
    }

    /// For browsers with a session cookie.
    pub(in crate::http) const fn browser_session() -> Self {
        Self::of(Audience::BrowserSession)
    }

    /// For whoever is signed in.
    pub(in crate::http) const fn user() -> Self {
        Self::of(Audience::User)
    }

    /// For admins.
    pub(in crate::http) const fn admin() -> Self {
        Self::of(Audience::Admin)
    }

    /// For admins, and for programs with the server's token.
    pub(in crate::http) const fn admin_or_server_token() -> Self {
        Self::of(Audience::AdminOrServerToken)
    }

    /// Lets API keys with this scope in.
    pub(in crate::http) const fn scope(mut self, scope: Scope) -> Self {
        self.api_key = Some(RouteScope {
            scope,
            signed: false,
        });
        self
    }

    /// Lets API keys with this scope in when the request is signed.
    pub(in crate::http) const fn signed_scope(mut self, scope: Scope) -> Self {
        self.api_key = Some(RouteScope {
            scope,
            signed: true,
        });
        self
    }

    /// Asks for a verified email address.
    pub(in crate::http) const fn verified_email(mut self) -> Self {
        self.verified_email = true;
        self
    }

    /// Lets in those who have yet to set up the second factor that is required of them.
    pub(in crate::http) const fn without_second_factor(mut self) -> Self {
        self.second_factor = false;
        self
    }

    /// Counts its requests by this limit.
    pub(in crate::http) const fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// Remembers its answer for an `Idempotency-Key`.
    pub(in crate::http) const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Takes bodies with whole files in them.
    pub(in crate::http) const fn large_body(mut self) -> Self {
        self.large_body = true;
        self
    }

    /// The most bytes of a body.
    pub(in crate::http) fn body_limit(&self, http: &HttpSettings) -> usize {
        let most = match self.large_body {
            true => http.import_limit_bytes.max(http.body_limit_bytes),
            false => http.body_limit_bytes,
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Gives the browser session another cookie afterwards.
    pub(in crate::http) const fn renews_cookie(mut self) -> Self {
        self.renews_cookie = true;
        self
    }

    /// Returns whether somebody must or may prove who they are.
    pub(in crate::http) fn asks_who(&self) -> bool {
        self.audience != Audience::Anonymous
    }
}

/// The policy of every route.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Policies {
    /// By path and method.
    routes: HashMap<String, HashMap<Method, Policy>>,
    prefixes: Vec<(&'static str, Policy)>,
}

impl Policies {
    /// Gives a route its policy.
    pub(in crate::http) fn insert(&mut self, method: Method, route: String, policy: Policy) {
        self.routes.entry(route).or_default().insert(method, policy);
    }

    /// Gives a path and everything below it a policy, for what no route of its own matches.
    pub(in crate::http) fn insert_prefix(&mut self, prefix: &'static str, policy: Policy) {
        self.prefixes.push((prefix, policy));
    }

    /// The policy of a route. `HEAD` is answered by the handlers of `GET`.
    pub(in crate::http) fn get(&self, method: &Method, route: &str) -> Option<Policy> {
        let method = match *method {
            Method::HEAD => &Method::GET,
            _ => method,
        };
        self.routes.get(route)?.get(method).copied()
    }

    /// The policy of a request; that of a stranger's where nothing answers it.
    fn of(&self, request: &Request) -> Policy {
        let route = request.extensions().get::<MatchedPath>();
        let of_route = route.and_then(|route| self.get(request.method(), route.as_str()));
        of_route.unwrap_or_else(|| {
            let path = request.uri().path();
            let within = |prefix: &str| {
                let rest = path.strip_prefix(prefix);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let found = self.prefixes.iter().find(|(prefix, _)| within(prefix));
            match found {
                Some((_, policy)) => *policy,
                None if dashboard::asks_for_page(request) => {
                    Policy::anonymous().rate_limit(RateLimit::Unlimited)
                }
                None => Policy::anonymous(),
            }
        })
    }

    /// Each route with its policy.
    #[cfg(test)]
    pub(in crate::http) fn routes(&self) -> impl Iterator<Item = (&Method, &str, Policy)> {
        self.routes.iter().flat_map(|(route, methods)| {
            let methods = methods.iter();
            methods.map(|(method, policy)| (method, route.as_str(), *policy))
        })
    }
}

/// Puts the policy of its route into each request, for the middleware behind.
pub(in crate::http) async fn attach(
    State(policies): State<Arc<Policies>>,
    mut request: Request,
    next: Next,
) -> Response {
    let policy = policies.of(&request);
    request.extensions_mut().insert(policy);
    next.run(request).await
}

/// The policy of a request, as [`attach`] found it.
pub(in crate::http) fn of(extensions: &Extensions) -> Policy {
    extensions
        .get::<Policy>()
        .copied()
        .unwrap_or(Policy::anonymous())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn prefixes_are_matched_by_whole_segments() {
        let mut policies = Policies::default();
        policies.insert_prefix("/api/v1/alerts", Policy::user().verified_email());
        let of =
            |path: &str| policies.of(&Request::builder().uri(path).body(Body::empty()).unwrap());
        for path in [
            "/api/v1/alerts",
            "/api/v1/alerts/",
            "/api/v1/alerts/7/rules",
        ] {
            assert_eq!(of(path), Policy::user().verified_email(), "{path}");
        }
        for path in [
            "/api/v1/alertsandmore",
            "/api/v1/tokens",
            "/api/v1",
            "/alerts",
        ] {
            assert_eq!(of(path), Policy::anonymous(), "{path}");
        }
    }

    #[test]
    fn keys_are_denied_where_no_scope_is_named() {
        for policy in [
            Policy::anonymous(),
            Policy::browser_session(),
            Policy::user(),
            Policy::admin(),
            Policy::admin_or_server_token(),
        ] {
            assert_eq!(policy.api_key, None, "{policy:?}");
        }
    }
}
