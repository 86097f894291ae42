//! A trading venue's name. Which venues there are, and how each speaks, is in `venues`.

use std::fmt;

/// A venue, by its lower-case name, e.g. `binance`. Each venue's module declares its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Venue(&'static str);

impl Venue {
    /// Names a venue. Called once by each venue's module.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The lower-case name used in paths, topics, the log and the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl serde::Serialize for Venue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
