//! Tokens that administrators add: the port that handlers ask, and the database behind it.

use std::sync::Arc;

use async_trait::async_trait;
use coinsphere_pipelines::store::{Listing, NewToken, StoreSource};

use super::data::ReadError;
use super::reader::failure;

/// Adds tokens and instruments to what is followed.
#[async_trait]
pub trait Listings: Send + Sync + 'static {
    /// Adds a token with its instruments, or instruments to a token, all or nothing. Whatever was
    /// added is listened to within seconds, in whichever process listens.
    ///
    /// # Errors
    /// When the records cannot be written.
    async fn add(&self, token: &NewToken) -> Result<Listing, ReadError>;
}

/// Adds tokens in a database that may be away.
pub(crate) struct StoredListings(Arc<dyn StoreSource>);

impl StoredListings {
    /// In this database, which announces it to every process.
    #[must_use]
    pub(crate) const fn new(database: Arc<dyn StoreSource>) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Listings for StoredListings {
    async fn add(&self, token: &NewToken) -> Result<Listing, ReadError> {
        let store = self.0.store().ok_or_else(|| {
            ReadError::Unavailable("the database has not been reached yet".to_owned())
        })?;
        store.add_token(token).await.map_err(failure)
    }
}
