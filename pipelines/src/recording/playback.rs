//! A recording as the records that a live connection would have written to the log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::decoding::{DecodedBlock, DecodedFrame, Decoding, Piece};
use super::reader::{RecordingError, RecordingReader};
use super::source::End;
use crate::events::{ConnectionId, DisconnectReason};
use crate::market::Timestamp;
use crate::venues::VenueProtocol;
use crate::venues::admission::Admission;
use crate::venues::frame_assembler::{FrameAssembler, FrameCounts, PartitionRecords, newest_trade};

/// A batch is handed out at this many trades, or after this many frames.
const BATCH_TRADES: usize = 1_000;
const BATCH_FRAMES: usize = 10_000;

/// Different streams that are counted separately in one recording.
const MAX_STREAMS: usize = 16;

/// The first frame of a recording that could not be decoded for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Its line, from 1.
    pub line: u64,
    /// Its fault.
    pub error: String,
}

/// A recording played back as the records of a connection.
pub struct RecordingPlayback {
    path: PathBuf,
    decoding: Decoding,
    /// The block being played back.
    block: Option<DecodedBlock>,
    /// Lines in the blocks before it.
    lines: u64,
    assembler: FrameAssembler,
    ends_connection: bool,
    undecodable: BTreeMap<&'static str, Undecodable>,
    other_streams: BTreeMap<String, u64>,
    junk_at_the_end: bool,
    failure: Option<RecordingError>,
    ended: bool,
}

impl RecordingPlayback {
    /// Decodes what `reader`, which has read nothing yet, reads by `protocol` for a log with
    /// `partitions`. The records are those of `connection`; after silences, of the ids that follow it.
    #[must_use]
    pub fn new(
        reader: RecordingReader,
        protocol: &'static dyn VenueProtocol,
        partitions: u32,
        admission: Admission,
        connection: ConnectionId,
    ) -> Self {
        let (path, source) = reader.into_source();
        Self {
            path,
            decoding: Decoding::new(source, protocol),
            block: None,
            lines: 0,
            assembler: FrameAssembler::file(protocol, partitions, admission, connection),
            ends_connection: false,
            undecodable: BTreeMap::new(),
            other_streams: BTreeMap::new(),
            junk_at_the_end: false,
            failure: None,
            ended: false,
        }
    }

    /// Ends the connection with the file (`Disconnected(EndOfFile)`): for a log that lives on.
    #[must_use]
    pub const fn ending_the_connection(mut self) -> Self {
        self.ends_connection = true;
        self
    }

