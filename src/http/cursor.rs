//! Where the next page begins, as an opaque text.

use coinsphere_pipelines::market::Timestamp;

/// A place in a series of candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeriesCursor {
    /// The page that begins here.
    From(Timestamp),
    /// The page that ends before here.
    To(Timestamp),
}

const ADVICE: &str = "use a next_cursor from an answer to the same request";

impl SeriesCursor {
    pub(super) fn encode(self) -> String {
        match self {
            Self::From(time) => format!("f{:x}", time.nanos()),
            Self::To(time) => format!("t{:x}", time.nanos()),
        }
    }

    pub(super) fn decode(text: &str) -> Result<Self, String> {
        let place = || {
            let (kind, digits) = text.split_at_checked(1)?;
            let nanos = u64::from_str_radix(digits, 16).ok()?.cast_signed();
            let time = Timestamp::from_nanos(nanos);
            match kind {
                "f" => Some(Self::From(time)),
                "t" => Some(Self::To(time)),
                _ => None,
            }
        };
        place().ok_or_else(|| ADVICE.to_owned())
    }
}

/// After this name in a list.
pub(super) fn encode_name(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The name a list goes on after.
pub(super) fn decode_name(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let name = || {
        if bytes.is_empty() || !bytes.len().is_multiple_of(2) || bytes.len() > 512 {
            return None;
        }
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let decoded = bytes.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
        // Names are printable ASCII; nothing else reaches the database.
        let name = String::from_utf8(decoded).ok()?;
        name.bytes().all(|b| b.is_ascii_graphic()).then_some(name)
    };
    name().ok_or_else(|| ADVICE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_garbage_is_refused() {
        for nanos in [i64::MIN, -1, 0, 1_723_161_240_000_000_000, i64::MAX] {
            let time = Timestamp::from_nanos(nanos);
            for cursor in [SeriesCursor::From(time), SeriesCursor::To(time)] {
                assert_eq!(SeriesCursor::decode(&cursor.encode()), Ok(cursor));
            }
        }
        assert_eq!(
            decode_name(&encode_name("kraken:BTC/USD")).unwrap(),
            "kraken:BTC/USD"
        );
        for text in ["", "f", "x1", "fzz", "é", "f11111111111111111"] {
            assert!(SeriesCursor::decode(text).is_err(), "{text:?}");
        }
        for text in ["", "6", "zz", "0a", "+1", "éé"] {
            assert!(decode_name(text).is_err(), "{text:?}");
        }
    }
}
