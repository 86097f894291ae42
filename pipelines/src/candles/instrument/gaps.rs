//! Missing trades: the gaps known of an instrument, and the holes in its trade ids that become gaps
//! and stop being gaps.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::builder::CandleBuilder;
use super::super::effects::GapReason;
use super::super::rules::Rules;
use super::super::seen::{Hole, SeenTrades};
use super::{Changes, InstrumentState, MAX_EARLIER_NUMBERINGS, MINUTE, OpenGap};
use crate::market::{Timestamp, TradeId};

impl InstrumentState {
    /// Returns whether a gap touches the time from `start` to `end` (exclusive).
    pub(in crate::candles) fn is_touched(&self, start: Timestamp, end: Timestamp) -> bool {
        self.gaps
            .iter()
            .any(|gap| gap.from < end && gap.to.is_none_or(|to| to > start))
    }

    pub(super) fn note(&mut self, gap: OpenGap, changes: &mut Changes) {
        changes.gaps.push((gap.clone(), false));
        changes.dirty = true;
        let minute = MINUTE.open_of(gap.from);
        let final_already = matches!(gap.reason, GapReason::LogTruncated | GapReason::Overflow);
        if !final_already && minute < self.closed_before {
            // It closed before this was known.
            self.rebuild.insert(minute);
        }
        match self.gaps.iter_mut().find(|known| known.is_same(&gap)) {
            Some(known) => *known = gap,
            None => self.gaps.push(gap),
        }
    }

