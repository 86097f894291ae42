//! Turns the frames of one connection, or of one recording, into records for the log. A state machine
//! without sockets and clocks: frames and passing time go in, records come out. Live connections and
//! files go through the same code, so that a recording gives the candles its connection gave.
//!
//! Records carry our clock only as far as it can be believed (see `clock`), and its `Tick` records never
//! claim more than was heard: they carry the time of the newest frame, so a connection that died quietly
//! does not close candles.

mod answers;
mod clock;
mod counts;
mod listening;

use std::collections::BTreeSet;
use std::time::Duration;

pub use counts::FrameCounts;

use super::admission::{Admission, Refusal};
use super::batches::Batches;
pub use super::batches::PartitionRecords;
use super::protocol::{DecodeError, FrameDecoder, Limits, Outgoing, VenueEvent, VenueProtocol};
use crate::events::{Body, ConnectionId, DisconnectReason};
use crate::market::{Symbol, Timestamp, Trade};
use clock::SteadyClock;
use listening::{Listening, Standing};

/// Ticks are at least this far apart.
const TICK: Duration = Duration::from_secs(1);

/// An instrument is said to be unheard of when the venue has not named it for this long, in a trade, a
/// heartbeat or an acknowledgement of its own: long enough for quiet instruments of a venue that
/// names none otherwise.
pub const UNHEARD_AFTER: Duration = Duration::from_secs(15 * 60);

/// Instruments that arrive unasked are remembered up to this many.
const MAX_STRANGERS: usize = 16;

/// Why a connection should end or be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing was heard for longer than the venue allows: it is dead.
    Silence,
    /// The venue acknowledged none of the subscriptions in time.
    NotAcknowledged,
    /// It is nearly as old as the venue allows, the venue announced that it will close it, or it began
    /// with a clock that was behind: another should take over while it still works.
    Renewal,
}

/// Where the frames come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Live,
    /// A recording holds no acknowledgement of what it was subscribed to: every instrument in it
    /// is taken as listened to since its first frame, or since the last silence.
    File,
}

/// Assembles frames into records, by partition.
pub struct FrameAssembler {
    source: Source,
    limits: Limits,
    decoder: Box<dyn FrameDecoder>,
    admission: Admission,
    alias: fn(&Symbol) -> Option<Symbol>,
    connection: ConnectionId,
    listening: Listening,
    /// Subscribed instruments that the venue has not named in [`UNHEARD_AFTER`].
    unheard: Vec<Symbol>,
    /// Instruments whose trades arrive though nobody asked for them.
    strangers: BTreeSet<Symbol>,
    /// Subscribed instruments that the venue answers under the name of another one, which is subscribed
    /// too: that one's trades are theirs.
    mirrored: BTreeSet<Symbol>,
    /// Instruments that the venue named for the first time since this was taken.
    newly_named: Vec<Symbol>,
    batches: Batches,
    /// When listening began: a live connection's opening, a file's first frame. `None` before it.
    since: Option<Timestamp>,
    /// `None` before the first reading.
    clock: Option<SteadyClock>,
    /// The newest receive time of any frame.
    heard_at: Timestamp,
    /// The clock's reading at the newest frame, without answers to our own probes: a venue whose
    /// feed stalled still gives those.
    unprompted_at: Timestamp,
    ticked_at: Timestamp,
    renew_after: Option<Duration>,
    text_heartbeat_seen: bool,
    closing: bool,
    /// Our clock was behind when this connection began, and has been set since.
    clock_was_behind: bool,
    complaint: Option<String>,
    counts: FrameCounts,
    events: Vec<VenueEvent>,
}

impl FrameAssembler {
    /// For a live connection opened at `opened_at`, to be replaced after `renew_after`.
    #[must_use]
    pub fn live(
        protocol: &dyn VenueProtocol,
        partitions: u32,
        admission: Admission,
        connection: ConnectionId,
        opened_at: Timestamp,
        renew_after: Option<Duration>,
    ) -> Self {
        let mut assembler = Self::new(protocol, partitions, admission, connection, Source::Live);
        assembler.since = Some(opened_at);
        assembler.clock = Some(SteadyClock::new(opened_at));
        assembler.heard_at = opened_at;
        assembler.unprompted_at = opened_at;
        assembler.ticked_at = opened_at;
        assembler.renew_after = renew_after;
        assembler
    }

