//! All instruments of one log partition: records in, what the store must write out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;

use super::builder::CandleBuilder;
use super::effects::{CandleWrite, Checkpoint, Commit, Gap, GapReason};
use super::instrument::{Admission, Changes, InstrumentState, OpenGap};
use super::rules::Rules;
use crate::events::{Body, ConnectionId, DisconnectReason, Record};
use crate::log::Offset;
use crate::market::{Candle, InstrumentKey, Timestamp, Trade};

/// A stored state that this program cannot go on from.
#[derive(Debug, thiserror::Error)]
#[error("the stored state of {instrument} cannot be read: {source}")]
pub struct StateError {
    instrument: InstrumentKey,
    source: serde_json::Error,
}

/// Counters since the engine was made, for metrics and observable state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineCounts {
    /// Records applied.
    pub records: u64,
    /// Trades that became part of an open minute.
    pub counted: u64,
    /// Trades dropped because they had been seen.
    pub duplicates: u64,
    /// Trades of minutes that had closed.
    pub late: u64,
    /// Minutes closed.
    pub closed: u64,
    /// Closed minutes rebuilt.
    pub corrected: u64,
    /// Gaps noted or changed.
    pub gaps: u64,
}

/// Updates for whoever watches live; empty unless asked for.
#[derive(Debug, Default)]
pub struct LiveUpdates {
    /// Trades seen for the first time, in the order they arrived.
    pub trades: Vec<(InstrumentKey, Vec<Trade>)>,
    /// Candles that closed.
    pub closed: Vec<CandleWrite>,
    /// The open candles of the instruments that traded.
    pub open: Vec<CandleWrite>,
}

impl LiveUpdates {
    /// Returns whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trades.is_empty() && self.closed.is_empty() && self.open.is_empty()
    }
}

/// Candle state of the instruments of one partition.
#[derive(Debug)]
pub struct CandleEngine {
    partition: u32,
    rules: Rules,
    next_offset: Offset,
    instruments: BTreeMap<InstrumentKey, Tracked>,
    /// Who is subscribed over which connection.
    subscribers: HashMap<ConnectionId, Vec<InstrumentKey>>,
    /// Not yet taken by `take_commit`.
    closed: BTreeMap<(InstrumentKey, Timestamp), Candle>,
    gaps: Vec<Gap>,
    committed_offset: Offset,
    live: Option<LiveUpdates>,
    counts: EngineCounts,
}

#[derive(Debug, Default)]
struct Tracked {
    state: InstrumentState,
    /// Changed since the last commit.
    dirty: bool,
}

