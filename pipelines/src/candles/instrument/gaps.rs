//! What is missing: the gaps known of an instrument, and the holes in its trade ids that become gaps
//! and stop being gaps.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::effects::GapReason;
use super::super::rules::Rules;
use super::super::seen::{Hole, SeenTrades};
use super::{Changes, InstrumentState, MINUTE, OpenGap};
use crate::market::{Timestamp, TradeId};

impl InstrumentState {
    /// Whether a gap touches the time from `start` to `end` (exclusive).
    pub(in crate::candles) fn is_touched(&self, start: Timestamp, end: Timestamp) -> bool {
        self.gaps
            .iter()
            .any(|gap| gap.from < end && gap.to.is_none_or(|to| to > start))
    }

    pub(super) fn note(&mut self, gap: OpenGap, changes: &mut Changes) {
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
        let horizon = self.event_time - rules.correction_horizon;
        let (mut current, mut early) = (BTreeMap::new(), false);
        for hole in self.seen.holes().chain(self.tail_hole()) {
            // A hole may only be a reordering, until the grace period has passed; but a minute that
            // closes with one is not complete.
            let ripe = hole.to + rules.grace <= self.event_time
                || MINUTE.open_of(hole.from) < self.closed_before;
            if !ripe {
                early = true;
            } else if hole.to >= horizon {
                current.insert((hole.from, hole.first), hole);
            }
        }
        self.unsettled = early || self.tail.is_some();

        let oldest_known = self.seen.oldest();
        let mut touched = Vec::new();
        self.gaps.retain_mut(|gap| {
            let Some((first, last)) = gap
                .missing
                .filter(|_| gap.reason == GapReason::MissingTrades)
            else {
                return true;
            };
            match current.remove(&(gap.from, first)) {
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
                // Too old to be told from one that was filled.
                None if oldest_known.is_some_and(|oldest| last < oldest)
                    || gap.to.is_some_and(|to| to < horizon) =>
                {
                    true
                }
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

    /// The venue's trade ids began anew: what was missing before, and between, stays so.
    pub(super) fn restart_ids(
        &mut self,
        time: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        tracing::warn!(%time, "a venue's trade ids began anew");
        self.seen = SeenTrades::default();
        self.tail = None;
        // No longer compared with the ids, whose numbers mean other trades now.
        self.gaps
            .retain(|gap| gap.reason != GapReason::MissingTrades);
        let gap = OpenGap {
            reason: GapReason::MissingTrades,
            from: self.event_time,
            to: Some(time),
            missing: None,
            detected_at: received_at,
        };
        self.note(gap, changes);
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
