//! Push fan-out between processes: the process that makes something (builds candles, forecasts) tells,
//! over shared state, what it hands to its hub; a process that does not hears it and hands it to its
//! own. It knows the hub and shared state, nothing of sockets.
//!
//! Messages are numbered, so that one which was lost on the way is noticed: then clients are closed
//! rather than left with a hole that they cannot see.

mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Trade};
use coinsphere_pipelines::shared_state::{Heard, SharedState};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;
use uuid::Uuid;

use super::{LiveForecast, PushHub};
use crate::supervision::{ExitReason, LoopContext, StatusRegistry, SupervisedLoop};

/// Messages that may wait to be published; more is dropped and counted, and noticed by who hears the rest.
const QUEUE: usize = 4_096;

/// The interval at which a part shows that it goes on while there is nothing to tell or to hear.
const TICK: Duration = Duration::from_secs(10);

/// The time it may go without: a message takes Redis a moment, or fails.
const PROGRESS: Duration = Duration::from_secs(30);

/// Most pieces in one message; trades of one piece are split before.
const PIECES: usize = 128;
const TRADES: usize = 512;

/// Processes whose numbering is remembered.
const ORIGINS: usize = 64;

/// A channel of shared state for what one part of the program makes. A process either makes it, and
/// publishes, or subscribes: what was received is never published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayChannel {
    /// Trades and candles.
    Market,
    /// Forecasts.
    Forecasts,
}

impl RelayChannel {
    /// The name of the part that tells or hears it.
    const fn part(self) -> &'static str {
        match self {
            Self::Market => "relay_market",
            Self::Forecasts => "relay_forecasts",
        }
    }

    /// Its name in shared state.
    const fn name(self) -> &'static str {
        match self {
            Self::Market => "push",
            Self::Forecasts => "push:forecasts",
        }
    }
}

/// One item handed to the hub.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Trades(InstrumentKey, Vec<Trade>),
    Candle {
        instrument: InstrumentKey,
        interval: Interval,
        candle: Candle,
        revision: u32,
        closed: bool,
    },
    Forecasts(InstrumentKey, Interval, Vec<LiveForecast>),
}

/// Where the hub puts what other processes are to receive; never waits.
#[derive(Debug)]
pub(super) struct Outlet(mpsc::Sender<Piece>);

impl Outlet {
    pub(super) fn trades(&self, instrument: &InstrumentKey, trades: &[Trade]) {
        for chunk in trades.chunks(TRADES) {
            self.put(Piece::Trades(instrument.clone(), chunk.to_vec()));
        }
    }

    pub(super) fn put(&self, piece: Piece) {
        if self.0.try_send(piece).is_err() {
            lost();
        }
    }
}

fn lost() {
    metrics::counter!("coinsphere_push_dropped_total", "edge" => "relay").increment(1);
}

/// Tells other processes what this hub is handed on the channel, from now on: a part that ends when it is
/// dropped. Once per hub and channel; a second one is sent nothing.
#[must_use]
pub fn tell(
    statuses: &StatusRegistry,
    hub: &PushHub,
    shared: Arc<dyn SharedState>,
    channel: RelayChannel,
) -> SupervisedLoop {
    let teller = Arc::new(Teller::new(hub, shared, channel));
    SupervisedLoop::start(statuses, channel.part(), PROGRESS, move |context| {
        let teller = Arc::clone(&teller);
        async move { teller.run(context).await }
    })
}

/// Hands this hub what other processes tell on the channel: a part that ends when it is dropped.
#[must_use]
pub fn hear(
    statuses: &StatusRegistry,
    hub: Arc<PushHub>,
    shared: Arc<dyn SharedState>,
    channel: RelayChannel,
) -> SupervisedLoop {
    let hearer = Arc::new(Hearer {
        hub,
        shared,
        channel,
        has_listened: AtomicBool::new(false),
    });
    SupervisedLoop::start(statuses, channel.part(), PROGRESS, move |context| {
        let hearer = Arc::clone(&hearer);
        async move { hearer.run(context).await }
    })
}

