//! Shares one allocation among all trades of an instrument: a decoder sees the same few symbols
//! millions of times. Knows nothing of which instruments are wanted.

use std::collections::HashMap;

use super::protocol::DecodeError;
use crate::market::Symbol;

/// Symbols seen so far. Bounded: past the limit symbols are still read, only not kept.
#[derive(Debug)]
pub(super) struct Symbols {
    newest: Option<Symbol>,
    seen: HashMap<Box<str>, Symbol>,
    check: Check,
}

/// Check that the venue can have the symbol on its spot market.
type Check = fn(&Symbol) -> Result<(), DecodeError>;

impl Symbols {
    const LIMIT: usize = 10_000;

    /// None seen yet, of a venue whose symbols satisfy `check`.
    pub(super) fn new(check: Check) -> Self {
        Self {
            newest: None,
            seen: HashMap::new(),
            check,
        }
    }

    /// The symbol with this text.
    ///
    /// # Errors
    /// When the venue cannot have such a symbol.
    pub(super) fn get(&mut self, text: &str) -> Result<Symbol, DecodeError> {
        if let Some(newest) = self.newest.as_ref().filter(|s| s.as_str() == text) {
            return Ok(newest.clone());
        }
        let symbol = match self.seen.get(text) {
            Some(symbol) => symbol.clone(),
            None => {
                let symbol = Symbol::new(text).map_err(DecodeError::impossible)?;
                (self.check)(&symbol)?;
                if self.seen.len() < Self::LIMIT {
                    self.seen.insert(text.into(), symbol.clone());
                }
                symbol
            }
        };
        self.newest = Some(symbol.clone());
        Ok(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut symbols = Symbols::new(|_| Ok(()));
        for i in 0..Symbols::LIMIT + 10 {
            let text = format!("S{i}");
            assert_eq!(symbols.get(&text).unwrap().as_str(), text);
        }
        assert_eq!(symbols.seen.len(), Symbols::LIMIT);
        assert!(symbols.get("BTC USD").is_err());
    }
}
