//! An instrument: a venue together with that venue's own symbol.

use std::fmt;
use std::sync::Arc;

use super::Venue;
use crate::fnv::fnv1a;

/// The most bytes of a symbol: several times those of the longest that a venue lists.
const MAX_SYMBOL_BYTES: usize = 64;

/// A symbol in the venue's own spelling, e.g. `BTCUSDT`, `BTC-USD`, `BTC/USD`, `测试456`: venues list
/// some that are not ASCII. Whoever puts one into a URL or a log line escapes it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Symbol(Arc<str>);

/// A text that is no symbol.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a symbol (1 to 64 bytes of visible characters)")]
pub struct SymbolError(pub String);

impl Symbol {
    /// Checks and wraps a venue's symbol.
    ///
    /// # Errors
    /// When the text is empty, longer than 64 bytes, or has a character that cannot be seen.
    pub fn new(text: &str) -> Result<Self, SymbolError> {
        if text.is_empty() || text.len() > MAX_SYMBOL_BYTES || !text.chars().all(is_visible) {
            return Err(SymbolError(text.chars().take(40).collect()));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Neither blank, nor a control, nor one that changes how others are shown: zero-width characters,
/// line separators, directions, variation selectors, tags, and what no text may hold.
fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_graphic();
    }
    let hidden = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}');
    !(hidden || character.is_whitespace() || character.is_control())
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of an instrument everywhere outside the database: venue and symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentKey {
    /// Where it trades.
    pub venue: Venue,
    /// The venue's spelling.
    pub symbol: Symbol,
}

/// A text that names no instrument.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InstrumentKeyError {
    /// Not of the form `venue:symbol`.
    #[error("{0:?} is not of the form venue:symbol, e.g. binance:BTCUSDT")]
    Form(String),
    /// The symbol part cannot be one.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
}

impl InstrumentKey {
    /// Puts the two together.
    #[must_use]
    pub const fn new(venue: Venue, symbol: Symbol) -> Self {
        Self { venue, symbol }
    }

    /// The log partition this instrument's records go to: FNV-1a of `venue:symbol`, so that it is
    /// the same in every process and release.
    #[must_use]
    pub fn partition(&self, partitions: u32) -> u32 {
        let bytes = self
            .venue
            .name()
            .bytes()
            .chain([b':'])
            .chain(self.symbol.as_str().bytes());
        let hash = fnv1a(bytes);
        // The remainder is below `partitions`, a u32.
        (hash % u64::from(partitions.max(1))) as u32
    }
}

impl fmt::Display for InstrumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.venue, self.symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_is_stable_across_releases() {
        let key = InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap());
        assert_eq!(key.partition(1), 0);
        assert_eq!(
            key.partition(4),
            0,
            "changing this re-shards every existing log"
        );
        assert_eq!(key.partition(1_000), 600);
        assert_eq!(key.to_string(), "binance:BTCUSDT");
    }

    #[test]
    fn a_symbol_is_what_the_venue_says() {
        for text in [
            "测试456",
            "ß",
            "1000SATSUSDT",
            &"X".repeat(64),
            &"测".repeat(21),
        ] {
            assert_eq!(Symbol::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_symbols_no_venue_has() {
        for text in [
            "",
            "BTC USD",
            "BTC\nUSD",
            "BTC\u{a0}USD",
            "BTC\u{200b}USD",
            "\u{202e}DSUCTB",
            "\u{85}",
            "\u{fffd}",
            &"X".repeat(65),
            &"测".repeat(22),
        ] {
            assert!(Symbol::new(text).is_err(), "{text:?} was accepted");
        }
    }
}
