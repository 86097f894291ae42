//! The words of accounts that all its files share.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::StoreError;
use uuid::Uuid;

/// Who has an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub Uuid);

/// One sign-in and everything refreshed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

/// A place in a list that goes by time, the newest first: after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPlace {
    /// The time that the list goes by.
    pub at: DateTime<Utc>,
    /// Which, among those of the same time.
    pub id: Uuid,
}

/// Description of the client that sends a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The address, as text.
    pub address: Option<String>,
    /// Name of the program.
    pub user_agent: Option<String>,
}

/// Permissions of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Has an account.
    User,
    /// Looks after the server.
    Admin,
}

impl Role {
    /// As it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    pub(super) fn named(name: &str) -> Result<Self, StoreError> {
        match name {
            "user" => Ok(Self::User),
            "admin" => Ok(Self::Admin),
            other => Err(StoreError::Unreadable(format!("the role {other:?}"))),
        }
    }
}