/// Messages that wait to be sent and their numbering outlive a run that panics: subscribers notice what
/// was lost then.
struct Teller {
    shared: Arc<dyn SharedState>,
    channel: RelayChannel,
    waiting: Mutex<Waiting>,
}

/// Messages that wait to be sent.
struct Waiting {
    queue: mpsc::Receiver<Piece>,
    origin: Uuid,
    number: u64,
}

impl Teller {
    fn new(hub: &PushHub, shared: Arc<dyn SharedState>, channel: RelayChannel) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        hub.tell_others(channel, Outlet(sender));
        Self {
            shared,
            channel,
            waiting: Mutex::new(Waiting {
                queue,
                origin: Uuid::new_v4(),
                number: 0,
            }),
        }
    }

    /// Sends until asked to quit.
    async fn run(&self, mut context: LoopContext) -> ExitReason {
        let mut waiting = self.waiting.lock().await;
        let waiting = &mut *waiting;
        let mut pieces = Vec::with_capacity(PIECES);
        context.running();
        loop {
            tokio::select! {
                count = waiting.queue.recv_many(&mut pieces, PIECES) => if count == 0 {
                    return ExitReason::Finished;
                },
                () = sleep(TICK) => {
                    context.progressed();
                    continue;
                }
                () = context.quits() => return ExitReason::Quit,
            }
            // Counted whether it arrives or not: that is how a loss is noticed.
            waiting.number += 1;
            let message = wire::encode(waiting.origin, waiting.number, &pieces);
            pieces.clear();
            match self.shared.publish(self.channel.name(), message).await {
                Ok(()) => context.running(),
                Err(error) => {
                    lost();
                    context.degraded(format!("live updates do not reach others: {error}"));
                }
            }
        }
    }
}

struct Hearer {
    hub: Arc<PushHub>,
    shared: Arc<dyn SharedState>,
    channel: RelayChannel,
    /// True if an earlier run listened: what was sent since is lost.
    has_listened: AtomicBool,
}

impl Hearer {
    /// Listens until asked to quit.
    async fn run(&self, mut context: LoopContext) -> ExitReason {
        let mut subscription = match self.shared.subscribe(self.channel.name()).await {
            Ok(subscription) => subscription,
            Err(error) => return ExitReason::Failed(error.to_string()),
        };
        if self.has_listened.swap(true, Ordering::Relaxed) {
            self.hub.interrupt();
        }
        context.running();
        let mut newest = HashMap::new();
        loop {
            tokio::select! {
                heard = subscription.next() => {
                    let Some(heard) = heard else {
                        return ExitReason::DependencyGone("the subscription to shared state");
                    };
                    self.take(heard, &mut newest);
                    context.progressed();
                }
                () = sleep(TICK) => context.progressed(),
                () = context.quits() => return ExitReason::Quit,
            }
        }
    }

    /// Takes what was heard; `newest` is the newest number of each process.
    fn take(&self, heard: Heard, newest: &mut HashMap<Uuid, u64>) {
        let message = match heard {
            Heard::Hole => {
                newest.clear();
                self.hub.interrupt();
                return;
            }
            Heard::Message(message) => message,
        };
        let Some((origin, number, pieces)) = wire::decode(&message) else {
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "foreign").increment(1);
            return;
        };
        if newest.len() >= ORIGINS && !newest.contains_key(&origin) {
            newest.clear();
        }
        let before = newest.insert(origin, number);
        if before.is_some_and(|before| before + 1 != number) {
            self.hub.interrupt();
        }
        for piece in pieces {
            hand_over(&self.hub, piece);
        }
    }
}

fn hand_over(hub: &PushHub, piece: Piece) {
    match piece {
        Piece::Trades(instrument, trades) => hub.publish_trades(&instrument, &trades),
        Piece::Candle {
            instrument,
            interval,
            candle,
            revision,
            closed,
        } => hub.publish_candle(&instrument, interval, &candle, revision, closed),
        Piece::Forecasts(instrument, interval, forecasts) => {
            hub.publish_forecasts(&instrument, interval, &forecasts);
        }
    }
}

#[cfg(test)]
mod tests;
