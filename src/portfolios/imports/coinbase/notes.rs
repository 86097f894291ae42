//! The notes of the retail report: the only place that says what a conversion gave and what an Advanced Trade
//! was against. They follow the language of the account, so their numbers have a style of their own.

use crate::Decimal;
use crate::imports::numbers::{Style, amount};

/// An amount of something named in a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub number: String,
    pub asset: String,
}

/// The amounts that a note names: numbers with a ticker behind them.
pub(super) fn named(note: &str) -> Vec<Named> {
    let words: Vec<&str> = note.split_whitespace().collect();
    words
        .windows(2)
        .filter_map(|pair| {
            let number = pair[0]
                .trim_matches(|c: char| !c.is_alphanumeric() && c != '-' && c != '.' && c != ',');
            let asset = pair[1].trim_end_matches(['.', ',', ';']);
            let is_number =
                number.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
            let is_ticker = !asset.is_empty()
                && asset.len() <= 16
                && asset
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                && asset.chars().any(|c| c.is_ascii_uppercase());
            let (number, asset) = (number.to_owned(), asset.to_owned());
            (is_number && is_ticker).then_some(Named { number, asset })
        })
        .collect()
}

/// The pair that a note names, as in `on SOL-USDC`, and the rate, as in `at 178.01 USDC/SOL`.
pub(super) fn pair_and_rate(note: &str) -> (Option<(&str, &str)>, Option<&str>) {
    let words: Vec<&str> = note
        .split_whitespace()
        .map(|word| word.trim_end_matches(['.', ';']))
        .collect();
    let is_ticker = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let pair = words.iter().find_map(|word| {
        let (base, quote) = word.split_once('-')?;
        (is_ticker(base) && is_ticker(quote)).then_some((base, quote))
    });
    let rate = words.windows(2).find_map(|two| {
        let (quote, base) = two[1].split_once('/')?;
        (pair == Some((base, quote)) && two[0].contains(|c: char| c.is_ascii_digit()))
            .then_some(two[0])
    });
    (pair, rate)
}

/// The style in which a note's first number is the amount of its row. `None`: in neither, or in both with
/// another number left open.
pub(super) fn style(
    first: &str,
    quantity: Decimal,
    others: &[&str],
    settled: Option<Style>,
) -> Result<Style, Mismatch> {
    let read = |text: &str, style| amount(text, style).ok().flatten().map(Decimal::abs);
    let fits = |style| {
        read(first, style) == Some(quantity.abs())
            && others.iter().all(|text| read(text, style).is_some())
    };
    match (fits(Style::Point), fits(Style::Comma)) {
        (true, false) => Ok(Style::Point),
        (false, true) => Ok(Style::Comma),
        (false, false) => Err(Mismatch::NotTheAmount),
        (true, true) => {
            let same = others
                .iter()
                .all(|text| read(text, Style::Point) == read(text, Style::Comma));
            if same {
                Ok(Style::Point)
            } else {
                settled.ok_or(Mismatch::Ambiguous)
            }
        }
    }
}

/// Why a note does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    NotTheAmount,
    Ambiguous,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn amounts_and_pairs_are_found_in_any_language() {
        let texts = |note| -> Vec<(String, String)> {
            named(note)
                .into_iter()
                .map(|named| (named.number, named.asset))
                .collect()
        };
        let pair = |number: &str, asset: &str| (number.to_owned(), asset.to_owned());
        assert_eq!(
            texts("Converted 0.5 ETH to 0.0118 BTC"),
            [pair("0.5", "ETH"), pair("0.0118", "BTC")]
        );
        assert_eq!(
            texts("0,5 ETH in 0,0118 BTC umgewandelt"),
            [pair("0,5", "ETH"), pair("0,0118", "BTC")]
        );
        assert!(texts("Thank you!").is_empty());
        let note = "Bought 3 SOL for 537.228 USDC on SOL-USDC at 178.01 USDC/SOL";
        assert_eq!(pair_and_rate(note), (Some(("SOL", "USDC")), Some("178.01")));
    }

    #[test]
    fn the_rows_own_amount_settles_the_style_of_its_note() {
        let quantity: Decimal = "1234".parse().unwrap();
        assert_eq!(style("1,234", quantity, &["5,678"], None), Ok(Style::Point));
        let quantity: Decimal = "1.234".parse().unwrap();
        assert_eq!(style("1,234", quantity, &["5,678"], None), Ok(Style::Comma));
        let one: Decimal = "1".parse().unwrap();
        assert_eq!(style("1", one, &["5,678"], None), Err(Mismatch::Ambiguous));
        assert_eq!(
            style("1", one, &["5,678"], Some(Style::Comma)),
            Ok(Style::Comma)
        );
        assert_eq!(style("2", one, &["5.6"], None), Err(Mismatch::NotTheAmount));
    }
}
