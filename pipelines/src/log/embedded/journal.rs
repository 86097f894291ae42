//! Cuts a torn batch off the end of the database's journal. Knows where one journal batch ends and
//! the next begins; must not know what is in them.
//!
//! The database cuts off a batch that has no end by itself. But after a power failure the last
//! batch, which was never reported as durable, can have its end and lack a page in the middle: then
//! its checksum fails, and the database refuses to open. Only the last batch can be torn so, since
//! each is synced before the next is written; anywhere else it is damage, and left alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::store::OpenError;

/// Ends a batch's closing entry (`fjall` 3, format version 3).
const TRAILER: &[u8] = b"FJL\x03";

/// If the newest journal in `dir` ends with a whole batch, cuts it off and tries `open` again;
/// `None` if that does not help either, in which case the journal is as it was.
pub(super) fn cut_torn_batch<T>(
    dir: &Path,
    open: impl FnOnce() -> Result<T, OpenError>,
) -> io::Result<Option<T>> {
    let Some(path) = newest_journal(dir)? else {
        return Ok(None);
    };
    let bytes = fs::read(&path)?;
    let Some(last) = last_batch(&bytes) else {
        return Ok(None);
    };
    let kept = path.with_extension("jnl-torn");
    fs::write(&kept, &bytes)?;
    let file = fs::OpenOptions::new().write(true).open(&path)?;
    file.set_len(last as u64)?;
    file.sync_all()?;
    match open() {
        Ok(opened) => {
            tracing::warn!(
                journal = %path.display(),
                cut = bytes.len() - last,
                "the last write before a crash was torn and is cut off: it was never durable",
            );
            fs::remove_file(&kept)?;
            Ok(Some(opened))
        }
        Err(_) => {
            fs::rename(&kept, &path)?;
            Ok(None)
        }
    }
}

fn newest_journal(dir: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(newest, _)| number > *newest)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where the last batch that has an end begins.
fn last_batch(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader { bytes, at: 0 };
    let (mut last, mut start) = (None, 0);
    loop {
        let at = reader.at;
        match reader.entry() {
            Some(Entry::Start) => start = at,
            Some(Entry::Item) => {}
            Some(Entry::End) => last = Some(start),
            None => return last,
        }
    }
}

enum Entry {
    Start,
    Item,
    End,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn entry(&mut self) -> Option<Entry> {
        match self.take(1)? {
            // Item count and sequence number.
            [1] => self.take(4 + 8).map(|_| Entry::Start),
            [2] => {
                // Value type, compression, keyspace; lengths of key, value and stored value.
                self.take(1 + 1 + 8)?;
                let key = self.take(2)?.try_into().ok().map(u16::from_le_bytes)?;
                self.take(4)?;
                let value = self.take(4)?.try_into().ok().map(u32::from_le_bytes)?;
                self.take(usize::from(key) + value as usize)
                    .map(|_| Entry::Item)
            }
            // Checksum and trailer.
            [3] => {
                self.take(8)?;
                (self.take(TRAILER.len())? == TRAILER).then_some(Entry::End)
            }
            // A cleared keyspace.
            [4] => self.take(8).map(|_| Entry::Item),
            _ => None,
        }
    }
}
