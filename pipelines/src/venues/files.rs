//! Files of candles that venues let people download: how they are named and what their rows are. Pure;
//! opening, checking and storing is `backfill`'s.

use crate::market::{Candle, Interval, Symbol, Timestamp};
use crate::time_ranges::TimeRange;
use crate::venues::history::{Columns, Quiet, VenueRefusal, amount};
use crate::venues::trade_files::{BinanceTrades, KrakenTrades, TradeFiles, epoch_millis_or_micros};

/// A venue's files.
pub trait CandleFiles: Send + Sync + 'static {
    /// The source that is noted for what they prove, e.g. `binance-files`.
    fn source(&self) -> &'static str;

    /// The content of rows for intervals without trades.
    fn quiet(&self) -> Quiet;

    /// The time that a file of this name speaks about, if it has candles of this instrument and length.
    fn period(&self, name: &str, symbol: &Symbol, interval: Interval) -> Option<Period>;

    /// The candle of a row.
    ///
    /// # Errors
    /// When it cannot be read.
    fn candle(&self, interval: Interval, row: &[&str]) -> Result<Candle, VenueRefusal>;

    /// The files of single trades, which are read for the times of which there are none of candles.
    fn trades(&self) -> Option<&'static dyn TradeFiles> {
        None
    }
}

/// The time that a file speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// This month or day.
    Of(TimeRange),
    /// As much as it holds.
    Unstated,
}

/// The files of a venue, by its lower-case name.
#[must_use]
pub fn files(venue: &str) -> Option<&'static dyn CandleFiles> {
    match venue {
        "binance" => Some(&BinanceFiles),
        "kraken" => Some(&KrakenFiles),
        _ => None,
    }
}

/// <https://github.com/binance/binance-public-data>: `BTCUSDT-1m-2024-01.zip`, `BTCUSDT-1m-2024-01-31.zip`. A
/// row is one of the REST interface; its times are in microseconds from 2025-01-01 on.
struct BinanceFiles;

impl CandleFiles for BinanceFiles {
    fn source(&self) -> &'static str {
        "binance-files"
    }

    fn quiet(&self) -> Quiet {
        Quiet::Flat
    }

    fn period(&self, name: &str, symbol: &Symbol, interval: Interval) -> Option<Period> {
        let date = name
            .strip_suffix(".zip")
            .or_else(|| name.strip_suffix(".csv"))?
            .strip_prefix(symbol.as_str())?
            .strip_prefix(&format!("-{interval}-"))?;
        month_or_day(date).map(Period::Of)
    }

    fn candle(&self, interval: Interval, row: &[&str]) -> Result<Candle, VenueRefusal> {
        let [
            time,
            open,
            high,
            low,
            close,
            volume,
            _,
            quote_volume,
            trades,
            taker_volume,
            ..,
        ] = row
        else {
            return Err(VenueRefusal::unreadable("it has too few columns"));
        };
        let time = epoch_millis_or_micros(whole("time", time)?);
        let columns = Columns {
            open,
            high,
            low,
            close,
            volume,
        };
        let mut candle = columns.candle(interval, time)?;
        candle.quote_volume = amount("quote volume", quote_volume)?;
        candle.trades = whole("number of trades", trades)?.unsigned_abs();
        candle.taker_buy_volume = amount("taker volume", taker_volume)?;
        Ok(candle)
    }

    fn trades(&self) -> Option<&'static dyn TradeFiles> {
        Some(&BinanceTrades)
    }
}

/// The time of `2024-01` or `2024-01-31`.
pub(super) fn month_or_day(date: &str) -> Option<TimeRange> {
    let day = Interval::Day1;
    let begin = |date: &str| Timestamp::parse_rfc3339(&format!("{date}T00:00:00Z")).ok();
    if date.len() == "2024-01-31".len() {
        let from = begin(date)?;
        return Some((from, day.end_of(from)));
    }
    let (year, month) = date.split_once('-')?;
    let (year, month): (i32, u32) = (year.parse().ok()?, month.parse().ok()?);
    let (next_year, next_month) = match month {
        12 => (year + 1, 1),
        _ => (year, month + 1),
    };
    let from = begin(&format!("{year:04}-{month:02}-01"))?;
    let to = begin(&format!("{next_year:04}-{next_month:02}-01"))?;
    Some((from, to))
}