    /// For a recording. Silences in it end `connection`; what follows has the next number.
    #[must_use]
    pub fn file(
        protocol: &dyn VenueProtocol,
        partitions: u32,
        admission: Admission,
        connection: ConnectionId,
    ) -> Self {
        Self::new(protocol, partitions, admission, connection, Source::File)
    }

    fn new(
        protocol: &dyn VenueProtocol,
        partitions: u32,
        admission: Admission,
        connection: ConnectionId,
        source: Source,
    ) -> Self {
        Self {
            source,
            limits: protocol.limits(),
            decoder: protocol.decoder(),
            admission,
            alias: protocol.alias(),
            connection,
            unheard: Vec::new(),
            strangers: BTreeSet::new(),
            mirrored: BTreeSet::new(),
            newly_named: Vec::new(),
            listening: Listening::new(protocol.venue(), partitions),
            batches: Batches::new(protocol.venue(), partitions),
            since: None,
            clock: None,
            heard_at: Timestamp::MIN,
            unprompted_at: Timestamp::MIN,
            ticked_at: Timestamp::MIN,
            renew_after: None,
            text_heartbeat_seen: false,
            closing: false,
            clock_was_behind: false,
            complaint: None,
            counts: FrameCounts::default(),
            events: Vec::new(),
        }
    }

    /// A subscription will be sent, no later than `at`, and must be acknowledged in time. All
    /// are requested before the first is sent: until then nothing is settled.
    pub fn request(&mut self, message: &Outgoing, at: Timestamp) {
        let deadline = at + self.limits.acknowledge_within;
        self.listening.request(message, deadline);
    }

    /// A text frame arrived. Good trades of a bad frame are kept. A receive time that goes back is
    /// taken as standing still, one that leaps as far as the frame's trades confirm it.
    ///
    /// # Errors
    /// When the frame, or a trade in it, cannot be understood: already counted, for sampling.
    pub fn frame(&mut self, frame: &str, at: Timestamp) -> Result<(), DecodeError> {
        let mut events = std::mem::take(&mut self.events);
        let decoded = self.decoder.decode(frame, &mut events);
        let traded = newest_trade(&events);
        self.decoded(events.drain(..), traded, decoded.as_ref().err(), at);
        self.events = events;
        decoded
    }

    /// The same for a frame that a decoder of the venue has already turned into these events, the newest
    /// trade among them of `traded`, and, where something in it was wrong, this error.
    pub(crate) fn decoded(
        &mut self,
        events: impl Iterator<Item = VenueEvent>,
        traded: Option<Timestamp>,
        error: Option<&DecodeError>,
        at: Timestamp,
    ) {
        self.unprompted_at = at;
        self.counts.frames += 1;
        let at = self.hear(at, traded);
        for event in events {
            self.apply(event, at);
        }
        if let Some(error) = error {
            self.counts.undecodable(error);
        }
    }

    /// A control frame arrived that the venue sent of its own accord: the connection lives.
    pub fn control_frame(&mut self, at: Timestamp) {
        self.unprompted_at = at;
        self.hear(at, None);
    }

    /// The venue answered our probe: all that it sent before has arrived, so ticks may go on, but
    /// its feed may have stalled, so silence goes on too.
    pub fn probe_answered(&mut self, at: Timestamp) {
        self.hear(at, None);
    }

    /// A frame arrived that cannot be text of this venue's protocol.
    pub fn foreign_frame(&mut self, at: Timestamp, error: &DecodeError) {
        self.unprompted_at = at;
        self.hear(at, None);
        self.counts.frames += 1;
        self.counts.undecodable(error);
    }

    /// Time passed on a live connection: writes the tick that is due, gives up on subscriptions
    /// that the venue ignores, and says whether the connection should end.
    pub fn pass_time(&mut self, now: Timestamp) -> Option<Due> {
        self.tick_to(self.heard_at);
        if let Some(clock) = &mut self.clock {
            clock.read(now, None);
        }
        self.unheard = self.listening.unnamed(now - UNHEARD_AFTER);
        // A reading that was ahead must not keep a dead connection alive.
        self.unprompted_at = self.unprompted_at.min(now);
        if now.since(self.unprompted_at) > self.limits.silence {
            return Some(Due::Silence);
        }
        let overdue = self.listening.overdue(now);
        if !overdue.is_empty() {
            if self.listening.subscribed() == 0 {
                return Some(Due::NotAcknowledged);
            }
            for symbol in overdue {
                if self.is_answered_as_another(&symbol) {
                    self.mirror(symbol, now);
                } else {
                    self.refuse(symbol, "the venue did not acknowledge it".to_owned(), now);
                }
            }
        }
        let age = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let old = self.renew_after.is_some_and(|limit| age >= limit);
        (old || self.closing || self.clock_was_behind).then_some(Due::Renewal)
    }

