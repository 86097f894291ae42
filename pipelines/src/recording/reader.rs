//! Reads a recording line by line within bounded memory. Knows nothing of what frames mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::line::{self, BadLine};
use super::source::{End, MAX_LINE_BYTES, Source};
use crate::market::Timestamp;

/// A recording that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be opened.
    #[error("cannot open the recording {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file cannot be read on.
    #[error("cannot read {} after line {line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line read.
        line: u64,
        /// The system's or the decompressor's error.
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
        /// The kind of file it looks like.
        found: String,
    },
    /// A receive time is not in nanoseconds.
    #[error("{} line {line}: the receive times are {found}", path.display())]
    ReceiveTime {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Of which day they are, and which unit they seem to have.
        found: String,
    },
}

impl RecordingError {
    /// Why line `line` of `path` cannot be used.
    pub(super) fn bad_line(path: &Path, line: u64, bad: BadLine) -> Self {
        let path = path.to_owned();
        match bad {
            BadLine::Form(found) => Self::Format { path, line, found },
            BadLine::ReceiveTime(found) => Self::ReceiveTime { path, line, found },
        }
    }

    /// The error for how `path` ends after `line`, unless it ends as it should.
    pub(super) fn of_end(path: &Path, line: u64, end: End) -> Option<Self> {
        let path = path.to_owned();
        match end {
            End::Whole { .. } => None,
            End::Truncated => Some(Self::Truncated { path, line }),
            End::LineTooLong => Some(Self::LineTooLong {
                path,
                line: line + 1,
            }),
            End::Failed(source) => Some(Self::Read { path, line, source }),
        }
    }

    /// Returns whether all that the recording holds was read before the error.
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
    pub frame: &'a str,
    /// Its line, from 1.
    pub line: u64,
}

