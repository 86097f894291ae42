//! Keeps the instruments of one connection served: starts sessions, starts them again when they
//! break, replaces them before they grow too old.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::session::{Ended, Session, Signal};
use super::state::ConnectionPhase;
use crate::events::{ConnectionId, DisconnectReason};
use crate::log::LogError;
use crate::market::Symbol;
use crate::net::Backoff;

/// A session and the one that replaces it; a third only while the first closes.
const MAX_SESSIONS: usize = 3;
/// Between the starts of two sessions, unless the first broke: a venue that announces its shutdown
/// over and over is not connected to over and over.
const START_EVERY: Duration = Duration::from_secs(5);
/// The waits before connecting again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lived this long shows that all is well again.
const STABLE: Duration = Duration::from_secs(60);
/// The time sessions may take to close on shutdown.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The instruments of one connection.
pub(super) struct ConnectionShard {
    shared: Arc<Shared>,
    index: usize,
    symbols: Vec<Symbol>,
    rng: StdRng,
    backoff: Backoff,
    sessions: JoinSet<Ended>,
    running: Vec<Running>,
    start_at: Instant,
}

/// A session that has not ended yet.
struct Running {
    task: Id,
    connection: ConnectionId,
    stop: watch::Sender<Option<DisconnectReason>>,
    /// True if another should take over.
    retiring: bool,
}

impl ConnectionShard {
    pub(super) fn new(
        shared: Arc<Shared>,
        index: usize,
        symbols: Vec<Symbol>,
        rng: StdRng,
    ) -> Self {
        Self {
            shared,
            index,
            symbols,
            rng,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            sessions: JoinSet::new(),
            running: Vec::new(),
            start_at: Instant::now(),
        }
    }

    /// Runs until asked to stop, or until the log is closed for good.
    pub(super) async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Result<(), LogError> {
        // Each session sends two signals at most.
        let (signals, mut signalled) = mpsc::channel(2 * MAX_SESSIONS);
        loop {
            let wanted = self.running.iter().all(|session| session.retiring)
                && self.running.len() < MAX_SESSIONS;
            tokio::select! {
                biased;
                () = stop_requested(&mut shutdown) => return self.stop().await,
                Some(ended) = self.sessions.join_next_with_id() => self.ended(ended)?,
                Some((connection, signal)) = signalled.recv() => self.signalled(connection, signal),
                () = sleep_until(self.start_at), if wanted => self.start(signals.clone()),
            }
        }
    }

    fn start(&mut self, signals: mpsc::Sender<(ConnectionId, Signal)>) {
        self.start_at = Instant::now() + START_EVERY;
        let connection = ConnectionId(self.rng.random());
        let (stop, stopped) = watch::channel(None);
        let session = Session {
            shared: Arc::clone(&self.shared),
            shard: self.index,
            symbols: self.symbols.clone(),
            connection,
            renew_after: self.renew_after(),
            stopped,
            signals,
        };
        #[allow(
            clippy::disallowed_methods,
            reason = "a session that panics is noted and another is started"
        )]
        let task = self.sessions.spawn(session.run()).id();
        self.running.push(Running {
            task,
            connection,
            stop,
            retiring: false,
        });
    }

    /// Well before the venue's maximum, and not at the same time as the other shards.
    fn renew_after(&mut self) -> Option<Duration> {
        let max_age = self.shared.limits.max_age?;
        let margin = self.rng.random_range(max_age / 24..=max_age / 12);
        Some(max_age.saturating_sub(margin))
    }

    fn signalled(&mut self, connection: ConnectionId, signal: Signal) {
        match signal {
            // It serves now; whoever did before is done.
            Signal::Live => {
                for other in self.running.iter().filter(|s| s.connection != connection) {
                    other.stop.send_replace(Some(DisconnectReason::Renewed));
                }
            }
            Signal::RenewalDue => {
                let session = self.running.iter_mut().find(|s| s.connection == connection);
                if let Some(session) = session {
                    session.retiring = true;
                }
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) -> Result<(), LogError> {
        let (task, ended) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(venue = %self.shared.protocol.venue(), %error, "a session panicked");
                (error.id(), Ended::lost("the session panicked".to_owned()))
            }
        };
        self.running.retain(|session| session.task != task);
        if let Some(error) = ended.fatal {
            return Err(error);
        }
        if ended.lived >= STABLE {
            self.backoff.reset();
        }
        if ended.reason == DisconnectReason::Renewed {
            return Ok(());
        }
        let wait = self.backoff.next_jittered(&mut self.rng);
        let wait = ended.retry_after.map_or(wait, |asked| asked.max(wait));
        self.start_at = Instant::now() + wait;
        let venue = self.shared.protocol.venue();
        let reason = ended.reason.name();
        let error = ended.error.as_deref().unwrap_or(reason);
        tracing::warn!(%venue, shard = self.index, reason, error, ?wait, "connection ended");
        let alone = self.running.is_empty();
        self.shared.observe(self.index, |state| {
            state.reconnects += 1;
            state.last_error = Some(error.to_owned());
            if alone {
                state.phase = ConnectionPhase::Waiting;
                state.connected_since = None;
                state.subscribed = 0;
            }
        });
        Ok(())
    }

    /// Lets every session say in the log that it ends.
    async fn stop(mut self) -> Result<(), LogError> {
        for session in &self.running {
            session.stop.send_replace(Some(DisconnectReason::Shutdown));
        }
        let all_ended = async {
            let mut fatal = None;
            while let Some(ended) = self.sessions.join_next().await {
                fatal = fatal.or(ended.ok().and_then(|ended| ended.fatal));
            }
            fatal
        };
        let fatal = tokio::time::timeout(STOP_WITHIN, all_ended).await;
        self.shared.observe(self.index, |state| {
            state.phase = ConnectionPhase::Stopped;
            state.connected_since = None;
            state.subscribed = 0;
        });
        fatal.ok().flatten().map_or(Ok(()), Err)
    }
}

/// Waits for shutdown. A sender that is gone means the same.
async fn stop_requested(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|&stop| stop).await;
}
