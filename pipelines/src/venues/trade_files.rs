//! Files of single trades that venues let people download: how they are named and what their rows are. Pure;
//! opening, checking and making candles of them is `backfill`'s.

use rust_decimal::prelude::ToPrimitive as _;

use super::files::{Period, month_or_day};
use crate::market::{
    Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId, exact_decimal, exact_product,
    parse_exact,
};
use crate::venues::history::VenueRefusal;

/// A venue's files of trades, which are in the order in which they happened.
pub trait TradeFiles: Send + Sync + 'static {
    /// Returns whether the trades have the venue's contiguous numbers, so that a missing one shows.
    fn numbered(&self) -> bool;

    /// The time that a file of this name speaks about, if it has trades of this instrument.
    fn period(&self, name: &str, symbol: &Symbol) -> Option<Period>;

    /// The trade of a row. Where the file has no numbers, it gets that of its line.
    ///
    /// # Errors
    /// When it cannot be read.
    fn trade(&self, line: u64, row: &csv::StringRecord) -> Result<Trade, VenueRefusal>;
}

/// <https://github.com/binance/binance-public-data>: `BTCUSDT-trades-2024-01.zip`, `BTCUSDT-trades-2024-01-31.zip`.
/// A row has number, price, quantity, quote quantity, time, whether the buyer is the maker, and whether it
/// was the best match; times are in microseconds from 2025-01-01 on.
pub(super) struct BinanceTrades;

impl TradeFiles for BinanceTrades {
    fn numbered(&self) -> bool {
        true
    }

    fn period(&self, name: &str, symbol: &Symbol) -> Option<Period> {
        let date = name
            .strip_suffix(".zip")
            .or_else(|| name.strip_suffix(".csv"))?
            .strip_prefix(symbol.as_str())?
            .strip_prefix("-trades-")?;
        month_or_day(date).map(Period::Of)
    }

    fn trade(&self, _: u64, row: &csv::StringRecord) -> Result<Trade, VenueRefusal> {
        let column = columns(row, 6)?;
        let id = column(0)
            .parse()
            .map_err(|_| impossible("number", column(0)))?;
        let time = column(4).parse().ok().and_then(epoch_millis_or_micros);
        let taker = match column(5) {
            "True" | "true" => TakerSide::Sell,
            "False" | "false" => TakerSide::Buy,
            other => return Err(impossible("side", other)),
        };
        Ok(Trade {
            id: TradeId(id),
            time: time.ok_or_else(|| impossible("time", column(4)))?,
            price: price(column(1))?,
            quantity: quantity(column(2))?,
            taker,
        })
    }
}

/// Kraken's "Downloadable historical market data (time and sales)": `XBTUSD.csv`. A row has time in seconds,
/// price and volume; who took is not said, so that the taker's volume stays 0.
pub(super) struct KrakenTrades;

impl TradeFiles for KrakenTrades {
    fn numbered(&self) -> bool {
        false
    }

    fn period(&self, name: &str, symbol: &Symbol) -> Option<Period> {
        let same = name.strip_suffix(".csv")? == super::kraken::rest_pair(symbol);
        same.then_some(Period::Unstated)
    }

    fn trade(&self, line: u64, row: &csv::StringRecord) -> Result<Trade, VenueRefusal> {
        let column = columns(row, 3)?;
        Ok(Trade {
            id: TradeId(line),
            time: timestamp(column(0), 9).ok_or_else(|| impossible("time", column(0)))?,
            price: price(column(1))?,
            quantity: quantity(column(2))?,
            taker: TakerSide::Sell,
        })
    }
}

/// The columns of a row by their place, of which there are at least so many.
fn columns<'r>(
    row: &'r csv::StringRecord,
    least: usize,
) -> Result<impl Fn(usize) -> &'r str, VenueRefusal> {
    if row.len() < least {
        return Err(VenueRefusal::unreadable("it has too few columns"));
    }
    Ok(move |place| row.get(place).unwrap_or_default())
}

/// Times from here on are microseconds: as milliseconds it would be the year 5138.
const MICROS_FROM: i64 = 100_000_000_000_000;

/// Milliseconds since the epoch, or microseconds; `None` if negative.
pub(super) fn epoch_millis_or_micros(number: i64) -> Option<Timestamp> {
    match number {
        MICROS_FROM.. => Timestamp::from_micros(number),
        0.. => Timestamp::from_millis(number),
        _ => None,
    }
}

