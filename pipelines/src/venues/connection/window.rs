//! Keeps to the number of connections that a venue allows per address and time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// A sliding window over the connections made.
#[derive(Debug)]
pub(super) struct ConnectionWindow {
    allowed: usize,
    length: Duration,
    made: VecDeque<Instant>,
}

impl ConnectionWindow {
    /// Uses half of what the venue allows: other programs may share our address.
    pub(super) fn new((allowed, length): (u32, Duration)) -> Self {
        Self {
            allowed: (allowed as usize / 2).max(1),
            length,
            made: VecDeque::new(),
        }
    }

    /// Reserves the earliest time at which another connection may be made.
    pub(super) fn reserve(&mut self, now: Instant) -> Instant {
        while self.made.len() > self.allowed {
            self.made.pop_front();
        }
        let at = match self.made.len().checked_sub(self.allowed) {
            Some(oldest) => now.max(self.made[oldest] + self.length),
            None => now,
        };
        self.made.push_back(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_allowed() {
        let start = Instant::now();
        let mut window = ConnectionWindow::new((6, Duration::from_secs(10)));
        let seconds: Vec<u64> = (0..7)
            .map(|_| window.reserve(start).duration_since(start).as_secs())
            .collect();
        assert_eq!(seconds, [0, 0, 0, 10, 10, 10, 20]);
        let later = start + Duration::from_secs(100);
        assert_eq!(window.reserve(later), later);
        assert!(window.made.len() <= 4, "memory is bounded");
    }
}
