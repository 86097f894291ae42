//! Sessions as they are shown: to their user, and to admins.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{ListPlace, SessionView, UserId};
use crate::http::extract::cursor::PageRequest;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::http) struct SessionEntryView {
    /// The id.
    id: Uuid,
    /// When it was started.
    created_at: DateTime<Utc>,
    /// When it was last refreshed.
    last_used_at: DateTime<Utc>,
    /// When it expires, however often it is refreshed.
    expires_at: DateTime<Utc>,
    /// The address it was started from.
    #[schema(example = "203.0.113.9")]
    address: Option<String>,
    /// The user agent.
    #[schema(example = "Mozilla/5.0")]
    user_agent: Option<String>,
}

impl From<SessionView> for SessionEntryView {
    fn from(session: SessionView) -> Self {
        Self {
            id: session.id.0,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            address: session.address,
            user_agent: session.user_agent,
        }
    }
}

/// A page of a user's sessions, and where the next one begins.
pub(in crate::http) async fn page_of(
    state: &AccountState,
    user: UserId,
    page: &PageRequest,
) -> Result<(Vec<SessionView>, Option<String>), Problem> {
    let sessions = state.accounts.sessions(user, page.after, page.to_read());
    let mut sessions = sessions.await?;
    let next = page.cut(&mut sessions, |session| ListPlace {
        at: session.last_used_at,
        id: session.id.0,
    });
    Ok((sessions, next))
}
