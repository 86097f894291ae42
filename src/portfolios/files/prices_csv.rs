//! Closing prices as a table: `date,asset,price` a row, or `date` and a column for each asset.

use chrono::{Datelike, NaiveDate};

use super::FileError;
use crate::decimal::{Decimal, quoted};
use crate::prices::Prices;

/// Reads a table of closing prices. The header decides which of the two shapes it is; an empty cell of
/// the wide one is a day without a price.
///
/// # Errors
/// If a row or the header is wrong: with the row and the column.
pub fn read_prices(bytes: &[u8]) -> Result<Prices, FileError> {
    let text = super::text(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| row_error(&error))?.clone();
    let position = |names: &[&str]| {
        header
            .iter()
            .position(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known)))
    };
    let Some(date) = position(&["date", "day"]) else {
        return Err(FileError::NotTheFormat(
            "no prices: the header has no column date; use date,asset,price or date,BTC,ETH,…"
                .to_owned(),
        ));
    };
    let long = position(&["asset"]).zip(position(&["price", "close"]));
    let mut prices = Prices::default();
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| row_error(&error))?
    {
        let row = record.position().map_or(0, csv::Position::line);
        let wrong = |column: usize, message: String| FileError::Row {
            row,
            column: header[column].to_owned(),
            message,
        };
        let date_of = day(&record[date]).map_err(|message| wrong(date, message))?;
        let price = |column: usize| {
            let text = &record[column];
            let price: Decimal = text
                .parse()
                .map_err(|error| wrong(column, format!("{}: {error}", quoted(text))))?;
            if price.is_negative() {
                return Err(wrong(column, format!("the price {price} is below zero")));
            }
            Ok(price)
        };
        if let Some((asset, close)) = long {
            if record[asset].is_empty() {
                return Err(wrong(asset, "it is empty".to_owned()));
            }
            prices.set(&record[asset], date_of, price(close)?);
        } else {
            for column in (0..header.len()).filter(|&column| column != date) {
                if !record[column].is_empty() {
                    prices.set(&header[column], date_of, price(column)?);
                }
            }
        }
    }
    Ok(prices)
}

/// A day, `2024-01-08`.
pub(super) fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse::<NaiveDate>()
        .ok()
        .filter(|day| text.len() == 10 && (1970..=2199).contains(&day.year()))
        .ok_or_else(|| format!("{} is no day like 2024-01-08", quoted(text)))
}

/// Error for a complaint of the table reader.
pub(super) fn row_error(error: &csv::Error) -> FileError {
    let row = error.position().map_or(0, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} columns instead of {expected_len}"),
        _ => error.to_string(),
    };
    FileError::Row {
        row,
        column: String::new(),
        message,
    }
}
