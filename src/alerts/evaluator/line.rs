//! Lines: a threshold with its comparison and how far beyond it a rule re-arms, and where that lies among
//! the keys of a signal.

use rust_decimal::Decimal;

use super::index::Direction;
use crate::number::Key;
use crate::plan::Comparison;
use crate::rule::Operator;

/// A threshold as a rule keeps it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) value: Decimal,
    /// The hysteresis.
    pub(super) distance: Decimal,
    pub(super) comparison: Comparison,
}

impl Line {
    /// The direction in which the condition becomes true; none if both are.
    pub(super) const fn direction(&self) -> Option<Direction> {
        match self.comparison {
            Comparison::MoreThan | Comparison::Touching(Operator::Above | Operator::CrossesUp) => {
                Some(Direction::Up)
            }
            Comparison::LessThan
            | Comparison::Touching(Operator::Below | Operator::CrossesDown) => {
                Some(Direction::Down)
            }
            Comparison::Touching(Operator::Crosses) => None,
        }
    }

    /// A condition that can be true, rather than one that happens.
    pub(super) const fn is_state(&self) -> bool {
        !matches!(
            self.comparison,
            Comparison::Touching(Operator::CrossesUp | Operator::CrossesDown | Operator::Crosses)
        )
    }

    /// The key that is reached, coming from the other side.
    pub(super) fn met<K: Key>(&self, key: K) -> K {
        match self.comparison {
            Comparison::Touching(_) => key,
            Comparison::MoreThan => key.above(),
            Comparison::LessThan => key.below(),
        }
    }

    /// The key at which the condition is no longer true after it was reached in `direction`.
    pub(super) fn unmet<K: Key>(&self, key: K, direction: Direction) -> K {
        match (self.comparison, direction) {
            (Comparison::Touching(_), Direction::Up) => key.below(),
            (Comparison::Touching(_), Direction::Down) => key.above(),
            _ => key,
        }
    }

    /// The key at which a rule re-arms that fired in `direction`.
    pub(super) fn rearmed<K: Key>(&self, key: K, distance: K, direction: Direction) -> K {
        let unmet = self.unmet(key, direction);
        match direction {
            Direction::Up => unmet.min(key.minus(distance)),
            Direction::Down => unmet.max(key.plus(distance)),
        }
    }
}

/// True if `value` is at `key` or beyond it in `direction`.
pub(super) fn is_beyond<K: Key>(value: K, key: K, direction: Direction) -> bool {
    match direction {
        Direction::Up => key <= value,
        Direction::Down => value <= key,
    }
}

impl Direction {
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}
