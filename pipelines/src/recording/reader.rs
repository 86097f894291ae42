//! Reads a recording line by line within bounded memory. Knows nothing of what frames mean.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::market::Timestamp;

/// Bytes in one line at most, its receive time included: far more than any venue sends at once.
pub const MAX_LINE_BYTES: u64 = 16 << 20;

/// The first bytes of a gzip file (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A recording that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be opened.
    #[error("cannot open the recording {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read on.
    #[error("cannot read {} after line {line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line read.
        line: u64,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// The file ends in the middle, as when a recorder is killed. All lines before are good.
    #[error("{} ends abruptly after line {line}: what comes before was read", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The last whole line.
        line: u64,
    },
    /// A line is longer than any frame can be.
    #[error("{} line {line} is longer than {MAX_LINE_BYTES} bytes: is it a recording?", path.display())]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// A line is not of the form `<receive time, ns> <frame>`.
    #[error("{} line {line} is not of the form `<receive time, ns since the epoch> <frame>`: {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What it looks like.
        found: String,
    },
}

impl RecordingError {
    /// Whether all that the recording holds was read before the error.
    #[must_use]
    pub const fn is_truncation(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFrame<'a> {
    /// When it was received.
    pub received_at: Timestamp,
    /// The frame; bytes that are not UTF-8 are replaced, so that it is undecodable rather than lost.
    pub frame: Cow<'a, str>,
    /// Its line, from 1.
    pub line: u64,
}

/// A recording being read.
pub struct RecordingReader {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

impl RecordingReader {
    /// Opens a recording, plain or gzipped, whatever its name.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::Open {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        Self::new(path, file).map_err(failed)
    }

    /// Reads a recording from any source; `path` names it in errors.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn new(path: &Path, source: impl Read + Send + 'static) -> io::Result<Self> {
        let mut plain = BufReader::with_capacity(1 << 17, source);
        // A file has its first two bytes at once; other sources are taken as plain if they dribble.
        let input: Box<dyn BufRead + Send> = if plain.fill_buf()?.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(
                1 << 17,
                MultiGzDecoder::new(plain),
            ))
        } else {
            Box::new(plain)
        };
        Ok(Self {
            path: path.to_owned(),
            input,
            line: Vec::new(),
            number: 0,
            ended: false,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next frame; `None` at the end, and after an error. Empty lines are skipped.
    ///
    /// # Errors
    /// When the file cannot be read on or a line has another form. A truncated file says so once,
    /// after its last whole line.
    pub fn next_frame(&mut self) -> Result<Option<RecordedFrame<'_>>, RecordingError> {
        if self.ended {
            return Ok(None);
        }
        match self.next_line() {
            Ok(true) => {}
            Ok(false) => {
                self.ended = true;
                return Ok(None);
            }
            Err(error) => {
                self.ended = true;
                return Err(error);
            }
        }
        let (number, path) = (self.number, &self.path);
        match parse(&self.line) {
            Ok((received_at, frame)) => Ok(Some(RecordedFrame {
                received_at,
                frame: String::from_utf8_lossy(frame),
                line: number,
            })),
            Err(found) => {
                self.ended = true;
                Err(RecordingError::Format {
                    path: path.clone(),
                    line: number,
                    found,
                })
            }
        }
    }

    /// Reads a line that is not empty into `line`, without its end. False at the end of the file.
    fn next_line(&mut self) -> Result<bool, RecordingError> {
        loop {
            self.line.clear();
            let read = (&mut self.input)
                .take(MAX_LINE_BYTES + 1)
                .read_until(b'\n', &mut self.line);
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.truncated());
                }
                Err(source) => {
                    return Err(RecordingError::Read {
                        path: self.path.clone(),
                        line: self.number,
                        source,
                    });
                }
            }
            let whole = self.line.last() == Some(&b'\n');
            if !whole && self.line.len() as u64 > MAX_LINE_BYTES {
                return Err(RecordingError::LineTooLong {
                    path: self.path.clone(),
                    line: self.number + 1,
                });
            }
            while matches!(self.line.last(), Some(b'\n' | b'\r')) {
                self.line.pop();
            }
            // A recorder killed in the middle of a line leaves half of one.
            if !whole && !is_whole(&self.line) {
                return Err(self.truncated());
            }
            self.number += 1;
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }

    fn truncated(&self) -> RecordingError {
        RecordingError::Truncated {
            path: self.path.clone(),
            line: self.number,
        }
    }
}

/// Whether a last line without a line end is nevertheless all there: its JSON is.
fn is_whole(line: &[u8]) -> bool {
    match parse(line) {
        Ok((_, frame)) => serde_json::from_slice::<serde::de::IgnoredAny>(frame).is_ok(),
        Err(_) => line.iter().all(u8::is_ascii_whitespace),
    }
}

