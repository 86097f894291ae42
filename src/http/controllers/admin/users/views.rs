//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{AccountError, User, UserId};

/// A user, as shown to admins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredUser)]
pub(in crate::http) struct AdministeredUserView {
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
    /// When the account was created.
    created_at: DateTime<Utc>,
    /// True when the account is disabled.
    disabled: bool,
    /// When it was disabled; null if it is not.
    disabled_at: Option<DateTime<Utc>>,
}

impl From<User> for AdministeredUserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            email: user.email,
            email_verified: user.email_verified,
            display_name: user.display_name,
            role: user.role.name(),
            two_factor: user.two_factor,
            created_at: user.created_at,
            disabled: user.disabled_at.is_some(),
            disabled_at: user.disabled_at,
        }
    }
}

/// The id in a path: what is none is nobody's.
pub(super) fn id(text: &str) -> Result<UserId, AccountError> {
    let id = text.parse().map_err(|_| AccountError::Unknown("user"))?;
    Ok(UserId(id))
}
