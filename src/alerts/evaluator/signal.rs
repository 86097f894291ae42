//! Signals: a number each, its thresholds, and who waits for its first value.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::index::{Direction, Index};
use super::line::{Line, is_beyond};
use crate::number::{Key, MOST_PLACES, Wide, narrow, places_of, text};
use crate::plan::Source;

/// A value of a signal: an exact decimal, or the key of a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Number {
    Exact(#[serde(with = "text")] Decimal),
    /// In half steps of 10^-[`RATIO_PLACES`].
    Ratio(i64),
}

/// The places of a threshold in percent, of a factor, of seconds.
pub(crate) const RATIO_PLACES: u32 = 4;

/// The places that keys of prices have to begin with: those of most venues.
pub(super) const USUAL_PLACES: u32 = 8;

/// For which of its keys somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The condition becomes true.
    Met,
    /// It is no longer true after it was reached in this direction.
    Unmet(Direction),
    /// The value is far enough back after the rule fired in this direction.
    Rearmed(Direction),
}

/// The thresholds, by keys of one machine word as long as all of them fit.
#[derive(Debug)]
pub(super) enum Levels {
    Narrow { places: u32, index: Index<i64> },
    Wide(Index<Wide>),
}

impl Levels {
    fn narrow(places: u32) -> Self {
        Self::Narrow {
            places,
            index: Index::default(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Signal {
    pub(super) source: Source,
    pub(super) market: u32,
    pub(super) last: Option<Number>,
    pub(super) levels: Levels,
    /// Who waits for the first value.
    pub(super) waiting: BTreeSet<u32>,
    /// Whose cooldown is over: the next value says whether they re-arm.
    pub(super) recheck: BTreeSet<u32>,
    /// Number of rules and parts of rules that use it.
    pub(super) users: u32,
}

/// Runs the same code on keys of either width.
macro_rules! with_index {
    ($levels:expr, |$index:ident, $key:ident| $body:expr) => {
        match $levels {
            Levels::Narrow {
                places,
                index: $index,
            } => {
                let places = *places;
                let $key = move |value: Decimal| narrow(value, places);
                $body
            }
            Levels::Wide($index) => {
                let $key = |value: Decimal| Some(Wide::of(value));
                $body
            }
        }
    };
}

impl Signal {
    pub(super) fn new(source: Source, market: u32) -> Self {
        let places = if source.is_ratio() {
            RATIO_PLACES
        } else {
            USUAL_PLACES
        };
        Self {
            source,
            market,
            last: None,
            levels: Levels::narrow(places),
            waiting: BTreeSet::new(),
            recheck: BTreeSet::new(),
            users: 0,
        }
    }

    /// The value with which it goes on after a restart.
    pub(super) fn start(&mut self, number: Number) {
        if !self.advance(number, &mut Vec::new())
            && let Number::Exact(value) = number
        {
            self.last = Some(number);
            self.widen(&[value]);
        }
    }

    /// Moves the value; false, and nothing is changed, if its key does not fit.
    pub(super) fn advance(&mut self, number: Number, reached: &mut Vec<(u32, Direction)>) -> bool {
        let fits = match (&mut self.levels, number) {
            (Levels::Narrow { index, .. }, Number::Ratio(key)) => {
                index.advance(key, reached);
                true
            }
            (levels, Number::Exact(value)) => {
                with_index!(levels, |index, key| match key(value) {
                    Some(key) => {
                        index.advance(key, reached);
                        true
                    }
                    None => false,
                })
            }
            // Signals of ratios are never widened.
            (Levels::Wide(_), Number::Ratio(_)) => true,
        };
        if fits {
            self.last = Some(number);
        }
        fits
    }

    /// Lets `slot` wait; false, and nothing is changed, if a key does not fit.
    pub(super) fn place(&mut self, slot: u32, line: &Line, wait: Wait) -> bool {
        with_index!(&mut self.levels, |index, key| {
            let keys = keys(line, wait, key);
            for (direction, key) in keys.iter().flatten().flatten() {
                index.insert(*direction, *key, slot);
            }
            keys.is_some()
        })
    }

    /// The opposite of [`Self::place`].
    pub(super) fn remove(&mut self, slot: u32, line: &Line, wait: Wait) {
        with_index!(&mut self.levels, |index, key| {
            for (direction, key) in keys(line, wait, key).iter().flatten().flatten() {
                index.remove(*direction, *key, slot);
            }
        });
    }

    /// True if the value is where `wait` waits for, however it came there. It asks for no room in the index: a
    /// threshold may have more places than those that are there.
    pub(super) fn is_at(&self, line: &Line, wait: Wait) -> bool {
        match self.last {
            Some(Number::Exact(last)) => {
                is_past(line, wait, |value| Some(Wide::of(value)), Wide::of(last))
            }
            Some(Number::Ratio(last)) => {
                is_past(line, wait, |value| narrow(value, RATIO_PLACES), last)
            }
            None => false,
        }
    }

    /// Empties the thresholds and makes their keys fit `values` too, and returns who waited.
    pub(super) fn widen(&mut self, values: &[Decimal]) -> Vec<u32> {
        let slots = self.placed();
        let places = match self.levels {
            Levels::Narrow { places, .. } => values
                .iter()
                .map(|value| places_of(*value))
                .fold(places, u32::max),
            Levels::Wide(_) => MOST_PLACES + 1,
        };
        let last = match self.last {
            Some(Number::Exact(last)) => Some(last),
            _ => None,
        };
        let mut all = values.iter().copied().chain(last);
        if places <= MOST_PLACES && all.all(|value| narrow(value, places).is_some()) {
            let mut index = Index::default();
            if let Some(last) = last.and_then(|last| narrow(last, places)) {
                index.set_last(last);
            }
            self.levels = Levels::Narrow { places, index };
        } else {
            self.widen_fully();
        }
        slots
    }

    /// Everyone who waits for one of its keys.
    pub(super) fn placed(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = match &self.levels {
            Levels::Narrow { index, .. } => index.slots().collect(),
            Levels::Wide(index) => index.slots().collect(),
        };
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Empties the thresholds and takes keys that every decimal has.
    pub(super) fn widen_fully(&mut self) {
        let mut index = Index::default();
        if let Some(Number::Exact(last)) = self.last {
            index.set_last(Wide::of(last));
        }
        self.levels = Levels::Wide(index);
    }
}

type Keys<K> = [Option<(Direction, K)>; 2];

/// The keys for `wait`: two only for what waits for both directions.
fn keys<K: Key>(line: &Line, wait: Wait, key: impl Fn(Decimal) -> Option<K>) -> Option<Keys<K>> {
    let value = key(line.value)?;
    Some(match wait {
        Wait::Met => match line.direction() {
            Some(direction) => [Some((direction, line.met(value))), None],
            None => [Some((Direction::Up, value)), Some((Direction::Down, value))],
        },
        Wait::Unmet(fired) => [Some((fired.opposite(), line.unmet(value, fired))), None],
        Wait::Rearmed(fired) => {
            let rearmed = line.rearmed(value, key(line.distance)?, fired);
            [Some((fired.opposite(), rearmed)), None]
        }
    })
}

/// True if `last` is at one of the keys for `wait` or beyond it.
fn is_past<K: Key>(line: &Line, wait: Wait, key: impl Fn(Decimal) -> Option<K>, last: K) -> bool {
    keys(line, wait, key).is_some_and(|keys| {
        let mut keys = keys.into_iter().flatten();
        keys.any(|(direction, key)| is_beyond(last, key, direction))
    })
}

impl Number {
    /// The number for people: of a ratio, rounded down to its places.
    pub(super) fn to_decimal(self) -> Decimal {
        match self {
            Self::Exact(value) => value,
            Self::Ratio(key) => Decimal::new(key.div_euclid(2), RATIO_PLACES),
        }
    }
}