/// Splits a line; the error says what it looks like.
fn parse(line: &[u8]) -> Result<(Timestamp, &[u8]), String> {
    let space = line.iter().position(|byte| *byte == b' ');
    if let Some(space) = space
        && let Ok(time) = std::str::from_utf8(&line[..space])
        && let Ok(nanos) = time.parse()
    {
        return Ok((Timestamp::from_nanos(nanos), &line[space + 1..]));
    }
    let start = String::from_utf8_lossy(&line[..line.len().min(80)]);
    let first = start.split(' ').next().unwrap_or_default();
    let seconds = first
        .strip_suffix(':')
        .is_some_and(|t| t.parse::<f64>().is_ok());
    Err(
        if seconds || start.contains(" <-> ") || start.contains(" <- ") {
            "it looks like a capture of `seconds: frame` lines, which has to be converted first"
                .to_owned()
        } else if start.starts_with(['{', '[']) {
            "it has a frame but no receive time".to_owned()
        } else {
            format!("it begins with {start:?}")
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read(bytes: impl Into<Vec<u8>>) -> (Vec<(i64, String, u64)>, Option<String>) {
        let source = io::Cursor::new(bytes.into());
        let mut reader = RecordingReader::new(Path::new("x.jsonl"), source).unwrap();
        let mut frames = Vec::new();
        loop {
            match reader.next_frame() {
                Ok(Some(f)) => frames.push((f.received_at.nanos(), f.frame.into_owned(), f.line)),
                Ok(None) => return (frames, None),
                Err(error) => {
                    let error = error.to_string();
                    assert!(
                        reader.next_frame().unwrap().is_none(),
                        "went on after {error}"
                    );
                    return (frames, Some(error));
                }
            }
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_gzip_several_members_and_crlf_are_the_same() {
        let expected = vec![(1, "{}".to_owned(), 1), (2, "{\"a\": 1}".to_owned(), 3)];
        assert_eq!(read("1 {}\n\n2 {\"a\": 1}\n"), (expected.clone(), None));
        assert_eq!(
            read("1 {}\r\n\r\n2 {\"a\": 1}\r\n"),
            (expected.clone(), None)
        );
        assert_eq!(read("1 {}\n\n2 {\"a\": 1}"), (expected.clone(), None));
        assert_eq!(
            read(gzip("1 {}\n\n2 {\"a\": 1}\n")),
            (expected.clone(), None)
        );
        let members = [gzip("1 {}\n\n2 {\"a\""), gzip(": 1}\n")].concat();
        assert_eq!(read(members), (expected, None));
        assert_eq!(read(""), (Vec::new(), None));
    }

    #[test]
    fn a_truncated_tail_gives_what_was_readable() {
        let (frames, error) = read("1 {}\n2 {\"a\": ");
        assert_eq!(frames.len(), 1);
        assert!(
            error
                .unwrap()
                .contains("x.jsonl ends abruptly after line 1")
        );
        let text: String = (0..5_000).map(|i| format!("{i} {{\"n\":{i}}}\n")).collect();
        let whole = gzip(&text);
        for keep in [whole.len() / 2, whole.len() - 1, whole.len() - 8] {
            let (frames, error) = read(&whole[..keep]);
            assert!(!frames.is_empty());
            for (i, frame) in frames.iter().enumerate() {
                assert_eq!(frame.0, i as i64);
            }
            assert!(error.unwrap().contains("ends abruptly"), "kept {keep}");
        }
    }

    #[test]
    fn errors_name_file_and_line() {
        for (text, expected) in [
            ("1 {}\n{\"e\":1}\n", "line 2 is not of the form"),
            ("1618677817.06: {\"type\":\"x\"}\n", "has to be converted"),
            (
                "wss://ws-feed.example <-> 1618677816.8\n",
                "has to be converted",
            ),
            ("1723161254087896568\n", "begins with"),
        ] {
            let error = read(text).1.unwrap();
            assert!(
                error.contains("x.jsonl") && error.contains(expected),
                "{error}"
            );
        }
        let error = RecordingReader::open(Path::new("/nonexistent/a.gz"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nonexistent/a.gz"), "{error}");
    }

    #[test]
    fn lines_are_bounded_and_damage_is_an_error() {
        let long = vec![b'1'; MAX_LINE_BYTES as usize + 10];
        assert!(read(long).1.unwrap().contains("longer than"));
        let mut damaged = gzip(&"1 {}\n".repeat(1_000));
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        assert!(read(damaged).1.is_some());
        let (frames, error) = read(b"1 {\"a\":\"\xff\"}\n".to_vec());
        assert_eq!((frames.len(), error), (1, None));
    }
}
