//! Errors as clients see them: RFC 9457 problem details with stable `type`s. What went wrong inside
//! is logged, never sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::market::ReadError;

/// The media type of problem details (RFC 9457, section 3).
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $slug:literal, $status:ident, $title:literal; )*) => {
        /// What kind of problem: decides `type`, `title` and `status`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind { $( $(#[$doc])* $name ),* }

        impl Kind {
            /// Every kind.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[ $( Self::$name ),* ];

            /// The `type` URI, relative to the server.
            pub(super) const fn uri(self) -> &'static str {
                match self { $( Self::$name => concat!("/problems/", $slug) ),* }
            }

            pub(super) const fn status(self) -> StatusCode {
                match self { $( Self::$name => StatusCode::$status ),* }
            }

            const fn title(self) -> &'static str {
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
    /// Only for those who say who they are.
    Unauthorized = "unauthorized", UNAUTHORIZED, "This is for administrators";
    /// Not for this one.
    Forbidden = "forbidden", FORBIDDEN, "This is for administrators";
    /// No such path.
    NotFound = "not-found", NOT_FOUND, "There is nothing at this path";
    /// The path has no such method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    /// A page of another site may not open a stream.
    ForbiddenOrigin = "forbidden-origin", FORBIDDEN, "This origin is not allowed";
    /// The body is too large.
    PayloadTooLarge = "payload-too-large", PAYLOAD_TOO_LARGE, "The request is too large";
    /// The path speaks WebSocket only.
    UpgradeRequired = "upgrade-required", UPGRADE_REQUIRED, "This path speaks WebSocket";
    /// There are as many WebSocket clients as there may be.
    TooManyClients = "too-many-clients", SERVICE_UNAVAILABLE, "Too many clients";
    /// A part that is needed is away; try again.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A part of the service is unavailable";
    /// Answering took too long.
    Timeout = "timeout", GATEWAY_TIMEOUT, "The request took too long";
    /// Our fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong on our side";
}

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    kind: Kind,
    detail: Option<String>,
    errors: Vec<FieldError>,
    candidates: Vec<String>,
}

/// What is wrong with one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct FieldError {
    /// The parameter.
    pub(super) field: String,
    /// What is wrong with it and what is allowed.
    pub(super) detail: String,
}

/// The body, RFC 9457.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// Which kind of problem, stable: `/problems/…`.
    r#type: &'a str,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status again.
    status: u16,
    /// What it was this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// Each wrong parameter.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// What may have been meant.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [String],
}

impl Problem {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            candidates: Vec::new(),
        }
    }

    pub(super) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(super) fn with_candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }

    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Kind::InvalidRequest)
        }
    }

    /// The problem that a bare status stands for.
    pub(super) fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::FORBIDDEN => Kind::ForbiddenOrigin,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::PayloadTooLarge,
            StatusCode::UPGRADE_REQUIRED => Kind::UpgradeRequired,
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
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
