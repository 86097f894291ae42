//! State of an armed rule and of a part of one: numbers only. A rule is found by its slot.

use rust_decimal::Decimal;

use super::index::Direction;
use super::line::Line;
use super::signal::Wait;
use super::types::RuleId;
use crate::plan::Comparison;

/// Slots with this bit are parts of composite rules.
pub(super) const LEAF: u32 = 1 << 31;

/// Where a rule is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Waiting,
    Armed,
    /// Since `since`, reached in this direction.
    Pending(Direction),
    /// Until `since` and the cooldown, nothing fires and nothing re-arms.
    Cooling,
    /// The cooldown is over: the next value says whether it re-arms.
    Recheck,
    /// Until the value is back beyond the threshold.
    Resting,
    Fired,
    Expired,
}

/// Subject of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    Signal(u32),
    Composite(u32),
    Gaps { market: u32, seconds: u32 },
    Silence { market: u32, seconds: u32 },
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: RuleId,
    pub(super) watch: Watch,
    pub(super) line: Line,
    pub(super) life: Life,
    pub(super) always: bool,
    pub(super) fire_if_met: bool,
    pub(super) revision: u32,
    pub(super) cooldown: u32,
    pub(super) hold: u32,
    /// When it fired last; while pending, since when.
    pub(super) since: i64,
    /// `i64::MAX` if never.
    pub(super) expires: i64,
}

impl Entry {
    /// For which of its signal's keys it waits.
    pub(super) fn wait(&self) -> Option<Wait> {
        match self.life {
            Life::Armed => Some(Wait::Met),
            Life::Pending(direction) => Some(Wait::Unmet(direction)),
            Life::Resting => self.line.direction().map(Wait::Rearmed),
            _ => None,
        }
    }

    /// When it is due next.
    pub(super) const fn timer(&self) -> Option<i64> {
        match (self.life, self.watch) {
            (Life::Pending(_), _) => Some(self.holds_until()),
            (Life::Cooling, _) => Some(self.cools_until()),
            (Life::Armed, Watch::Silence { seconds, .. }) => Some(after(self.since, seconds)),
            _ => None,
        }
    }

    pub(super) const fn holds_until(&self) -> i64 {
        after(self.since, self.hold)
    }

    pub(super) const fn cools_until(&self) -> i64 {
        after(self.since, self.cooldown)
    }
}

pub(super) const fn after(time: i64, seconds: u32) -> i64 {
    time.saturating_add(seconds as i64 * 1_000_000_000)
}

/// A part of a composite rule.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) value: Decimal,
    pub(super) comparison: Comparison,
    /// Its bit in the composite's truth.
    pub(super) bit: u8,
    pub(super) signal: u32,
    pub(super) composite: u32,
}

impl Leaf {
    pub(super) const fn line(&self) -> Line {
        Line {
            value: self.value,
            distance: Decimal::ZERO,
            comparison: self.comparison,
        }
    }

    /// The direction in which it becomes true: it has one, for it is a state.
    pub(super) fn direction(&self) -> Direction {
        self.line().direction().unwrap_or(Direction::Up)
    }
}

/// Values in numbered places that are used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    #[allow(clippy::cast_possible_truncation, reason = "limits are far below 2^31")]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.places[slot as usize] = Some(value);
            return slot;
        }
        self.places.push(Some(value));
        (self.places.len() - 1) as u32
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let value = self.places.get_mut(slot as usize)?.take();
        if value.is_some() {
            self.free.push(slot);
        }
        value
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.places.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.places.get_mut(slot as usize)?.as_mut()
    }
}
