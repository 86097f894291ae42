//! The few numbers that candle building depends on.

use std::time::Duration;

/// Rules by which candles are built. The same rules and the same log give the same candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A minute closes this long after its end, in event time; trades that arrive later are
    /// corrections.
    pub grace: Duration,
    /// Age up to which a late trade still corrects its candle from the log.
    pub correction_horizon: Duration,
    /// Stretches of trade ids without a hole that are remembered per instrument.
    pub max_runs: usize,
    /// Keep closed minutes in memory and correct them there: for files, which have no log to
    /// rebuild from and an end.
    pub retain_closed: bool,
    /// An outage across which the trade numbers turn out to be contiguous ends as a gap: nothing was missed,
    /// or it has been repaired.
    pub end_bridged_outages: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(2),
            correction_horizon: Duration::from_secs(24 * 3_600),
            max_runs: 256,
            retain_closed: false,
            end_bridged_outages: false,
        }
    }
}

impl Rules {
    /// The rules for reading a file from its beginning to its end.
    #[must_use]
    pub fn for_file(grace: Duration) -> Self {
        Self {
            grace,
            max_runs: 1 << 20,
            retain_closed: true,
            ..Self::default()
        }
    }
}
