//! The loop that serves one connection: reads what the client says, sends what is due, applies
//! the faults, and ends a connection whose client does not keep up.
//!
//! Nothing is queued for a client beyond one batch: trades are made when the socket has taken the
//! ones before. Knows no venue's frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};

use super::trade_cursor::TradeCursor;
use super::{Context, Event, Frame, Output, Protocol};
use crate::fault::{Active, ActiveFault, FaultKind, Stage, Tag, mangle, skew};
use crate::hub::{Counters, Hub};
use crate::market::{Trade, Venue};
use crate::replay::{Delivery, Recorded, Seat};

/// Market time sent in one round at most while a client catches up, µs; bounds a round's memory.
const ROUND: i64 = 1_000_000;

/// The time a client may take to answer the close frame when the server stops.
const LEAVE_WITHIN: Duration = Duration::from_millis(200);

enum Ended {
    /// The client or the network ended it.
    Gone,
    /// We end it, with a close frame or, for `None`, without a word.
    Close(Option<(u16, &'static str)>),
}

type Flow = Result<(), Ended>;

/// Serves one connection until it ends.
pub(crate) async fn run(socket: WebSocket, protocol: Box<dyn Protocol>, hub: Arc<Hub>) {
    let now = hub.clock.now();
    let venue = protocol.wire().venue();
    let player = hub
        .replay
        .clone()
        .filter(|player| player.wire() == protocol.wire());
    let mut connection = Connection {
        ordinal: 0,
        replaying: player.is_some(),
        seat: None,
        replay: None,
        socket,
        protocol,
        venue,
        opened: now,
        sent: 0,
        cursors: Vec::new(),
        market_stage: Stage::new(),
        replay_stage: Stage::new(),
        stalled: Vec::new(),
        hub,
    };
    let ended = match connection.serve().await {
        Ok(()) => return,
        Err(ended) => ended,
    };
    if let Ended::Close(Some((code, reason))) = ended {
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }));
        let socket = &mut connection.socket;
        let stopping = *connection.hub.stopping.borrow();
        let patience = if stopping {
            LEAVE_WITHIN
        } else {
            connection.hub.send_timeout
        };
        // The client may be gone already; there is nobody left to tell.
        let _ = tokio::time::timeout(patience, async {
            let _ = socket.send(close).await;
            // Reading on until the client's close lets it finish the handshake.
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await;
    }
}

struct Connection {
    hub: Arc<Hub>,
    socket: WebSocket,
    protocol: Box<dyn Protocol>,
    venue: Venue,
    ordinal: u64,
    opened: i64,
    sent: u64,
    cursors: Vec<TradeCursor>,
    replaying: bool,
    seat: Option<Seat>,
    replay: Option<mpsc::Receiver<Delivery>>,
    market_stage: Stage<(usize, Trade)>,
    replay_stage: Stage<Arc<Recorded>>,
    /// Numbers of the stall faults this connection has had.
    stalled: Vec<u64>,
}

impl Connection {
    async fn serve(&mut self) -> Flow {
        let mut out = Output::default();
        self.with(|protocol, context| protocol.greet(context, &mut out));
        self.act(out).await?;
        // Counted only now, so that whoever sees the count knows that trades flow from here on.
        self.ordinal = self
            .hub
            .counters
            .connections
            .fetch_add(1, Ordering::Relaxed);
        let mut stopping = self.hub.stopping.clone();
        loop {
            let faults = self.hub.faults.active();
            self.disrupt(&faults).await?;
            let more = self.send_due(&faults).await?;
            let deadline = if more { 0 } else { self.deadline(&faults) };
            let timer = self.hub.clock.until(deadline);
            tokio::select! {
                biased;
                () = stop(&mut stopping) => {
                    let mut out = Output::default();
                    self.with(|protocol, context| protocol.farewell(context, &mut out));
                    self.act(out).await?;
                    return Err(Ended::Close(Some((1001, "going away"))));
                }
                message = self.socket.next() => self.receive(message).await?,
                delivery = next_delivery(&mut self.replay) => self.deliver(delivery, &faults).await?,
                () = timer => {}
            }
        }
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut dyn Protocol, Context<'_>) -> R) -> R {
        let now = self.hub.clock.now();
        let context = Context {
            hub: &self.hub,
            now,
            venue_now: now + self.hub.faults.skew(self.venue),
            replaying: self.replaying,
        };
        f(self.protocol.as_mut(), context)
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Flow {
        let mut out = Output::default();
        match message {
            Some(Ok(Message::Text(text))) => {
                Counters::add(&self.hub.counters.received, 1);
                self.with(|protocol, context| protocol.receive(&text, context, &mut out));
            }
            Some(Ok(Message::Pong(payload))) => self.protocol.pong(&payload),
            Some(Ok(Message::Binary(_) | Message::Ping(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended::Gone),
        }
        self.act(out).await
    }

    /// Sends what happened since the last round; true when there is more.
    async fn send_due(&mut self, faults: &Active) -> Result<bool, Ended> {
        let now = self.hub.clock.now();
        let skew = skew(faults, self.venue);
        let mut out = Output::default();
        let (taken, until) = self.take_due(now);
        if !taken.is_empty() || self.market_stage.due().is_some_and(|due| due <= now) {
            let mut passed = Vec::with_capacity(taken.len());
            let books = (faults, &self.hub.ledger);
            for (index, trade) in taken {
                let symbol = self.hub.market.instrument(index).symbol.as_str();
                let ids = [trade.id];
                let tag = Tag {
                    venue: self.venue,
                    symbol,
                    ids: &ids,
                };
                self.market_stage
                    .pass((index, trade), tag, now, books, &mut passed);
            }
            self.market_stage.release(now, &mut passed);
            let events: Vec<Event<'_>> = passed
                .iter()
                .map(|&(index, trade)| Event {
                    instrument: self.hub.market.instrument(index),
                    trade: Trade {
                        time: trade.time + skew,
                        ..trade
                    },
                })
                .collect();
            let context = Context {
                hub: &self.hub,
                now,
                venue_now: now + skew,
                replaying: self.replaying,
            };
            self.protocol.trades(&events, context, &mut out);
        }
        if self.replay_stage.due().is_some_and(|due| due <= now) {
            let mut passed = Vec::new();
            self.replay_stage.release(now, &mut passed);
            for recorded in passed {
                self.with(|protocol, context| protocol.replayed(&recorded, context, &mut out));
            }
        }
        if self.protocol.due() <= now {
            self.with(|protocol, context| protocol.tick(context, &mut out));
        }
        self.act(out).await?;
        Ok(until < now)
    }

    /// The trades that happened by `now` or a little earlier, over all cursors by time, as
    /// (instrument, trade), and the time until which they are complete.
    fn take_due(&mut self, now: i64) -> (Vec<(usize, Trade)>, i64) {
        let market = &self.hub.market;
        let mut taken = Vec::new();
        let mut sources = 0;
        // While behind, cursors advance in step, so that none is sent far ahead of another.
        let horizon = self
            .cursors
            .iter()
            .map(TradeCursor::due)
            .min()
            .unwrap_or(i64::MAX);
        let until = now.min(horizon.saturating_add(ROUND));
        for cursor in &mut self.cursors {
            let before = taken.len();
            while let Some(trade) = cursor.next(market, until) {
                taken.push((cursor.instrument, trade));
            }
            sources += usize::from(taken.len() > before);
        }
        if sources > 1 {
            taken.sort_by_key(|(_, trade)| trade.time);
        }
        (taken, until)
    }

    fn deadline(&self, faults: &Active) -> i64 {
        let cursors = self
            .cursors
            .iter()
            .map(TradeCursor::due)
            .min()
            .unwrap_or(i64::MAX);
        let stage = self
            .market_stage
            .due()
            .into_iter()
            .chain(self.replay_stage.due())
            .min();
        let disruption = faults
            .iter()
            .filter_map(|fault| self.disruption_due(fault))
            .min()
            .unwrap_or(i64::MAX);
        cursors
            .min(stage.unwrap_or(i64::MAX))
            .min(disruption)
            .min(self.protocol.due())
    }

    /// When this fault next does something to the connection as a whole.
    fn disruption_due(&self, fault: &ActiveFault) -> Option<i64> {
        if !fault.concerns(self.venue, None) {
            return None;
        }
        match fault.fault.kind {
            FaultKind::Disconnect {
                every: Some(every),
                jitter,
                ..
            } => {
                let factor = 1.0 + jitter * (2.0 * fault.chance("disconnect", self.ordinal) - 1.0);
                Some(self.opened + (every.as_micros() as f64 * factor) as i64)
            }
            FaultKind::Stall { after, .. } if !self.stalled.contains(&fault.number) => {
                Some(self.opened + after.as_micros() as i64)
            }
            _ => None,
        }
    }

    /// Applies the faults that concern the whole connection.
    async fn disrupt(&mut self, faults: &Active) -> Flow {
        let now = self.hub.clock.now();
        let venue = self.venue;
        for fault in faults.iter().filter(|f| f.concerns(venue, None)) {
            let timely = self.disruption_due(fault).is_some_and(|due| due <= now);
            match fault.fault.kind {
                FaultKind::Disconnect { after, code, .. } => {
                    let counted = after.is_some_and(|after| self.sent >= after);
                    if (timely || counted) && fault.strike() {
                        Counters::add(&self.hub.counters.fault_disconnects, 1);
                        return Err(Ended::Close(code.map(|code| (code, "simulated fault"))));
                    }
                }
                FaultKind::Stall { lasting, .. } if timely => {
                    self.stalled.push(fault.number);
                    if fault.strike() {
                        Counters::add(&self.hub.counters.stalls, 1);
                        self.stall(now, lasting).await;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Neither reads nor writes, so that not even a pong goes out.
    async fn stall(&mut self, now: i64, lasting: Option<Duration>) {
        let until = lasting.map_or(i64::MAX, |lasting| now + lasting.as_micros() as i64);
        let mut stopping = self.hub.stopping.clone();
        tokio::select! {
            () = self.hub.clock.until(until) => {}
            () = stop(&mut stopping) => {}
        }
    }

    async fn deliver(&mut self, delivery: Option<Delivery>, faults: &Active) -> Flow {
        let mut out = Output::default();
        match delivery {
            Some(Delivery::Frame(recorded)) => {
                let now = self.hub.clock.now();
                let mut passed = Vec::new();
                let symbol = recorded.symbols.first().cloned().unwrap_or_default();
                let ids = recorded.ids.clone();
                let tag = Tag {
                    venue: self.venue,
                    symbol: &symbol,
                    ids: &ids,
                };
                let books = (faults, &self.hub.ledger);
                self.replay_stage
                    .pass(recorded, tag, now, books, &mut passed);
                for recorded in passed {
                    self.with(|protocol, context| protocol.replayed(&recorded, context, &mut out));
                }
            }
            Some(Delivery::Finished { close: true }) => {
                let mut passed = Vec::new();
                self.replay_stage.flush(&mut passed);
                for recorded in passed {
                    self.with(|protocol, context| protocol.replayed(&recorded, context, &mut out));
                }
                self.act(out).await?;
                return Err(Ended::Close(Some((1000, "replay finished"))));
            }
            Some(Delivery::Finished { close: false }) | None => self.replay = None,
        }
        self.act(out).await
    }

    /// Does what the protocol wants.
    async fn act(&mut self, mut out: Output) -> Flow {
        let market = &self.hub.market;
        for symbol in out.unfollow.drain(..) {
            self.cursors
                .retain(|cursor| market.instrument(cursor.instrument).symbol != symbol);
        }
        let followed = !out.follow.is_empty();
        for symbol in out.follow.drain(..) {
            let Some(instrument) = market.find(self.venue, &symbol) else {
                continue;
            };
            let known = self
                .cursors
                .iter()
                .any(|cursor| cursor.instrument == instrument.index);
            if !self.replaying && !known {
                self.cursors
                    .push(TradeCursor::new(market, instrument, self.hub.clock.now()));
            }
        }
        if let Some(payload) = out.ping {
            self.write(vec![Message::Ping(payload.into())]).await?;
        }
        if !out.frames.is_empty() {
            let faults = self.hub.faults.active();
            let messages = out
                .frames
                .into_iter()
                .map(|frame| self.seal(frame, &faults))
                .collect();
            self.write(messages).await?;
        }
        if let Some(player) = self
            .hub
            .replay
            .as_ref()
            .filter(|_| self.replaying && followed)
        {
            player.subscribed(self.hub.clock.now());
            // Only now, so that the acknowledgement comes before the first recorded frame.
            if self.seat.is_none() {
                let (seat, deliveries) = player.join();
                (self.seat, self.replay) = (Some(seat), Some(deliveries));
            }
        }
        match out.close {
            Some(close) => Err(Ended::Close(Some(close))),
            None => Ok(()),
        }
    }

    fn seal(&self, frame: Frame, faults: &Active) -> Message {
        Counters::add(&self.hub.counters.trades, frame.ids.len() as u64);
        let books = (faults, &self.hub.ledger);
        let mangled = mangle(&frame.text, self.venue, &frame.symbol, &frame.ids, books);
        Message::Text(mangled.unwrap_or(frame.text).into())
    }

    /// Writes a batch; a client that does not take it in time is a slow one and is dropped.
    async fn write(&mut self, messages: Vec<Message>) -> Flow {
        let n = messages.len() as u64;
        let socket = &mut self.socket;
        let written = tokio::time::timeout(self.hub.send_timeout, async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        });
        match written.await {
            Ok(Ok(())) => {
                self.sent += n;
                Counters::add(&self.hub.counters.frames, n);
                Ok(())
            }
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => {
                Counters::add(&self.hub.counters.slow_clients, 1);
                Err(Ended::Close(None))
            }
        }
    }
}

/// Ends when the server stops.
async fn stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn next_delivery(replay: &mut Option<mpsc::Receiver<Delivery>>) -> Option<Delivery> {
    match replay {
        Some(deliveries) => deliveries.recv().await,
        None => std::future::pending().await,
    }
}
