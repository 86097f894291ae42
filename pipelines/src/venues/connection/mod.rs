//! Live listening: one venue's instruments over as many connections as its limits ask for, each
//! reconnected when it breaks and replaced before it grows too old, everything written to the log.
//! It treats all venues alike; what a venue says is known to its own module only.
//!
//! Each instrument's connection is a *shard*. A shard normally runs one *session* (one WebSocket);
//! on renewal two for a moment, so that nothing is missed between them.

mod destination;
mod metering;
mod session;
mod shard;
mod socket;
mod state;
mod window;

use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use destination::Destination;
use destination::LogDestination;
use metering::Sampler;
use shard::ConnectionShard;
pub use socket::{ByteStream, Dial, TcpDial};
pub use state::{ConnectionPhase, ConnectionState, FeedState};
use window::ConnectionWindow;

use super::admission::Admission;
use super::protocol::{Limits, VenueProtocol};
use crate::clock::SharedClock;
use crate::log::{EventLog, LogError};
use crate::market::Symbol;
use crate::net::{TlsError, client_config};

/// Why listening ended without a request to stop.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log will take no more records, ever.
    #[error("cannot append what {venue} sends: {source}")]
    Log {
        /// The venue that was listened to.
        venue: &'static str,
        /// The log's error.
        source: LogError,
    },
    /// TLS could not be set up.
    #[error("cannot set up tls: {0}")]
    Tls(#[from] TlsError),
    /// A part of the feed panicked.
    #[error("listening to {0} failed by a defect of this program")]
    Defect(&'static str),
}

/// One venue's live feed.
pub struct LiveFeed {
    shared: Shared,
    symbols: Vec<Symbol>,
    rng: StdRng,
}

/// State that all shards of a feed share.
struct Shared {
    protocol: &'static dyn VenueProtocol,
    limits: Limits,
    endpoint: String,
    admission: Admission,
    destination: Arc<dyn Destination>,
    clock: SharedClock,
    dial: Arc<dyn Dial>,
    tls: Arc<rustls::ClientConfig>,
    window: Mutex<ConnectionWindow>,
    sampler: Mutex<Sampler>,
    state: watch::Sender<FeedState>,
}

impl LiveFeed {
    /// Listens to `symbols` at the venue's own endpoint, or at `endpoint` (a simulator's, say:
    /// `ws://…` is plain, `wss://…` TLS), and appends to `log`. `rng` numbers the connections,
    /// so it must be seeded from the system's entropy outside tests.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        protocol: &'static dyn VenueProtocol,
        symbols: Vec<Symbol>,
        endpoint: Option<&str>,
        log: Arc<dyn EventLog>,
        clock: SharedClock,
        rng: StdRng,
    ) -> Result<Self, FeedError> {
        let destination = Arc::new(LogDestination(log));
        Self::into_destination(protocol, symbols, endpoint, destination, clock, rng)
    }

    /// As [`LiveFeed::new`], to any destination.
    pub(crate) fn into_destination(
        protocol: &'static dyn VenueProtocol,
        mut symbols: Vec<Symbol>,
        endpoint: Option<&str>,
        destination: Arc<dyn Destination>,
        clock: SharedClock,
        rng: StdRng,
    ) -> Result<Self, FeedError> {
        // What the venue cannot have it may say itself, in its own words.
        for symbol in &mut symbols {
            if let Ok(own) = protocol.spelling(symbol) {
                *symbol = own;
            }
        }
        symbols.sort_unstable();
        symbols.dedup();
        let limits = protocol.limits();
        let endpoint = endpoint.unwrap_or(protocol.default_endpoint()).to_owned();
        let shards = symbols.chunks(limits.symbols_per_connection.max(1));
        let state = FeedState {
            venue: protocol.venue(),
            endpoint: endpoint.clone(),
            connections: shards
                .map(|shard| ConnectionState::new(shard.len()))
                .collect(),
        };
        let shared = Shared {
            protocol,
            window: Mutex::new(ConnectionWindow::new(limits.connections)),
            limits,
            endpoint,
            admission: Admission::LIVE,
            destination,
            clock,
            dial: Arc::new(TcpDial),
            tls: Arc::new(client_config(None)?),
            sampler: Mutex::default(),
            state: watch::Sender::new(state),
        };
        Ok(Self {
            shared,
            symbols,
            rng,
        })
    }

    /// Judges trades by `admission` in place of [`Admission::LIVE`].
    #[must_use]
    pub fn with_admission(mut self, admission: Admission) -> Self {
        self.shared.admission = admission;
        self
    }

    /// Reaches the venue over other byte streams than TCP's.
    #[must_use]
    pub fn with_dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.shared.dial = dial;
        self
    }

    /// State of the feed, sent on each change.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<FeedState> {
        self.shared.state.subscribe()
    }

    /// Listens until `shutdown` becomes true (or its sender is gone), then says so in the log and
    /// closes the connections.
    ///
    /// # Errors
    /// When the log is closed for good. The venue's troubles are no errors: they are retried.
    pub async fn run(self, shutdown: watch::Receiver<bool>) -> Result<(), FeedError> {
        let Self {
            shared,
            symbols,
            mut rng,
        } = self;
        let shared = Arc::new(shared);
        let venue = shared.protocol.venue().name();
        let mut shards = JoinSet::new();
        let per_shard = shared.limits.symbols_per_connection.max(1);
        for (index, symbols) in symbols.chunks(per_shard).enumerate() {
            let shard = ConnectionShard::new(
                Arc::clone(&shared),
                index,
                symbols.to_vec(),
                StdRng::from_rng(&mut rng),
            );
            #[allow(
                clippy::disallowed_methods,
                reason = "a shard that panics ends the feed, which is started again"
            )]
            shards.spawn(shard.run(shutdown.clone()));
        }
        // The first shard that cannot go on ends all: none could.
        while let Some(ended) = shards.join_next().await {
            ended
                .map_err(|_| FeedError::Defect(venue))?
                .map_err(|source| FeedError::Log { venue, source })?;
        }
        Ok(())
    }
}

impl Shared {
    /// Changes the observable state of a shard.
    fn observe(&self, shard: usize, change: impl FnOnce(&mut ConnectionState)) {
        self.state.send_modify(|state| {
            if let Some(connection) = state.connections.get_mut(shard) {
                change(connection);
            }
        });
    }

    /// When the venue allows the next connection; it counts as made.
    fn reserve_connection(&self) -> Instant {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.reserve(Instant::now())
    }

    /// Logs an undecodable frame, unless another of its kind was logged a moment ago.
    fn sample(&self, reason: &'static str, error: &dyn std::error::Error, frame: &str) {
        let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unlogged) = sampler.admit(reason, Instant::now()) {
            let venue = self.protocol.venue().name();
            let frame: String = frame.chars().take(300).collect();
            tracing::warn!(venue, reason, %error, unlogged, frame, "cannot decode a frame");
        }
    }
}
