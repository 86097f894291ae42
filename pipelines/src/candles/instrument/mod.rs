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

/// Numberings remembered besides the newest, for trades of theirs that are delivered again.
const MAX_EARLIER_NUMBERINGS: usize = 4;

/// A gap of the instrument at hand; see [`super::Gap`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenGap {
    pub(super) reason: GapReason,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) missing: Option<(TradeId, TradeId)>,
    /// Which of the venue's numberings the missing ids are of.
    #[serde(default)]
    pub(super) numbering: u32,
    pub(super) detected_at: Timestamp,
}

/// Changes for the caller to pass on.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Minutes that closed.
    pub(super) closed: Vec<Candle>,
    /// Gaps that are new or changed, and whether each is now filled.
    pub(super) gaps: Vec<(OpenGap, bool)>,
    /// The state is worth storing.
    pub(super) dirty: bool,
}

/// Outcome of admitting one trade.
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
    /// Where the outage before it ended, as long as only our clock says so.
    #[serde(default)]
    outage_end: Option<Timestamp>,
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

/// Relation of the two clocks: by the newest trade, or by the beginning of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Anchor {
    trade_time: Timestamp,
    received_at: Timestamp,
    #[serde(default)]
    connection: Option<ConnectionId>,
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
    /// The numberings before that of `seen`, oldest first.
    #[serde(default)]
    earlier: Vec<SeenTrades>,
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
    /// Minutes that were closed before they were over, by a clock or a trade's time that was ahead:
    /// rebuilt once they are.
    #[serde(default)]
    reopened: BTreeSet<Timestamp>,
    /// Closed minutes kept in memory, where there is no log to rebuild from.
    #[serde(skip)]
    retained: BTreeMap<Timestamp, CandleBuilder>,
}

