//! Delays between attempts.

use std::time::Duration;

use rand::RngExt;

/// The wait after this many failures in a row, counted from 1: `first`, then twice as long each time,
/// at most `longest`.
#[must_use]
pub fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1).min(31));
    first.saturating_mul(factor).min(longest)
}

/// Exponential backoff: counts failures and says how long to wait after each.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits `first` after the first failure, and never more than `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        doubled(self.first, self.failures, self.longest)
    }

    /// The wait after one more failure, drawn at random between the first and twice the
    /// [`doubled`] one, so that many clients that failed at the same moment do not come back at the
    /// same moment.
    pub fn next_jittered(&mut self, rng: &mut impl RngExt) -> Duration {
        let bound = self.next_wait().saturating_mul(2).min(self.longest);
        rng.random_range(self.first..=bound.max(self.first))
    }

    /// All is well again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn doubles_up_to_the_longest_and_starts_over() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let waits: Vec<u64> = (0..8).map(|_| backoff.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next_wait(), FIRST);
        assert_eq!(doubled(FIRST, 0, LONGEST), FIRST);
        assert_eq!(doubled(FIRST, u32::MAX, LONGEST), LONGEST);
    }

    #[test]
    fn jitter_grows_and_stays_bounded() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let waits: Vec<Duration> = (0..200).map(|_| backoff.next_jittered(&mut rng)).collect();
        assert!(waits[0] <= Duration::from_secs(2), "{:?}", waits[0]);
        for wait in &waits {
            assert!((FIRST..=LONGEST).contains(wait), "{wait:?}");
        }
        let later = &waits[10..];
        assert!(later.iter().any(|w| w.as_secs() > 40), "never grew");
        assert!(later.iter().any(|w| w.as_secs() < 15), "no full jitter");
        backoff.reset();
        assert!(backoff.next_jittered(&mut rng) <= Duration::from_secs(2));
    }
}
