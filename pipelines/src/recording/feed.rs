//! A recording as the records that a live connection would have written to the log.

use std::collections::BTreeMap;

use super::reader::{RecordingError, RecordingReader};
use crate::events::{ConnectionId, DisconnectReason};
use crate::market::Timestamp;
use crate::venues::VenueProtocol;
use crate::venues::admission::Admission;
use crate::venues::feed::{Feed, FeedCounts, PartitionRecords};

/// A batch is handed out at this many trades, or after this many frames.
const BATCH_TRADES: usize = 1_000;
const BATCH_FRAMES: usize = 10_000;

/// The first frame of a recording that could not be decoded for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: String,
}

/// A recording being fed.
pub struct RecordedFeed {
    reader: RecordingReader,
    feed: Feed,
    ends_connection: bool,
    undecodable: BTreeMap<&'static str, Undecodable>,
    failure: Option<RecordingError>,
    ended: bool,
}

impl RecordedFeed {
    /// Decodes `reader` by `protocol` for a log with `partitions`. The records are those of
    /// `connection`; after silences, of the ids that follow it.
    #[must_use]
    pub fn new(
        reader: RecordingReader,
        protocol: &dyn VenueProtocol,
        partitions: u32,
        admission: Admission,
        connection: ConnectionId,
    ) -> Self {
        Self {
            reader,
            feed: Feed::file(protocol, partitions, admission, connection),
            ends_connection: false,
            undecodable: BTreeMap::new(),
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

    /// The next records, in order, by partition; `None` at the end.
    ///
    /// # Errors
    /// When the recording cannot be read on; all that came before has been handed out. A truncated
    /// recording counts as ended: see [`RecordingError::is_truncation`].
    pub fn next_batch(&mut self) -> Result<Option<PartitionRecords>, RecordingError> {
        let mut frames = 0;
        while !self.ended && frames < BATCH_FRAMES && self.feed.pending_trades() < BATCH_TRADES {
            frames += 1;
            match self.reader.next_frame() {
                Ok(Some(recorded)) => {
                    let decoded = self.feed.frame(&recorded.frame, recorded.received_at);
                    if let Err(error) = decoded {
                        let first = || Undecodable {
                            line: recorded.line,
                            error: error.to_string(),
                        };
                        self.undecodable.entry(error.reason()).or_insert_with(first);
                    }
                }
                Ok(None) => self.end(),
                Err(error) => {
                    self.end();
                    self.failure = Some(error);
                }
            }
        }
        let records = self.feed.take();
        if !records.is_empty() || !self.ended {
            return Ok(Some(records));
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counts(&self) -> &FeedCounts {
        self.feed.counts()
    }

    /// The first undecodable frame for each reason, by metrics label.
    #[must_use]
    pub const fn undecodable(&self) -> &BTreeMap<&'static str, Undecodable> {
        &self.undecodable
    }

    /// The receive time of the newest frame.
    #[must_use]
    pub const fn heard_at(&self) -> Timestamp {
        self.feed.heard_at()
    }

    fn end(&mut self) {
        self.ended = true;
        if self.ends_connection {
            let reason = DisconnectReason::EndOfFile;
            self.feed.end(reason, self.feed.heard_at());
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

    fn feed(text: String) -> RecordedFeed {
        let reader = RecordingReader::new(Path::new("x"), Cursor::new(text.into_bytes())).unwrap();
        RecordedFeed::new(reader, &Binance, 4, Admission::FILE, ConnectionId(1))
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
        let mut feed = feed(recording(2_500)).ending_the_connection();
        let mut ids = Vec::new();
        let mut last = None;
        while let Some(batch) = feed.next_batch().unwrap() {
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
        assert_eq!(feed.counts().trades, 2_500);
        assert!(feed.next_batch().unwrap().is_none());
    }

    #[test]
    fn bad_frames_are_named_and_an_abrupt_end_comes_after_the_trades() {
        let mut text = recording(3);
        text.push_str("1723161250000000000 nonsense\n1723161250000000000 {\"e\":");
        let mut feed = feed(text);
        let first = feed.next_batch().unwrap().unwrap();
        assert!(!first.is_empty());
        assert!(feed.next_batch().unwrap_err().is_truncation());
        assert!(feed.next_batch().unwrap().is_none());
        assert_eq!(feed.counts().trades, 3);
        assert_eq!(feed.undecodable()["malformed"].line, 4);
    }
}
