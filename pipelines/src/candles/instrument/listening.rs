//! When an instrument was listened to and when not: connections that begin, end, break, take over
//! from one another, or vanish with their process; and the gaps between them.

use std::time::Duration;

use super::super::effects::GapReason;
use super::{Anchor, Changes, InstrumentState, Listening, MINUTE, OpenGap, Replaced};
use crate::events::{ConnectionId, DisconnectReason};
use crate::market::{Interval, Timestamp};

/// Beyond this the two clocks are not skewed but unrelated: a recording is being replayed.
const UNRELATED_CLOCKS: Duration = Duration::from_secs(3_600);

impl InstrumentState {
    /// The venue acknowledged the subscription.
    pub(in crate::candles) fn subscribed(
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
            outage_end: None,
        });
        if let Some(anchor) = self.anchor {
            let end = boundary(received_at, anchor.trade_time, anchor.received_at);
            let outage_end = self.end_outage(end, None, changes);
            if let Some(listening) = &mut self.listening {
                listening.outage_end = outage_end;
            }
            // Our clock may have been set meanwhile, so that what it says of the outage's length
            // closes nothing: time goes on from here. Before the newest trade arrived, nothing has
            // passed since: a recording is read again.
            if received_at >= anchor.received_at {
                self.anchor = Some(Anchor {
                    trade_time: self.event_time.max(anchor.trade_time),
                    received_at,
                    connection: Some(connection),
                });
            }
        }
        changes.dirty = true;
    }

    /// The connection ended; its last frame arrived at `last_frame_at`.
    pub(in crate::candles) fn disconnected(
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

    fn stop_listening(
        &mut self,
        end: Timestamp,
        reason: GapReason,
        received_at: Timestamp,
        changes: &mut Changes,
    ) -> Option<Timestamp> {
        let settled = self.listening.take().is_some_and(|l| l.settled);
        changes.dirty = true;
        // Before the first trade there is nothing that could be incomplete.
        let anchor = self.anchor?;
        if !settled && let Some(outage) = self.newest_outage() {
            // No trade has shown when the outage before this connection ended: it goes on.
            outage.to = None;
            let outage = outage.clone();
            let from = outage.from;
            changes.gaps.push((outage, false));
            return Some(from);
        }
        let from = anchor.trade_time + end.since(anchor.received_at);
        let gap = OpenGap {
            reason,
            from,
            to: None,
            missing: None,
            numbering: 0,
            detected_at: received_at,
        };
        self.note(gap, changes);
        Some(from)
    }

    /// A connection showed that it was alive at `alive_at`. If that is after another one took over
    /// from it, nothing was missed between the two.
    pub(super) fn heard_of(
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
        // Nothing is left for the new connection's first trade to settle.
        if let Some(listening) = &mut self.listening {
            listening.settled = true;
        }
    }

    /// Listening began at `start`, in the venue's time, as the connection's first trade shows.
    pub(super) fn began(
        &mut self,
        start: Timestamp,
        received_at: Timestamp,
        changes: &mut Changes,
    ) {
        if let Some(latest) = self.latest() {
            let assumed = self.listening.and_then(|listening| listening.outage_end);
            self.end_outage(start, assumed, changes);
            if Interval::Day1.end_of(start) >= latest {
                return;
            }
            // A recording of earlier days than what is known: its beginning is one of its own.
        }
        let day = Interval::Day1.open_of(start);
        if day < start {
            let gap = OpenGap {
                reason: GapReason::LateStart,
                from: day,
                to: Some(start),
                missing: None,
                numbering: 0,
                detected_at: received_at,
            };
            self.note(gap, changes);
        }
    }

    /// Sets or corrects the end of the newest outage, and returns it. An end that was only
    /// `assumed` is replaced; any other is never brought forward.
    fn end_outage(
        &mut self,
        end: Timestamp,
        assumed: Option<Timestamp>,
        changes: &mut Changes,
    ) -> Option<Timestamp> {
        let gap = self.newest_outage()?;
        let said = gap.to.filter(|_| gap.to != assumed);
        // Never empty.
        let end = end
            .max(gap.from + Duration::from_nanos(1))
            .max(said.unwrap_or(end));
        if gap.to != Some(end) {
            gap.to = Some(end);
            changes.gaps.push((gap.clone(), false));
            changes.dirty = true;
        }
        Some(end)
    }

    fn newest_outage(&mut self) -> Option<&mut OpenGap> {
        self.gaps
            .iter_mut()
            .rev()
            .find(|gap| gap.reason.is_outage())
    }
}

/// The venue's time at our time `since`, given a trade's two times. Where the venue's clock is
/// behind ours by what a network can explain, ours is taken: it touches no minute too few.
pub(super) fn boundary(
    since: Timestamp,
    trade_time: Timestamp,
    received_at: Timestamp,
) -> Timestamp {
    let ahead = trade_time.since(received_at);
    let behind = received_at.since(trade_time);
    if behind > UNRELATED_CLOCKS {
        since - behind
    } else {
        since + ahead
    }
}
