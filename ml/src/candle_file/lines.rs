//! Lines of a text, numbered, each of a bounded length.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line is no row of a table of candles.
const LONGEST: u64 = 64 * 1024;

/// A line, without its end.
pub(super) struct Line {
    /// Its number, the first being 1.
    pub(super) number: u64,
    /// Text of the line; nothing if it is not UTF-8.
    pub(super) text: Option<String>,
}

/// The lines of a text.
pub(super) struct Lines {
    text: BufReader<Box<dyn Read>>,
    end: u8,
    number: u64,
}

/// Contents of a file, by its encoding.
pub(super) enum Text {
    /// Text, as far as its beginning shows.
    Lines(Lines),
    /// Something else, and what to do about it.
    Other(&'static str),
}

/// Files that are given for CSV: how they begin, and what to do.
const OTHERS: [(&[u8], &str); 10] = [
    (
        b"PK\x03\x04",
        "a zip archive or a spreadsheet: unpack it, or save it as CSV",
    ),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet: save it as CSV"),
    (b"PAR1", "a Parquet file: write it as CSV"),
    (
        b"\x28\xb5\x2f\xfd",
        "packed with zstd: unpack it, or pack it with gzip",
    ),
    (
        b"\xfd7zXZ",
        "packed with xz: unpack it, or pack it with gzip",
    ),
    (b"BZh", "packed with bzip2: unpack it, or pack it with gzip"),
    (
        b"7z\xbc\xaf",
        "packed with 7-Zip: unpack it, or pack it with gzip",
    ),
    (b"\x1f\x8b", "packed with gzip twice: unpack it once"),
    (b"\xff\xfe", "text in UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16: save it as UTF-8"),
];

impl Lines {
    pub(super) fn of(text: Box<dyn Read>) -> io::Result<Text> {
        let mut text = BufReader::new(text);
        let start = text.fill_buf()?;
        if let Some((_, what)) = OTHERS.iter().find(|(first, _)| start.starts_with(first)) {
            return Ok(Text::Other(what));
        }
        let shown = String::from_utf8_lossy(&start[..start.len().min(64)]).to_lowercase();
        let shown = shown.trim_start_matches('\u{feff}').trim_start();
        if shown.starts_with("<!doctype") || shown.starts_with("<html") {
            return Ok(Text::Other(
                "a web page, perhaps with an error message: download it again",
            ));
        }
        if shown.starts_with(['{', '[']) {
            return Ok(Text::Other("JSON: write it as CSV, a candle a line"));
        }
        let mark = if start.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        // Lines end in a carriage return alone where no line feed is anywhere near.
        let end = match start.iter().find(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(b'\r') if !start.contains(&b'\n') => b'\r',
            _ => b'\n',
        };
        text.consume(mark);
        Ok(Text::Lines(Self {
            text,
            end,
            number: 0,
        }))
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let read = (&mut self.text)
            .take(LONGEST)
            .read_until(self.end, &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 == LONGEST && bytes.last() != Some(&self.end) {
            let number = self.number;
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "line {number} is longer than {LONGEST} bytes: this is no table of candles"
                ),
            ));
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(Line {
            number: self.number,
            text: String::from_utf8(bytes).ok(),
        }))
    }
}
