//! Decodes the blocks of a recording on all cores and gives them back in their order.
//!
//! A thread reads (and unpacks) blocks and deals them out in turn to decoding threads, each of which
//! hands its results on through a channel of its own; whoever asks takes from those in the same turn.
//! Every channel is bounded, so that no more than a few blocks are in memory, however large the file.
//! A recording of one block, and any on a single core, is decoded by whoever asks.

use std::collections::BTreeMap;
use std::mem;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::vec;

use super::line::{self, BadLine};
use super::reader::text;
use super::source::{End, Source};
use crate::market::Timestamp;
use crate::venues::{DecodeError, VenueEvent, VenueProtocol};

/// Decoding threads at most: reading and what becomes of the trades take turns with them, and more could
/// not be kept busy.
const MAX_THREADS: usize = 8;

/// Blocks that wait before and after each decoding thread.
const WAITING: usize = 1;

/// Different streams that are counted separately in one block.
const MAX_STREAMS: usize = 16;

/// The next piece of a block.
pub(super) enum Piece {
    /// Decoded lines.
    Block(DecodedBlock),
    /// No more lines come.
    End(End),
}

/// Lines, decoded.
pub(super) struct DecodedBlock {
    /// In order.
    pub(super) frames: vec::IntoIter<DecodedFrame>,
    /// Their events, all in a row.
    pub(super) events: vec::IntoIter<VenueEvent>,
    /// Lines, the empty ones included.
    pub(super) lines: u64,
    /// The line, from 1, at which decoding stopped, with the reason.
    pub(super) bad_line: Option<(u64, BadLine)>,
    /// Number of frames of streams other than that of trades, by the stream's name.
    pub(super) other_streams: BTreeMap<String, u64>,
}

/// A frame, decoded.
pub(super) struct DecodedFrame {
    pub(super) received_at: Timestamp,
    /// Its line in the block, from 1.
    pub(super) line: u64,
    /// Number of the block's events that come from it.
    pub(super) events: usize,
    pub(super) error: Option<DecodeError>,
}

/// A recording being decoded.
pub(super) struct Decoding {
    protocol: &'static dyn VenueProtocol,
    stage: Stage,
}

enum Stage {
    /// Nothing has been read yet.
    First(Source),
    Here(Source),
    Threads(Threads),
    Ended,
}

struct Threads {
    decoded: Vec<Receiver<Piece>>,
    turn: usize,
    handles: Vec<JoinHandle<()>>,
}

impl Decoding {
    pub(super) const fn new(source: Source, protocol: &'static dyn VenueProtocol) -> Self {
        Self {
            protocol,
            stage: Stage::First(source),
        }
    }

    /// The next piece; [`End::Whole`] again and again after the last.
    pub(super) fn next(&mut self) -> Piece {
        let piece = match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::First(mut source) => {
                let piece = decoded_here(&mut source, self.protocol);
                let cores = thread::available_parallelism().map_or(1, usize::from);
                self.stage = if cores == 1 || source.is_at_end() {
                    Stage::Here(source)
                } else {
                    Stage::Threads(Threads::start(
                        source,
                        self.protocol,
                        cores.min(MAX_THREADS),
                    ))
                };
                piece
            }
            Stage::Here(mut source) => {
                let piece = decoded_here(&mut source, self.protocol);
                self.stage = Stage::Here(source);
                piece
            }
            Stage::Threads(mut threads) => {
                let piece = threads.next();
                self.stage = Stage::Threads(threads);
                piece
            }
            Stage::Ended => Piece::End(End::Whole { junk: false }),
        };
        if matches!(piece, Piece::End(_)) {
            self.stage = Stage::Ended;
        }
        piece
    }
}

impl Threads {
    #[allow(
        clippy::disallowed_methods,
        reason = "they end with the file, and whoever reads it panics with them"
    )]
    fn start(mut source: Source, protocol: &'static dyn VenueProtocol, count: usize) -> Self {
        let mut handles = Vec::new();
        let (mut blocks, mut decoded) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (to_decode, read) = sync_channel(WAITING);
            let (done, taken) = sync_channel(WAITING);
            blocks.push(to_decode);
            decoded.push(taken);
            handles.push(thread::spawn(move || decode_blocks(&read, &done, protocol)));
        }
        handles.push(thread::spawn(move || {
            for turn in (0..count).cycle() {
                let block = source.next_block();
                let ended = block.is_err();
                // Nobody asks for the rest.
                if blocks[turn].send(block).is_err() || ended {
                    return;
                }
            }
        }));
        Self {
            decoded,
            turn: 0,
            handles,
        }
    }

    fn next(&mut self) -> Piece {
        let piece = self.decoded[self.turn].recv();
        self.turn = (self.turn + 1) % self.decoded.len();
        match piece {
            Ok(piece) => piece,
            // The threads end after the last piece only: one of them panicked, and so do we.
            Err(_) => {
                self.decoded.clear();
                let ends = self.handles.drain(..).map(JoinHandle::join);
                match ends.filter_map(Result::err).next() {
                    Some(cause) => panic::resume_unwind(cause),
                    None => Piece::End(End::Truncated),
                }
            }
        }
    }
}

fn decode_blocks(
    read: &Receiver<Result<Vec<u8>, End>>,
    done: &SyncSender<Piece>,
    protocol: &dyn VenueProtocol,
) {
    for block in read {
        let piece = match block {
            Ok(block) => Piece::Block(decode(block, protocol)),
            Err(end) => Piece::End(end),
        };
        if done.send(piece).is_err() {
            return;
        }
    }
}

fn decoded_here(source: &mut Source, protocol: &dyn VenueProtocol) -> Piece {
    match source.next_block() {
        Ok(block) => Piece::Block(decode(block, protocol)),
        Err(end) => Piece::End(end),
    }
}

/// Each block has a decoder of its own: the symbols that events share with its cache would otherwise be
/// counted up here and down elsewhere, and the cores would wait for each other at every trade.
fn decode(block: Vec<u8>, protocol: &dyn VenueProtocol) -> DecodedBlock {
    let mut decoder = protocol.decoder();
    let block = text(block);
    let mut frames = Vec::with_capacity(block.len() / 128);
    let mut events = Vec::with_capacity(block.len() / 128);
    let mut other_streams = BTreeMap::new();
    let (mut lines, mut bad_line) = (0, None);
    for line in block.split_terminator('\n') {
        lines += 1;
        let line = line.trim_end_matches('\r');
        let (received_at, frame) = match line::parse(line) {
            Ok(parsed) => parsed,
            Err(_) if line::is_blank(line) => continue,
            Err(bad) => {
                bad_line = Some((lines, bad));
                break;
            }
        };
        let before = events.len();
        let error = decoder.decode(frame, &mut events).err();
        if events.len() == before
            && error.is_none()
            && let Some(stream) = decoder.stream(frame)
            && (other_streams.len() < MAX_STREAMS || other_streams.contains_key(&stream))
        {
            *other_streams.entry(stream).or_default() += 1;
        }
        frames.push(DecodedFrame {
            received_at,
            line: lines,
            events: events.len() - before,
            error,
        });
    }
    DecodedBlock {
        frames: frames.into_iter(),
        events: events.into_iter(),
        lines,
        bad_line,
        other_streams,
    }
}
