//! Lines above the rows: empty lines, titles, addresses, Excel's `sep=`, and the header in as many
//! lines as some tools give it.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::cells::{self, DecimalMark};
use super::layout::{self, Layout, Unfit};
use super::lines::Line;
use super::{dump, times::Stamp};

/// A header stands within so many lines.
const MOST_LINES: usize = 40;
/// A header has this many lines at most below its first: yfinance's tickers and the name of the index.
const MOST_BELOW: usize = 3;

/// Where the table begins and how it is written.
pub(super) struct Table {
    /// Where each value stands.
    pub(super) layout: Layout,
    /// Separator between cells.
    pub(super) separator: u8,
    /// Which sign stands before fractions.
    pub(super) mark: DecimalMark,
}

/// Why there is no table.
pub(super) enum NoTable {
    /// Nothing but empty lines.
    Empty,
    /// Names, but not those of candles.
    Header {
        /// The line.
        line: u64,
        /// The names.
        names: Vec<String>,
        /// The reason.
        unfit: Unfit,
    },
    /// Values where the names should be, and why they are of no known dump.
    NoNames {
        /// The line.
        line: u64,
        /// Why.
        why: String,
    },
}

/// Finds the table in a file's first lines, and leaves its rows in them.
pub(super) fn table(lines: &mut VecDeque<Line>) -> Result<Table, NoTable> {
    let mut declared = None;
    let mut refused = None;
    let mut tried = 0;
    while let Some(line) = lines.pop_front() {
        let text = line.text.as_deref().unwrap_or_default();
        if let Some(separator) = declared_separator(text) {
            declared = Some(separator);
            continue;
        }
        if text
            .trim_matches([',', ';', '\t', ' ', '"', '\0'])
            .is_empty()
        {
            continue;
        }
        let separator = declared.unwrap_or_else(|| separator_of(text));
        let mut names = cells::split(text.trim_start_matches('#'), separator).unwrap_or_default();
        if dump::is_row(&names) {
            // Under names that are not understood the columns may be in any order.
            if let Some(NoTable::Header { names: above, .. }) = &refused
                && above.len() >= names.len()
            {
                break;
            }
            lines.push_front(line);
            let sample = sample(lines, separator);
            let mark = DecimalMark::of(sample.iter().skip(1).flatten().map(|c| &**c), separator);
            let number = lines[0].number;
            return match dump::layout(&sample, mark) {
                Ok(layout) => Ok(Table {
                    layout,
                    separator,
                    mark,
                }),
                Err(why) => Err(NoTable::NoNames { line: number, why }),
            };
        }
        let unfit = match layout::prices(&names) {
            Ok(prices) => {
                skip_below(lines, separator, &mut names, prices);
                match Layout::of_header(&names) {
                    Ok(layout) => {
                        let sample = sample(lines, separator);
                        let mark = DecimalMark::of(numbers(&sample, &layout), separator);
                        return Ok(Table {
                            layout,
                            separator,
                            mark,
                        });
                    }
                    Err(unfit) => unfit,
                }
            }
            Err(unfit) => unfit,
        };
        // Of all lines that are no header, the one that comes nearest to it is named.
        let missing = matches!(unfit, Unfit::Missing("open"));
        let names = names.into_iter().map(Cow::into_owned).collect();
        let this = NoTable::Header {
            line: line.number,
            names,
            unfit,
        };
        if !missing {
            return Err(this);
        }
        refused.get_or_insert(this);
        tried += 1;
        if tried >= MOST_LINES {
            break;
        }
    }
    Err(refused.unwrap_or(NoTable::Empty))
}

/// Excel's `sep=;`.
fn declared_separator(line: &str) -> Option<u8> {
    let line = line.trim_matches([' ', '"']);
    let (name, separator) = line.split_at_checked(4)?;
    match separator.as_bytes() {
        _ if !name.eq_ignore_ascii_case("sep=") => None,
        [] => Some(b'\t'),
        [separator, ..] => Some(*separator),
    }
}

/// Tab, semicolon, bar or comma: the first of which there are enough for a candle, or else most.
fn separator_of(line: &str) -> u8 {
    let count = |separator: u8| line.bytes().filter(|&byte| byte == separator).count();
    const ALL: [u8; 4] = [b'\t', b';', b'|', b','];
    ALL.into_iter()
        .find(|&separator| count(separator) >= 4)
        .or_else(|| ALL.into_iter().max_by_key(|&separator| count(separator)))
        .unwrap_or(b',')
}

/// The header's lower lines, as yfinance and pandas write them: which ticker each column is of, and what
/// the first column is.
fn skip_below(
    lines: &mut VecDeque<Line>,
    separator: u8,
    names: &mut [Cow<'_, str>],
    prices: [usize; 4],
) {
    for _ in 0..MOST_BELOW {
        let text = lines.front().and_then(|line| line.text.as_deref());
        let Some(Ok(cells)) = text.map(|text| cells::split(text, separator)) else {
            return;
        };
        let first = &cells[0];
        let is_name = first.is_empty()
            || layout::is_time(first)
            || ["ticker", "tickers", "symbol", "symbols"].contains(&layout::plain(first).as_str());
        let has_number = prices.iter().any(|&place| {
            let cell = cells.get(place).map_or("", |cell| &**cell);
            cells::number(cell, DecimalMark::Point).is_some()
                || cells::number(cell, DecimalMark::Comma).is_some()
        });
        if cells.len() < 5 || !is_name || has_number || Stamp::parse(first).is_ok() {
            return;
        }
        if !prices.contains(&0) || layout::plain(&names[0]) == "price" {
            // yfinance calls the column of the index `Price`, and then by its name.
            names[0] = Cow::Owned(first.clone().into_owned());
        }
        lines.pop_front();
    }
}

fn sample(lines: &VecDeque<Line>, separator: u8) -> Vec<Vec<Cow<'_, str>>> {
    let texts = lines.iter().filter_map(|line| line.text.as_deref());
    texts
        .filter(|text| !text.trim().is_empty())
        .filter_map(|text| cells::split(text, separator).ok())
        .collect()
}

fn numbers<'a>(rows: &'a [Vec<Cow<'a, str>>], layout: &Layout) -> impl Iterator<Item = &'a str> {
    let places = layout.prices;
    rows.iter()
        .flat_map(move |row| places.into_iter().filter_map(|place| row.get(place)))
        .map(|cell| &**cell)
}
