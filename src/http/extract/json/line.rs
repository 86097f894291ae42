//! A line of text that a person typed.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, de};

/// One line of text, trimmed, without control characters: names, titles, addresses. (Passwords are
/// plain `String`s: their blanks count.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Line(String);

impl Line {
    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Line {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(de::Error::custom(
                "must be one line without control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl garde::rules::length::HasSimpleLength for Line {
    fn length(&self) -> usize {
        self.0.chars().count()
    }
}
