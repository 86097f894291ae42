//! One WebSocket, from connecting to its last record.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::socket::{Socket, open};
use super::state::ConnectionPhase;
use super::{Shared, metering};
use crate::events::{ConnectionId, DisconnectReason};
use crate::log::LogError;
use crate::market::Symbol;
use crate::venues::frame_assembler::{Due, FrameAssembler, FrameCounts, PartitionRecords};
use crate::venues::protocol::{DecodeError, Outgoing, shorten};

/// The interval at which time is looked at.
const BEAT: Duration = Duration::from_millis(250);
/// A batch is appended once no frame is waiting, at this many trades, or at this age.
const BATCH_TRADES: usize = 1_000;
const BATCH_AGE: Duration = Duration::from_millis(5);
/// A venue that does not take a message for this long is dead.
const SEND_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// A venue without text heartbeats is probed with a ping when nothing was heard for this long, so
/// that candles of quiet instruments close in time.
const PROBE_AFTER: Duration = Duration::from_secs(1);
/// The interval at which a log that takes no more is tried again, and for how long when asked to stop.
const LOG_RETRY: Duration = Duration::from_secs(1);
const LOG_RETRIES_ON_STOP: u32 = 3;

/// Message from a running session to its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Its subscriptions are in force.
    Live,
    /// It should be replaced.
    RenewalDue,
}

/// End of a session and its reason.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) reason: DisconnectReason,
    pub(super) lived: Duration,
    pub(super) error: Option<String>,
    /// The time for which the venue asked us to stay away.
    pub(super) retry_after: Option<Duration>,
    /// The log is closed for good.
    pub(super) fatal: Option<LogError>,
}

impl Ended {
    fn by(reason: DisconnectReason) -> Self {
        Self {
            reason,
            lived: Duration::ZERO,
            error: None,
            retry_after: None,
            fatal: None,
        }
    }

    pub(super) fn lost(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::by(DisconnectReason::Lost)
        }
    }

    fn log(error: LogError) -> Self {
        let full = Self::by(DisconnectReason::LogFull);
        if error.is_retriable() {
            Self {
                error: Some(error.to_string()),
                ..full
            }
        } else {
            Self {
                fatal: Some(error),
                ..full
            }
        }
    }
}

/// Everything that a session needs to run.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) shard: usize,
    pub(super) symbols: Vec<Symbol>,
    pub(super) connection: ConnectionId,
    pub(super) renew_after: Option<Duration>,
    pub(super) stopped: watch::Receiver<Option<DisconnectReason>>,
    pub(super) signals: mpsc::Sender<(ConnectionId, Signal)>,
}

/// A session that is connected.
struct ConnectedSession {
    session: Session,
    socket: Socket,
    assembler: FrameAssembler,
    published: FrameCounts,
    /// Records that the log has not taken yet.
    unwritten: PartitionRecords,
    sent_at: Instant,
    heard_at: Instant,
    live: bool,
    renewal_signalled: bool,
}

impl Session {
    /// Runs to the end. What it leaves in the log always says that it ended, as soon as the log
    /// takes records.
    pub(super) async fn run(self) -> Ended {
        let mut stopped = self.stopped.clone();
        let opened = tokio::select! {
            biased;
            reason = stop_reason(&mut stopped) => return Ended::by(reason),
            opened = self.connect() => opened,
        };
        let (socket, opening) = match opened {
            Ok(opened) => opened,
            Err(ended) => return ended,
        };
        let shared = Arc::clone(&self.shared);
        let opened_at = Instant::now();
        let now = shared.clock.now();
        metering::connected(shared.protocol.venue());
        shared.observe(self.shard, |state| {
            if !self.replaces_another(state.phase) {
                state.phase = ConnectionPhase::Subscribing;
            }
            state.connected_since = Some(now);
        });
        let assembler = FrameAssembler::live(
            shared.protocol,
            shared.destination.partitions(),
            shared.admission,
            self.connection,
            now,
            self.renew_after,
        );
        let mut connected = ConnectedSession {
            session: self,
            socket,
            assembler,
            published: FrameCounts::default(),
            unwritten: Vec::new(),
            sent_at: opened_at,
            heard_at: opened_at,
            live: false,
            renewal_signalled: false,
        };
        let mut ended = connected.serve(opening).await;
        ended.lived = opened_at.elapsed();
        metering::disconnected(shared.protocol.venue(), ended.reason.name());
        connected.close(ended).await
    }

