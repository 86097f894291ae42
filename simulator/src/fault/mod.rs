//! Faults on demand: what can go wrong at a venue, said in one line such as
//! `drop:p=0.01,venue=binance,seed=7`.
//!
//! This module says what faults are and keeps the ones in force; `stage` applies the ones that
//! concern single trades. Whether a fault strikes a trade depends on (its seed, the symbol, the
//! trade's id), so it strikes the same trades on every connection and in every run.

mod ledger;
mod parse;
mod stage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::market::{Venue, derive, hash, unit};

pub(crate) use ledger::{Ledger, Mark};
pub use parse::FaultError;
pub(crate) use stage::{Stage, Tag, mangle};

/// One fault, with whom it concerns.
///
/// As text, and so in TOML, JSON and on the command line: `kind:key=value,…`, e.g.
/// `disconnect:every=30s,seed=7`. The kinds and their keys are listed by [`Fault::help`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// Kind of fault.
    pub kind: FaultKind,
    /// The venue concerned; all when absent.
    pub venue: Option<Venue>,
    /// The symbol concerned, in the venue's spelling; all when absent.
    pub symbol: Option<String>,
    /// Seed of the choices this fault makes.
    pub seed: u64,
    /// The number of times it strikes at most, over all connections.
    pub times: Option<u64>,
}

/// Kind of fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// Connections end: after this time or this many messages, with that close code, or without a
    /// close frame when there is none.
    Disconnect {
        /// After this long, counted from the connection's start.
        every: Option<Duration>,
        /// After this many messages sent.
        after: Option<u64>,
        /// Share by which `every` varies by chance, 0 to 1.
        jitter: f64,
        /// Close code.
        code: Option<u16>,
    },
    /// Connections are answered with an HTTP status instead of an upgrade.
    RefuseConnection {
        /// Probability.
        p: f64,
        /// HTTP status, e.g. 503.
        status: u16,
    },
    /// Subscriptions are answered with the venue's refusal.
    RefuseSubscription {
        /// Probability, per symbol.
        p: f64,
    },
    /// A connection goes silent, pongs and heartbeats included, without closing.
    Stall {
        /// The time after the connection's start.
        after: Duration,
        /// For how long; until the server stops when absent.
        lasting: Option<Duration>,
    },
    /// Trades are not sent.
    Drop {
        /// Probability, per trade.
        p: f64,
    },
    /// Trades are sent twice.
    Duplicate {
        /// Probability, per trade.
        p: f64,
    },
    /// Trades are sent after later ones.
    Reorder {
        /// Probability, per trade.
        p: f64,
        /// By how many trades of the connection at most.
        window: u64,
    },
    /// Frames are replaced by something that is no valid trade message.
    Malform {
        /// Probability, per frame.
        p: f64,
    },
    /// Frames end too early.
    Truncate {
        /// Probability, per frame.
        p: f64,
    },
    /// The venue's clock is off by this much, in everything it says.
    Skew {
        /// Milliseconds; positive is ahead.
        ms: i64,
    },
    /// REST requests are answered with the venue's rate-limit error.
    RateLimit {
        /// Probability, per request.
        p: f64,
        /// Seconds said in `Retry-After`.
        retry_after: u64,
        /// HTTP status where the venue has a choice: 429 or Binance's 418.
        status: u16,
    },
}

/// A fault in force, with how often it has struck.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    /// Unlike any other fault's, cleared ones included.
    pub(crate) number: u64,
    pub(crate) fault: Fault,
    struck: AtomicU64,
}

