//! Which columns of a CSV file are what, as its owner states it. Pure; opening and storing belong to `files`.

use std::fmt;
use std::str::FromStr;

use super::rows::Absence;
use crate::market::{Candle, Interval, Symbol, TakerSide, Timestamp, Trade, TradeId};
use crate::venues::history::{Columns, VenueRefusal, amount};
use crate::venues::trade_files::{impossible, price, quantity, timestamp};

/// What a column can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Time,
    Open,
    High,
    Low,
    Close,
    Volume,
    QuoteVolume,
    Trades,
    TakerBuyVolume,
    Complete,
    Symbol,
    Id,
    Price,
    Quantity,
    Side,
}

const FIELDS: [(&str, Field); 15] = [
    ("time", Field::Time),
    ("open", Field::Open),
    ("high", Field::High),
    ("low", Field::Low),
    ("close", Field::Close),
    ("volume", Field::Volume),
    ("quote_volume", Field::QuoteVolume),
    ("trades", Field::Trades),
    ("taker_buy_volume", Field::TakerBuyVolume),
    ("complete", Field::Complete),
    ("symbol", Field::Symbol),
    ("id", Field::Id),
    ("price", Field::Price),
    ("quantity", Field::Quantity),
    ("side", Field::Side),
];

const CANDLE: [Field; 5] = [
    Field::Open,
    Field::High,
    Field::Low,
    Field::Close,
    Field::Volume,
];
const TRADE: [Field; 2] = [Field::Price, Field::Quantity];

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FIELDS.iter().find(|(_, field)| field == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeFormat {
    /// Since the epoch, in a unit of `10^digits` nanoseconds.
    Epoch {
        digits: u32,
    },
    Rfc3339,
}

/// The columns of CSV files, by their names or numbers.
///
/// As text: `time=open_time:ms,open=open,high=high,low=low,close=close,volume=#6`, for candles; those of trades
/// have `price` and `quantity` instead. `#6` is the sixth column, of files with or without a header. The
/// unit of times is stated: `s`, `ms`, `us`, `ns` or `rfc3339`. Other entries: `separator=;` (or `tab`), and
/// the meaning of absent candles, `absent=hole`, `quiet` or `unknown` (as it is when not stated).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    columns: Vec<(Field, String)>,
    time: TimeFormat,
    absence: Absence,
    separator: u8,
}

fn names() -> String {
    FIELDS.map(|(name, _)| name).join(", ")
}

/// Why a statement of columns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// It is no list of entries.
    #[error("{0:?} is no column: write name=column, e.g. open=o, with entries separated by commas")]
    Entry(String),
    /// No such entry.
    #[error("there is no column {name:?}: use {}, separator or absent", names())]
    Field {
        /// The entry.
        name: String,
    },
    /// An entry's value is not allowed.
    #[error("{entry}={value} cannot be used: expected {expected}")]
    Value {
        /// The entry.
        entry: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A column is stated twice.
    #[error("the column {0} is stated twice")]
    Twice(String),
    /// Columns are missing.
    #[error(
        "{0} is not stated: candles need time, open, high, low, close and volume, trades need time, price and quantity"
    )]
    Missing(String),
    /// Both kinds.
    #[error("the columns of candles and of trades are stated: {0} belongs to the other kind")]
    Both(String),
}

impl FromStr for ColumnMapping {
    type Err = ColumnsError;

