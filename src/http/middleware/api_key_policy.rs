//! The scopes of API keys: each route's [`policy`] names the scope it takes and whether the request has
//! to be signed. Where it names none, no key is let in. Whoever is signed in needs no scope.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::accounts::{Client, KeyAccess, KeyHolder, PublicKey, Scope, SessionId, UserId};
use crate::http::middleware::identity::{SignedIn, program};
use crate::http::middleware::signatures::{
    ACCEPT_SIGNATURE, Expected, Fault, Message, is_signed, verify,
};
use crate::http::policy::{self, RouteScope};
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::AccountState;

/// A request with an API key that may do what it asks for.
#[derive(Debug, Clone, Copy)]
struct Admitted {
    /// True if its signature was verified.
    signed: bool,
}

/// Returns whether a request may be made with its API key; true without a key.
pub(in crate::http) fn is_admitted(extensions: &Extensions) -> bool {
    program(extensions).is_none() || extensions.get::<Admitted>().is_some()
}

/// Looks at requests with an API key: refuses those it may not send, and verifies signatures. Before
/// anything is decompressed or answered from memory.
pub(in crate::http) async fn admit(
    State(state): State<AccountState>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let Some(access) = program(request.extensions()).cloned() else {
        return next.run(request).await;
    };
    let needed = policy::of(request.extensions()).api_key;
    // What needs somebody refuses it behind; what is for everybody needs no key.
    let Some(needed) = needed else {
        return next.run(request).await;
    };
    match admitted(&state, &access, needed, &client, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admitted(
    state: &AccountState,
    access: &KeyAccess,
    needed: RouteScope,
    client: &Client,
    request: Request,
) -> Result<Request, Problem> {
    let is_public = state.public_market_data && needed.scope == Scope::MarketRead;
    if !is_public && !access.allows(needed.scope) {
        return Err(lacks(needed.scope));
    }
    let signed_by = access.public_key.as_ref();
    let signed_by = signed_by.filter(|_| is_signed(request.headers()));
    let mut request = match signed_by {
        Some(public_key) => verified(state, access, public_key, client, request).await?,
        None if needed.signed => {
            state.accounts.note_signature(access, false, client);
            return Err(unsigned(access));
        }
        None => request,
    };
    request.extensions_mut().insert(Admitted {
        signed: signed_by.is_some(),
    });
    Ok(request)
}

/// Verifies the signature over the request as it was sent, and uses its nonce up.
async fn verified(
    state: &AccountState,
    access: &KeyAccess,
    public_key: &PublicKey,
    client: &Client,
    request: Request,
) -> Result<Request, Problem> {
    let most = policy::of(request.extensions()).body_limit(&state.http);
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, most)
        .await
        .map_err(|_| Problem::new(Kind::PayloadTooLarge))?;
    let (now, window) = state.accounts.signature_window();
    let is_https = state.http.tls_certificate.is_some() || state.accounts.is_reached_by_https();
    let message = Message {
        method: &parts.method,
        uri: &parts.uri,
        scheme: if is_https { "https" } else { "http" },
        headers: &parts.headers,
    };
    let key_id = access.key.to_string();
    let expected = Expected {
        key_id: &key_id,
        public_key,
        now,
        window,
    };
    let outcome = match verify(&message, &body, expected) {
        Ok(nonce) => match state.accounts.use_nonce(access.key, &nonce).await? {
            true => Ok(()),
            false => Err(Fault::Replayed),
        },
        Err(fault) => Err(fault),
    };
    state
        .accounts
        .note_signature(access, outcome.is_ok(), client);
    outcome?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn lacks(scope: Scope) -> Problem {
    Problem::new(Kind::Forbidden).with_detail(format!("the key lacks the scope {}", scope.name()))
}

/// Says what a signature would have to be (RFC 9421, section 5.1).
fn unsigned(access: &KeyAccess) -> Problem {
    let problem = Problem::new(Kind::SignatureRequired);
    if access.public_key.is_none() {
        return problem.with_detail(
            "this key has no public key: sign in and register one, then sign the request",
        );
    }
    let wanted = format!(
        "sig=(\"@method\" \"@target-uri\" \"content-digest\");created;nonce;keyid=\"{}\"",
        access.key
    );
    // A UUID and plain text are a header value.
    let wanted = HeaderValue::try_from(wanted).ok();
    problem
        .with_detail("an API key may do this only with an HTTP message signature (RFC 9421)")
        .with_headers(wanted.map(|wanted| (ACCEPT_SIGNATURE, wanted)))
}

/// Whoever acts on an account of their own: somebody who is signed in, or a program with a key that
/// was granted the route.
#[derive(Debug, Clone)]
pub(in crate::http) struct Principal {
    /// Whose account.
    pub(in crate::http) user: UserId,
    /// In which session; none for a program.
    pub(in crate::http) session: Option<SessionId>,
    key: Option<KeyAccess>,
    signed: bool,
}

impl Principal {
    /// As the accounts know who looks after keys.
    pub(in crate::http) fn holder(&self) -> KeyHolder<'_> {
        KeyHolder {
            user: self.user,
            key: self.key.as_ref(),
        }
    }

    /// Refuses a program that could not do what decides who has the account.
    pub(in crate::http) fn must_be_critical(&self) -> Result<(), Problem> {
        match &self.key {
            Some(key) if !key.allows(Scope::AccountCritical) => Err(lacks(Scope::AccountCritical)),
            Some(key) if !self.signed => Err(unsigned(key)),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let granted = parts.extensions.get::<Admitted>().copied();
        if let (Some(key), Some(Admitted { signed })) = (program(&parts.extensions), granted) {
            return Ok(Self {
                user: key.user,
                session: None,
                key: Some(key.clone()),
                signed,
            });
        }
        let SignedIn { user, session } = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self {
            user,
            session: Some(session),
            key: None,
            signed: false,
        })
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::new(Kind::SignatureInvalid).with_detail(fault.to_string())
    }
}
