//! Sets of time ranges. Pure.

use crate::market::Timestamp;

/// A range of time: its start, and its end, which is exclusive.
pub type TimeRange = (Timestamp, Timestamp);

/// The rest of ranges (ascending, disjoint) without one of them.
#[must_use]
pub fn subtract(stretches: &[TimeRange], (from, to): TimeRange) -> Vec<TimeRange> {
    stretches
        .iter()
        .flat_map(|&(start, end)| [(start, end.min(from)), (start.max(to), end)])
        .filter(|(start, end)| start < end)
        .collect()
}

/// Joins those that touch or overlap; ascending.
#[must_use]
pub fn joined(mut stretches: Vec<TimeRange>) -> Vec<TimeRange> {
    stretches.sort_unstable();
    let mut joined: Vec<TimeRange> = Vec::with_capacity(stretches.len());
    for (from, to) in stretches {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Their length together, in nanoseconds.
#[must_use]
pub fn length(stretches: &[TimeRange]) -> u64 {
    let lengths = stretches
        .iter()
        .map(|(from, to)| to.nanos().saturating_sub(from.nanos()));
    lengths
        .map(|length| u64::try_from(length).unwrap_or(0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, to: i64) -> TimeRange {
        (Timestamp::from_nanos(from), Timestamp::from_nanos(to))
    }

    #[test]
    fn stretches_are_subtracted_and_joined() {
        let all = [stretch(0, 10), stretch(20, 30)];
        assert_eq!(
            subtract(&all, stretch(5, 25)),
            [stretch(0, 5), stretch(25, 30)]
        );
        assert_eq!(
            subtract(&all, stretch(22, 24)),
            [stretch(0, 10), stretch(20, 22), stretch(24, 30)]
        );
        assert_eq!(subtract(&all, stretch(12, 15)), all);
        assert_eq!(subtract(&all, stretch(0, 99)), []);
        let some = vec![stretch(4, 6), stretch(0, 4), stretch(9, 10), stretch(5, 7)];
        assert_eq!(joined(some), [stretch(0, 7), stretch(9, 10)]);
        assert_eq!(length(&all), 20);
    }
}