/// A time since the epoch, whole or with a fraction, in a unit of `10^digits` nanoseconds; `None` if it is no
/// number, negative or out of range.
pub(crate) fn timestamp(text: &str, digits: u32) -> Option<Timestamp> {
    let nanos = match text.parse::<i64>() {
        Ok(whole) => whole.checked_mul(10_i64.pow(digits))?,
        Err(_) => {
            let unit = exact_decimal(1, i64::from(digits))?;
            // Digits beyond the nanosecond are given up.
            exact_product(parse_exact(text)?, unit)?.trunc().to_i64()?
        }
    };
    (nanos >= 0).then(|| Timestamp::from_nanos(nanos))
}

pub(crate) fn price(text: &str) -> Result<Price, VenueRefusal> {
    Price::parse(text).map_err(|_| impossible("price", text))
}

pub(crate) fn quantity(text: &str) -> Result<Quantity, VenueRefusal> {
    Quantity::parse(text).map_err(|_| impossible("quantity", text))
}

pub(crate) fn impossible(name: &str, text: &str) -> VenueRefusal {
    VenueRefusal::unreadable(format!("the {name} {text:?} is impossible"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        Symbol::new(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn row(text: &str) -> csv::StringRecord {
        text.split(',').collect()
    }

    #[test]
    fn binance_names_say_instrument_and_time() {
        let of = |name: &str| BinanceTrades.period(name, &symbol("BTCUSDT"));
        let month = (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z"));
        assert_eq!(of("BTCUSDT-trades-2024-02.zip"), Some(Period::Of(month)));
        let day = (at("2024-02-29T00:00:00Z"), at("2024-03-01T00:00:00Z"));
        assert_eq!(of("BTCUSDT-trades-2024-02-29.csv"), Some(Period::Of(day)));
        for other in [
            "BTCUSDT-aggTrades-2024-02.zip",
            "BTCUSDT-1m-2024-02.zip",
            "ETHBTCUSDT-trades-2024-02.zip",
            "BTCUSDT-trades-2024-02.zip.CHECKSUM",
            "BTCUSDT-trades-2024-13.zip",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn binance_rows_are_in_milliseconds_or_microseconds() {
        let read = |text: &str| BinanceTrades.trade(1, &row(text));
        let old =
            read("3735683259,61837.63000000,0.00012000,7.42,1723161255000,True,True").unwrap();
        assert_eq!((old.id.0, old.taker), (3_735_683_259, TakerSide::Sell));
        assert_eq!(old.time, at("2024-08-08T23:54:15Z"));
        assert_eq!(
            (old.price.to_string(), old.quantity.to_string()),
            ("61837.63".to_owned(), "0.00012".to_owned())
        );
        let new = read("7,1,2,2,1735689600000001,false,true").unwrap();
        assert_eq!(
            (new.time.nanos(), new.taker),
            (1_735_689_600_000_001_000, TakerSide::Buy)
        );
        for wrong in [
            "7,1,2,2,1735689600000",
            "x,1,2,2,1735689600000,true,true",
            "7,0,2,2,1735689600000,true,true",
            "7,1,-2,2,1735689600000,true,true",
            "7,1,2,2,-1,true,true",
            "7,1,2,2,1735689600000,yes,true",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kraken_rows_have_seconds_and_no_side() {
        let of = |name: &str| KrakenTrades.period(name, &symbol("BTC/USD"));
        assert_eq!(of("XBTUSD.csv"), Some(Period::Unstated));
        assert_eq!((of("XBTUSD_1.csv"), of("ETHUSD.csv")), (None, None));
        let read = |text: &str| KrakenTrades.trade(5, &row(text));
        let trade = read("1381095255,122.00000,0.10000000").unwrap();
        assert_eq!((trade.id.0, trade.time), (5, at("2013-10-06T21:34:15Z")));
        let fraction = read("1381095255.1234567891,122,0.1").unwrap();
        assert_eq!(fraction.time.nanos(), 1_381_095_255_123_456_789);
        assert!(read("1381095255,122.0").is_err() && read("x,1,1").is_err());
        assert!(read("-5,1,1").is_err() && read("99999999999999,1,1").is_err());
    }
}
