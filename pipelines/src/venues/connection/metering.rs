//! A feed's metrics, and the sampling of what it cannot decode.
//!
//! | name | kind | unit | labels |
//! |---|---|---|---|
//! | `coinsphere_feed_frames_total` | counter | frames | venue |
//! | `coinsphere_feed_trades_total` | counter | trades | venue |
//! | `coinsphere_feed_decode_errors_total` | counter | frames | venue, reason |
//! | `coinsphere_feed_refused_trades_total` | counter | trades | venue, reason |
//! | `coinsphere_feed_complaints_total` | counter | frames | venue |
//! | `coinsphere_feed_connects_total` | counter | connections | venue |
//! | `coinsphere_feed_disconnects_total` | counter | connections | venue, reason |
//! | `coinsphere_feed_connections` | gauge | connections | venue |

use std::collections::HashMap;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;

use crate::market::Venue;
use crate::venues::frame_assembler::FrameCounts;

/// Adds what was counted since the last time.
pub(super) fn count(venue: Venue, new: &FrameCounts) {
    let venue = venue.name();
    counter!("coinsphere_feed_frames_total", "venue" => venue).increment(new.frames);
    counter!("coinsphere_feed_trades_total", "venue" => venue).increment(new.trades);
    if new.complaints > 0 {
        counter!("coinsphere_feed_complaints_total", "venue" => venue).increment(new.complaints);
    }
    for (reason, frames) in new.decode_errors().filter(|&(_, frames)| frames > 0) {
        counter!("coinsphere_feed_decode_errors_total", "venue" => venue, "reason" => reason)
            .increment(frames);
    }
    for (reason, trades) in new.refused_trades().filter(|&(_, trades)| trades > 0) {
        counter!("coinsphere_feed_refused_trades_total", "venue" => venue, "reason" => reason)
            .increment(trades);
    }
}

/// A connection was made.
pub(super) fn connected(venue: Venue) {
    counter!("coinsphere_feed_connects_total", "venue" => venue.name()).increment(1);
    gauge!("coinsphere_feed_connections", "venue" => venue.name()).increment(1.0);
}

/// A connection that was made ended.
pub(super) fn disconnected(venue: Venue, reason: &'static str) {
    gauge!("coinsphere_feed_connections", "venue" => venue.name()).decrement(1.0);
    counter!("coinsphere_feed_disconnects_total", "venue" => venue.name(), "reason" => reason)
        .increment(1);
}

/// Lets one log line of a kind through in a while, so that a venue gone mad does not fill the disk.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    kinds: HashMap<&'static str, (Instant, u64)>,
}

impl Sampler {
    const EVERY: Duration = Duration::from_secs(10);

    /// Decides whether to log now; gives the number of events not logged since the last time.
    pub(super) fn admit(&mut self, kind: &'static str, now: Instant) -> Option<u64> {
        match self.kinds.get_mut(kind) {
            Some((logged_at, unlogged)) if now.duration_since(*logged_at) < Self::EVERY => {
                *unlogged += 1;
                None
            }
            Some((logged_at, unlogged)) => {
                *logged_at = now;
                Some(std::mem::take(unlogged))
            }
            None => {
                self.kinds.insert(kind, (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_in_ten_seconds_and_kind() {
        let start = Instant::now();
        let mut sampler = Sampler::default();
        assert_eq!(sampler.admit("malformed", start), Some(0));
        for second in 1..10 {
            let now = start + Duration::from_secs(second);
            assert_eq!(sampler.admit("malformed", now), None);
        }
        assert_eq!(sampler.admit("impossible_value", start), Some(0));
        let later = start + Duration::from_secs(10);
        assert_eq!(sampler.admit("malformed", later), Some(9));
    }
}
