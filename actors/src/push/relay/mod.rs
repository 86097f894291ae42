//! Push fan-out between processes: the process that makes something (builds candles, forecasts) tells,
//! over shared state, what it hands to its hub; a process that does not hears it and hands it to its
//! own. It knows the hub and shared state, nothing of sockets.
//!
//! Messages are numbered, so that one which was lost on the way is noticed: then clients are closed
//! rather than left with a hole that they cannot see.

mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Trade};
use coinsphere_pipelines::shared_state::{Heard, SharedState};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{LiveForecast, PushHub};

/// Messages that may wait to be published; more is dropped and counted, and noticed by who hears the rest.
const QUEUE: usize = 4_096;

/// What goes into one message at most; trades of one piece are split before.
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
    /// Its name in shared state.
    const fn name(self) -> &'static str {
        match self {
            Self::Market => "push",
            Self::Forecasts => "push:forecasts",
        }
    }
}

/// What the hub was handed.
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

/// Tells other processes what this hub is handed on the channel from now on, until the task is aborted.
/// Once per hub and channel; a second call does nothing but wait.
pub async fn tell(hub: Arc<PushHub>, shared: Arc<dyn SharedState>, channel: RelayChannel) {
    let (sender, mut queue) = mpsc::channel(QUEUE);
    hub.tell_others(channel, Outlet(sender));
    drop(hub);
    let origin = Uuid::new_v4();
    let mut number = 0;
    let mut pieces = Vec::with_capacity(PIECES);
    while queue.recv_many(&mut pieces, PIECES).await > 0 {
        // Counted whether it arrives or not: that is how a loss is noticed.
        number += 1;
        let message = wire::encode(origin, number, &pieces);
        pieces.clear();
        if shared.publish(channel.name(), message).await.is_err() {
            lost();
        }
    }
}

/// Hands this hub what other processes tell on the channel, until the task is aborted.
pub async fn hear(hub: Arc<PushHub>, shared: Arc<dyn SharedState>, channel: RelayChannel) {
    let Ok(mut subscription) = shared.subscribe(channel.name()).await else {
        return;
    };
    let mut newest: HashMap<Uuid, u64> = HashMap::new();
    while let Some(heard) = subscription.next().await {
        let message = match heard {
            Heard::Hole => {
                newest.clear();
                hub.interrupt();
                continue;
            }
            Heard::Message(message) => message,
        };
        let Some((origin, number, pieces)) = wire::decode(&message) else {
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "foreign").increment(1);
            continue;
        };
        if newest.len() >= ORIGINS && !newest.contains_key(&origin) {
            newest.clear();
        }
        let before = newest.insert(origin, number);
        if before.is_some_and(|before| before + 1 != number) {
            hub.interrupt();
        }
        for piece in pieces {
            hand_over(&hub, piece);
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
