//! Amounts as exports write them: with signs, currency symbols, separators of thousands, exponents and the
//! decimal comma of the account's language. Nothing is rounded: what cannot be kept exactly is refused.

use crate::Decimal;
use crate::decimal::PLACES;

/// Decimal mark. One file has one style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Point,
    Comma,
}

/// Evidence of a file's style in its amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// This one, or amounts that read the same in both.
    Style(Style),
    /// Some amount, the first of them kept as text, is another number in the other style.
    Ambiguous,
    /// There are amounts of both styles.
    Both,
}

const SYMBOLS: &[char] = &[
    '€', '$', '£', '¥', '₹', '₩', '₽', '₺', '₴', '₦', '₫', '₱', '฿', '₪', '₿', 'Ξ', '₮',
];
const SPACES: &[char] = &[' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];
/// Cell texts that stand for "none".
const NONE: &[&str] = &["", "-", "--", "—", "–", "null", "none", "n/a"];
/// More digits than this are never kept.
const MAX_DIGITS: usize = 80;

/// Reads an amount; nothing where the cell says there is none.
pub(super) fn amount(text: &str, style: Style) -> Result<Option<Decimal>, String> {
    let bare = text.trim();
    if NONE.iter().any(|none| bare.eq_ignore_ascii_case(none)) {
        return Ok(None);
    }
    if let Some(plain) = plain(bare, style) {
        return parse(plain, bare).map(Some);
    }
    let digits =
        digits(bare, style).ok_or_else(|| format!("\"{}\" is not a number", short(bare)))?;
    parse(&digits?, bare).map(Some)
}

/// Most amounts are written as they are read.
fn plain(text: &str, style: Style) -> Option<&str> {
    let body = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = match style {
        Style::Point => body.split_once('.').unwrap_or((body, "0")),
        Style::Comma => (body, "0"),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (all_digits(whole) && all_digits(decimals)).then_some(text)
}

fn parse(digits: &str, written: &str) -> Result<Decimal, String> {
    // Zeros at either end say nothing: some venues write sixteen decimals of everything.
    let (sign, body) = digits
        .strip_prefix('-')
        .map_or(("", digits), |body| ("-", body));
    let (whole, decimals) = body.split_once('.').unwrap_or((body, ""));
    let (whole, decimals) = (
        whole.trim_start_matches('0'),
        decimals.trim_end_matches('0'),
    );
    if decimals.len() > usize::from(PLACES) {
        let places = decimals.len();
        return Err(format!(
            "\"{}\" has {places} decimals: more than can be kept exactly",
            short(written)
        ));
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if decimals.is_empty() { "" } else { "." };
    let number = format!("{sign}{whole}{point}{decimals}").parse::<Decimal>();
    number
        .map(Decimal::normalized)
        .map_err(|_| out_of_range(written))
}

fn out_of_range(written: &str) -> String {
    format!("\"{}\" is out of range", short(written))
}

/// The number in the notation that is parsed. `None` if it is not one.
fn digits(text: &str, style: Style) -> Option<Result<String, String>> {
    let mut body = text;
    let mut negative = false;
    loop {
        let next = prefixed(body)
            .trim_start_matches(SYMBOLS)
            .trim_start_matches(SPACES);
        let next = match next.strip_prefix(['-', '−']) {
            Some(rest) if !negative => {
                negative = true;
                rest
            }
            Some(_) => return None,
            None => next.strip_prefix('+').unwrap_or(next),
        };
        if next.len() == body.len() {
            break;
        }
        body = next;
    }
    body = body.trim_end_matches(SYMBOLS).trim_end_matches(SPACES);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (decimal, group) = match style {
        Style::Point => ('.', ','),
        Style::Comma => (',', '.'),
    };
    let (whole, decimals) = mantissa.split_once(decimal).unwrap_or((mantissa, ""));
    let whole = ungrouped(whole, group)?;
    if !decimals.bytes().all(|b| b.is_ascii_digit()) || whole.len() + decimals.len() == 0 {
        return None;
    }
    Some(shifted(&whole, decimals, exponent, negative).ok_or_else(|| out_of_range(text)))
}

/// What stands behind the letters of a currency's symbol, as in `CA$12`, `R$12`.
fn prefixed(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
    if text.len() - rest.len() <= 3 && rest.starts_with(SYMBOLS) {
        rest
    } else {
        text
    }
}

/// Digits without the separators of thousands, which must stand where they belong.
fn ungrouped(whole: &str, group: char) -> Option<String> {
    let is_group = |c: char| c == group || SPACES.contains(&c);
    let mut groups = whole.split(is_group);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    if !rest.is_empty() && (first.is_empty() || first.len() > 3 || first == "0") {
        return None;
    }
    if rest.iter().any(|group| group.len() != 3) {
        return None;
    }
    let mut digits = first.to_owned();
    digits.extend(rest);
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(digits)
}

fn shifted(whole: &str, decimals: &str, exponent: i32, negative: bool) -> Option<String> {
    let all = format!("{whole}{decimals}");
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX) + i64::from(exponent);
    let zero = all.bytes().all(|b| b == b'0');
    if !zero && (point.unsigned_abs() as usize > MAX_DIGITS || all.len() > MAX_DIGITS) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let point = if zero { 1 } else { point };
    let number = if point <= 0 {
        format!("{sign}0.{}{all}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let point = point as usize;
        if point >= all.len() {
            format!("{sign}{all}{}", "0".repeat(point - all.len()))
        } else {
            format!("{sign}{}.{}", &all[..point], &all[point..])
        }
    };
    Some(number)
}

/// Evidence of the file's style in a column of amounts.
pub(super) fn evidence<'a>(cells: impl Iterator<Item = &'a str>) -> Evidence {
    let (mut point, mut comma, mut ambiguous) = (false, false, false);
    for cell in cells {
        if !cell.contains([',', '.']) {
            continue;
        }
        let as_point = amount(cell, Style::Point).ok().flatten();
        let as_comma = amount(cell, Style::Comma).ok().flatten();
        match (as_point, as_comma) {
            (Some(one), Some(other)) if one == other => {}
            (Some(_), Some(_)) => ambiguous = true,
            (Some(_), None) => point = true,
            (None, Some(_)) => comma = true,
            (None, None) => {}
        }
    }
    match (point, comma, ambiguous) {
        (true, true, _) => Evidence::Both,
        (false, true, _) => Evidence::Style(Style::Comma),
        (false, false, true) => Evidence::Ambiguous,
        _ => Evidence::Style(Style::Point),
    }
}

/// Reads the amounts of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    style: Style,
    /// True to refuse an amount that is another number in the other style.
    strict: bool,
}

impl Numbers {
    /// The style of a venue that has only one.
    pub(super) const POINT: Self = Self {
        style: Style::Point,
        strict: false,
    };

    /// The style that `cells` show; what the user says where they do not.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>, comma: Option<bool>) -> Self {
        let said = comma.map(|comma| if comma { Style::Comma } else { Style::Point });
        match evidence(cells) {
            Evidence::Style(style) => Self {
                style,
                strict: false,
            },
            Evidence::Both => Self {
                style: said.unwrap_or(Style::Point),
                strict: false,
            },
            Evidence::Ambiguous => Self {
                style: said.unwrap_or(Style::Point),
                strict: said.is_none(),
            },
        }
    }

    /// Reads amounts that nothing settles as the source writes them, unless the options say otherwise.
    pub(super) fn or_point(self) -> Self {
        Self {
            strict: false,
            ..self
        }
    }

    /// Reads an amount; nothing where the cell says there is none.
    pub(super) fn read(self, text: &str) -> Result<Option<Decimal>, String> {
        let read = amount(text, self.style);
        if self.strict && text.contains([',', '.']) {
            let other = amount(text, Style::Comma);
            if let (Ok(Some(one)), Ok(Some(two))) = (&read, &other)
                && one != two
            {
                let text = short(text);
                return Err(format!(
                    "\"{text}\" may be {one} or {two} and no other row settles it: say what stands before the decimals"
                ));
            }
        }
        read
    }
}

