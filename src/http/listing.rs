//! What the handlers ask when a token is added. The store implements it; tests have an implementation
//! in memory.

use async_trait::async_trait;
use coinsphere_pipelines::store::{Listing, NewToken};

use super::market::ReadError;

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
