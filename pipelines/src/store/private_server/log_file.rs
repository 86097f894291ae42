//! The server's log file, kept small: it appends, so that the file can be emptied under it.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::error::{Io as _, PrivateServerError};

/// Beyond this the log is moved to `pg.log.1`, replacing the one there.
const MAX_BYTES: u64 = 4 << 20;

/// The log, for the server to append to.
pub(super) fn open(path: &Path) -> Result<fs::File, PrivateServerError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .doing("open", path)
}

/// Moves the log away if it has grown too large.
pub(super) fn bound(path: &Path) -> Result<(), PrivateServerError> {
    if !path.metadata().is_ok_and(|file| file.len() > MAX_BYTES) {
        return Ok(());
    }
    // Copied and emptied, not renamed: the server keeps its file open.
    let old = path.with_extension("log.1");
    fs::copy(path, &old).doing("copy the log to", &old)?;
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .doing("open", path)?;
    file.set_len(0).doing("empty", path)
}

/// Text written to the log after `from`, at most its last 2 KiB.
pub(super) fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(
            from.min(length).max(length.saturating_sub(2048)),
        ))?;
        let mut text = Vec::new();
        file.take(2048).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    };
    match read() {
        Ok(text) if text.is_empty() => "it said nothing".to_owned(),
        Ok(text) => text,
        Err(error) => format!("its log cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_large_log_is_emptied_under_its_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pg.log");
        let mut writer = open(&path).unwrap();
        writer
            .write_all(&vec![b'x'; MAX_BYTES as usize + 1])
            .unwrap();
        bound(&path).unwrap();
        writer.write_all(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
        let old = directory.path().join("pg.log.1");
        assert_eq!(old.metadata().unwrap().len(), MAX_BYTES + 1);
        assert_eq!(tail(&path, 2), "ter");
    }
}
