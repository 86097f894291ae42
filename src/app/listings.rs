//! Tokens that administrators add, in the database, and the record of what administrators do.

use std::sync::Arc;

use async_trait::async_trait;
use coinsphere_pipelines::store::{Listing, NewToken};

use super::database::Database;
use super::listing_cache::ListingCache;
use super::reader::failure;
use crate::audit::{AuditEntry, AuditLog, Outcome};
use crate::http::{AdminAct, AdminActs, Listings, ReadError};

/// Adds tokens in a database that may be away.
pub(super) struct StoredListings {
    database: Arc<Database>,
    cache: Arc<ListingCache>,
}

impl StoredListings {
    /// In this database; what is kept of it is forgotten.
    #[must_use]
    pub(super) const fn new(database: Arc<Database>, cache: Arc<ListingCache>) -> Self {
        Self { database, cache }
    }
}

#[async_trait]
impl Listings for StoredListings {
    async fn add(&self, token: &NewToken) -> Result<Listing, ReadError> {
        let store = self.database.store().ok_or_else(|| {
            ReadError::Unavailable("the database has not been reached yet".to_owned())
        })?;
        let listing = store.add_token(token).await.map_err(failure)?;
        if matches!(listing, Listing::Created | Listing::Extended) {
            self.cache.forget().await;
            self.database.listed.notify_one();
        }
        Ok(listing)
    }
}

/// Writes what administrators do into the audit log, and into the program's own.
pub struct AuditedActs {
    audit: Arc<AuditLog>,
}

impl AuditedActs {
    /// Into this audit log.
    #[must_use]
    pub fn new(audit: &Arc<AuditLog>) -> Self {
        Self {
            audit: Arc::clone(audit),
        }
    }
}

impl AdminActs for AuditedActs {
    fn note(&self, act: AdminAct) {
        let outcome = match act.done {
            true => Outcome::Done,
            false => Outcome::Refused,
        };
        let mut entry = AuditEntry::new(act.what, outcome)
            .from(act.from)
            .with("about", act.about.as_str());
        if let Some(user) = act.by {
            entry = entry.by(user);
        }
        self.audit.note(entry);
        tracing::info!(
            act = act.what,
            done = act.done,
            about = act.about,
            by = act.by.map(tracing::field::display),
            from = %act.from,
            "administration"
        );
    }
}
