//! Errors as clients see them: RFC 9457 problem details with stable `type`s. What went wrong inside
//! is logged, never sent.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::market::ReadError;

/// The media type of problem details (RFC 9457, section 3).
pub(in crate::http) const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $slug:literal, $status:ident, $title:literal; )*) => {
        /// Kind of problem: decides `type`, `title` and `status`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::http) enum Kind { $( $(#[$doc])* $name ),* }

        impl Kind {
            /// Every kind.
            pub(in crate::http) const ALL: &[Self] = &[ $( Self::$name ),* ];

            /// The `type` URI, relative to the server.
            pub(in crate::http) const fn uri(self) -> &'static str {
                match self { $( Self::$name => concat!("/problems/", $slug) ),* }
            }

            pub(in crate::http) const fn status(self) -> StatusCode {
                match self { $( Self::$name => StatusCode::$status ),* }
            }

            pub(in crate::http) const fn title(self) -> &'static str {
                match self { $( Self::$name => $title ),* }
            }
        }
    };
}

kinds! {
    /// A parameter is wrong: `errors` names each.
    InvalidRequest = "invalid-request", BAD_REQUEST, "The request is not valid";
    /// No such token.
    UnknownToken = "unknown-token", NOT_FOUND, "There is no such token";
    /// A symbol that several tokens have: `candidates` names them.
    AmbiguousToken = "ambiguous-token", CONFLICT, "Several tokens have this symbol";
    /// No such venue.
    UnknownVenue = "unknown-venue", NOT_FOUND, "There is no such venue";
    /// No such instrument.
    UnknownInstrument = "unknown-instrument", NOT_FOUND, "There is no such instrument";
    /// There is no forecast of this token.
    NoForecast = "no-forecast", NOT_FOUND, "There is no forecast";
    /// No such version of a model.
    UnknownModel = "unknown-model", NOT_FOUND, "There is no such model";
    /// The version's files are broken.
    UnusableModel = "unusable-model", CONFLICT, "This model cannot serve";
    /// No such path.
    NotFound = "not-found", NOT_FOUND, "There is nothing at this path";
    /// The path has no such method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// A page of another site may not open a stream, nor use a browser's session.
    ForbiddenOrigin = "forbidden-origin", FORBIDDEN, "This origin is not allowed";
    /// The body is too large.
    PayloadTooLarge = "payload-too-large", PAYLOAD_TOO_LARGE, "The request is too large";
    /// The body is not of a kind that is read here.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The media type of the body is not supported";
    /// Rows of files are refused, or tickers are open: `errors` names them.
    ImportRefused = "import-refused", UNPROCESSABLE_ENTITY, "The import was refused";
    /// The first request with this idempotency key is still being processed.
    IdempotencyInProgress = "idempotency-in-progress", CONFLICT, "The first request with this key is still being processed";
    /// The idempotency key came with another request before.
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "This key was used for a different request";
    /// The path serves WebSocket only.
    UpgradeRequired = "upgrade-required", UPGRADE_REQUIRED, "This path requires a WebSocket handshake";
    /// There are as many WebSocket clients as there may be.
    TooManyClients = "too-many-clients", SERVICE_UNAVAILABLE, "Too many clients";
    /// More requests than the limit allows: `retry-after` says when to try again.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests";
    /// Nobody is signed in.
    NotSignedIn = "not-signed-in", UNAUTHORIZED, "Signing in is required";
    /// The access token or key is not valid.
    InvalidToken = "invalid-token", UNAUTHORIZED, "The access token or key is not valid";
    /// Address or password are wrong.
    WrongCredentials = "wrong-credentials", UNAUTHORIZED, "Mail address or password are wrong";
    /// A code is needed too.
    SecondFactorRequired = "second-factor-required", UNAUTHORIZED, "A second-factor code is required";
    /// The code is wrong or was used.
    WrongCode = "wrong-code", UNAUTHORIZED, "The code is wrong or was used before";
    /// The refresh token is not valid.
    InvalidRefreshToken = "invalid-refresh-token", UNAUTHORIZED, "The refresh token is not valid";
    /// The refresh token was exchanged before: its session was ended.
    RefreshTokenReused = "refresh-token-reused", UNAUTHORIZED, "The refresh token was used before";
    /// Too many failures: `retry-after` says when to try again.
    TooManyAttempts = "too-many-attempts", TOO_MANY_REQUESTS, "Too many failed attempts";
    /// Somebody has this address.
    EmailTaken = "email-taken", CONFLICT, "This email address is registered already";
    /// It is so already, or conflicts with something.
    Conflict = "conflict", CONFLICT, "The request conflicts with the current state";
    /// Nobody may register.
    RegistrationClosed = "registration-closed", FORBIDDEN, "Registration is closed";
    /// Only who was invited may register.
    InvitationNeeded = "invitation-needed", FORBIDDEN, "A valid invitation is required";
    /// The email address has not been verified.
    EmailNotVerified = "email-not-verified", FORBIDDEN, "The email address has not been verified";
    /// An admin has disabled the account.
    AccountDisabled = "account-disabled", FORBIDDEN, "The account is disabled";
    /// The temporary password has expired.
    PasswordExpired = "password-expired", FORBIDDEN, "The password has expired";
    /// The account must have a second factor first.
    SecondFactorMissing = "second-factor-missing", FORBIDDEN, "A second factor must be set up first";
    /// An API key may do this only with a signature.
    SignatureRequired = "signature-required", UNAUTHORIZED, "A signed request is required";
    /// The request's signature is not valid.
    SignatureInvalid = "signature-invalid", UNAUTHORIZED, "The request's signature is not valid";
    /// The cookie came without a valid CSRF token.
    Csrf = "csrf", FORBIDDEN, "The CSRF token is missing or not valid";
    /// Another role or scope is needed.
    Forbidden = "forbidden", FORBIDDEN, "This is not allowed";
    /// The identity provider's answer is not valid, or does not belong to this browser.
    SignInRefused = "sign-in-refused", UNAUTHORIZED, "The sign-in was refused";
    /// The identity belongs to no account yet, and may not be linked.
    IdentityNotLinked = "identity-not-linked", CONFLICT, "This identity is not linked to the account with its email address";
    /// The identity provider gave no usable answer.
    ProviderAway = "identity-provider-unavailable", SERVICE_UNAVAILABLE, "The identity provider is unavailable";
    /// The link of an email is no longer valid.
    InvalidLink = "invalid-link", NOT_FOUND, "The link is no longer valid";
    /// A part that is needed is away; try again.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A part of the service is unavailable";
    /// Answering took too long.
    Timeout = "timeout", GATEWAY_TIMEOUT, "The request took too long";
    /// Our fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed to answer the request";
}

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    candidates: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A parameter or field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(in crate::http) struct FieldError {
    /// The parameter or field.
    pub(in crate::http) field: String,
    /// The fault, and the values allowed.
    pub(in crate::http) detail: String,
}