/// The number at the start of a text with a unit glued to it, and the unit.
pub(super) fn unit(text: &str) -> Option<(&str, &str)> {
    let bare = text.trim();
    let end = bare.find(|c: char| c.is_alphabetic() || SYMBOLS.contains(&c))?;
    let (number, unit) = bare.split_at(end);
    (!number.is_empty()).then_some((number.trim(), unit.trim()))
}

/// A text cut to what fits a message.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn point(text: &str) -> String {
        match amount(text, Style::Point) {
            Ok(Some(amount)) => amount.to_string(),
            Ok(None) => "none".to_owned(),
            Err(reason) => reason,
        }
    }

    #[test]
    fn amounts_are_read_as_exports_write_them() {
        for (written, read) in [
            ("8E-08", "0.00000008"),
            ("1,148.53000000", "1148.53"),
            ("€1,630.25", "1630.25"),
            ("-€340.35", "-340.35"),
            ("€-340.35", "-340.35"),
            ("-CA$1,340.35", "-1340.35"),
            ("R$12", "12"),
            ("-0.00", "0"),
            ("-0E-8", "0"),
            ("1.2E+3", "1200"),
            ("EUR12", "\"EUR12\" is not a number"),
            ("nan", "\"nan\" is not a number"),
            ("1.5e3", "1500"),
            ("1'234.5", "1234.5"),
            ("1.234", "1.234"),
            ("+.5", "0.5"),
            ("0E-10", "0"),
            ("", "none"),
            ("-", "none"),
            ("--", "none"),
            ("null", "none"),
            ("1_000", "\"1_000\" is not a number"),
            ("12,5", "\"12,5\" is not a number"),
            ("NaN", "\"NaN\" is not a number"),
            ("--5", "\"--5\" is not a number"),
            ("1e400", "\"1e400\" is out of range"),
            ("0.1000000000000000000000000", "0.1"),
            ("007", "7"),
        ] {
            assert_eq!(point(written), read, "{written}");
        }
        let comma = amount("1.234,56 €", Style::Comma).unwrap().unwrap();
        assert_eq!(comma.to_string(), "1234.56");
    }

    #[test]
    fn the_style_of_a_file_is_settled_by_any_amount_that_has_only_one_reading() {
        let of = |cells: &[&str]| evidence(cells.iter().copied());
        assert_eq!(of(&["1.234", "0.5"]), Evidence::Style(Style::Point));
        assert_eq!(of(&["1.234", "0,5"]), Evidence::Style(Style::Comma));
        assert_eq!(of(&["1,234"]), Evidence::Ambiguous);
        assert_eq!(of(&["0.5", "0,5"]), Evidence::Both);
        assert_eq!(of(&["5", "-"]), Evidence::Style(Style::Point));
    }
}
