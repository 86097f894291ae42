//! Dumps that are published without a line of names, known by the shape of their rows.

use std::borrow::Cow;

use super::cells::{self, DecimalMark};
use super::layout::Layout;
use super::times::Stamp;

/// More of the rows than this share must have the shape.
const MIN_SHARE: f64 = 0.95;

type Row<'a> = Vec<Cow<'a, str>>;

/// Returns whether a line has values where a header has names: a time first, and numbers for the most part.
pub(super) fn is_row(cells: &[Cow<'_, str>]) -> bool {
    let is_number = |cell: &Cow<'_, str>| cells::number(cell, DecimalMark::Point).is_some();
    let is_value = |cell: &&Cow<'_, str>| {
        is_number(cell) || cells::number(cell, DecimalMark::Comma).is_some() || cell.contains(':')
    };
    cells.len() >= 5
        && cells.first().is_some_and(|cell| Stamp::parse(cell).is_ok())
        && cells[1..].iter().filter(is_value).count() * 2 > cells.len()
}

/// Where the values stand in rows of a dump without names; `Err` says why none is known.
pub(super) fn layout(rows: &[Row<'_>], mark: DecimalMark) -> Result<Layout, String> {
    let first = rows.first().map_or(&[][..], |row| &row[..]);
    // MetaTrader and HistData write the time of day in a column of its own.
    let apart = usize::from(first.get(1).is_some_and(|cell| cell.contains(':')));
    let mut columns = first.len();
    if first.last().is_some_and(|cell| cell.is_empty()) {
        columns -= 1;
    }
    let prices = [1, 2, 3, 4].map(|place| place + apart);
    let number =
        |row: &Row<'_>, place: usize| row.get(place).and_then(|cell| cells::number(cell, mark));
    let most = |has_shape: &dyn Fn(&Row<'_>) -> bool| {
        let count = rows.iter().filter(|row| has_shape(row)).count();
        count as f64 >= MIN_SHARE * rows.len() as f64
    };
    let in_range = |row: &Row<'_>| {
        let [open, high, low, close] = prices.map(|place| number(row, place).unwrap_or(f64::NAN));
        low <= open.min(close) && open.max(close) <= high
    };
    if !most(&in_range) {
        return Err("columns 2 to 5 are not open, high, low and close".to_owned());
    }
    let is_count = |place: usize| {
        move |row: &Row<'_>| number(row, place).is_some_and(|n| n >= 0.0 && n.fract() == 0.0)
    };
    let is_average = |row: &Row<'_>| {
        let [_, high, low, _] = prices.map(|place| number(row, place).unwrap_or(f64::NAN));
        number(row, 5).is_some_and(|average| average == 0.0 || (low <= average && average <= high))
    };
    let ends_later = |row: &Row<'_>| match (number(row, 0), number(row, 6)) {
        (Some(start), Some(end)) => end > start,
        _ => false,
    };
    let (volume, close_time) = match columns - apart {
        5 => (None, None),
        6 => (Some(5 + apart), None),
        // Kraken's downloadable OHLCVT: time, open, high, low, close, volume, trades.
        7 if most(&is_count(6 + apart)) => (Some(5 + apart), None),
        // Kraken's OHLC by REST has the average price between close and volume, and the trades last.
        8 if apart == 0 && most(&is_average) && most(&is_count(7)) => (Some(6), None),
        // https://github.com/binance/binance-public-data: klines.
        11 | 12 if apart == 0 && most(&ends_later) => (Some(5), Some(6)),
        _ => {
            return Err(format!(
                "{columns} such columns are of no dump that is known"
            ));
        }
    };
    let name = |place: usize| format!("column {}", place + 1);
    Ok(Layout {
        columns: first.len(),
        time: 0,
        time_of_day: (apart == 1).then_some(1),
        time_name: name(0),
        opens: close_time.is_some(),
        closes: false,
        close_time,
        prices,
        volume: volume.map(|place| (place, name(place))),
        complete: None,
        series: Vec::new(),
    })
}