/// Problem details, RFC 9457.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct ProblemBody<'a> {
    /// The problem type, a stable URI: `/problems/…`.
    r#type: &'a str,
    /// A short title for the problem type.
    title: &'a str,
    /// The HTTP status code.
    status: u16,
    /// Description of this request's problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// Every parameter or field that is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// Candidates for what was meant.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [String],
}

impl Problem {
    pub(in crate::http) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            candidates: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// True when it is of this kind.
    pub(in crate::http) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    pub(in crate::http) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sent with the answer.
    pub(in crate::http) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sent with the answer.
    pub(in crate::http) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(in crate::http) fn with_candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }

    /// Faults of the fields.
    #[cfg(test)]
    pub(in crate::http) fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    pub(in crate::http) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    pub(in crate::http) fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Kind::InvalidRequest)
        }
    }

    /// The problem that a bare status stands for.
    pub(in crate::http) fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::FORBIDDEN => Kind::ForbiddenOrigin,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            StatusCode::UPGRADE_REQUIRED => Kind::UpgradeRequired,
            StatusCode::TOO_MANY_REQUESTS => Kind::TooManyRequests,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Kind::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
            status if status.is_client_error() => Kind::InvalidRequest,
            _ => Kind::Internal,
        })
    }
}

impl From<ReadError> for Problem {
    /// The database's words stay in our log: they may name hosts, tables or statements.
    fn from(error: ReadError) -> Self {
        if error.is_retriable() {
            tracing::warn!(%error, "cannot answer a request");
            Self::new(Kind::Unavailable).with_detail("the database is unavailable, try again soon")
        } else {
            tracing::error!(%error, "cannot answer a request");
            Self::new(Kind::Internal)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = ProblemBody {
            r#type: self.kind.uri(),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: self.detail.as_deref(),
            errors: &self.errors,
            candidates: &self.candidates,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        headers.extend(self.headers);
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 15.5.2: such an answer names a challenge; some say more of it.
            headers
                .entry(header::WWW_AUTHENTICATE)
                .or_insert(HeaderValue::from_static("Bearer"));
        }
        response
    }
}
