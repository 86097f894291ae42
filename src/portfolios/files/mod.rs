//! Reading and writing files of transactions and prices. What is written and read again gives the same
//! bytes of every number. A file that is wrong anywhere is refused as a whole, with the place.

mod check;
mod csv;
mod json;
mod prices_csv;
#[cfg(test)]
mod tests;

pub use check::check;
pub use csv::{CSV_HEADER, read_csv, write_csv};
pub use json::{read_json, write_json};
pub use prices_csv::read_prices;

/// The most bytes of a file that is read.
pub const MAX_BYTES: usize = 512 * 1024 * 1024;
/// The most transactions of a file.
pub const MAX_TRANSACTIONS: usize = 1_000_000;

/// Why a file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is not of the format at all.
    #[error("{0}")]
    NotTheFormat(String),
    /// A place of a JSON document.
    #[error("{path}: {message}")]
    Json {
        /// Where: `transactions[3].sent.quantity`.
        path: String,
        /// Description of the fault.
        message: String,
    },
    /// A place of a table.
    #[error("row {row}{}: {message}", column_suffix(.column))]
    Row {
        /// Line of the file, the header counted.
        row: u64,
        /// The column's name; empty where the row as a whole is wrong.
        column: String,
        /// Description of the fault.
        message: String,
    },
    /// A transaction that makes no sense.
    #[error("transaction {id}: {message}")]
    Transaction {
        /// Its id, quoted.
        id: String,
        /// Its number in the file, from 1.
        number: usize,
        /// Description of the fault.
        message: String,
    },
}

fn column_suffix(column: &str) -> String {
    if column.is_empty() {
        String::new()
    } else {
        format!(", column {column}")
    }
}

/// The text of a file, without its byte-order mark.
fn text(bytes: &[u8]) -> Result<&str, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::NotTheFormat(format!(
            "the file has {} bytes, more than the {MAX_BYTES} that are read",
            bytes.len()
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        FileError::NotTheFormat(format!(
            "the file is not UTF-8: byte {} is none",
            error.valid_up_to()
        ))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
