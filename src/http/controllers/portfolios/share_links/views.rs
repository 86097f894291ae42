//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::user_portfolios::ShareLink;

/// A link by which anybody may look at a portfolio, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLink)]
pub(in crate::http) struct ShareLinkBody {
    /// The link.
    id: Uuid,
    /// Its name.
    #[schema(example = "for the forum")]
    name: String,
    /// Whether it shows no amounts.
    hide_amounts: bool,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it ends; null if it never does.
    expires_at: Option<DateTime<Utc>>,
}

impl From<ShareLink> for ShareLinkBody {
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
