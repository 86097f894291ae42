//! Spreadsheets (XLSX) as rows of text. A workbook is a compressed archive: what it unpacks to, and how far its
//! cells lie apart, is bounded before anything is kept.

use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use flate2::read::DeflateDecoder;

use super::table::{MAX_ROWS, Row};

/// The most that a workbook may unpack to.
const MAX_UNPACKED: u64 = 512 << 20;
const MAX_PARTS: usize = 1_000;
const MAX_SHEETS: usize = 20;
const MAX_COLUMNS: usize = 256;

/// True when a file is one, or another archive.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The rows of each sheet, with their numbers as lines.
pub(super) fn sheets(bytes: &[u8]) -> Result<Vec<Vec<Row>>, String> {
    unpacked(bytes)?;
    let broken =
        |error: calamine::XlsxError| format!("not a spreadsheet that can be read: {error}");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let names = book.sheet_names();
    let mut sheets = Vec::new();
    for name in names.into_iter().take(MAX_SHEETS) {
        let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
        let mut rows: Vec<(u32, Vec<Box<str>>)> = Vec::new();
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (line, column) = cell.get_position();
            let text = text(cell.get_value());
            if text.is_empty() {
                continue;
            }
            let column = column as usize;
            if column >= MAX_COLUMNS || rows.len() > MAX_ROWS {
                return Err(format!(
                    "more than {MAX_COLUMNS} columns or {MAX_ROWS} rows: export a shorter time at once"
                ));
            }
            if rows.last().is_none_or(|(last, _)| *last != line) {
                rows.push((line, Vec::new()));
            }
            if let Some((_, cells)) = rows.last_mut() {
                if cells.len() <= column {
                    cells.resize(column + 1, Box::from(""));
                }
                cells[column] = text.into_boxed_str();
            }
        }
        // Empty cells at the end of a row are not there at all.
        let width = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let whole = rows.into_iter().map(|(line, mut cells)| {
            cells.resize(width, Box::from(""));
            Row::new(u64::from(line) + 1, cells)
        });
        sheets.push(whole.collect());
    }
    Ok(sheets)
}

fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, millis) = time.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}")
        }
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Checks what the parts of an archive unpack to, by unpacking them: the sizes it names may lie.
/// Layout: APPNOTE.TXT of PKWARE, 4.3.
fn unpacked(bytes: &[u8]) -> Result<(), String> {
    let broken = || "a broken archive: not a spreadsheet that can be read".to_owned();
    let end = bytes
        .windows(4)
        .rposition(|four| four == b"PK\x05\x06")
        .ok_or_else(broken)?;
    let short = |at: usize| -> Option<usize> {
        let two = bytes.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*two)))
    };
    let long = |at: usize| -> Option<usize> {
        let four = bytes.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*four)).ok()
    };
    let parts = short(end + 10).ok_or_else(broken)?;
    let mut entry = long(end + 16).ok_or_else(broken)?;
    if parts > MAX_PARTS {
        return Err(format!("an archive of more than {MAX_PARTS} parts"));
    }
    let mut left = MAX_UNPACKED;
    for _ in 0..parts {
        let fields = || {
            let is_entry = bytes.get(entry..)?.starts_with(b"PK\x01\x02");
            let (method, packed, local) =
                (short(entry + 10)?, long(entry + 20)?, long(entry + 42)?);
            let next = entry + 46 + short(entry + 28)? + short(entry + 30)? + short(entry + 32)?;
            let data = local + 30 + short(local + 26)? + short(local + 28)?;
            let data = bytes.get(data..data.checked_add(packed)?)?;
            is_entry.then_some((method, data, next))
        };
        let (method, data, next) = fields().ok_or_else(broken)?;
        let size = match method {
            0 => data.len() as u64,
            8 => std::io::copy(
                &mut DeflateDecoder::new(data).take(left + 1),
                &mut std::io::sink(),
            )
            .map_err(|_| broken())?,
            _ => return Err(broken()),
        };
        left = left.checked_sub(size).ok_or_else(|| {
            format!(
                "a spreadsheet that unpacks to more than {} MiB",
                MAX_UNPACKED >> 20
            )
        })?;
        entry = next;
    }
    Ok(())
}