impl CandleEngine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(partition: u32, rules: Rules) -> Self {
        Self {
            partition,
            rules,
            next_offset: Offset(0),
            instruments: BTreeMap::new(),
            subscribers: HashMap::new(),
            closed: BTreeMap::new(),
            gaps: Vec::new(),
            committed_offset: Offset(0),
            live: None,
            counts: EngineCounts::default(),
        }
    }

    /// Goes on from what the store holds: `checkpoints` of this partition's instruments, and the
    /// offset up to which they account for the log.
    ///
    /// # Errors
    /// When a state cannot be read.
    pub fn resume(
        partition: u32,
        rules: Rules,
        next_offset: Offset,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Self, StateError> {
        let mut engine = Self::new(partition, rules);
        engine.next_offset = next_offset;
        engine.committed_offset = next_offset;
        for Checkpoint {
            instrument, state, ..
        } in checkpoints
        {
            let state: InstrumentState =
                serde_json::from_slice(&state).map_err(|source| StateError {
                    instrument: instrument.clone(),
                    source,
                })?;
            for connection in state.connections() {
                engine
                    .subscribers
                    .entry(connection)
                    .or_default()
                    .push(instrument.clone());
            }
            engine.instruments.insert(
                instrument,
                Tracked {
                    state,
                    dirty: false,
                },
            );
        }
        Ok(engine)
    }

    /// From here on, collect what `take_live` returns.
    pub fn watch_live(&mut self) {
        self.live = Some(LiveUpdates::default());
    }

    /// The offset of the next record to apply.
    #[must_use]
    pub const fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// Skips to `offset`: what lies before is gone from the log.
    pub fn skip_to(&mut self, offset: Offset) {
        self.next_offset = offset;
    }

    /// The counts so far.
    #[must_use]
    pub const fn counts(&self) -> EngineCounts {
        self.counts
    }

    /// Number of candles that wait to be committed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.closed.len() + self.gaps.len()
    }

    /// Applies the record at `offset`.
    pub fn apply(&mut self, offset: Offset, record: &Record) {
        self.next_offset = Offset(offset.0 + 1);
        self.counts.records += 1;
        let (connection, at) = (record.connection, record.received_at);
        match &record.body {
            Body::Trades(batches) => {
                for batch in batches {
                    let key = record.instrument(&batch.symbol);
                    self.trades(key, &batch.trades, connection, at);
                }
            }
            Body::Subscribed(symbols) => {
                for symbol in symbols {
                    let key = record.instrument(symbol);
                    let subscribers = self.subscribers.entry(connection).or_default();
                    if !subscribers.contains(&key) {
                        subscribers.push(key.clone());
                    }
                    self.update(&key, at, |state, _, changes| {
                        state.subscribed(connection, at, changes);
                    });
                }
                self.forget_ended_connections();
            }
            Body::Disconnected {
                reason,
                last_frame_at,
            } => {
                for key in self.subscribers.remove(&connection).unwrap_or_default() {
                    self.update(&key, at, |state, rules, changes| {
                        state.disconnected(connection, *reason, *last_frame_at, at, changes);
                        state.settle_minutes(at, rules, changes);
                    });
                }
            }
            Body::Heartbeat { symbol, last_trade } => {
                let key = record.instrument(symbol);
                self.update(&key, at, |state, rules, changes| {
                    state.heartbeat(*last_trade, connection, at, rules, changes);
                });
            }
            Body::Tick => {
                // Taken out and put back, since `update` needs the whole engine.
                let keys = self.subscribers.remove(&connection).unwrap_or_default();
                for key in &keys {
                    self.update(key, at, |state, rules, changes| {
                        state.tick(connection, at, rules, changes);
                    });
                }
                if !keys.is_empty() {
                    self.subscribers.insert(connection, keys);
                }
            }
            Body::Refused { symbol, .. } => {
                // It may have been acknowledged, or taken as such, before.
                let key = record.instrument(symbol);
                if let Some(keys) = self.subscribers.get_mut(&connection) {
                    keys.retain(|subscribed| *subscribed != key);
                    self.update(&key, at, |state, rules, changes| {
                        state.disconnected(connection, DisconnectReason::Renewed, at, at, changes);
                        state.settle_minutes(at, rules, changes);
                    });
                }
            }
        }
    }

    fn trades(
        &mut self,
        key: InstrumentKey,
        trades: &[Trade],
        connection: ConnectionId,
        at: Timestamp,
    ) {
        let repairs = connection == ConnectionId::REPAIR;
        let mut fresh = (self.live.is_some() && !repairs).then(|| Vec::with_capacity(trades.len()));
        let mut counts = self.counts;
        if !repairs {
            self.subscribe_unannounced(&key, connection);
        }
        self.update(&key, at, |state, rules, changes| {
            if state.connection().is_none() && !repairs {
                // Its acknowledgement is no longer in the log: it listens since now, at the latest.
                state.subscribed(connection, at, changes);
            }
            for trade in trades {
                match state.trade(trade, connection, at, rules, changes) {
                    Admission::Counted => counts.counted += 1,
                    Admission::Late => counts.late += 1,
                    Admission::Duplicate => {
                        counts.duplicates += 1;
                        continue;
                    }
                }
                if let Some(fresh) = &mut fresh {
                    fresh.push(*trade);
                }
                // A minute must close before the next trade is looked at, or the outcome would
                // depend on how trades are batched.
                if !repairs {
                    state.settle_minutes(at, rules, changes);
                }
            }
            if repairs {
                // Minutes of long ago: a gap is noted once, not once for each trade that fills it.
                state.settle_minutes(at, rules, changes);
            }
        });
        self.counts = EngineCounts {
            closed: self.counts.closed,
            gaps: self.counts.gaps,
            ..counts
        };
        if let (Some(live), Some(fresh)) = (&mut self.live, fresh)
            && !fresh.is_empty()
        {
            live.trades.push((key, fresh));
        }
    }

    /// Notes a subscriber whose acknowledgement is no longer in the log.
    fn subscribe_unannounced(&mut self, key: &InstrumentKey, connection: ConnectionId) {
        let tracked = self.instruments.get(key);
        if tracked.is_none_or(|tracked| tracked.state.connection().is_none()) {
            let subscribers = self.subscribers.entry(connection).or_default();
            if !subscribers.contains(key) {
                subscribers.push(key.clone());
            }
        }
    }

    /// Closed minutes that must be rebuilt from the log.
    pub fn due_rebuilds(&self) -> impl Iterator<Item = (InstrumentKey, Timestamp)> + '_ {
        self.instruments.iter().flat_map(|(key, tracked)| {
            tracked
                .state
                .due_rebuilds()
                .map(move |minute| (key.clone(), minute))
        })
    }

    /// A rebuild's outcome: the minute's trades in the log, or `None` where it holds none.
    pub fn rebuilt(
        &mut self,
        key: &InstrumentKey,
        minute: Timestamp,
        builder: Option<&CandleBuilder>,
    ) {
        self.counts.corrected += 1;
        self.update(key, minute, |state, rules, changes| {
            state.rebuilt(minute, builder, rules, changes)
        });
    }

    /// The log no longer holds all of the minute's trades.
    pub fn cannot_rebuild(&mut self, key: &InstrumentKey, minute: Timestamp, now: Timestamp) {
        self.update(key, now, |state, _, changes| {
            state.cannot_rebuild(minute, now, changes)
        });
    }

    /// Takes the changes since the last commit; `None` if there are none.
    pub fn take_commit(&mut self) -> Option<Commit> {
        if self.next_offset == self.committed_offset && self.pending() == 0 {
            return None;
        }
        self.committed_offset = self.next_offset;
        let mut commit = Commit {
            partition: self.partition,
            next_offset: self.next_offset,
            gaps: mem::take(&mut self.gaps),
            closed: mem::take(&mut self.closed)
                .into_iter()
                .map(|((instrument, _), candle)| CandleWrite { instrument, candle })
                .collect(),
            ..Commit::default()
        };
        for (key, tracked) in self
            .instruments
            .iter_mut()
            .filter(|(_, tracked)| tracked.dirty)
        {
            tracked.dirty = false;
            commit
                .open
                .extend(tracked.state.open_candles().map(|candle| CandleWrite {
                    instrument: key.clone(),
                    candle,
                }));
            commit.checkpoints.push(Checkpoint {
                instrument: key.clone(),
                last_trade_id: tracked.state.newest_trade(),
                closed_until: tracked.state.closed_until(),
                state: serde_json::to_vec(&tracked.state)
                    .expect("the state is plain structs with text keys, which JSON can hold"),
            });
        }
        Some(commit)
    }

    /// Takes the updates since the last call.
    pub fn take_live(&mut self) -> LiveUpdates {
        let mut live = self.live.as_mut().map(mem::take).unwrap_or_default();
        let traded: BTreeSet<&InstrumentKey> = live.trades.iter().map(|(key, _)| key).collect();
        live.open = traded
            .into_iter()
            .flat_map(|key| {
                let candles = self.open_candles(key).into_iter();
                candles.map(|candle| CandleWrite {
                    instrument: key.clone(),
                    candle,
                })
            })
            .collect();
        live
    }

    /// The open candles of an instrument, oldest first.
    #[must_use]
    pub fn open_candles(&self, key: &InstrumentKey) -> Vec<Candle> {
        self.instruments
            .get(key)
            .map(|tracked| tracked.state.open_candles().collect())
            .unwrap_or_default()
    }

    /// Instruments seen so far.
    pub fn instruments(&self) -> impl Iterator<Item = &InstrumentKey> {
        self.instruments.keys()
    }

    /// For files ([`Rules::retain_closed`]): every candle of an instrument, and a judgement on
    /// whether a longer interval is closed and untouched by any gap.
    #[must_use]
    pub fn final_candles(&self, key: &InstrumentKey) -> Option<FinalCandles<'_>> {
        self.instruments.get(key).map(|tracked| FinalCandles {
            state: &tracked.state,
            rules: self.rules,
        })
    }

    fn update(
        &mut self,
        key: &InstrumentKey,
        at: Timestamp,
        change: impl FnOnce(&mut InstrumentState, &Rules, &mut Changes),
    ) {
        if !self.instruments.contains_key(key) {
            self.instruments.insert(key.clone(), Tracked::default());
        }
        let tracked = self
            .instruments
            .get_mut(key)
            .expect("inserted above if absent");
        let mut changes = Changes::default();
        change(&mut tracked.state, &self.rules, &mut changes);
        tracked.dirty |= changes.dirty;
        if changes.closed.is_empty() && changes.gaps.is_empty() {
            return;
        }
        for (gap, _) in &changes.gaps {
            if gap.reason == GapReason::NumberingRestart {
                let (from, to) = (gap.from, gap.to.unwrap_or(gap.from));
                tracing::warn!(instrument = %key, %from, %to, "the venue began its trade numbers again");
            }
        }
        self.counts.closed += changes.closed.len() as u64;
        self.counts.gaps += changes.gaps.len() as u64;
        if self.rules.retain_closed {
            return;
        }
        for candle in changes.closed {
            if let Some(live) = &mut self.live {
                live.closed.push(CandleWrite {
                    instrument: key.clone(),
                    candle: candle.clone(),
                });
            }
            self.closed.insert((key.clone(), candle.open_time), candle);
        }
        let gaps = changes
            .gaps
            .into_iter()
            .map(|(gap, filled)| gap.into_gap(key, filled.then_some(at)));
        self.gaps.extend(gaps);
    }

    /// A connection whose instruments have all moved to another one is gone.
    fn forget_ended_connections(&mut self) {
        let instruments = &self.instruments;
        self.subscribers.retain(|connection, keys| {
            keys.retain(|key| {
                instruments
                    .get(key)
                    .is_some_and(|tracked| tracked.state.heeds(*connection))
            });
            !keys.is_empty()
        });
    }
}

/// The candles of one instrument of a file.
#[derive(Debug)]
pub struct FinalCandles<'a> {
    state: &'a InstrumentState,
    rules: Rules,
}

impl FinalCandles<'_> {
    /// Every 1-minute candle, ascending.
    #[must_use]
    pub fn minutes(&self) -> Vec<Candle> {
        self.state.all_candles()
    }

    /// Returns whether the time from `start` to `end` has passed and no gap touches it.
    #[must_use]
    pub fn is_complete(&self, start: Timestamp, end: Timestamp) -> bool {
        end + self.rules.grace <= self.state.event_time() && !self.state.is_touched(start, end)
    }
}

impl OpenGap {
    fn into_gap(self, instrument: &InstrumentKey, filled_at: Option<Timestamp>) -> Gap {
        Gap {
            instrument: instrument.clone(),
            reason: self.reason,
            from: self.from,
            to: self.to,
            missing: self.missing,
            detected_at: self.detected_at,
            filled_at,
        }
    }
}

/// Shared records are what the log hands out.
pub(super) type Entry = (Offset, Arc<Record>);