    /// The connection ended, or the file did: its subscriptions are over.
    pub fn end(&mut self, reason: DisconnectReason, at: Timestamp) {
        let at = match &mut self.clock {
            Some(clock) => clock.read(at, None),
            None => at,
        };
        for partition in self.listening.partitions() {
            let body = Body::Disconnected {
                reason,
                last_frame_at: self.heard_at,
            };
            self.batches.control(partition, self.connection, at, body);
        }
        self.listening.clear();
    }

    /// Takes the records that wait to be appended, by partition, in order.
    pub fn take(&mut self) -> PartitionRecords {
        self.batches.take()
    }

    /// Number of trades that wait to be appended.
    #[must_use]
    pub const fn pending_trades(&self) -> usize {
        self.batches.trades()
    }

    /// The counts since the beginning.
    #[must_use]
    pub const fn counts(&self) -> &FrameCounts {
        &self.counts
    }

    /// Returns whether every requested subscription was answered and at least one accepted.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.listening.requested() == 0 && self.listening.subscribed() > 0
    }

    /// Returns whether every requested subscription was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.listening.requested() == 0 && self.listening.is_refused()
    }

    /// Returns whether every requested subscription was answered, or given up.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.listening.requested() == 0
    }

    /// Number of instruments that are subscribed.
    #[must_use]
    pub const fn subscribed(&self) -> usize {
        self.listening.subscribed()
    }

    /// Number of instruments that the venue refused.
    #[must_use]
    pub fn refused_count(&self) -> usize {
        self.listening.known() - self.listening.requested() - self.listening.subscribed()
    }

    /// The refused instruments, with the venue's words.
    pub fn refused(&self) -> impl Iterator<Item = (&Symbol, &str)> {
        self.listening.refused()
    }

    /// Subscribed instruments that the venue had not named in [`UNHEARD_AFTER`] when time was last
    /// passed.
    #[must_use]
    pub fn unheard(&self) -> &[Symbol] {
        &self.unheard
    }

    /// Takes the instruments that the venue has named for the first time since the last call.
    pub fn take_named(&mut self) -> Vec<Symbol> {
        std::mem::take(&mut self.newly_named)
    }

    /// Instruments whose trades arrive though nobody asked for them, up to a limit.
    #[must_use]
    pub const fn strangers(&self) -> &BTreeSet<Symbol> {
        &self.strangers
    }

    /// The newest receive time of any frame.
    #[must_use]
    pub const fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    /// The venue's newest complaint, once.
    pub fn take_complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Notes that something arrived, with trades up to `traded`, when our clock read `reading`.
    /// Returns the believed time, which never goes back.
    fn hear(&mut self, reading: Timestamp, traded: Option<Timestamp>) -> Timestamp {
        let Some(clock) = &mut self.clock else {
            let mut clock = SteadyClock::new(reading);
            clock.read(reading, traded);
            self.clock = Some(clock);
            self.since = Some(reading);
            self.ticked_at = whole_second(reading);
            self.heard_at = reading;
            return reading;
        };
        let step = clock.step_to(reading);
        let mut at = clock.read(reading, traded);
        // Listening began with a clock that was behind, and that has been set since: trades would be
        // refused as of the future for ever, though reading and trade agree.
        let far = self.admission.max_ahead;
        let was_behind = traded.is_some_and(|traded| {
            traded > at + far && traded <= reading + far && reading <= traded + far
        });
        if was_behind && self.source == Source::File {
            at = clock.set(reading);
            self.listen_again(at);
        } else if was_behind {
            self.clock_was_behind = true;
        } else if self.source == Source::File {
            let meaningful = self.limits.text_heartbeats && self.text_heartbeat_seen;
            // Without a trade nothing tells a silence from a clock that leapt.
            let silence = match traded {
                Some(_) => at.since(self.heard_at),
                None => step,
            };
            if meaningful && silence > self.limits.silence {
                at = clock.set(reading);
                self.listen_again(at);
            } else {
                // Before the frame's own trades: what follows the tick may be late, as it would
                // have been live.
                self.tick_to(whole_second(at));
            }
        }
        self.heard_at = at;
        at
    }

    /// A recording went silent for longer than its connection could have while alive, or its clock was
    /// wrong until now: listening begins again.
    fn listen_again(&mut self, at: Timestamp) {
        let noticed = self.heard_at + self.limits.silence;
        for partition in self.listening.partitions() {
            let body = Body::Disconnected {
                reason: DisconnectReason::Silence,
                last_frame_at: self.heard_at,
            };
            self.batches
                .control(partition, self.connection, noticed, body);
        }
        self.connection = ConnectionId(self.connection.0.wrapping_add(1));
        self.since = Some(at);
        self.ticked_at = whole_second(at);
        for (partition, symbols) in self.listening.by_partition() {
            let body = Body::Subscribed(symbols);
            self.batches.control(partition, self.connection, at, body);
        }
    }

    fn tick_to(&mut self, time: Timestamp) {
        if time.since(self.ticked_at) < TICK {
            return;
        }
        self.ticked_at = time;
        for partition in self.listening.partitions() {
            self.batches
                .control(partition, self.connection, time, Body::Tick);
        }
    }

    fn apply(&mut self, event: VenueEvent, at: Timestamp) {
        match event {
            VenueEvent::Trade { symbol, trade } => {
                let mut symbol = symbol;
                let mut admitted = self.admit(&symbol, &trade, at);
                if admitted == Err(Refusal::UnknownInstrument) {
                    symbol = self.asked_for(symbol);
                    admitted = self.admit(&symbol, &trade, at);
                }
                match admitted {
                    Ok(partition) => {
                        self.counts.trades += 1;
                        self.note_named(&symbol);
                        self.batches
                            .trade(partition, self.connection, at, &symbol, trade);
                        if let Some((partition, symbol)) = self.mirror_of(&symbol) {
                            self.batches
                                .trade(partition, self.connection, at, &symbol, trade);
                        }
                    }
                    Err(refusal) => {
                        self.counts.refuse(refusal);
                        let stranger = refusal == Refusal::UnknownInstrument;
                        if stranger && self.strangers.len() < MAX_STRANGERS {
                            self.strangers.insert(symbol);
                        }
                    }
                }
            }
            VenueEvent::Heartbeat(newest) => {
                self.text_heartbeat_seen = true;
                if let Some((symbol, last_trade)) = newest {
                    let symbol = self.asked_for(symbol);
                    self.note_named(&symbol);
                    if let Some((_, mirror)) = self.mirror_of(&symbol) {
                        self.heartbeat(mirror, last_trade, at);
                    }
                    self.heartbeat(symbol, last_trade, at);
                }
            }
            VenueEvent::Subscribed(scope) => self.acknowledge(scope, at),
            VenueEvent::Refused { scope, reason } => self.refused_by_venue(scope, reason, at),
            VenueEvent::Closing => self.closing = true,
            VenueEvent::Complaint(words) => {
                self.counts.complaints += 1;
                self.complaint = Some(words);
            }
        }
    }

    /// Lets a trade in and returns its partition.
    fn admit(&mut self, symbol: &Symbol, trade: &Trade, at: Timestamp) -> Result<u32, Refusal> {
        let (partition, standing) = match self.listening.find_traded(symbol) {
            Some(known) => known,
            None => {
                self.admission.new_instrument(self.listening.known())?;
                (self.listening.partition(symbol), Standing::Requested)
            }
        };
        self.admission.time(trade, at)?;
        if standing != Standing::Subscribed {
            // A trade proves the subscription even where its acknowledgement is still on its way.
            self.subscribe(vec![symbol.clone()], at);
        }
        Ok(partition)
    }
}

/// The time of the newest trade among these events.
pub(crate) fn newest_trade(events: &[VenueEvent]) -> Option<Timestamp> {
    let traded = events.iter().filter_map(|event| match event {
        VenueEvent::Trade { trade, .. } => Some(trade.time),
        _ => None,
    });
    traded.max()
}

/// `time` without its fraction of a second.
fn whole_second(time: Timestamp) -> Timestamp {
    let fraction = time.nanos().rem_euclid(1_000_000_000);
    time - Duration::from_nanos(fraction.unsigned_abs())
}

#[cfg(test)]
mod tests;
