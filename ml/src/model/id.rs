//! Identity of a model: its subject ([`ModelKey`]) and its version ([`ModelId`]). Both become names
//! of directories, so both are checked where they are made.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bar::Interval;

/// The longest name of an asset, in bytes.
const MAX_ASSET: usize = 128;

/// Hexadecimal digits of a version's hash part.
const HASH_DIGITS: usize = 8;

/// Subject of a model: candles of one length of one asset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelKey {
    asset: String,
    interval: Interval,
}

/// A name that cannot be an asset's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be the name of a model's asset: use 1 to 128 of a-z, 0-9, '-', '_' and '.', not starting with '.'"
)]
pub struct AssetNameError(String);

impl ModelKey {
    /// The model of an asset's candles.
    ///
    /// # Errors
    /// When the asset's name could not be a directory's on every system: CoinGecko ids can.
    pub fn new(asset: &str, interval: Interval) -> Result<Self, AssetNameError> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let fits = (1..=MAX_ASSET).contains(&asset.len())
            && asset.bytes().all(allowed)
            && !asset.starts_with('.');
        if !fits {
            return Err(AssetNameError(asset.to_owned()));
        }
        Ok(Self {
            asset: asset.to_owned(),
            interval,
        })
    }

    /// The asset's name.
    #[must_use]
    pub fn asset(&self) -> &str {
        &self.asset
    }

    /// The candles' length.
    #[must_use]
    pub fn interval(&self) -> Interval {
        self.interval
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.asset, self.interval)
    }
}

/// One version of a model: when it was made, to the millisecond, and a hash of what it was made of.
/// As text, versions sort by the time they were made: `20240101T000000000Z-1a2b3c4d`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelId(String);

/// Text that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of a model version, which looks like 20240101T000000000Z-1a2b3c4d")]
pub struct ModelIdError(String);

impl ModelId {
    /// The version made at `created_at` (milliseconds since the Unix epoch) of `parts`.
    #[must_use]
    pub fn new(created_at: i64, parts: &[&[u8]]) -> Self {
        let time = DateTime::<Utc>::from_timestamp_millis(created_at)
            .filter(|time| (0..=253_402_300_799_999).contains(&time.timestamp_millis()))
            .unwrap_or_default();
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut digits = hex(&hash.finalize());
        digits.truncate(HASH_DIGITS);
        Self(format!("{}Z-{digits}", time.format("%Y%m%dT%H%M%S%3f")))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelId {
    type Err = ModelIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let fits = bytes.len() == 20 + HASH_DIGITS
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 => *byte == b'T',
                18 => *byte == b'Z',
                19 => *byte == b'-',
                0..20 => byte.is_ascii_digit(),
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ModelIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ModelId {
    type Error = ModelIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_by_the_time_they_were_made_and_differ_by_what_they_were_made_of() {
        let early = ModelId::new(1_704_067_200_000, &[b"a"]);
        let late = ModelId::new(1_704_067_200_001, &[b"a"]);
        let other = ModelId::new(1_704_067_200_000, &[b"b"]);
        assert!(early < late);
        assert!(early.as_str() < late.as_str());
        assert_ne!(early, other);
        assert!(early.as_str().starts_with("20240101T000000000Z-"));
        assert_eq!(early.as_str().parse(), Ok(early));
        // Where the parts end matters.
        assert_ne!(
            ModelId::new(0, &[b"ab", b"c"]),
            ModelId::new(0, &[b"a", b"bc"])
        );
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "current",
            "../20240101T000000000Z-1a2b3c4",
            "20240101T000000000Z-1a2b3c4",
            "20240101T000000000Z-1A2B3C4D",
            "20240101T000000000Z-1a2b3c4dd",
            "2024O101T000000000Z-1a2b3c4d",
        ] {
            assert!(text.parse::<ModelId>().is_err(), "{text}");
            assert!(serde_json::from_value::<ModelId>(text.into()).is_err());
        }
    }

    #[test]
    fn an_asset_that_could_leave_its_directory_is_refused() {
        assert!(ModelKey::new("bitcoin", Interval::D1).is_ok());
        assert!(ModelKey::new("0x-1.b_c", Interval::H1).is_ok());
        for asset in ["", ".", "..", "a/b", "A", "a b", "ä", &"a".repeat(129)] {
            let error = ModelKey::new(asset, Interval::D1).expect_err(asset);
            assert!(error.to_string().contains("name of a model's asset"));
        }
    }
}