    fn from_str(text: &str) -> Result<Self, ColumnsError> {
        let mut columns: Vec<(Field, String)> = Vec::new();
        let (mut time, mut absence, mut separator) = (None, Absence::Unknown, b',');
        for entry in text.split(',') {
            let (name, value) = entry
                .split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| ColumnsError::Entry(entry.to_owned()))?;
            let wrong = |entry, expected| ColumnsError::Value {
                entry,
                value: value.to_owned(),
                expected,
            };
            match name {
                "absent" => {
                    absence = match value {
                        "hole" => Absence::Hole,
                        "quiet" => Absence::Quiet,
                        "unknown" => Absence::Unknown,
                        _ => return Err(wrong("absent", "hole, quiet or unknown")),
                    };
                }
                "separator" => {
                    separator = match value.as_bytes() {
                        b"tab" => b'\t',
                        [one] if one.is_ascii_punctuation() => *one,
                        _ => return Err(wrong("separator", "one sign, e.g. ;, or tab")),
                    };
                }
                _ => {
                    let field = FIELDS.iter().find(|(known, _)| *known == name);
                    let (_, field) = field.ok_or_else(|| ColumnsError::Field {
                        name: name.to_owned(),
                    })?;
                    if columns.iter().any(|(known, _)| known == field) {
                        return Err(ColumnsError::Twice(name.to_owned()));
                    }
                    let mut column = value;
                    if *field == Field::Time {
                        let unit =
                            "a column and its unit, e.g. open_time:ms (s, ms, us, ns or rfc3339)";
                        let stated = value
                            .rsplit_once(':')
                            .and_then(|(column, unit)| Some((column, time_format(unit)?)));
                        let (of_time, format) = stated.ok_or_else(|| wrong("time", unit))?;
                        (column, time) = (of_time, Some(format));
                    }
                    columns.push((*field, column.to_owned()));
                }
            }
        }
        let has = |field: &Field| columns.iter().any(|(known, _)| known == field);
        let trades = has(&Field::Price);
        let needed: &[Field] = if trades { &TRADE } else { &CANDLE };
        if let Some(missing) = needed.iter().find(|field| !has(field)) {
            return Err(ColumnsError::Missing(missing.to_string()));
        }
        let other: &[Field] = if trades { &CANDLE } else { &TRADE };
        if let Some(field) = other.iter().find(|field| has(field)) {
            return Err(ColumnsError::Both(field.to_string()));
        }
        Ok(Self {
            time: time.ok_or_else(|| ColumnsError::Missing(Field::Time.to_string()))?,
            columns,
            absence,
            separator,
        })
    }
}

fn time_format(unit: &str) -> Option<TimeFormat> {
    let digits = match unit {
        "s" => 9,
        "ms" => 6,
        "us" => 3,
        "ns" => 0,
        "rfc3339" => return Some(TimeFormat::Rfc3339),
        _ => return None,
    };
    Some(TimeFormat::Epoch { digits })
}

impl ColumnMapping {
    /// The meaning of absent candles.
    pub(super) const fn absence(&self) -> Absence {
        self.absence
    }

    /// The sign between columns.
    pub(super) const fn separator(&self) -> u8 {
        self.separator
    }

    /// Returns whether rows are trades.
    pub(super) fn of_trades(&self) -> bool {
        self.columns.iter().any(|(field, _)| *field == Field::Price)
    }

    /// Returns whether trades have numbers, which are contiguous.
    pub(super) fn numbered(&self) -> bool {
        self.columns.iter().any(|(field, _)| *field == Field::Id)
    }

    /// The places of the columns in a file that begins with this row; and whether that is a header.
    pub(super) fn places(&self, first: &csv::StringRecord) -> Result<(Places<'_>, bool), String> {
        let mut places = Vec::new();
        let mut header = false;
        for (field, column) in &self.columns {
            let number = column
                .strip_prefix('#')
                .and_then(|n| n.parse::<usize>().ok());
            let place = match number {
                Some(number) => number.checked_sub(1).filter(|place| *place < first.len()),
                None => {
                    header = true;
                    // The mark that some programs write at the beginning of a file is no part of a name.
                    let same = |name: &str| name.trim_start_matches('\u{feff}').trim() == column;
                    first.iter().position(same)
                }
            };
            let place = place.ok_or_else(|| {
                let names: Vec<&str> = first.iter().take(30).collect();
                format!(
                    "there is no column {column} for {field} in {}",
                    names.join(", ")
                )
            })?;
            places.push((*field, place));
        }
        let places = Places {
            mapping: self,
            places,
        };
        // With numbers alone, a first row that cannot be read is a header.
        let header = header || places.time(first).is_err();
        Ok((places, header))
    }
}

/// The places of columns in a file.
#[derive(Debug)]
pub(super) struct Places<'a> {
    mapping: &'a ColumnMapping,
    places: Vec<(Field, usize)>,
}

