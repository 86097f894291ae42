//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{BrowserAccess, BrowserSession, Proof, Tokens, User};

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(in crate::http) struct TokenPairView {
    /// The access token, for `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLiJ9.eyJ…")]
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: i64,
    /// The refresh token, valid for one exchange.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    refresh_token: String,
}

impl From<Tokens> for TokenPairView {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
        }
    }
}

/// A browser session, besides its cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = BrowserSession)]
pub(in crate::http) struct BrowserSessionView {
    /// The CSRF token: send it as `X-CSRF-Token` with requests that change something.
    #[schema(
        example = "AAAAAGmkQ8DZ0n1q8m4tHkq2vQ3fJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0wkP1Vq3mJr0y"
    )]
    csrf_token: String,
    /// When the session and its cookie expire.
    expires_at: DateTime<Utc>,
}

impl BrowserSessionView {
    pub(super) fn new(csrf_token: String, access: &BrowserAccess) -> Self {
        Self {
            csrf_token,
            expires_at: access.expires_at,
        }
    }
}

impl From<&BrowserSession> for BrowserSessionView {
    fn from(session: &BrowserSession) -> Self {
        Self {
            csrf_token: session.csrf_token.clone(),
            expires_at: session.expires_at,
        }
    }
}

/// The new session, of the kind the request was signed in with.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = NewSession)]
pub(in crate::http) enum NewSessionView {
    /// For a program: a pair of tokens.
    Tokens(TokenPairView),
    /// For a browser: its CSRF token; its cookie is set.
    Browser(BrowserSessionView),
}

/// The signed-in user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http) struct UserView {
    /// The user's id.
    id: Uuid,
    /// The email address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// True when the email address has been verified.
    email_verified: bool,
    /// The display name.
    #[schema(example = "Ada")]
    display_name: Option<String>,
    /// `user` or `admin`.
    #[schema(example = "user")]
    role: &'static str,
    /// True when signing in requires a second factor.
    two_factor: bool,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            email: user.email,
            email_verified: user.email_verified,
            display_name: user.display_name,
            role: user.role.name(),
            two_factor: user.two_factor,
        }
    }
}

/// A secret of a request: never shown, not even when debugging.
#[derive(Debug, Clone)]
pub(in crate::http) struct Secret(pub(super) SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Proof of identity.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = Proof)]
pub(in crate::http) struct ProofBody {
    /// The password.
    #[schema(value_type = String, example = "correct horse battery staple")]
    password: Secret,
    /// A second-factor code, if the account has a second factor.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

impl From<ProofBody> for Proof {
    fn from(body: ProofBody) -> Self {
        Self {
            password: body.password.0,
            totp_code: body.totp_code,
        }
    }
}
