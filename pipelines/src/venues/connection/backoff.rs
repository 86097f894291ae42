//! How long to wait before connecting again.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// Exponential backoff with full jitter: many clients that lost a venue at the same moment do not
/// come back at the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);
    /// A connection that lived this long shows that all is well again.
    pub(super) const STABLE: Duration = Duration::from_secs(60);

    /// The next wait: between one second and a bound that doubles from 2 s up to a minute.
    pub(super) fn next(&mut self, rng: &mut StdRng) -> Duration {
        let exponent = self.failures.min(6);
        self.failures = self.failures.saturating_add(1);
        let bound = (Self::SHORTEST * 2_u32.pow(exponent + 1)).min(Self::LONGEST);
        rng.random_range(Self::SHORTEST..=bound)
    }

    /// All is well again.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn grows_stays_bounded_and_starts_anew() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..200).map(|_| backoff.next(&mut rng)).collect();
        assert!(waits[0] <= Duration::from_secs(2), "{:?}", waits[0]);
        for wait in &waits {
            assert!(
                (Backoff::SHORTEST..=Backoff::LONGEST).contains(wait),
                "{wait:?}"
            );
        }
        assert!(
            waits[10..].iter().any(|wait| wait.as_secs() > 40),
            "never grew"
        );
        assert!(
            waits[10..].iter().any(|wait| wait.as_secs() < 15),
            "no full jitter"
        );
        backoff.reset();
        assert!(backoff.next(&mut rng) <= Duration::from_secs(2));
    }
}
