//! State shared by all connections and requests: the market, the clock, the faults, the counters.
//!
//! Knows no protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::{FaultBoard, Ledger};
use crate::market::{Market, Venue};
use crate::replay::Player;
use crate::rest::Hours;

/// The shared state of one running simulator.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) market: Market,
    pub(crate) seed: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: FaultBoard,
    pub(crate) ledger: Ledger,
    pub(crate) counters: Counters,
    pub(crate) hours: Hours,
    pub(crate) replay: Option<Arc<Player>>,
    pub(crate) send_timeout: Duration,
    pub(crate) max_connections: u64,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Hub {
    /// The venue's own idea of the present, µs: the clock, and a fault's skew.
    pub(crate) fn venue_now(&self, venue: Venue) -> i64 {
        self.clock.now() + self.faults.skew(venue)
    }

    /// Returns whether the venue's trades come from a recording, and so the market has none for it.
    pub(crate) fn replays(&self, venue: Venue) -> bool {
        self.replay
            .as_ref()
            .is_some_and(|player| player.wire().venue() == venue)
    }
}

/// Counts over all connections so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections open now.
    pub(crate) open: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) refused_connections: AtomicU64,
    pub(crate) refused_subscriptions: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) trades: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) slow_clients: AtomicU64,
    pub(crate) fault_disconnects: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) rest_requests: AtomicU64,
    pub(crate) rate_limited: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Every counter with its name.
    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        vec![
            ("open_connections", get(&self.open)),
            ("connections", get(&self.connections)),
            ("refused_connections", get(&self.refused_connections)),
            ("refused_subscriptions", get(&self.refused_subscriptions)),
            ("frames_sent", get(&self.frames)),
            ("trades_sent", get(&self.trades)),
            ("messages_received", get(&self.received)),
            ("slow_clients", get(&self.slow_clients)),
            ("fault_disconnects", get(&self.fault_disconnects)),
            ("stalls", get(&self.stalls)),
            ("rest_requests", get(&self.rest_requests)),
            ("rate_limited", get(&self.rate_limited)),
        ]
    }
}