    /// The next records, in order, by partition; `None` at the end. What is in a batch depends on the
    /// recording alone.
    ///
    /// # Errors
    /// When the recording cannot be read on; all that came before has been handed out. A truncated
    /// recording counts as ended: see [`RecordingError::is_truncation`].
    pub fn next_batch(&mut self) -> Result<Option<PartitionRecords>, RecordingError> {
        let mut frames = 0;
        while !self.ended && frames < BATCH_FRAMES && self.assembler.pending_trades() < BATCH_TRADES
        {
            let Some(block) = &mut self.block else {
                self.next_block();
                continue;
            };
            match block.frames.next() {
                Some(frame) => {
                    frames += 1;
                    self.frame(frame);
                }
                None => self.end_block(),
            }
        }
        let records = self.assembler.take();
        if !records.is_empty() || !self.ended {
            return Ok(Some(records));
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The counts so far.
    #[must_use]
    pub const fn counts(&self) -> &FrameCounts {
        self.assembler.counts()
    }

    /// The first undecodable frame for each reason, by metrics label.
    #[must_use]
    pub const fn undecodable(&self) -> &BTreeMap<&'static str, Undecodable> {
        &self.undecodable
    }

    /// Number of frames so far of streams other than that of trades, by the venue's name for the
    /// stream; of the first few streams.
    #[must_use]
    pub const fn other_streams(&self) -> &BTreeMap<String, u64> {
        &self.other_streams
    }

    /// Returns whether bytes that are no gzip data follow the last member of the file: they are overlooked.
    #[must_use]
    pub const fn has_junk_at_the_end(&self) -> bool {
        self.junk_at_the_end
    }

    /// The receive time of the newest frame.
    #[must_use]
    pub const fn heard_at(&self) -> Timestamp {
        self.assembler.heard_at()
    }

    fn next_block(&mut self) {
        match self.decoding.next() {
            Piece::Block(mut block) => {
                for (stream, count) in std::mem::take(&mut block.other_streams) {
                    if self.other_streams.len() < MAX_STREAMS
                        || self.other_streams.contains_key(&stream)
                    {
                        *self.other_streams.entry(stream).or_default() += count;
                    }
                }
                self.block = Some(block);
            }
            Piece::End(end) => {
                self.junk_at_the_end = matches!(end, End::Whole { junk: true });
                self.failure = RecordingError::of_end(&self.path, self.lines, end);
                self.end();
            }
        }
    }

    fn frame(&mut self, frame: DecodedFrame) {
        let Some(block) = &mut self.block else {
            return;
        };
        let traded = newest_trade(&block.events.as_slice()[..frame.events]);
        let events = block.events.by_ref().take(frame.events);
        let error = frame.error.as_ref();
        self.assembler
            .decoded(events, traded, error, frame.received_at);
        if let Some(error) = &frame.error {
            let first = || Undecodable {
                line: self.lines + frame.line,
                error: error.to_string(),
            };
            self.undecodable.entry(error.reason()).or_insert_with(first);
        }
    }

    fn end_block(&mut self) {
        if let Some(block) = self.block.take() {
            if let Some((line, bad)) = block.bad_line {
                let line = self.lines + line;
                self.failure = Some(RecordingError::bad_line(&self.path, line, bad));
                self.end();
            }
            self.lines += block.lines;
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if self.ends_connection {
            let reason = DisconnectReason::EndOfFile;
            self.assembler.end(reason, self.assembler.heard_at());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::io::Cursor;
    use std::path::Path;

    use super::*;
    use crate::events::Body;
    use crate::venues::binance::Binance;

    fn playback(text: String) -> RecordingPlayback {
        let reader = RecordingReader::new(Path::new("x"), Cursor::new(text.into_bytes())).unwrap();
        RecordingPlayback::new(reader, &Binance, 4, Admission::FILE, ConnectionId(1))
    }

    fn recording(trades: usize) -> String {
        (0..trades).fold(String::new(), |mut text, i| {
            let time = 1_723_161_240_000 + i * 10;
            let _ = writeln!(
                text,
                r#"{time}000000 {{"e":"trade","E":1,"s":"BTCUSDT","t":{i},"p":"1.5","q":"2","T":{time},"m":true}}"#
            );
            text
        })
    }

    #[test]
    fn all_trades_come_in_order_and_in_bounded_batches() {
        let mut played = playback(recording(2_500)).ending_the_connection();
        let mut ids = Vec::new();
        let mut last = None;
        while let Some(batch) = played.next_batch().unwrap() {
            let before = ids.len();
            for (_, records) in batch {
                for record in records {
                    if let Body::Trades(batches) = &record.body {
                        ids.extend(batches.iter().flat_map(|b| b.trades.iter().map(|t| t.id.0)));
                    }
                    last = Some(record);
                }
            }
            assert!(ids.len() - before <= BATCH_TRADES);
        }
        assert_eq!(ids, (0..2_500).collect::<Vec<u64>>());
        let last = last.unwrap();
        assert!(matches!(
            last.body,
            Body::Disconnected {
                reason: DisconnectReason::EndOfFile,
                ..
            }
        ));
        assert_eq!(played.counts().trades, 2_500);
        assert!(played.next_batch().unwrap().is_none());
    }

    /// A recording of many blocks gives the records that the same frames give one by one.
    #[test]
    fn the_records_do_not_depend_on_how_many_threads_decode() {
        let trades = 20_000;
        let mut text = recording(trades);
        let middle = text.find("\"t\":15000,").unwrap();
        let line = text[..middle].rfind('\n').unwrap() + 1;
        text.insert_str(line, "1723161390000000000 nonsense\n\n");
        let mut alone = FrameAssembler::file(&Binance, 4, Admission::FILE, ConnectionId(1));
        let mut expected = Vec::new();
        let mut reader =
            RecordingReader::new(Path::new("x"), Cursor::new(text.clone().into_bytes())).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            let _ = alone.frame(frame.frame, frame.received_at);
            if alone.pending_trades() == BATCH_TRADES {
                expected.extend(alone.take());
            }
        }
        expected.extend(alone.take());
        let mut played = playback(text);
        let mut records = Vec::new();
        while let Some(batch) = played.next_batch().unwrap() {
            records.extend(batch);
        }
        assert_eq!(records, expected);
        assert_eq!(played.counts(), alone.counts());
        assert_eq!(played.counts().trades, trades as u64);
        assert_eq!(played.undecodable()["malformed"].line, 15_001);
    }

    #[test]
    fn other_streams_are_counted_by_name() {
        let mut text = recording(2);
        for _ in 0..3 {
            text.push_str("1723161250000000000 {\"e\":\"aggTrade\",\"s\":\"BTCUSDT\"}\n");
        }
        text.push_str("1723161250000000000 {\"u\":1}\n");
        let mut played = playback(text);
        while played.next_batch().unwrap().is_some() {}
        let streams: Vec<_> = played.other_streams().iter().collect();
        assert_eq!(streams, [(&"aggTrade".to_owned(), &3)]);
        assert_eq!(played.counts().frames, 6);
    }

    #[test]
    fn a_bad_line_ends_the_recording_after_what_came_before() {
        let mut text = recording(10_000);
        text.push_str("1723161350000 {}\n");
        text.push_str(&recording(1));
        let mut played = playback(text);
        let mut error = None;
        loop {
            match played.next_batch() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(failure) => error = Some(failure.to_string()),
            }
        }
        assert_eq!(played.counts().trades, 10_000);
        let error = error.unwrap();
        assert!(
            error.contains("x line 10001: the receive times are of"),
            "{error}"
        );
    }

    #[test]
    fn bad_frames_are_named_and_an_abrupt_end_comes_after_the_trades() {
        let mut text = recording(3);
        text.push_str("1723161250000000000 nonsense\n1723161250000000000 {\"e\":");
        let mut played = playback(text);
        let first = played.next_batch().unwrap().unwrap();
        assert!(!first.is_empty());
        assert!(played.next_batch().unwrap_err().is_truncation());
        assert!(played.next_batch().unwrap().is_none());
        assert_eq!(played.counts().trades, 3);
        assert_eq!(played.undecodable()["malformed"].line, 4);
    }
}
