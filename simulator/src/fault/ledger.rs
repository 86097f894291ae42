//! Which trades a fault struck, so that a test can compare the gaps it saw with the truth.
//!
//! Bounded: beyond its capacity it only counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::market::Venue;

/// Number of ids kept at most, over all instruments and marks.
const CAPACITY: usize = 200_000;

/// Fate of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// It was not sent.
    Dropped,
    /// It was sent twice.
    Duplicated,
    /// It was sent after later ones.
    Reordered,
    /// The frame it was in was garbled or cut.
    Mangled,
}

impl Mark {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Mangled => "mangled",
        }
    }
}

type Ids = BTreeMap<(Mark, Venue, String), BTreeSet<u64>>;

/// The trades that faults struck.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<(Ids, usize, u64)>);

impl Ledger {
    pub(crate) fn note(&self, mark: Mark, venue: Venue, symbol: &str, id: u64) {
        let mut inner = self.0.lock().unwrap_or_else(|p| p.into_inner());
        let (ids, kept, overflowed) = &mut *inner;
        if *kept >= CAPACITY {
            *overflowed += 1;
        } else if ids
            .entry((mark, venue, symbol.to_owned()))
            .or_default()
            .insert(id)
        {
            *kept += 1;
        }
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(|p| p.into_inner()) = Default::default();
    }

    /// The ids struck, and how many more there were than could be kept.
    pub(crate) fn read(&self) -> (Ids, u64) {
        let inner = self.0.lock().unwrap_or_else(|p| p.into_inner());
        (inner.0.clone(), inner.2)
    }
}
