//! The `trade` event read at the place where each of its values always is. Binance writes the members
//! of a frame in one order and without blanks; a frame in which anything is different is left to
//! `serde_json`, which needs several times as long.

/// A `trade` event, borrowed from its frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsualTrade<'a> {
    pub(super) symbol: &'a str,
    pub(super) id: u64,
    pub(super) price: &'a str,
    pub(super) quantity: &'a str,
    /// Milliseconds or microseconds since 1970.
    pub(super) time: u64,
    pub(super) buyer_is_maker: bool,
}

/// The trade in a raw or combined frame, if it is written as always.
pub(super) fn usual_trade(frame: &str) -> Option<UsualTrade<'_>> {
    let combined = frame.strip_prefix(r#"{"stream":"#);
    let rest = match combined {
        Some(stream) => string(stream)?.1.strip_prefix(r#","data":"#)?,
        None => frame,
    };
    let (_, rest) = number(rest.strip_prefix(r#"{"e":"trade","E":"#)?)?;
    let (symbol, rest) = string(rest.strip_prefix(r#","s":"#)?)?;
    let (id, rest) = number(rest.strip_prefix(r#","t":"#)?)?;
    let (price, rest) = string(rest.strip_prefix(r#","p":"#)?)?;
    let (quantity, rest) = string(rest.strip_prefix(r#","q":"#)?)?;
    let rest = match rest.strip_prefix(r#","b":"#) {
        // Older frames: the order ids of the buyer and the seller.
        Some(orders) => number(number(orders)?.1.strip_prefix(r#","a":"#)?)?.1,
        None => rest,
    };
    let (time, rest) = number(rest.strip_prefix(r#","T":"#)?)?;
    let (buyer_is_maker, rest) = boolean(rest.strip_prefix(r#","m":"#)?)?;
    let rest = match rest.strip_prefix(r#","M":"#) {
        Some(ignore) => boolean(ignore)?.1,
        None => rest,
    };
    let end = if combined.is_some() { "}}" } else { "}" };
    (rest == end).then_some(UsualTrade {
        symbol,
        id,
        price,
        quantity,
        time,
        buyer_is_maker,
    })
}

/// A string without escapes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = inner
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    let (string, rest) = inner.split_at(end);
    Some((string, rest.strip_prefix('"')?))
}

/// A whole number, as JSON writes it, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

fn boolean(text: &str) -> Option<(bool, &str)> {
    if let Some(rest) = text.strip_prefix("true") {
        return Some((true, rest));
    }
    text.strip_prefix("false").map(|rest| (false, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}"#;

    #[test]
    fn what_binance_sends_is_read_in_place() {
        let trade = UsualTrade {
            symbol: "BTCUSDT",
            id: 3_735_683_259,
            price: "61837.63000000",
            quantity: "0.02000000",
            time: 1_723_161_255_342,
            buyer_is_maker: true,
        };
        let combined = format!(r#"{{"stream":"btcusdt@trade","data":{RAW}}}"#);
        let with_orders = RAW.replace(r#","T""#, r#","b":88,"a":50,"T""#);
        let without_ignore = RAW.replace(r#","M":true"#, "");
        for frame in [RAW, &combined, &with_orders, &without_ignore] {
            assert_eq!(usual_trade(frame).as_ref(), Some(&trade), "{frame}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_general_way() {
        for (from, to) in [
            ("}", ""),
            ("}", "} "),
            ("}", "}}"),
            ("}", r#","X":"NA"}"#),
            ("trade", "aggTrade"),
            ("trade", r"trad\u0065"),
            (r#"":"#, r#"": "#),
            ("BTC", r"\u0042TC"),
            ("BTC", "B\tTC"),
            ("3735683259", "03735683259"),
            ("3735683259", "-3735683259"),
            ("3735683259", r#""3735683259""#),
            ("3735683259", "18446744073709551616"),
            ("3735683259", ""),
            ("1723161255342", "1723161255342.0"),
            ("1723161255342", "1e12"),
            (r#""61837.63000000""#, "61837.63"),
            (r#""m":true"#, r#""m":1"#),
            (r#""m":true,"#, ""),
            (r#""M":true"#, r#""M":null"#),
        ] {
            assert!(RAW.contains(from));
            let frame = RAW.replace(from, to);
            assert_eq!(usual_trade(&frame), None, "{frame}");
        }
    }
}
