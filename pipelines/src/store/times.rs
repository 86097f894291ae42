//! Between our nanoseconds and the database's microseconds.

use crate::market::Timestamp;

/// The time, rounded down to the microsecond.
pub(super) const fn down_to_micros(time: Timestamp) -> Timestamp {
    let nanos = time.nanos();
    Timestamp::from_nanos(nanos.saturating_sub(nanos.rem_euclid(1_000)))
}

/// The time, rounded up to the microsecond: an exclusive end keeps what it covered.
pub(super) const fn up_to_micros(time: Timestamp) -> Timestamp {
    let down = down_to_micros(time);
    if down.nanos() == time.nanos() {
        return time;
    }
    Timestamp::from_nanos(down.nanos().saturating_add(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_outwards() {
        let at = |nanos| Timestamp::from_nanos(nanos);
        assert_eq!(down_to_micros(at(1_999)), at(1_000));
        assert_eq!(up_to_micros(at(1_001)), at(2_000));
        assert_eq!(up_to_micros(at(2_000)), at(2_000));
        assert_eq!(down_to_micros(at(-1)), at(-1_000));
        assert_eq!(up_to_micros(at(-1)), at(0));
    }
}
