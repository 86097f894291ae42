//! One instrument's minutes: which are open, which are closed, what is missing. A pure function of
//! the records it is shown; it knows neither the log nor the store.
//!
//! Two clocks meet here: the venue's (trade times) and ours (receive times). All of an instrument's
//! minutes, holes and gaps are in the venue's; ticks, which only have ours, count as the newest
//! trade's time plus what has passed since it arrived. So a skewed clock, or a recording of another
//! year replayed today, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::builder::CandleBuilder;
use super::effects::GapReason;
use super::rules::Rules;
use super::seen::{Hole, Insertion, SeenTrades};
use crate::events::{ConnectionId, DisconnectReason};
use crate::market::{Candle, Interval, Timestamp, Trade, TradeId};

/// The minute that candles are built from; everything longer derives from it.
const MINUTE: Interval = Interval::Minute1;

/// Beyond this the two clocks are not skewed but unrelated: a recording is being replayed.
const UNRELATED_CLOCKS: Duration = Duration::from_secs(3_600);

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

    /// Whether records of this connection still say something about this instrument.
    pub(super) fn heeds(&self, connection: ConnectionId) -> bool {
        self.connection() == Some(connection)
            || self
                .replaced
                .is_some_and(|replaced| replaced.connection == connection)
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

    /// Whether a gap touches the time from `start` to `end` (exclusive).
    pub(super) fn is_touched(&self, start: Timestamp, end: Timestamp) -> bool {
        self.gaps
            .iter()
            .any(|gap| gap.from < end && gap.to.is_none_or(|to| to > start))
    }

    /// The venue acknowledged the subscription.
    pub(super) fn subscribed(
        &mut self,
        connection: ConnectionId,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        if let Some(old) = self.listening
            && old.connection != connection
        {
            // Killed with its process, unless it shows that it was still there: see `heard_of`.
            let gap_from =
                self.stop_listening(old.last_seen, GapReason::Disconnect, received_at, changes);
            self.replaced = gap_from.map(|gap_from| Replaced {
                connection: old.connection,
                at: received_at,
                gap_from,
            });
        }
        if self.listening.is_some() {
            return;
        }
        self.listening = Some(Listening {
            connection,
            since: received_at,
            last_seen: received_at,
            settled: false,
        });
        if let Some(anchor) = self.anchor {
            self.end_outage(
                boundary(received_at, anchor.trade_time, anchor.received_at),
                changes,
            );
        }
        changes.dirty = true;
    }

    /// The connection ended; its last frame arrived at `last_frame_at`.
    pub(super) fn disconnected(
        &mut self,
        connection: ConnectionId,
        reason: DisconnectReason,
        last_frame_at: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        self.heard_of(
            connection,
            last_frame_at.max(match reason {
                DisconnectReason::Renewed => received_at,
                _ => Timestamp::MIN,
            }),
            received_at,
            changes,
        );
        let Some(listening) = self.listening.filter(|l| l.connection == connection) else {
            return;
        };
        let (reason, end) = match reason {
            // Frames arrived that the log could not take.
            DisconnectReason::LogFull => {
                (GapReason::LogFull, listening.last_seen.min(last_frame_at))
            }
            // A broken connection may have been deaf since its last frame.
            DisconnectReason::Silence => (GapReason::Silence, last_frame_at),
            DisconnectReason::Lost => (GapReason::Disconnect, last_frame_at),
            DisconnectReason::Renewed
            | DisconnectReason::Shutdown
            | DisconnectReason::EndOfFile => (GapReason::Disconnect, received_at),
        };
        let _ = self.stop_listening(end, reason, received_at, changes);
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
        let insertion = self.seen.insert(trade.id, trade.time, rules.max_runs);
        if insertion == Insertion::Duplicate {
            return Admission::Duplicate;
        }
        changes.dirty = true;
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
            let excess = self.gaps.len().saturating_sub(MAX_GAPS);
            self.gaps.drain(..excess);
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
        changes: &mut Changes,
    ) {
        self.rebuild.remove(&minute);
        changes.dirty = true;
        if let Some(builder) = builder {
            let complete = !self.is_touched(minute, MINUTE.end_of(minute));
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

    fn stop_listening(
        &mut self,
        end: Timestamp,
        reason: GapReason,
        received_at: Timestamp,
        changes: &mut Changes,
    ) -> Option<Timestamp> {
        self.listening = None;
        changes.dirty = true;
        // Before the first trade there is nothing that could be incomplete.
        let anchor = self.anchor?;
        let from = anchor.trade_time + end.since(anchor.received_at);
        let gap = OpenGap {
            reason,
            from,
            to: None,
            missing: None,
            detected_at: received_at,
        };
        self.note(gap, changes);
        Some(from)
    }

    /// A connection showed that it was alive at `alive_at`. If that is after another one took over
    /// from it, nothing was missed between the two.
    fn heard_of(
        &mut self,
        connection: ConnectionId,
        alive_at: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        let Some(replaced) = self
            .replaced
            .take_if(|replaced| replaced.connection == connection && replaced.at <= alive_at)
        else {
            return;
        };
        changes.dirty = true;
        let is_between =
            |gap: &OpenGap| gap.reason == GapReason::Disconnect && gap.from == replaced.gap_from;
        if let Some(at) = self.gaps.iter().position(is_between) {
            let gap = OpenGap {
                detected_at: received_at,
                ..self.gaps.remove(at)
            };
            let minute = MINUTE.open_of(gap.from);
            if minute < self.closed_before {
                self.rebuild.insert(minute);
            }
            changes.gaps.push((gap, true));
        }
    }

    /// Listening began at `start`, in the venue's time.
    fn began(&mut self, start: Timestamp, received_at: Timestamp, changes: &mut Changes) {
        if self.anchor.is_some() {
            self.end_outage(start, changes);
            return;
        }
        let day = Interval::Day1.open_of(start);
        if day < start {
            let gap = OpenGap {
                reason: GapReason::LateStart,
                from: day,
                to: Some(start),
                missing: None,
                detected_at: received_at,
            };
            self.note(gap, changes);
        }
    }

    /// Sets or corrects the end of the newest outage.
    fn end_outage(&mut self, end: Timestamp, changes: &mut Changes) {
        let outage = self.gaps.iter_mut().rev().find(|gap| {
            matches!(
                gap.reason,
                GapReason::Disconnect | GapReason::Silence | GapReason::LogFull
            )
        });
        if let Some(gap) = outage {
            // Never empty, and never shorter than what has been said already.
            let end = end
                .max(gap.from + Duration::from_nanos(1))
                .max(gap.to.unwrap_or(end));
            if gap.to != Some(end) {
                gap.to = Some(end);
                changes.gaps.push((gap.clone(), false));
                changes.dirty = true;
            }
        }
    }

    fn advance(&mut self, received_at: Timestamp) {
        if let Some(anchor) = self.anchor {
            let now = anchor.trade_time + received_at.since(anchor.received_at);
            self.event_time = self.event_time.max(now);
        }
    }

    fn note(&mut self, gap: OpenGap, changes: &mut Changes) {
        changes.gaps.push((gap.clone(), false));
        changes.dirty = true;
        let minute = MINUTE.open_of(gap.from);
        if gap.reason != GapReason::LogTruncated && minute < self.closed_before {
            // It closed before this was known.
            self.rebuild.insert(minute);
        }
        match self.gaps.iter_mut().find(|known| known.is_same(&gap)) {
            Some(known) => *known = gap,
            None => self.gaps.push(gap),
        }
    }

    fn reconcile_holes(
        &mut self,
        already_closed: Timestamp,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        let newest = self.seen.newest();
        if self
            .tail
            .is_some_and(|tail| newest.is_some_and(|newest| newest >= tail.id))
        {
            self.tail = None;
        }
        let declared = self
            .gaps
            .iter()
            .any(|gap| gap.reason == GapReason::MissingTrades);
        if !declared && self.tail.is_none() && !self.seen.has_holes() {
            return;
        }
        let current: Vec<OpenGap> = self
            .seen
            .holes()
            .chain(self.tail_hole())
            // A hole may only be a reordering, until the grace period has passed; but a minute that
            // closes with one is not complete.
            .filter(|hole| {
                hole.to + rules.grace <= self.event_time
                    || MINUTE.open_of(hole.from) < self.closed_before
            })
            .map(|hole| OpenGap::of_hole(&hole, received_at))
            .collect();
        let oldest_known = self.seen.oldest();
        let mut touched = Vec::new();
        self.gaps.retain(|gap| {
            let Some((_, last)) = gap
                .missing
                .filter(|_| gap.reason == GapReason::MissingTrades)
            else {
                return true;
            };
            let forgotten = oldest_known.is_some_and(|oldest| last < oldest);
            let still_missing = forgotten || current.iter().any(|now| now.is_same(gap));
            if !still_missing {
                touched.push(gap.clone());
                changes.gaps.push((gap.clone(), true));
            }
            still_missing
        });
        for gap in current {
            match self.gaps.iter_mut().find(|known| known.is_same(&gap)) {
                Some(known) if known.missing == gap.missing && known.to == gap.to => {}
                Some(known) => {
                    let now = OpenGap {
                        detected_at: known.detected_at,
                        ..gap
                    };
                    changes.gaps.push((now.clone(), false));
                    touched.push(now.clone());
                    // What it touched before, it may touch no more.
                    touched.push(std::mem::replace(known, now));
                }
                None => {
                    touched.push(gap.clone());
                    changes.gaps.push((gap.clone(), false));
                    self.gaps.push(gap);
                }
            }
        }
        changes.dirty |= !touched.is_empty();
        if rules.retain_closed {
            return;
        }
        // A hole lies between two neighbouring trades: only the minutes of those two hold any.
        for gap in touched {
            let end = gap.to.unwrap_or(gap.from) - Duration::from_nanos(1);
            for minute in [MINUTE.open_of(gap.from), MINUTE.open_of(end)] {
                if minute < already_closed {
                    self.rebuild.insert(minute);
                }
            }
        }
    }

    /// What the venue's heartbeat says is missing after the newest trade.
    fn tail_hole(&self) -> Option<Hole> {
        let (tail, newest, anchor) = (self.tail?, self.seen.newest()?, self.anchor?);
        (newest < tail.id).then(|| Hole {
            first: TradeId(newest.0 + 1),
            last: tail.id,
            from: anchor.trade_time,
            to: tail.at.max(anchor.trade_time),
        })
    }
}

impl OpenGap {
    fn of_hole(hole: &Hole, received_at: Timestamp) -> Self {
        Self {
            reason: GapReason::MissingTrades,
            from: hole.from,
            // What is missing may have traded at the very time of the trade after it.
            to: Some(hole.to + Duration::from_nanos(1)),
            missing: Some((hole.first, hole.last)),
            detected_at: received_at,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.from == other.from
            && self.missing.map(|ids| ids.0) == other.missing.map(|ids| ids.0)
    }
}

fn add(minutes: &mut BTreeMap<Timestamp, CandleBuilder>, minute: Timestamp, trade: &Trade) {
    minutes
        .entry(minute)
        .and_modify(|builder| builder.add(trade))
        .or_insert_with(|| CandleBuilder::new(trade));
}

/// The venue's time at our time `since`, given a trade's two times. Where the venue's clock is
/// behind ours by what a network can explain, ours is taken: it touches no minute too few.
fn boundary(since: Timestamp, trade_time: Timestamp, received_at: Timestamp) -> Timestamp {
    let ahead = trade_time.since(received_at);
    let behind = received_at.since(trade_time);
    if behind > UNRELATED_CLOCKS {
        since - behind
    } else {
        since + ahead
    }
}