    /// Compares the holes in the trade ids with the gaps recorded. Does nothing while every hole is
    /// recorded and none has changed, which is nearly always.
    pub(super) fn reconcile_holes(
        &mut self,
        already_closed: Timestamp,
        received_at: Timestamp,
        rules: &Rules,
        changes: &mut Changes,
    ) {
        if !self.unsettled {
            return;
        }
        let newest = self.seen.newest();
        self.tail = self
            .tail
            .filter(|tail| newest.is_none_or(|newest| newest < tail.id));
        let horizon = self.horizon(rules);
        let (event_time, closed_before) = (self.event_time, self.closed_before);
        // A hole may only be a reordering, until the grace period has passed; but a minute that
        // closes with one is not complete.
        let ripe = |hole: &Hole| {
            hole.to + rules.grace <= event_time || MINUTE.open_of(hole.from) < closed_before
        };
        let (mut current, mut early) = (BTreeMap::new(), false);
        let holes = self.numberings().flat_map(SeenTrades::holes);
        for hole in holes.chain(self.tail_hole()) {
            if !ripe(&hole) {
                early = true;
            } else if hole.to >= horizon || !hole.noted {
                current.insert((hole.numbering, hole.from, hole.first), hole);
            }
        }
        self.unsettled = early || self.tail.is_some();
        let bridged = self.bridged_outages(rules);
        for numbering in self.earlier.iter_mut().chain([&mut self.seen]) {
            numbering.note_holes(ripe);
        }

        let (earlier, seen) = (&self.earlier, &self.seen);
        // Whether it can still be decided that a gap's ids have arrived.
        let decidable = |gap: &OpenGap, last: TradeId| {
            if gap.to.is_some_and(|to| to < horizon) {
                return false;
            }
            if gap.numbering == seen.numbering() {
                return seen.oldest().is_none_or(|oldest| oldest <= last);
            }
            let of_gap = |seen: &&SeenTrades| seen.numbering() == gap.numbering;
            let known = earlier.iter().find(of_gap);
            known.is_some_and(|known| {
                known.oldest().is_some_and(|oldest| oldest <= last)
                    && known.newest().is_some_and(|newest| last <= newest)
            })
        };
        let mut touched = Vec::new();
        self.gaps.retain_mut(|gap| {
            let Some((first, last)) = gap
                .missing
                .filter(|_| gap.reason == GapReason::MissingTrades)
            else {
                return true;
            };
            match current.remove(&(gap.numbering, gap.from, first)) {
                Some(hole) => {
                    let now = OpenGap::of_hole(&hole, gap.detected_at);
                    if now != *gap {
                        changes.gaps.push((now.clone(), false));
                        touched.push(now.clone());
                        // What it touched before, it may touch no more.
                        touched.push(std::mem::replace(gap, now));
                    }
                    true
                }
                None if !decidable(gap, last) => true,
                None => {
                    touched.push(gap.clone());
                    changes.gaps.push((gap.clone(), true));
                    false
                }
            }
        });
        for hole in current.into_values() {
            let gap = OpenGap::of_hole(&hole, received_at);
            touched.push(gap.clone());
            changes.gaps.push((gap.clone(), false));
            self.gaps.push(gap);
        }
        changes.dirty |= !touched.is_empty() || !bridged.is_empty();
        for gap in &bridged {
            changes.gaps.push((gap.clone(), true));
        }
        if rules.retain_closed {
            return;
        }
        for gap in bridged {
            let end = gap.to.unwrap_or(gap.from);
            let mut minute = MINUTE.open_of(gap.from).max(horizon);
            while minute < end.min(already_closed) {
                self.rebuild.insert(MINUTE.open_of(minute));
                minute = MINUTE.end_of(MINUTE.open_of(minute));
            }
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

    /// Removes the outages across which the trade numbers are contiguous: nothing was missed, or it has been
    /// repaired.
    fn bridged_outages(&mut self, rules: &Rules) -> Vec<OpenGap> {
        if !rules.end_bridged_outages {
            return Vec::new();
        }
        let (earlier, seen) = (&self.earlier, &self.seen);
        let newest = self.seen.latest();
        // The end of the outage before a connection is known by that connection's first trade.
        let settled = self.listening.is_some_and(|listening| listening.settled);
        let unknown_end = (!settled)
            .then(|| self.gaps.iter().rposition(|gap| gap.reason.is_outage()))
            .flatten();
        let (mut at, mut waits, mut bridged) = (0, false, Vec::new());
        self.gaps.retain(|gap| {
            let ends = Some(at) != unknown_end;
            at += 1;
            let Some(to) = gap.to.filter(|_| ends && gap.reason.is_outage()) else {
                return true;
            };
            let mut numberings = earlier.iter().chain([seen]);
            if numberings.any(|seen| seen.spans(gap.from, to)) {
                bridged.push(gap.clone());
                return false;
            }
            waits |= newest.is_none_or(|newest| newest < to);
            true
        });
        // The first trades after it are yet to come.
        self.unsettled |= waits;
        bridged
    }

    /// The venue began its trade numbers again: ids before and after it mean different trades, and
    /// cannot show what is missing between the two.
    pub(super) fn restart_numbering(
        &mut self,
        time: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        let next = self.seen.next_numbering();
        let ended = std::mem::replace(&mut self.seen, next);
        let from = ended.latest().unwrap_or(time);
        self.earlier.push(ended);
        if self.earlier.len() > MAX_EARLIER_NUMBERINGS {
            self.earlier.remove(0);
        }
        self.tail = None;
        self.unsettled = true;
        let gap = OpenGap {
            reason: GapReason::NumberingRestart,
            from,
            to: Some(time.max(from + Duration::from_nanos(1))),
            missing: None,
            numbering: self.seen.numbering(),
            detected_at: received_at,
        };
        self.note(gap, changes);
    }

    /// Says why a minute that closes with a sum that could not be held is not complete.
    pub(super) fn note_overflow(
        &mut self,
        minute: Timestamp,
        builder: &CandleBuilder,
        changes: &mut Changes,
    ) {
        if !builder.has_overflowed() {
            return;
        }
        let gap = OpenGap {
            reason: GapReason::Overflow,
            from: minute,
            to: Some(MINUTE.end_of(minute)),
            missing: None,
            numbering: 0,
            detected_at: self.event_time,
        };
        if !self.gaps.iter().any(|known| known.is_same(&gap)) {
            self.note(gap, changes);
        }
    }

    /// The hole after the newest trade that the venue's heartbeat shows.
    fn tail_hole(&self) -> Option<Hole> {
        let (tail, newest, anchor) = (self.tail?, self.seen.newest()?, self.anchor?);
        (newest < tail.id).then(|| Hole {
            numbering: self.seen.numbering(),
            first: TradeId(newest.0 + 1),
            last: tail.id,
            from: anchor.trade_time,
            to: tail.at.max(anchor.trade_time),
            noted: false,
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
            numbering: hole.numbering,
            detected_at: received_at,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.from == other.from
            && self.missing.map(|ids| ids.0) == other.missing.map(|ids| ids.0)
    }
}
