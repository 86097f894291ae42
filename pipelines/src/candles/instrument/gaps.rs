//! What is missing: the gaps known of an instrument, and the holes in its trade ids that become gaps
//! and stop being gaps.

use std::time::Duration;

use super::super::effects::GapReason;
use super::super::rules::Rules;
use super::super::seen::Hole;
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

    pub(super) fn reconcile_holes(
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
