//! Assets. Tickers collide (there are dozens of "BTC"s), so an asset is its CoinGecko id.

use std::fmt;
use std::sync::Arc;

/// An asset by its CoinGecko id, e.g. `bitcoin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct AssetId(Arc<str>);

/// A text that is no CoinGecko id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a CoinGecko id (1 to 128 of a-z, 0-9, `-`, `_`, `.`)")]
pub struct AssetIdError(pub String);

impl AssetId {
    /// Checks and wraps a CoinGecko id.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a character that CoinGecko ids do not.
    pub fn new(id: &str) -> Result<Self, AssetIdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if id.is_empty() || id.len() > 128 || !id.bytes().all(allowed) {
            return Err(AssetIdError(id.chars().take(40).collect()));
        }
        Ok(Self(id.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