    async fn connect(&self) -> Result<(Socket, Vec<Outgoing>), Ended> {
        let shared = &self.shared;
        sleep_until(shared.reserve_connection()).await;
        shared.observe(self.shard, |state| {
            if !self.replaces_another(state.phase) {
                state.phase = ConnectionPhase::Connecting;
            }
        });
        let plan = shared.protocol.session(&shared.endpoint, &self.symbols);
        match open(&plan.url, &*shared.dial, &shared.tls).await {
            Ok(socket) => Ok((socket, plan.opening)),
            Err(error) => Err(Ended {
                retry_after: error.retry_after(),
                ..Ended::lost(error.to_string())
            }),
        }
    }

    async fn signal(&self, signal: Signal) {
        // The shard is gone only when it no longer matters.
        let _ = self.signals.send((self.connection, signal)).await;
    }

    /// While another session is live, the shard is.
    fn replaces_another(&self, phase: ConnectionPhase) -> bool {
        phase == ConnectionPhase::Live
    }
}

impl ConnectedSession {
    /// Talks until there is a reason to stop.
    async fn serve(&mut self, opening: Vec<Outgoing>) -> Ended {
        let pause = Duration::from_secs(1) / self.session.shared.limits.messages_per_second.max(1);
        let mut sent_by = self.session.shared.clock.now();
        for message in &opening {
            sent_by = sent_by + pause;
            self.assembler.request(message, sent_by);
        }
        let mut opening = opening.into_iter().peekable();
        let mut send_at = Instant::now();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                biased;
                reason = stop_reason(&mut self.session.stopped) => return Ended::by(reason),
                _ = beat.tick() => self.beat().await,
                () = sleep_until(send_at), if opening.peek().is_some() => {
                    send_at = Instant::now() + pause;
                    match opening.next() {
                        Some(message) => self.send(Message::text(message.text)).await,
                        None => Ok(()),
                    }
                }
                message = self.socket.next() => self.hear(message).await,
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        self.sent_at = Instant::now();
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended::lost(error.to_string())),
            Err(_) => Err(Ended::lost(format!(
                "could not send within {SEND_WITHIN:?}"
            ))),
        }
    }

    /// Takes a message and all that are ready behind it, then appends what they came to.
    async fn hear(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Ended> {
        let started = Instant::now();
        self.heard_at = started;
        let mut heard = self.take_message(message).await;
        while heard.is_ok()
            && self.assembler.pending_trades() < BATCH_TRADES
            && started.elapsed() < BATCH_AGE
        {
            match self.socket.next().now_or_never() {
                Some(message) => heard = self.take_message(message).await,
                None => break,
            }
        }
        // What came before the end is good.
        self.flush().await?;
        heard
    }

    async fn take_message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Ended> {
        let shared = &self.session.shared;
        let now = shared.clock.now();
        match message {
            Some(Ok(Message::Text(frame))) => {
                shared.destination.frame(now, &frame);
                if let Err(error) = self.assembler.frame(&frame, now) {
                    shared.sample(error.reason(), &error, &frame);
                }
                Ok(())
            }
            // tungstenite has queued the pong with the ping's payload: send it now.
            Some(Ok(Message::Ping(_))) => {
                self.assembler.control_frame(now);
                match timeout(SEND_WITHIN, self.socket.flush()).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(Ended::lost(error.to_string())),
                    Err(_) => Err(Ended::lost("could not answer a ping".to_owned())),
                }
            }
            Some(Ok(Message::Pong(_))) => {
                self.assembler.probe_answered(now);
                Ok(())
            }
            Some(Ok(Message::Binary(bytes))) => {
                let error = DecodeError::malformed("a binary frame");
                self.assembler.foreign_frame(now, &error);
                shared.sample(error.reason(), &error, &String::from_utf8_lossy(&bytes));
                Ok(())
            }
            // Never given to readers; harmless if it were.
            Some(Ok(Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(frame))) => Err(Ended::lost(match frame {
                Some(frame) => format!(
                    "the venue closed the connection: {} {}",
                    u16::from(frame.code),
                    shorten(&frame.reason)
                ),
                None => "the venue closed the connection".to_owned(),
            })),
            Some(Err(error)) => Err(Ended::lost(shorten(&error.to_string()))),
            None => Err(Ended::lost("the connection broke".to_owned())),
        }
    }

    /// Time passed.
    async fn beat(&mut self) -> Result<(), Ended> {
        let due = self.assembler.pass_time(self.session.shared.clock.now());
        self.flush().await?;
        match due {
            Some(Due::Silence) => {
                let silence = self.session.shared.limits.silence;
                return Err(Ended {
                    error: Some(format!("nothing arrived for {silence:?}")),
                    ..Ended::by(DisconnectReason::Silence)
                });
            }
            Some(Due::NotAcknowledged) => {
                let error = "the venue acknowledged no subscription";
                return Err(Ended::lost(error.to_owned()));
            }
            Some(Due::Renewal) if !self.renewal_signalled => {
                self.renewal_signalled = true;
                self.session.signal(Signal::RenewalDue).await;
            }
            Some(Due::Renewal) | None => {}
        }
        if self.assembler.is_refused() {
            let words = self.assembler.refused().next();
            let words = words.map_or_else(String::new, |(symbol, words)| {
                format!(": {symbol}: {words}")
            });
            return Err(Ended::lost(format!(
                "the venue refused every instrument{words}"
            )));
        }
        let limits = &self.session.shared.limits;
        if let Some((every, ping)) = limits.ping
            && self.sent_at.elapsed() >= every
        {
            self.send(Message::text(ping)).await
        } else if !limits.text_heartbeats
            && self.heard_at.elapsed() >= PROBE_AFTER
            && self.sent_at.elapsed() >= PROBE_AFTER
        {
            self.send(Message::Ping(bytes::Bytes::new())).await
        } else {
            Ok(())
        }
    }

    /// Appends what waits, and shows what changed.
    async fn flush(&mut self) -> Result<(), Ended> {
        self.unwritten.append(&mut self.assembler.take());
        let written = self
            .session
            .shared
            .destination
            .commit(&mut self.unwritten)
            .await;
        self.publish();
        written.map_err(Ended::log)?;
        if !self.live && self.assembler.is_settled() {
            self.live = true;
            self.session.shared.observe(self.session.shard, |state| {
                state.phase = ConnectionPhase::Live;
            });
            self.session.signal(Signal::Live).await;
        }
        Ok(())
    }

    fn publish(&mut self) {
        let shared = &self.session.shared;
        let new = self.assembler.counts().since(&self.published);
        self.published = *self.assembler.counts();
        metering::count(shared.protocol.venue(), &new);
        let complaint = self.assembler.take_complaint();
        if let Some(complaint) = &complaint {
            tracing::warn!(venue = %shared.protocol.venue(), complaint, "the venue complained");
        }
        let (assembler, live) = (&mut self.assembler, self.live);
        let mut troubles = Vec::new();
        shared.observe(self.session.shard, |state| {
            state.count(&new);
            state.last_frame_at = Some(assembler.heard_at());
            if live || state.phase != ConnectionPhase::Live {
                state.subscribed = assembler.subscribed();
            }
            if complaint.is_some() {
                state.last_error = complaint;
            }
            troubles = state.judge(shared.protocol, assembler);
        });
        for trouble in troubles {
            tracing::warn!(venue = %shared.protocol.venue(), trouble, "a subscription is in trouble");
        }
    }

    /// Closes the socket and writes the last records, waiting for the log where it takes no more.
    async fn close(mut self, mut ended: Ended) -> Ended {
        // Whether the venue still answers does not matter any more.
        let _ = timeout(CLOSE_WITHIN, self.socket.close(None)).await;
        let shared = Arc::clone(&self.session.shared);
        self.assembler.end(ended.reason, shared.clock.now());
        self.unwritten.append(&mut self.assembler.take());
        let mut retries_left = LOG_RETRIES_ON_STOP;
        while ended.fatal.is_none() {
            let Err(error) = shared.destination.commit(&mut self.unwritten).await else {
                break;
            };
            if !error.is_retriable() {
                ended.fatal = Some(error);
                break;
            }
            shared.observe(self.session.shard, |state| {
                state.phase = ConnectionPhase::LogFull;
                state.last_error = Some(error.to_string());
            });
            let stopping = *self.session.stopped.borrow() == Some(DisconnectReason::Shutdown);
            if stopping {
                if retries_left == 0 {
                    tracing::error!(%error, "the end of a connection could not be recorded");
                    break;
                }
                retries_left -= 1;
            }
            sleep(LOG_RETRY).await;
        }
        ended
    }
}

/// Waits for the shard to say stop. A shard that is gone means shutdown.
async fn stop_reason(stopped: &mut watch::Receiver<Option<DisconnectReason>>) -> DisconnectReason {
    match stopped.wait_for(Option::is_some).await {
        Ok(reason) => reason.unwrap_or(DisconnectReason::Shutdown),
        Err(_) => DisconnectReason::Shutdown,
    }
}
