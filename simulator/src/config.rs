//! Configuration of a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::fault::Fault;
use crate::replay::Replay;

/// Trades a second over the whole market at most.
const MAX_RATE: f64 = 100_000.0;

/// Configuration; every field has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Seed of the market. A data directory remembers the one it was made with.
    pub seed: u64,
    /// Average trades a second over all chosen instruments together, up to 100,000. Quantities
    /// shrink as it grows, so that turnover stays the same.
    pub rate: f64,
    /// True if the rate is the same at every hour, rather than higher in the afternoon (UTC) and
    /// lower at night and on weekends.
    pub steady: bool,
    /// The instruments to list: symbols (`BTCUSDT`), `venue:symbol`, tickers (`BTC`) or CoinGecko
    /// ids (`bitcoin`); all 93 when absent.
    pub instruments: Option<Vec<String>>,
    /// Where the market's origin is kept, so that ids are the same after a restart.
    pub data_dir: Option<PathBuf>,
    /// When the market goes live at `rate`, for a market that has no data directory yet. Absent:
    /// the first start, with a data directory; 2026-01-01T00:00:00Z without.
    pub epoch: Option<DateTime<Utc>>,
    /// Days of sparser history before that moment: five trades a minute of each instrument for the
    /// newest 120 days of it, one a minute before.
    pub history_days: u32,
    /// A recording to serve instead of the market of its venue.
    pub replay: Option<Replay>,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
    /// The time for which a WebSocket client may leave a batch unread before it is dropped, in milliseconds.
    pub send_timeout_ms: u64,
    /// WebSocket connections at the same time at most.
    pub max_connections: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            rate: 200.0,
            steady: false,
            instruments: None,
            data_dir: None,
            epoch: None,
            history_days: 1_700,
            replay: None,
            faults: Vec::new(),
            send_timeout_ms: 10_000,
            max_connections: 256,
        }
    }
}

/// A value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The rate is out of range.
    #[error("the rate of {0} trades a second is not allowed; it is above 0 and at most {MAX_RATE}")]
    Rate(String),
    /// No instrument has that name.
    #[error(
        "no instrument is called `{0}`; instruments are named like BTCUSDT, binance:BTCUSDT, BTC or bitcoin"
    )]
    Instrument(String),
    /// The history is too long.
    #[error("{0} days of history are not allowed; it is at most 3650")]
    History(u32),
}

impl Config {
    /// Checks what does not need the market.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(self.rate > 0.0 && self.rate <= MAX_RATE) {
            return Err(ConfigError::Rate(self.rate.to_string()));
        }
        if self.history_days > 3_650 {
            return Err(ConfigError::History(self.history_days));
        }
        Ok(())
    }
}