/// A row of candles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CandleRow {
    /// A candle.
    Whole(Candle),
    /// One that the file says is not whole.
    Incomplete(Timestamp),
}

impl Places<'_> {
    fn text<'r>(&self, row: &'r csv::StringRecord, field: Field) -> Option<&'r str> {
        let (_, place) = self.places.iter().find(|(known, _)| *known == field)?;
        Some(row.get(*place).unwrap_or_default().trim())
    }

    fn needed<'r>(
        &self,
        row: &'r csv::StringRecord,
        field: Field,
    ) -> Result<&'r str, VenueRefusal> {
        self.text(row, field)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| VenueRefusal::unreadable(format!("there is no {field}")))
    }

    fn time(&self, row: &csv::StringRecord) -> Result<Timestamp, VenueRefusal> {
        let text = self.needed(row, Field::Time)?;
        let time = match self.mapping.time {
            TimeFormat::Epoch { digits } => timestamp(text, digits),
            TimeFormat::Rfc3339 => Timestamp::parse_rfc3339(text).ok(),
        };
        time.ok_or_else(|| impossible("time", text))
    }

    /// Returns whether a row is of this instrument.
    pub(super) fn is_of(&self, row: &csv::StringRecord, symbol: &Symbol) -> bool {
        self.text(row, Field::Symbol)
            .is_none_or(|text| text == symbol.as_str())
    }

    /// The candle of a row.
    pub(super) fn candle(
        &self,
        interval: Interval,
        row: &csv::StringRecord,
    ) -> Result<CandleRow, VenueRefusal> {
        let columns = Columns {
            open: self.needed(row, Field::Open)?,
            high: self.needed(row, Field::High)?,
            low: self.needed(row, Field::Low)?,
            close: self.needed(row, Field::Close)?,
            volume: self.needed(row, Field::Volume)?,
        };
        let time = self.time(row)?;
        let complete = match self.text(row, Field::Complete) {
            None => true,
            Some(text) => truth(text).ok_or_else(|| impossible("mark complete", text))?,
        };
        let mut candle = columns.candle(interval, Some(time))?;
        if !complete {
            return Ok(CandleRow::Incomplete(time));
        }
        if let Some(text) = self.text(row, Field::QuoteVolume) {
            candle.quote_volume = amount("quote volume", text)?;
        }
        if let Some(text) = self.text(row, Field::TakerBuyVolume) {
            candle.taker_buy_volume = amount("taker volume", text)?;
        }
        if let Some(text) = self.text(row, Field::Trades) {
            let trades = text.parse();
            candle.trades = trades.map_err(|_| impossible("number of trades", text))?;
        }
        if candle.taker_buy_volume > candle.volume {
            return Err(VenueRefusal::unreadable(format!(
                "takers buy more than all of the candle at {time}"
            )));
        }
        Ok(CandleRow::Whole(candle))
    }

    /// The trade of a row. Without numbers it gets that of its line.
    pub(super) fn trade(&self, line: u64, row: &csv::StringRecord) -> Result<Trade, VenueRefusal> {
        let id = match self.text(row, Field::Id) {
            None => line,
            Some(text) => text.parse().map_err(|_| impossible("number", text))?,
        };
        let taker = match self.text(row, Field::Side) {
            None => TakerSide::Sell,
            Some(text) if text.eq_ignore_ascii_case("buy") || text.eq_ignore_ascii_case("b") => {
                TakerSide::Buy
            }
            Some(text) if text.eq_ignore_ascii_case("sell") || text.eq_ignore_ascii_case("s") => {
                TakerSide::Sell
            }
            Some(text) => return Err(impossible("side", text)),
        };
        Ok(Trade {
            id: TradeId(id),
            time: self.time(row)?,
            price: price(self.needed(row, Field::Price)?)?,
            quantity: quantity(self.needed(row, Field::Quantity)?)?,
            taker,
        })
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" => Some(true),
        "false" | "f" | "0" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(text: &str) -> ColumnMapping {
        text.parse().unwrap()
    }

    fn row(text: &str) -> csv::StringRecord {
        text.split(',').collect()
    }

    fn refused(text: &str) -> String {
        text.parse::<ColumnMapping>().unwrap_err().to_string()
    }

    const CANDLES: &str = "time=t:s,open=o,high=h,low=l,close=c,volume=v";

    #[test]
    fn columns_are_found_by_name_or_number() {
        let named = mapping(&format!("{CANDLES},trades=n,complete=whole,absent=quiet"));
        assert_eq!(
            (named.absence(), named.of_trades()),
            (Absence::Quiet, false)
        );
        let header = row("\u{feff}v, c ,l,h,o,t,n,whole");
        let (places, is_header) = named.places(&header).unwrap();
        assert!(is_header);
        let read = |text: &str| places.candle(Interval::Minute1, &row(text));
        let CandleRow::Whole(candle) = read("7,3,1,4,2,60,9,true").unwrap() else {
            panic!("it is whole");
        };
        let prices = [
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
        ];
        assert_eq!(prices.map(|p| p.to_string()), ["2", "4", "1", "3", "7"]);
        assert_eq!((candle.trades, candle.open_time.millis()), (9, 60_000));
        let open = read("7,3,1,4,2,60,9,false").unwrap();
        assert_eq!(open, CandleRow::Incomplete(candle.open_time));
        for wrong in [
            "7,3,1,4,2,61,9,true",
            "7,3,1,4,5,60,9,true",
            "7,3,1,4,2,60,-9,true",
            "7,3,1,4,,60,9,true",
            "7,3,1,4,2,60,9,perhaps",
            "7,3,1,4",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(
            named
                .places(&row("a,b"))
                .unwrap_err()
                .contains("no column t for time")
        );

        let numbers = "time=#1:ms,open=#2,high=#3,low=#4,close=#5,volume=#6";
        let numbered = mapping(numbers);
        let (_, is_header) = numbered.places(&row("60000,2,4,1,3,7")).unwrap();
        assert!(!is_header, "a row");
        let (_, is_header) = numbered.places(&row("t,o,h,l,c,v")).unwrap();
        assert!(is_header);
        assert!(numbered.places(&row("60000,2,4,1,3")).is_err(), "too few");
    }

    #[test]
    fn trades_have_a_side_where_it_is_stated() {
        let text = "time=at:rfc3339,price=p,quantity=q,side=s,id=n,symbol=pair,separator=;";
        let trades = mapping(text);
        assert!(trades.of_trades() && trades.numbered());
        assert_eq!(trades.separator(), b';');
        let (places, _) = trades.places(&row("at,p,q,s,n,pair")).unwrap();
        let one = row("2024-01-01T00:00:00.5Z,1.50,2,BUY,77,BTC-USD");
        let trade = places.trade(4, &one).unwrap();
        assert_eq!((trade.id.0, trade.taker), (77, TakerSide::Buy));
        assert_eq!(trade.time.millis(), 1_704_067_200_500);
        assert!(places.is_of(&one, &Symbol::new("BTC-USD").unwrap()));
        assert!(!places.is_of(&one, &Symbol::new("ETH-USD").unwrap()));
        assert!(
            places
                .trade(5, &row("2024-01-01T00:00:00Z,1,2,up,7,x"))
                .is_err()
        );
        assert!(places.trade(5, &row("1704067200,1,2,buy,7,x")).is_err());
    }

    #[test]
    fn what_is_not_stated_well_is_said() {
        assert!(refused("time=t:s,open=o").contains("high is not stated"));
        assert!(refused(&format!("{CANDLES},price=p")).contains("quantity is not stated"));
        let both = format!("{CANDLES},price=p,quantity=q");
        assert!(refused(&both).contains("open belongs to the other kind"));
        assert!(refused("open=o,high=h,low=l,close=c,volume=v").contains("time is not stated"));
        assert!(refused("time=t,price=p,quantity=q").contains("e.g. open_time:ms"));
        assert!(refused("price=p,price=q").contains("stated twice"));
        assert!(refused("colour=red").contains("use time, open"));
        assert!(refused("price").contains("name=column"));
        assert!(refused("separator=ab").contains("one sign"));
        assert!(refused("absent=maybe").contains("hole, quiet or unknown"));
    }
}
