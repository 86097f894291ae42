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
    /// For requests: `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLiJ9.eyJ…")]
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How long the access token holds, in seconds.
    #[schema(example = 900)]
    expires_in: i64,
    /// For the next pair, once: it changes at each use.
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

/// A browser's session, beside its cookie.
#[derive(Serialize, ToSchema)]
#[schema(as = BrowserSession)]
pub(in crate::http) struct BrowserSessionBody {
    /// For requests that change something: `X-CSRF-Token`.
    #[schema(
        example = "AAAAAGmkQ8DZ0n1q8m4tHkq2vQ3fJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0wkP1Vq3mJr0y"
    )]
    csrf_token: String,
    /// When the session ends, and the cookie with it.
    expires_at: DateTime<Utc>,
}

impl BrowserSessionBody {
    pub(super) fn new(csrf_token: String, access: &BrowserAccess) -> Self {
        Self {
            csrf_token,
            expires_at: access.expires_at,
        }
    }
}

impl From<&BrowserSession> for BrowserSessionBody {
    fn from(session: &BrowserSession) -> Self {
        Self {
            csrf_token: session.csrf_token.clone(),
            expires_at: session.expires_at,
        }
    }
}

/// A session that was begun: as the request was signed in.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = NewSession)]
pub(in crate::http) enum NewSessionBody {
    /// Of a program: a pair of tokens.
    Tokens(TokenPairView),
    /// Of a browser; its cookie is set.
    Browser(BrowserSessionBody),
}

/// A user, as shown to themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http) struct UserBody {
    /// The user's id.
    id: Uuid,
    /// The address for mail.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Whether the address is known to be theirs.
    email_verified: bool,
    /// What they want to be called.
    #[schema(example = "Ada")]
    display_name: Option<String>,
    /// `user` or `admin`.
    #[schema(example = "user")]
    role: &'static str,
    /// Whether a code is asked for at login.
    two_factor: bool,
}

impl From<User> for UserBody {
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

/// A proof of who asks, anew.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = Proof)]
pub(in crate::http) struct ProofBody {
    /// The password.
    #[schema(value_type = String, example = "correct horse battery staple")]
    password: Secret,
    /// A code of the second factor, where there is one.
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
