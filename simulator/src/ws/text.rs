//! Times and order ids as the venues spell them.

use chrono::DateTime;

use crate::market::hash;

/// `2021-04-17T16:43:37.089723Z`: always six fractional digits.
pub(crate) fn rfc3339(us: i64) -> String {
    DateTime::from_timestamp_micros(us)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The same without trailing zeros, as Coinbase Advanced prints it: `2026-09-30T02:39:59.4104Z`.
pub(crate) fn rfc3339_trimmed(us: i64) -> String {
    let text = rfc3339(us);
    let kept = text
        .trim_end_matches('Z')
        .trim_end_matches('0')
        .trim_end_matches('.');
    format!("{kept}Z")
}

/// An order id that follows from the trade: a version 4 UUID in looks.
pub(crate) fn order_id(key: u64, id: u64) -> String {
    let (a, b) = (hash(key, id), hash(key ^ 1, id));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xFFFF,
        a & 0xFFF,
        0x8000 | ((b >> 48) & 0x3FFF),
        b & 0xFFFF_FFFF_FFFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelt_as_recorded() {
        assert_eq!(
            rfc3339(1_618_677_817_089_720),
            "2021-04-17T16:43:37.089720Z"
        );
        assert_eq!(
            rfc3339_trimmed(1_790_735_999_410_400),
            "2026-09-30T02:39:59.4104Z"
        );
        assert_eq!(
            rfc3339_trimmed(1_790_736_000_000_000),
            "2026-09-30T02:40:00Z"
        );
        assert_eq!(order_id(1, 2).len(), 36);
    }
}
