//! Suggestions for misspelt names: the most alike of the names there are.

/// The most names that are compared with.
pub(super) const COMPARED: usize = 2_000;

/// The name most like `text`, if one is alike enough to be meant.
pub(super) fn meant<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = letters(text);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    let most = (wanted.len() / 3).clamp(1, 3);
    let named = names.into_iter().take(COMPARED);
    let near = named.map(|name| {
        let letters = letters(name);
        let longer = wanted.len().abs_diff(letters.len());
        (distance(&wanted, &letters), longer, name)
    });
    near.filter(|(distance, ..)| *distance <= most)
        .min()
        .map(|(.., name)| name)
}

/// The letters and digits, in one case: `btc-usd` and `BTC/USD` are alike.
fn letters(text: &str) -> Vec<char> {
    let kept = text.chars().filter(|character| character.is_alphanumeric());
    kept.flat_map(char::to_uppercase).collect()
}

/// The number of characters to change, leave out, put in or swap with the next (optimal string alignment).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (at, left) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (place, right) in other.iter().enumerate() {
            let changed = last[place] + usize::from(left != right);
            let mut least = changed.min(last[place + 1] + 1).min(row[place] + 1);
            if at > 0 && place > 0 && *left == other[place - 1] && *right == one[at - 1] {
                least = least.min(before[place - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_and_another_spelling_are_understood_and_nonsense_is_not() {
        let symbols = ["BTCUSDT", "ETHUSDT", "BTC-USD", "SOLUSDT"];
        for (text, wanted) in [
            ("BTCUSTD", Some("BTCUSDT")),
            ("btc/usdt", Some("BTCUSDT")),
            ("BTC/USD", Some("BTC-USD")),
            ("ETHUSD", Some("ETHUSDT")),
            ("QQQQQQQ", None),
            ("", None),
        ] {
            assert_eq!(meant(text, symbols), wanted, "{text}");
        }
        assert_eq!(
            meant("binanse", ["kraken", "binance"]),
            Some("binance"),
            "a venue"
        );
    }
}
