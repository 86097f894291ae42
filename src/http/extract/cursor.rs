//! Where the next page begins, as an opaque text.

use chrono::{DateTime, Datelike as _, Utc};
use coinsphere_pipelines::market::Timestamp;

use crate::accounts::ListPlace;
use crate::http::extract::params::{Params, limit};
use crate::user_portfolios::TransactionPlace;

/// A place in a series of candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum SeriesCursor {
    /// The page that begins here.
    From(Timestamp),
    /// The page that ends before here.
    To(Timestamp),
}

const ADVICE: &str = "use a next_cursor from an answer to the same request";

impl SeriesCursor {
    pub(in crate::http) fn encode(self) -> String {
        match self {
            Self::From(time) => format!("f{:x}", time.nanos()),
            Self::To(time) => format!("t{:x}", time.nanos()),
        }
    }

    pub(in crate::http) fn decode(text: &str) -> Result<Self, String> {
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
pub(in crate::http) fn encode_name(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The name a list goes on after.
pub(in crate::http) fn decode_name(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let name = || {
        if bytes.is_empty() || !bytes.len().is_multiple_of(2) || bytes.len() > 512 {
            return None;
        }
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let decoded = bytes.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
        // Of names with controls there are none; nothing else reaches the database.
        let name = String::from_utf8(decoded).ok()?;
        (!name.contains(char::is_control)).then_some(name)
    };
    name().ok_or_else(|| ADVICE.to_owned())
}

/// After this place in a list by time.
pub(in crate::http) fn encode_place(place: ListPlace) -> String {
    let micros = place.at.timestamp_micros().cast_unsigned();
    format!("{}{micros:x}", place.id.simple())
}

/// The place a list by time goes on after.
pub(in crate::http) fn decode_place(text: &str) -> Result<ListPlace, String> {
    let place = || {
        let (id, digits) = text.split_at_checked(32)?;
        let micros = u64::from_str_radix(digits, 16).ok()?.cast_signed();
        Some(ListPlace {
            at: DateTime::from_timestamp_micros(micros).filter(is_storable)?,
            id: id.parse().ok()?,
        })
    };
    place().ok_or_else(|| ADVICE.to_owned())
}

/// After this transaction in a list.
pub(in crate::http) fn encode_transaction_place(place: TransactionPlace) -> String {
    format!("{:x}-{:x}", place.at_nanos, place.number)
}

/// The transaction a list goes on after.
pub(in crate::http) fn decode_transaction_place(text: &str) -> Result<TransactionPlace, String> {
    let number = |digits: &str| Some(u64::from_str_radix(digits, 16).ok()?.cast_signed());
    let place = || {
        let (at_nanos, of_instant) = text.split_once('-')?;
        Some(TransactionPlace {
            at_nanos: number(at_nanos)?,
            number: number(of_instant)?,
        })
    };
    place().ok_or_else(|| ADVICE.to_owned())
}

/// Page of a list by time: `limit`, by default 100, and `cursor`.
pub(in crate::http) struct PageRequest {
    pub(in crate::http) after: Option<ListPlace>,
    limit: usize,
}

impl PageRequest {
    /// The most that a page holds.
    const MOST: usize = 500;

    pub(in crate::http) fn take(params: &mut Params) -> Self {
        Self {
            limit: params.take("limit", limit(Self::MOST)).unwrap_or(100),
            after: params.take("cursor", decode_place),
        }
    }

    /// One more than asked for shows whether there is another page.
    pub(in crate::http) fn to_read(&self) -> u32 {
        u32::try_from(self.limit + 1).unwrap_or(u32::MAX)
    }

    /// Cuts what was read to the page; answers where the next one begins.
    pub(in crate::http) fn cut<T>(
        &self,
        read: &mut Vec<T>,
        place: impl Fn(&T) -> ListPlace,
    ) -> Option<String> {
        let more = read.len() > self.limit;
        read.truncate(self.limit);
        let last = read.last().filter(|_| more);
        last.map(|last| encode_place(place(last)))
    }
}

/// The database has no time before 4713 BC; nobody has registered before 1970.
fn is_storable(time: &DateTime<Utc>) -> bool {
    (1970..10_000).contains(&time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_by_time_round_trips() {
        let place = |text: &str| decode_place(text).map(|place| place.at.timestamp_micros());
        let id = "0190a3c8f7d24b1f8a6b2f0c9d4e5f60";
        assert_eq!(
            place(&format!("{id}{:x}", 1_700_000_000_123_456_u64)),
            Ok(1_700_000_000_123_456)
        );
        let text = format!("{id}{:x}", 1_700_000_000_123_456_u64);
        assert_eq!(decode_place(&text).map(encode_place), Ok(text));
        for bad in [
            "",
            id,
            &format!("{id}zz"),
            &format!("{id}ffffffffffffffff"),
            &format!("{id}7fffffffffffffff"),
            &format!("{}z1", &id[1..]),
            "é",
        ] {
            assert!(decode_place(bad).is_err(), "{bad:?}");
        }
    }

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
        let place = TransactionPlace {
            at_nanos: 1_723_161_240_000_000_001,
            number: 17,
        };
        let text = encode_transaction_place(place);
        assert_eq!(decode_transaction_place(&text), Ok(place));
        for text in ["", "-", "1-", "-1", "1-x", "é-1"] {
            assert!(decode_transaction_place(text).is_err(), "{text:?}");
        }
        for text in ["", "f", "x1", "fzz", "é", "f11111111111111111"] {
            assert!(SeriesCursor::decode(text).is_err(), "{text:?}");
        }
        for text in ["", "6", "zz", "0a", "+1", "éé"] {
            assert!(decode_name(text).is_err(), "{text:?}");
        }
    }
}
