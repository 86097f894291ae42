//! The wait before a part that failed is started again.

use std::time::Duration;

use coinsphere_pipelines::net::Backoff;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// A part that ran this long starts over with the first wait.
const STABLE: Duration = Duration::from_secs(60);

/// The waits of one part: doubled with each failure.
#[derive(Debug)]
pub(super) struct RestartDelay(Backoff);

impl RestartDelay {
    pub(super) const fn new() -> Self {
        Self(Backoff::new(FIRST, LONGEST))
    }

    /// The wait after one more failure, of a run of this length.
    pub(super) fn after(&mut self, ran_for: Duration) -> Duration {
        if ran_for >= STABLE {
            self.0.reset();
        }
        self.0.next_wait()
    }
}