impl ActiveFault {
    pub(crate) fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }

    /// Counts one strike, unless `times` is used up.
    pub(crate) fn strike(&self) -> bool {
        let limit = self.fault.times.unwrap_or(u64::MAX);
        self.struck
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < limit).then_some(n + 1)
            })
            .is_ok()
    }

    pub(crate) fn concerns(&self, venue: Venue, symbol: Option<&str>) -> bool {
        self.fault.venue.is_none_or(|v| v == venue)
            && match (&self.fault.symbol, symbol) {
                (Some(own), Some(symbol)) => own.eq_ignore_ascii_case(symbol),
                (Some(_), None) => false,
                (None, _) => true,
            }
    }

    /// A number in `[0, 1)` for one place, under this fault's seed.
    pub(crate) fn chance(&self, name: &str, at: u64) -> f64 {
        unit(hash(derive(self.fault.seed, name), at))
    }

    /// Returns whether the fault strikes there, with probability `p`; counts it if so.
    pub(crate) fn strikes(&self, p: f64, name: &str, at: u64) -> bool {
        (p >= 1.0 || self.chance(name, at) < p) && self.strike()
    }
}

/// The faults in force, shared by all connections.
pub(crate) type Active = Arc<[Arc<ActiveFault>]>;

/// Where the faults in force are kept and changed.
#[derive(Debug)]
pub(crate) struct FaultBoard {
    active: RwLock<Active>,
    installed: AtomicU64,
    /// Requests and subscriptions so far: the place at which a fault makes its choice.
    requests: AtomicU64,
}

impl FaultBoard {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        let board = Self {
            active: RwLock::new(Arc::from([])),
            installed: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        };
        board.add(faults);
        board
    }

    /// The faults in force now.
    pub(crate) fn active(&self) -> Active {
        self.active
            .read()
            .unwrap_or_else(|p| p.into_inner())
            .clone()
    }

    /// Adds faults to those in force.
    pub(crate) fn add(&self, faults: Vec<Fault>) {
        let mut active = self.active.write().unwrap_or_else(|p| p.into_inner());
        let fresh = faults.into_iter().map(|fault| {
            let number = self.installed.fetch_add(1, Ordering::Relaxed);
            Arc::new(ActiveFault {
                number,
                fault,
                struck: AtomicU64::new(0),
            })
        });
        *active = active.iter().cloned().chain(fresh).collect();
    }

    /// Ends all faults.
    pub(crate) fn clear(&self) {
        *self.active.write().unwrap_or_else(|p| p.into_inner()) = Arc::from([]);
    }

    /// Error of the venue's clock, µs.
    pub(crate) fn skew(&self, venue: Venue) -> i64 {
        skew(&self.active(), venue)
    }

    /// The status to refuse a new connection to `venue` with, if a fault says so.
    pub(crate) fn refused_connection(&self, venue: Venue) -> Option<u16> {
        let at = self.requests.fetch_add(1, Ordering::Relaxed);
        self.active().iter().find_map(|f| match f.fault.kind {
            FaultKind::RefuseConnection { p, status } => {
                (f.concerns(venue, None) && f.strikes(p, "connection", at)).then_some(status)
            }
            _ => None,
        })
    }

    /// Returns whether a fault refuses a subscription to `symbol`.
    pub(crate) fn refused_subscription(&self, venue: Venue, symbol: &str) -> bool {
        let at = self.requests.fetch_add(1, Ordering::Relaxed);
        self.active().iter().any(|f| match f.fault.kind {
            FaultKind::RefuseSubscription { p } => {
                f.concerns(venue, Some(symbol)) && f.strikes(p, symbol, at)
            }
            _ => false,
        })
    }

    /// `(status, Retry-After seconds)` to answer a REST request with, if a fault says so.
    pub(crate) fn rate_limited(&self, venue: Venue) -> Option<(u16, u64)> {
        let at = self.requests.fetch_add(1, Ordering::Relaxed);
        self.active().iter().find_map(|f| match f.fault.kind {
            FaultKind::RateLimit {
                p,
                retry_after,
                status,
            } => (f.concerns(venue, None) && f.strikes(p, "request", at))
                .then_some((status, retry_after)),
            _ => None,
        })
    }
}

/// Error of the venue's clock, µs.
pub(crate) fn skew(active: &Active, venue: Venue) -> i64 {
    active
        .iter()
        .filter(|f| f.concerns(venue, None))
        .map(|f| match f.fault.kind {
            FaultKind::Skew { ms } => ms.saturating_mul(1_000),
            _ => 0,
        })
        .sum()
}
