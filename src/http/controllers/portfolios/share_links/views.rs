//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::user_portfolios::ShareLink;

/// A link by which anybody may look at a portfolio, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLink)]
pub(in crate::http) struct ShareLinkView {
    /// The link.
    id: Uuid,
    /// Its name.
    #[schema(example = "for the forum")]
    name: String,
    /// True if the link hides amounts.
    hide_amounts: bool,
    /// Time of creation.
    created_at: DateTime<Utc>,
    /// Time at which it expires; null if it never does.
    expires_at: Option<DateTime<Utc>>,
}

impl From<ShareLink> for ShareLinkView {
    fn from(link: ShareLink) -> Self {
        Self {
            id: link.id,
            name: link.name,
            hide_amounts: link.hide_amounts,
            created_at: link.created_at,
            expires_at: link.expires_at,
        }
    }
}
