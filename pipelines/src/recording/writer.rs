//! Writes a recording so that what was flushed can be read even when the program is killed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::market::Timestamp;

/// A recording being written.
pub struct RecordingWriter {
    output: Output,
    frames: u64,
}

enum Output {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl RecordingWriter {
    /// Creates a recording, gzipped if its name ends in `.gz`. An existing file is left alone.
    ///
    /// # Errors
    /// When the file exists or cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create_new(path)?);
        let gzipped = path.extension().is_some_and(|extension| extension == "gz");
        let output = if gzipped {
            Output::Gzip(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Output::Plain(file)
        };
        Ok(Self { output, frames: 0 })
    }

    /// Number of frames written.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Writes a frame. Line ends in it, which JSON allows between values only, become spaces.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, received_at: Timestamp, frame: &str) -> io::Result<()> {
        let output: &mut dyn Write = match &mut self.output {
            Output::Plain(plain) => plain,
            Output::Gzip(gzip) => gzip,
        };
        if frame.contains(['\n', '\r']) {
            let frame = frame.replace(['\n', '\r'], " ");
            writeln!(output, "{} {frame}", received_at.nanos())?;
        } else {
            writeln!(output, "{} {frame}", received_at.nanos())?;
        }
        self.frames += 1;
        Ok(())
    }

    /// Hands all to the system, so that the file can be read up to here should we be killed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Plain(plain) => plain.flush(),
            Output::Gzip(gzip) => gzip.flush(),
        }
    }

    /// Ends the file and makes it durable.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<()> {
        let file = match self.output {
            Output::Plain(plain) => plain,
            Output::Gzip(gzip) => gzip.finish()?,
        };
        file.into_inner()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{RecordingError, RecordingReader};

    #[test]
    fn what_was_flushed_survives_a_kill() {
        let directory = tempfile::tempdir().unwrap();
        for (name, ended) in [("a.jsonl", true), ("a.jsonl.gz", true), ("b.gz", false)] {
            let path = directory.path().join(name);
            let mut writer = RecordingWriter::create(&path).unwrap();
            for i in 0..100 {
                let frame = format!("{{\"n\":\n{i}}}");
                let received_at = Timestamp::from_seconds(1_735_689_600 + i).unwrap();
                writer.write(received_at, &frame).unwrap();
            }
            writer.flush().unwrap();
            assert_eq!(writer.frames(), 100);
            if ended {
                writer.finish().unwrap();
            } else {
                // A killed process runs no destructors.
                std::mem::forget(writer);
            }
            let mut reader = RecordingReader::open(&path).unwrap();
            let mut read = 0;
            let error = loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => {
                        assert_eq!(frame.frame, format!("{{\"n\": {read}}}"));
                        read += 1;
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            assert_eq!(read, 100, "{name}");
            assert_eq!(
                error.as_ref().is_some_and(RecordingError::is_truncation),
                !ended
            );
            assert!(RecordingWriter::create(&path).is_err(), "overwrote {name}");
        }
    }
}
