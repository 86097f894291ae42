//! One instrument's minutes: which are open, which are closed, what is missing. A pure function of
//! the records it is shown; it knows neither the log nor the store.
//!
//! Two clocks meet here: the venue's (trade times) and ours (receive times). All of an instrument's
//! minutes, holes and gaps are in the venue's; ticks, which only have ours, count as the newest
//! trade's time plus what has passed since it arrived. So a skewed clock, or a recording of another
//! year replayed today, changes nothing.

mod gaps;
mod listening;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use listening::boundary;

use super::builder::CandleBuilder;
use super::effects::GapReason;
use super::rules::Rules;
use super::seen::{Insertion, SeenTrades};
use crate::events::ConnectionId;
use crate::market::{Candle, Interval, Timestamp, Trade, TradeId};

/// The minute that candles are built from; everything longer derives from it.
const MINUTE: Interval = Interval::Minute1;

/// Gaps remembered per instrument; older ones are in the store and touch nothing that can change.
const MAX_GAPS: usize = 512;

/// A gap of the instrument at hand; see [`super::Gap`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenGap {
    pub(super) reason: GapReason,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) missing: Option<(TradeId, TradeId)>,
    pub(super) detected_at: Timestamp,
}

/// What changed, for the caller to pass on.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Minutes that closed.
    pub(super) closed: Vec<Candle>,
    /// Gaps that are new or changed, and whether each is now filled.
    pub(super) gaps: Vec<(OpenGap, bool)>,
    /// The state is worth storing.
    pub(super) dirty: bool,
}

/// What became of one trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is part of an open minute.
    Counted,
    /// Its minute has closed: a correction follows.
    Late,
    /// It has been seen before.
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Listening {
    connection: ConnectionId,
    /// Receive time at which the subscription was acknowledged.
    since: Timestamp,
    /// Receive time of the newest record of the connection.
    last_seen: Timestamp,
    /// A trade has shown how the two clocks relate.
    settled: bool,
}

/// A connection that another one took over from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Replaced {
    connection: ConnectionId,
    /// Receive time at which the other one was subscribed.
    at: Timestamp,
    /// Where the gap between the two begins, if there is one.
    gap_from: Timestamp,
}

/// The newest trade: how the two clocks relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Anchor {
    trade_time: Timestamp,
    received_at: Timestamp,
}

/// The newest trade according to the venue's heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Tail {
    id: TradeId,
    /// Event time at which the venue said so.
    at: Timestamp,
}

/// Everything to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InstrumentState {
    seen: SeenTrades,
    open: BTreeMap<Timestamp, CandleBuilder>,
    /// Minutes that open before this are closed.
    closed_before: Timestamp,
    event_time: Timestamp,
    anchor: Option<Anchor>,
    tail: Option<Tail>,
    /// A hole in the trade ids is new or changed, or too young to be recorded as a gap.
    unsettled: bool,
    listening: Option<Listening>,
    /// The connection before this one, if its end was never recorded: killed with its process, or
    /// still there while a new one takes over.
    replaced: Option<Replaced>,
    gaps: Vec<OpenGap>,
    /// Closed minutes that must be rebuilt.
    rebuild: BTreeSet<Timestamp>,
    /// Closed minutes kept in memory, where there is no log to rebuild from.
    #[serde(skip)]
    retained: BTreeMap<Timestamp, CandleBuilder>,
}

impl Default for InstrumentState {
    fn default() -> Self {
        Self {
            seen: SeenTrades::default(),
            open: BTreeMap::new(),
            closed_before: Timestamp::MIN,
            event_time: Timestamp::MIN,
            anchor: None,
            tail: None,
            unsettled: false,
            listening: None,
            replaced: None,
            gaps: Vec::new(),
            rebuild: BTreeSet::new(),
            retained: BTreeMap::new(),
        }
    }
}

impl InstrumentState {
    pub(super) fn newest_trade(&self) -> Option<TradeId> {
        self.seen.newest()
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.listening.map(|listening| listening.connection)
    }

