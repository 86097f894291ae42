//! Records a live feed's raw frames, with the connections, limits and reconnections of any live
//! feed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::writer::RecordingWriter;
use crate::clock::SharedClock;
use crate::log::LogError;
use crate::market::{Symbol, Timestamp};
use crate::venues::VenueProtocol;
use crate::venues::connection::{Destination, FeedError, FeedState, LiveFeed};
use crate::venues::frame_assembler::PartitionRecords;

/// At most this much is lost when the program is killed.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Why recording failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be written.
    #[error("cannot write the recording {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Listening failed.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

/// Counts of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Frames written.
    pub frames: u64,
}

/// A recording about to be made.
pub struct Recorder {
    feed: LiveFeed,
    file: Arc<RecordingFile>,
}

impl Recorder {
    /// Records what `venue` sends about `symbols` into the new file `path`, gzipped if its name
    /// ends in `.gz`. The other arguments are those of [`LiveFeed::new`].
    ///
    /// # Errors
    /// When the file exists or cannot be created, or TLS cannot be set up.
    pub fn new(
        protocol: &'static dyn VenueProtocol,
        symbols: Vec<Symbol>,
        endpoint: Option<&str>,
        path: &Path,
        clock: SharedClock,
        rng: StdRng,
    ) -> Result<Self, RecordError> {
        let writer = RecordingWriter::create(path).map_err(|source| RecordError::Write {
            path: path.to_owned(),
            source,
        })?;
        let file = Arc::new(RecordingFile {
            path: path.to_owned(),
            writing: Mutex::new(Writing {
                writer: Some(writer),
                flushed_at: Instant::now(),
                failure: None,
            }),
        });
        let destination = Arc::clone(&file);
        let feed =
            LiveFeed::into_destination(protocol, symbols, endpoint, destination, clock, rng)?;
        Ok(Self { feed, file })
    }

    /// State of the feed, sent on each change.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<FeedState> {
        self.feed.state()
    }

    /// Records until `shutdown` becomes true, then ends the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn run(self, shutdown: watch::Receiver<bool>) -> Result<Recorded, RecordError> {
        let ran = self.feed.run(shutdown).await;
        let recorded = self.file.finish()?;
        ran?;
        Ok(recorded)
    }
}

/// The file, as a destination of live frames. Decoded records are dropped: the frames hold more.
struct RecordingFile {
    path: PathBuf,
    writing: Mutex<Writing>,
}

struct Writing {
    writer: Option<RecordingWriter>,
    flushed_at: Instant,
    failure: Option<io::Error>,
}

impl RecordingFile {
    fn write(&self, work: impl FnOnce(&mut RecordingWriter, &mut Instant) -> io::Result<()>) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Writing {
            writer,
            flushed_at,
            failure,
        } = &mut *writing;
        if failure.is_none()
            && let Some(writer) = writer
        {
            *failure = work(writer, flushed_at).err();
        }
    }

    fn finish(&self) -> Result<Recorded, RecordError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| RecordError::Write {
            path: self.path.clone(),
            source,
        };
        if let Some(failure) = writing.failure.take() {
            return Err(failed(failure));
        }
        let mut recorded = Recorded { frames: 0 };
        if let Some(writer) = writing.writer.take() {
            recorded.frames = writer.frames();
            writer.finish().map_err(failed)?;
        }
        Ok(recorded)
    }
}

#[async_trait]
impl Destination for RecordingFile {
    fn partitions(&self) -> u32 {
        1
    }

    fn frame(&self, received_at: Timestamp, frame: &str) {
        self.write(|writer, _| writer.write(received_at, frame));
    }

    /// Called with every batch of frames and four times a second.
    async fn commit(&self, records: &mut PartitionRecords) -> Result<(), LogError> {
        records.clear();
        self.write(|writer, flushed_at| {
            if flushed_at.elapsed() < FLUSH_EVERY {
                return Ok(());
            }
            *flushed_at = Instant::now();
            writer.flush()
        });
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // A recording that cannot be written is over: nothing is gained by listening on.
        if writing.failure.is_some() {
            return Err(LogError::Closed);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use rand::SeedableRng;
    use tokio::net::TcpListener;
    use tokio_tungstenite::tungstenite::Message;

    use super::*;
    use crate::clock::SystemClock;
    use crate::recording::RecordingReader;
    use crate::venues::kraken::Kraken;

    const FRAMES: [&str; 3] = [
        r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#,
        r#"{"channel":"heartbeat"}"#,
        "nonsense is recorded too",
    ];

    #[tokio::test]
    async fn what_the_venue_sends_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kraken.jsonl.gz");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("ws://{}", listener.local_addr().unwrap());
        let recorder = |path: &Path| {
            Recorder::new(
                &Kraken,
                vec![Symbol::new("BTC/USD").unwrap()],
                Some(&endpoint),
                path,
                SystemClock::shared(),
                StdRng::seed_from_u64(1),
            )
        };
        let recording = recorder(&path).unwrap();
        let mut state = recording.state();
        let (shutdown, stopped) = watch::channel(false);
        let running = tokio::spawn(recording.run(stopped));

        let (stream, _) = listener.accept().await.unwrap();
        let mut venue = tokio_tungstenite::accept_async(stream).await.unwrap();
        assert!(venue.next().await.unwrap().unwrap().is_text());
        for frame in FRAMES {
            venue.send(Message::text(frame)).await.unwrap();
        }
        let all = |state: &FeedState| state.connections[0].frames == FRAMES.len() as u64;
        state.wait_for(all).await.unwrap();
        shutdown.send_replace(true);
        while let Some(Ok(_)) = venue.next().await {}
        let recorded = running.await.unwrap().unwrap();
        assert_eq!(recorded.frames, FRAMES.len() as u64);

        let mut reader = RecordingReader::open(&path).unwrap();
        for expected in FRAMES {
            assert_eq!(reader.next_frame().unwrap().unwrap().frame, expected);
        }
        assert!(reader.next_frame().unwrap().is_none());
        let error = recorder(&path).err().unwrap();
        assert!(error.to_string().contains("kraken.jsonl.gz"), "{error}");
    }
}
