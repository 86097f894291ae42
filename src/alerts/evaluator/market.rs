//! Markets: what is known of one instrument, and the guard that lets trades pass which nobody waits for.

use std::collections::BTreeSet;

use super::signal::USUAL_PLACES;
use crate::input::{Instrument, Tick};
use crate::number::narrow;

#[derive(Debug)]
pub(super) struct Market {
    /// None for a number that is fed in by name.
    pub(super) instrument: Option<Instrument>,
    pub(super) last: Option<Tick>,
    /// Event time: the latest of trades and ticks; never goes back.
    pub(super) now: i64,
    pub(super) guard: Guard,
    pub(super) signals: Vec<u32>,
    /// When something is due, and whose it is.
    pub(super) timers: BTreeSet<(i64, u32)>,
    /// Rules that fire on gaps.
    pub(super) gaps: BTreeSet<u32>,
}

/// The bounds between which a trade changes nothing but what the market remembers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    /// The places of the two keys.
    pub(super) places: u32,
    pub(super) low: i64,
    pub(super) high: i64,
    /// From this time on, a trade or tick is looked at.
    pub(super) due: i64,
}

impl Guard {
    pub(super) const OPEN: Self = Self {
        places: USUAL_PLACES,
        low: i64::MIN,
        high: i64::MAX,
        due: i64::MAX,
    };

    /// Nothing passes.
    pub(super) const fn shut(&mut self) {
        self.low = i64::MAX;
        self.high = i64::MIN;
    }
}

impl Market {
    pub(super) const fn new(instrument: Option<Instrument>) -> Self {
        Self {
            instrument,
            last: None,
            now: i64::MIN,
            guard: Guard::OPEN,
            signals: Vec::new(),
            timers: BTreeSet::new(),
            gaps: BTreeSet::new(),
        }
    }

    /// True if nobody waits for what the trade does.
    pub(super) fn is_quiet(&self, tick: &Tick) -> bool {
        let guard = &self.guard;
        tick.time.0 < guard.due
            && narrow(tick.price, guard.places)
                .is_some_and(|key| guard.low < key && key < guard.high)
    }

    /// Remembers a trade.
    pub(super) fn note(&mut self, tick: &Tick) {
        self.last = Some(*tick);
        self.now = self.now.max(tick.time.0);
    }
}