    /// The connections whose records still say something about this instrument.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        let replaced = self.replaced.map(|replaced| replaced.connection);
        self.connection().into_iter().chain(replaced)
    }

    /// Whether records of this connection still say something about this instrument.
    pub(super) fn heeds(&self, connection: ConnectionId) -> bool {
        self.connection() == Some(connection)
            || self
                .replaced
                .is_some_and(|replaced| replaced.connection == connection)
    }

    /// The time before which every minute has closed.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        (self.closed_before > Timestamp::MIN).then_some(self.closed_before)
    }

    pub(super) const fn event_time(&self) -> Timestamp {
        self.event_time
    }

    /// The open candles, oldest first.
    pub(super) fn open_candles(&self) -> impl Iterator<Item = Candle> + '_ {
        self.open
            .iter()
            .map(|(&open, builder)| builder.candle(open, false))
    }

    /// Every candle, closed and open, where closed ones are retained.
    pub(super) fn all_candles(&self) -> Vec<Candle> {
        let closed = self.retained.iter().map(|(&open, builder)| {
            builder.candle(open, !self.is_touched(open, MINUTE.end_of(open)))
        });
        closed.chain(self.open_candles()).collect()
    }

    /// Time passed while the connection was alive.
    pub(super) fn tick(
        &mut self,
        connection: ConnectionId,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        if let Some(listening) = self
            .listening
            .as_mut()
            .filter(|l| l.connection == connection)
        {
            listening.last_seen = received_at;
            self.advance(received_at);
            self.settle_minutes(received_at, rules, changes);
        }
    }

    /// The venue named its newest trade.
    pub(super) fn heartbeat(
        &mut self,
        last_trade: TradeId,
        connection: ConnectionId,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        self.tick(connection, received_at, rules, changes);
        if self.seen.newest().is_some_and(|newest| newest < last_trade)
            && self.tail.is_none_or(|tail| tail.id < last_trade)
        {
            self.unsettled = true;
            self.tail = Some(Tail {
                id: last_trade,
                at: self.event_time,
            });
        }
    }

    /// One trade. `settle_minutes` must follow once the record's trades have been added.
    pub(super) fn trade(
        &mut self,
        trade: &Trade,
        connection: ConnectionId,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) -> Admission {
        if let Some(listening) = self
            .listening
            .as_mut()
            .filter(|l| l.connection == connection)
        {
            listening.last_seen = received_at;
            if !listening.settled {
                listening.settled = true;
                let since = listening.since;
                self.began(
                    boundary(since, trade.time, received_at),
                    received_at,
                    changes,
                );
            }
        }
        let mut insertion = self.seen.insert(trade.id, trade.time, rules.max_runs);
        if insertion == Insertion::Duplicate && trade.time > self.event_time + rules.grace {
            // No venue delivers a trade a second time with a later time: it began to count anew.
            self.restart_ids(trade.time, received_at, changes);
            insertion = self.seen.insert(trade.id, trade.time, rules.max_runs);
        }
        if insertion == Insertion::Duplicate {
            return Admission::Duplicate;
        }
        changes.dirty = true;
        self.unsettled |= insertion != Insertion::Next;
        if self
            .anchor
            .is_none_or(|anchor| anchor.trade_time <= trade.time)
        {
            self.anchor = Some(Anchor {
                trade_time: trade.time,
                received_at,
            });
        }
        self.event_time = self.event_time.max(trade.time);
        let minute = MINUTE.open_of(trade.time);
        if minute >= self.closed_before && insertion != Insertion::Unknown {
            add(&mut self.open, minute, trade);
            return Admission::Counted;
        }
        if rules.retain_closed && insertion != Insertion::Unknown {
            add(&mut self.retained, minute, trade);
        } else {
            self.rebuild.insert(minute);
        }
        Admission::Late
    }

    /// Closes what has become due, and compares the holes in the trade ids with the gaps recorded.
    pub(super) fn settle_minutes(
        &mut self,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        let already_closed = self.closed_before;
        let due = MINUTE.open_of(self.event_time - rules.grace);
        if self.event_time > Timestamp::MIN {
            self.closed_before = self.closed_before.max(due);
        }
        changes.dirty |= self.closed_before != already_closed;
        self.reconcile_holes(already_closed, received_at, rules, changes);
        while let Some(entry) = self.open.first_entry() {
            let minute = *entry.key();
            if minute >= self.closed_before {
                break;
            }
            let builder = entry.remove();
            let complete = !self.is_touched(minute, MINUTE.end_of(minute));
            changes.closed.push(builder.candle(minute, complete));
            changes.dirty = true;
            if rules.retain_closed {
                self.retained.insert(minute, builder);
            }
        }
        let horizon = self.event_time - rules.correction_horizon;
        let forgettable = |gap: &OpenGap| gap.to.is_some_and(|to| to < horizon);
        if !rules.retain_closed && (self.gaps.len() > MAX_GAPS || self.gaps.iter().any(forgettable))
        {
            self.gaps.retain(|gap| !forgettable(gap));
            // Missing ids stay: they are as many as the runs of ids remembered, at most.
            let mut excess = self.gaps.len().saturating_sub(MAX_GAPS);
            self.gaps.retain(|gap| {
                let goes = excess > 0 && gap.missing.is_none();
                excess -= usize::from(goes);
                !goes
            });
        }
    }

    /// Closed minutes to rebuild from the log. Open ones are waited for.
    pub(super) fn due_rebuilds(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.rebuild.range(..self.closed_before).copied()
    }

    /// The log's answer to a rebuild: the minute's trades, each once.
    pub(super) fn rebuilt(
        &mut self,
        minute: Timestamp,
        builder: Option<&CandleBuilder>,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        self.rebuild.remove(&minute);
        changes.dirty = true;
        if let Some(builder) = builder {
            // Of what lies further back, the gaps have been forgotten.
            let known = minute >= self.event_time - rules.correction_horizon;
            let complete = known && !self.is_touched(minute, MINUTE.end_of(minute));
            changes.closed.push(builder.candle(minute, complete));
        }
    }

    /// The log no longer holds the minute's trades.
    pub(super) fn cannot_rebuild(
        &mut self,
        minute: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        self.rebuild.remove(&minute);
        let gap = OpenGap {
            reason: GapReason::LogTruncated,
            from: minute,
            to: Some(MINUTE.end_of(minute)),
            missing: None,
            detected_at: received_at,
        };
        self.note(gap, changes);
    }

    fn advance(&mut self, received_at: Timestamp) {
        if let Some(anchor) = self.anchor {
            let now = anchor.trade_time + received_at.since(anchor.received_at);
            self.event_time = self.event_time.max(now);
        }
    }
}

fn add(minutes: &mut BTreeMap<Timestamp, CandleBuilder>, minute: Timestamp, trade: &Trade) {
    minutes
        .entry(minute)
        .and_modify(|builder| builder.add(trade))
        .or_insert_with(|| CandleBuilder::new(trade));
}