/// Kraken's "Downloadable historical OHLCVT data": `XBTUSD_1.csv`, the length in minutes. A row has time in
/// seconds, open, high, low, close, volume and trades; intervals without trades are absent.
struct KrakenFiles;

impl CandleFiles for KrakenFiles {
    fn source(&self) -> &'static str {
        "kraken-files"
    }

    fn quiet(&self) -> Quiet {
        Quiet::Absent
    }

    fn period(&self, name: &str, symbol: &Symbol, interval: Interval) -> Option<Period> {
        let (pair, minutes) = name.strip_suffix(".csv")?.rsplit_once('_')?;
        let wanted = interval.duration().as_secs() / 60;
        let same = pair == super::kraken::rest_pair(symbol) && minutes == wanted.to_string();
        same.then_some(Period::Unstated)
    }

    fn candle(&self, interval: Interval, row: &[&str]) -> Result<Candle, VenueRefusal> {
        let [time, open, high, low, close, volume, trades] = row else {
            return Err(VenueRefusal::unreadable("it does not have seven columns"));
        };
        let columns = Columns {
            open,
            high,
            low,
            close,
            volume,
        };
        let time = Timestamp::from_seconds(whole("time", time)?);
        let mut candle = columns.candle(interval, time)?;
        candle.trades = whole("number of trades", trades)?.unsigned_abs();
        Ok(candle)
    }

    fn trades(&self) -> Option<&'static dyn TradeFiles> {
        Some(&KrakenTrades)
    }
}

/// A number that is whole and not negative.
fn whole(name: &str, text: &str) -> Result<i64, VenueRefusal> {
    let number: Option<i64> = text.parse().ok();
    number
        .filter(|number| *number >= 0)
        .ok_or_else(|| VenueRefusal::unreadable(format!("the {name} {text:?} is impossible")))
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

    #[test]
    fn binance_names_say_the_time() {
        let of = |name: &str| BinanceFiles.period(name, &symbol("BTCUSDT"), Interval::Minute1);
        let december = (at("2024-12-01T00:00:00Z"), at("2025-01-01T00:00:00Z"));
        assert_eq!(of("BTCUSDT-1m-2024-12.zip"), Some(Period::Of(december)));
        let day = (at("2024-02-29T00:00:00Z"), at("2024-03-01T00:00:00Z"));
        assert_eq!(of("BTCUSDT-1m-2024-02-29.csv"), Some(Period::Of(day)));
        for other in [
            "BTCUSDT-1h-2024-12.zip",
            "ETHUSDT-1m-2024-12.zip",
            "BTCUSDT-1m-2024-13.zip",
            "BTCUSDT-1m-2024-12.zip.CHECKSUM",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn binance_times_are_milliseconds_or_microseconds() {
        let read = |time: &str| {
            let rest = ["1", "2", "1", "2", "5", "0", "7.5", "3", "2.5", "3", "0"];
            let row: Vec<&str> = std::iter::once(time).chain(rest).collect();
            BinanceFiles.candle(Interval::Minute1, &row)
        };
        let old = read("1735689540000").unwrap();
        assert_eq!(old.open_time, at("2024-12-31T23:59:00Z"));
        let new = read("1735689600000000").unwrap();
        assert_eq!(new.open_time, at("2025-01-01T00:00:00Z"));
        assert_eq!(
            (new.trades, new.quote_volume.to_string()),
            (3, "7.5".to_owned())
        );
        assert!(read("1735689600000001").is_err() && read("-1").is_err());
        assert!(BinanceFiles.candle(Interval::Minute1, &["1"]).is_err());
    }

    #[test]
    fn kraken_names_are_those_of_rest() {
        let of = |name: &str| KrakenFiles.period(name, &symbol("BTC/USD"), Interval::Hour1);
        assert_eq!(of("XBTUSD_60.csv"), Some(Period::Unstated));
        assert_eq!(of("XBTUSD_1.csv"), None);
        let row = ["1381095240", "122.0", "122.0", "122.0", "122.0", "0.1", "1"];
        let candle = KrakenFiles.candle(Interval::Minute1, &row).unwrap();
        assert_eq!(
            (candle.trades, candle.volume.to_string()),
            (1, "0.1".to_owned())
        );
    }
}
