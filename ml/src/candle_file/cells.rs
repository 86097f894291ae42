//! Cells of a line, and the numbers in them.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The longest part of a cell that a message quotes.
const QUOTED: usize = 40;

/// Error for a line in which a quote is not closed.
pub(super) struct UnclosedQuote;

/// Splits a line at the separator. A candle's row never goes on in the next line, so a quote that is
/// still open at the line's end costs that line alone.
pub(super) fn split(line: &str, separator: u8) -> Result<Vec<Cow<'_, str>>, UnclosedQuote> {
    if !line.contains('"') {
        let cells = line.split(char::from(separator));
        return Ok(cells.map(|cell| Cow::Borrowed(cell.trim())).collect());
    }
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            _ if !quoted && letter == char::from(separator) => {
                cells.push(Cow::Owned(cell.trim().to_owned()));
                cell.clear();
            }
            _ => cell.push(letter),
        }
    }
    cells.push(Cow::Owned(cell.trim().to_owned()));
    if quoted {
        Err(UnclosedQuote)
    } else {
        Ok(cells)
    }
}

/// Returns whether nothing stands in a cell.
pub(super) fn is_empty(cell: &str) -> bool {
    matches!(cell, "" | "-" | "null" | "NULL" | "None" | "N/A" | "n/a")
}

/// A cell as a message quotes it: on one line, and not at any length.
pub(super) fn shortened(cell: &str) -> String {
    let mut text: String = cell.chars().take(QUOTED).collect();
    if text.len() < cell.len() {
        text.push('…');
    }
    format!("{text:?}")
}

/// Which sign stands before the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalMark {
    Point,
    Comma,
}

impl DecimalMark {
    /// The one that most of a file's numbers show. `1,234` alone shows none: in a file whose cells are
    /// separated by semicolons it is a fraction.
    pub(super) fn of<'a>(numbers: impl Iterator<Item = &'a str>, separator: u8) -> Self {
        let (mut points, mut commas, mut either) = (0_usize, 0_usize, false);
        for number in numbers {
            let number = unadorned(number);
            match (number.rfind('.'), number.rfind(',')) {
                (Some(point), Some(comma)) if comma > point => commas += 1,
                (Some(_), Some(_)) => points += 1,
                (Some(_), None) if !is_grouped(number, '.') => points += 1,
                (None, Some(_)) if !is_grouped(number, ',') => commas += 1,
                (None, Some(_)) if number.matches(',').count() > 1 => points += 1,
                (None, Some(_)) => either = true,
                _ => {}
            }
        }
        let is_comma = match points.cmp(&commas) {
            Ordering::Equal => either && separator == b';',
            order => order.is_lt(),
        };
        if is_comma { Self::Comma } else { Self::Point }
    }
}

/// A number as people and programs write it: with a currency sign in front, with groups of three digits.
pub(super) fn number(cell: &str, mark: DecimalMark) -> Option<f64> {
    if let (DecimalMark::Point, Ok(value)) = (mark, cell.parse()) {
        return Some(value);
    }
    let (point, group) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let spaces = [' ', '\'', '\u{a0}', '\u{202f}'];
    let text: String = unadorned(cell).replace(spaces, "");
    let (whole, fraction) = text.split_once(point).unwrap_or((&text, ""));
    if (whole.contains(group) && !is_grouped(whole, group)) || fraction.contains([point, group]) {
        return None;
    }
    let whole = whole.replace(group, "");
    match fraction {
        "" => whole.parse().ok(),
        _ => format!("{whole}.{fraction}").parse().ok(),
    }
}

/// A volume, which may be written in thousands (`57.26K`), millions or billions.
pub(super) fn volume(cell: &str, mark: DecimalMark) -> Option<f64> {
    let unit = match cell.as_bytes().last() {
        Some(b'K' | b'k') => 1e3,
        Some(b'M') => 1e6,
        Some(b'B') => 1e9,
        _ => return number(cell, mark),
    };
    Some(number(&cell[..cell.len() - 1], mark)? * unit)
}

fn unadorned(cell: &str) -> &str {
    cell.trim_start_matches(['$', '€', '£', '¥']).trim()
}

/// Returns whether a number is written in groups of three digits, as `1,234,567` is.
fn is_grouped(number: &str, group: char) -> bool {
    let mut groups = number.trim_start_matches('-').split(group);
    let first = groups.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&first.len())
        && first != "0"
        && digits(first)
        && number.contains(group)
        && groups.all(|part| part.len() == 3 && digits(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_file_writes_them() {
        let marks = |cells: &[&str], separator| DecimalMark::of(cells.iter().copied(), separator);
        assert_eq!(marks(&["30000,0", "1"], b','), DecimalMark::Comma);
        assert_eq!(marks(&["1,234", "30000,5"], b';'), DecimalMark::Comma);
        assert_eq!(marks(&["1.234,5"], b';'), DecimalMark::Comma);
        assert_eq!(marks(&["0,123"], b','), DecimalMark::Comma);
        assert_eq!(marks(&["1,234", "5,678"], b';'), DecimalMark::Comma);
        assert_eq!(marks(&["1,234", "5,678"], b','), DecimalMark::Point);
        assert_eq!(marks(&["1,234", "5,678.5"], b';'), DecimalMark::Point);
        assert_eq!(
            marks(&["30000", "1.5", "1,5", "2.5"], b';'),
            DecimalMark::Point
        );
        for (cell, mark, value) in [
            ("30000.5", DecimalMark::Point, Some(30_000.5)),
            ("$36,016.42", DecimalMark::Point, Some(36_016.42)),
            ("1.5e3", DecimalMark::Point, Some(1_500.0)),
            ("12,34.5", DecimalMark::Point, None),
            ("30000,5", DecimalMark::Comma, Some(30_000.5)),
            ("1.234.567,25", DecimalMark::Comma, Some(1_234_567.25)),
            ("30 000,5", DecimalMark::Comma, Some(30_000.5)),
            ("1.5,2,3", DecimalMark::Comma, None),
            ("30000.5", DecimalMark::Comma, None),
            ("abc", DecimalMark::Comma, None),
            ("", DecimalMark::Comma, None),
        ] {
            assert_eq!(number(cell, mark), value, "{cell}");
        }
        assert_eq!(volume("57.26K", DecimalMark::Point), Some(57_260.0));
        assert_eq!(volume("1,5B", DecimalMark::Comma), Some(1.5e9));
    }

    #[test]
    fn a_quote_keeps_separators_and_must_be_closed() {
        let cells = split("\"a;b\"; c ;\"d\"\"e\"", b';').ok();
        assert_eq!(cells.unwrap_or_default(), ["a;b", "c", "d\"e"]);
        assert!(split("a,\"b,c", b',').is_err());
        let long = shortened(&"x\n".repeat(400));
        assert_eq!(long.lines().count(), 1);
        assert!(long.len() < 100);
    }
}