impl Default for InstrumentState {
    fn default() -> Self {
        Self {
            seen: SeenTrades::default(),
            earlier: Vec::new(),
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
            reopened: BTreeSet::new(),
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

    /// Returns whether records of this connection still say something about this instrument.
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
                // The numbers may show that nothing was missed before it.
                self.unsettled = true;
                let since = listening.since;
                self.began(
                    boundary(since.min(received_at), trade.time, received_at),
                    received_at,
                    changes,
                );
            }
        }
        let insertion = self.insert(trade, connection, received_at, rules, changes);
        if insertion == Insertion::Duplicate {
            return Admission::Duplicate;
        }
        changes.dirty = true;
        self.unsettled |= insertion != Insertion::Next;
        let minute = MINUTE.open_of(trade.time);
        let retained = rules.retain_closed && insertion != Insertion::Unknown;
        if self.reopened.contains(&minute) {
            Admission::Late
        } else if minute >= self.closed_before && insertion != Insertion::Unknown {
            add(&mut self.open, minute, trade);
            Admission::Counted
        } else if retained {
            add(&mut self.retained, minute, trade);
            Admission::Late
        } else {
            self.rebuild.insert(minute);
            Admission::Late
        }
    }

    /// Finds the numbering that the trade is of, and notes it there. If it is the newest trade, time
    /// follows it.
    fn insert(
        &mut self,
        trade: &Trade,
        connection: ConnectionId,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) -> Insertion {
        // Oldest first: a trade is no later than the last of its numbering, and later than all before.
        let mut earlier = self.earlier.iter_mut();
        if let Some(earlier) = earlier.find(|seen| seen.explains(trade, rules.grace)) {
            return earlier.insert(trade, rules.max_runs);
        }
        if self.seen.contradicts(trade, rules.grace) {
            self.restart_numbering(trade.time, received_at, changes);
        }
        let newest = self.seen.newest().is_none_or(|newest| newest < trade.id);
        // When a repair's trade arrived says nothing about the venue's clock.
        if newest && connection != ConnectionId::REPAIR {
            self.go_back(trade.time, connection, rules);
            self.anchor = Some(Anchor {
                trade_time: trade.time,
                received_at,
                connection: Some(connection),
            });
        }
        let insertion = self.seen.insert(trade, rules.max_runs);
        if insertion != Insertion::Duplicate {
            self.event_time = self.event_time.max(trade.time);
        }
        insertion
    }

    /// The newest trade, by its number, is at `time`. If its minute has closed, then by a clock that
    /// was ahead, ours or that of one trade: the minute is not over.
    fn go_back(&mut self, time: Timestamp, connection: ConnectionId, rules: &Rules) {
        let minute = MINUTE.open_of(time);
        if minute >= self.closed_before {
            return;
        }
        let Some(latest) = self.latest() else {
            return;
        };
        // Of another connection, an older trade is one of a recording that is read after the fact.
        let same = self.anchor.and_then(|anchor| anchor.connection) == Some(connection);
        let by_our_clock = latest <= time && latest < self.event_time;
        if !(same || by_our_clock) {
            return;
        }
        self.event_time = time;
        self.tail = self.tail.map(|tail| Tail {
            at: tail.at.min(time),
            ..tail
        });
        if rules.retain_closed {
            let mut again = self.retained.split_off(&minute);
            self.open.append(&mut again);
            self.closed_before = minute;
            return;
        }
        // The trades that these had are in the log alone. No other minute since has any.
        let traded = [minute, MINUTE.open_of(latest)];
        let lost = traded
            .into_iter()
            .filter(|lost| minute <= MINUTE.open_of(latest) && *lost < self.closed_before);
        let lost: Vec<Timestamp> = lost.collect();
        self.closed_before = match lost.is_empty() {
            true => minute,
            false => MINUTE.end_of(minute),
        };
        self.rebuild.extend(&lost);
        self.reopened.extend(&lost);
    }

    fn numberings(&self) -> impl Iterator<Item = &SeenTrades> {
        self.earlier.iter().chain([&self.seen])
    }

    /// The latest time of any trade.
    fn latest(&self) -> Option<Timestamp> {
        self.numberings().filter_map(SeenTrades::latest).max()
    }

    /// Time back to which minutes are corrected. It follows the trades alone, so that a clock that is
    /// ahead makes nothing forgotten.
    fn horizon(&self, rules: &Rules) -> Timestamp {
        self.latest()
            .map_or(Timestamp::MIN, |latest| latest - rules.correction_horizon)
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
        while let Some(minute) = self.reopened.first().copied().filter(|&first| first < due) {
            self.reopened.remove(&minute);
            self.rebuild.insert(minute);
        }
        self.reconcile_holes(already_closed, received_at, rules, changes);
        while let Some(entry) = self.open.first_entry() {
            let minute = *entry.key();
            if minute >= self.closed_before {
                break;
            }
            let builder = entry.remove();
            self.note_overflow(minute, &builder, changes);
            let complete = !self.is_touched(minute, MINUTE.end_of(minute));
            changes.closed.push(builder.candle(minute, complete));
            changes.dirty = true;
            if rules.retain_closed {
                self.retained.insert(minute, builder);
            }
        }
        let horizon = self.horizon(rules);
        let forgettable = |gap: &OpenGap| gap.to.is_some_and(|to| to < horizon);
        if !rules.retain_closed && (self.gaps.len() > MAX_GAPS || self.gaps.iter().any(forgettable))
        {
            self.gaps.retain(|gap| !forgettable(gap));
            // Missing ids stay: they are as many as the runs of ids remembered, at most.
            self.earlier
                .retain(|seen| seen.latest().is_none_or(|latest| latest >= horizon));
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
        self.rebuild
            .iter()
            .copied()
            .filter(|minute| *minute < self.closed_before || self.reopened.contains(minute))
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
            self.note_overflow(minute, builder, changes);
            // Of what lies further back, the gaps have been forgotten.
            let known = minute >= self.horizon(rules);
            let over = MINUTE.end_of(minute) + rules.grace <= self.event_time;
            let complete = known && over && !self.is_touched(minute, MINUTE.end_of(minute));
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
        self.reopened.remove(&minute);
        let gap = OpenGap {
            reason: GapReason::LogTruncated,
            from: minute,
            to: Some(MINUTE.end_of(minute)),
            missing: None,
            numbering: 0,
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