/// A recording being read.
pub struct RecordingReader {
    path: PathBuf,
    source: Source,
    block: String,
    /// Where the next line of the block begins.
    next: usize,
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
        Ok(Self {
            path: path.to_owned(),
            source: Source::new(source)?,
            block: String::new(),
            next: 0,
            number: 0,
            ended: false,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file and what has not been read of it yet, of a reader that has read nothing.
    pub(super) fn into_source(self) -> (PathBuf, Source) {
        (self.path, self.source)
    }

    /// The next frame; `None` at the end, and after an error. Empty lines are skipped.
    ///
    /// # Errors
    /// When the file cannot be read on or a line has another form. A truncated file says so once,
    /// after its last whole line.
    pub fn next_frame(&mut self) -> Result<Option<RecordedFrame<'_>>, RecordingError> {
        let start = loop {
            if self.ended {
                return Ok(None);
            }
            if self.next >= self.block.len() {
                match self.source.next_block() {
                    Ok(block) => self.block = text(block),
                    Err(end) => {
                        self.ended = true;
                        let error = RecordingError::of_end(&self.path, self.number, end);
                        return error.map_or(Ok(None), Err);
                    }
                }
                self.next = 0;
            }
            let start = self.next;
            let rest = &self.block[start..];
            self.next += rest.find('\n').map_or(rest.len(), |end| end + 1);
            self.number += 1;
            if !line::is_blank(&self.block[start..self.next]) {
                break start;
            }
        };
        let number = self.number;
        match line::parse(self.block[start..self.next].trim_end_matches(['\n', '\r'])) {
            Ok((received_at, frame)) => Ok(Some(RecordedFrame {
                received_at,
                frame,
                line: number,
            })),
            Err(bad) => {
                self.ended = true;
                Err(RecordingError::bad_line(&self.path, number, bad))
            }
        }
    }
}

/// As text; bytes that are not UTF-8 are replaced.
pub(super) fn text(block: Vec<u8>) -> String {
    String::from_utf8(block)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// 2025-01-01T00:00:00Z: receive times in these tests are counted from it.
    const START: i64 = 1_735_689_600_000_000_000;

    fn at(nanos: i64, frame: &str) -> String {
        format!("{} {frame}", START + nanos)
    }

    fn read(bytes: impl Into<Vec<u8>>) -> (Vec<(i64, String, u64)>, Option<String>) {
        let source = io::Cursor::new(bytes.into());
        let mut reader = RecordingReader::new(Path::new("x.jsonl"), source).unwrap();
        let mut frames = Vec::new();
        loop {
            match reader.next_frame() {
                Ok(Some(f)) => {
                    frames.push((f.received_at.nanos() - START, f.frame.to_owned(), f.line))
                }
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

    /// Three lines, the second one empty, as they are read.
    fn three() -> (String, Vec<(i64, String, u64)>) {
        let text = format!("{}\n\n{}\n", at(1, "{}"), at(2, "{\"a\": 1}"));
        let read = vec![(1, "{}".to_owned(), 1), (2, "{\"a\": 1}".to_owned(), 3)];
        (text, read)
    }

    #[test]
    fn plain_gzip_several_members_and_crlf_are_the_same() {
        let (text, expected) = three();
        let members = |cut: usize| [gzip(&text[..cut]), gzip(&text[cut..])].concat();
        for bytes in [
            text.clone().into_bytes(),
            text.replace('\n', "\r\n").into_bytes(),
            text.trim_end().as_bytes().to_vec(),
            gzip(&text),
            members(0),
            members(30),
            members(text.len()),
        ] {
            assert_eq!(read(bytes), (expected.clone(), None));
        }
        assert_eq!(read(""), (Vec::new(), None));
        assert_eq!(read(gzip("")), (Vec::new(), None));
    }

    #[test]
    fn what_follows_the_last_gzip_member_is_overlooked() {
        let (text, expected) = three();
        let whole = gzip(&text);
        for tail in [
            vec![0],
            vec![0; 3],
            vec![0; 300_000],
            b"junk".to_vec(),
            vec![0xff; 200_000],
            b"\0\0\0junk".to_vec(),
            // Like a member, but of no compression method that there is.
            vec![0x1f, 0x8b, 7, 0, 0],
        ] {
            let bytes = [whole.clone(), tail].concat();
            assert_eq!(read(bytes), (expected.clone(), None));
        }
        // Zero bytes between members.
        let bytes = [gzip(&text[..30]), vec![0; 1_000], gzip(&text[30..])].concat();
        assert_eq!(read(bytes), (expected.clone(), None));
        // The beginning of one more member, however little: a recorder was killed.
        for keep in [1, 2, 3, 10, 20] {
            let next = &whole[..keep];
            let (frames, error) = read([whole.as_slice(), next].concat());
            assert_eq!(frames, expected);
            let error = error.unwrap();
            assert!(
                error.contains("ends abruptly after line 3"),
                "{keep}: {error}"
            );
        }
    }

    #[test]
    fn lines_across_blocks_are_whole() {
        let frame = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
        let text: String = (0..20_000).map(|i| at(i, &frame) + "\n").collect();
        for bytes in [text.clone().into_bytes(), gzip(&text)] {
            let (frames, error) = read(bytes);
            assert_eq!((frames.len(), error), (20_000, None));
            for (i, (time, read, line)) in (0_i64..).zip(&frames) {
                assert_eq!((*time, read, *line), (i, &frame, i as u64 + 1));
            }
        }
        // One of several blocks.
        let long = at(0, &format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000)));
        let (frames, error) = read(format!("{}\n{long}\n{}\n", at(1, "{}"), at(2, "{}")));
        assert_eq!((frames.len(), error), (3, None));
    }

    #[test]
    fn a_truncated_tail_gives_what_was_readable() {
        let (frames, error) = read(format!("{}\n{}", at(1, "{}"), at(2, "{\"a\": ")));
        assert_eq!(frames.len(), 1);
        assert!(
            error
                .unwrap()
                .contains("x.jsonl ends abruptly after line 1")
        );
        let text: String = (0..5_000)
            .map(|i| at(i, &format!("{{\"n\":{i}}}\n")))
            .collect();
        let whole = gzip(&text);
        for keep in [whole.len() / 2, whole.len() - 1, whole.len() - 8] {
            let (frames, error) = read(&whole[..keep]);
            assert!(!frames.is_empty());
            for (i, frame) in (0_i64..).zip(&frames) {
                assert_eq!(frame.0, i);
            }
            assert!(error.unwrap().contains("ends abruptly"), "kept {keep}");
        }
    }

    #[test]
    fn errors_name_file_and_line() {
        let good = at(1, "{}");
        for (text, expected) in [
            (
                format!("{good}\n{{\"e\":1}}\n"),
                "line 2 is not of the form",
            ),
            (
                "1618677817.06: {\"type\":\"x\"}\n".to_owned(),
                "has to be converted",
            ),
            (
                "wss://ws-feed.example <-> 1618677816.8\n".to_owned(),
                "has to be converted",
            ),
            ("1723161254087896568\n".to_owned(), "begins with"),
            (
                format!("{good}\n\n1735689600005 {{}}\n"),
                "line 3: the receive times are of 1970-01-01: they must be nanoseconds since the epoch; these look like milliseconds",
            ),
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
        let long = vec![b'1'; MAX_LINE_BYTES as usize + (1 << 17)];
        assert!(read(long).1.unwrap().contains("longer than"));
        let mut damaged = gzip(&(at(1, "{}") + "\n").repeat(1_000));
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        assert!(read(damaged).1.is_some());
        let mut bytes = at(1, "{\"a\":\"").into_bytes();
        bytes.extend(b"\xff\"}\n");
        let (frames, error) = read(bytes);
        assert_eq!((frames.len(), error), (1, None));
    }
}
