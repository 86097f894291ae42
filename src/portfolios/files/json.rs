//! Files of transactions as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate};
use chrono_tz::Tz;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FileError, check};
use crate::decimal::{Decimal, quoted};
use crate::ledger::is_money;
use crate::prices::Prices;
use crate::transaction::{
    Acquired, FORMAT, Kind, Leg, NamedLot, Transaction, TransactionFile, VERSION, format_time,
    parse_time,
};

/// The document; members that are not of the format are left alone.
#[derive(Deserialize)]
struct Document {
    format: Option<String>,
    version: Option<u32>,
    currency: String,
    #[serde(default, deserialize_with = "timezone")]
    timezone: Option<Tz>,
    transactions: Vec<Transaction>,
    #[serde(default, deserialize_with = "prices")]
    prices: Prices,
}

/// A transaction as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    #[serde(deserialize_with = "time")]
    time: DateTime<FixedOffset>,
    #[serde(deserialize_with = "from_text")]
    kind: Kind,
    account: String,
    to_account: Option<String>,
    sent: Option<Leg>,
    received: Option<Leg>,
    #[serde(default)]
    fees: Vec<Leg>,
    value: Option<Decimal>,
    basis: Option<Decimal>,
    #[serde(default, deserialize_with = "optional_from_text")]
    acquired: Option<Acquired>,
    #[serde(default)]
    lots: Vec<NamedLot>,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Reads a file of transactions.
///
/// # Errors
/// If it is none, or wrong anywhere: with the place and what is wrong there.
pub fn read_json(bytes: &[u8]) -> Result<TransactionFile, FileError> {
    let text = super::text(bytes)?;
    // To know the place of a fault takes half of the time: it is looked for where there is one.
    let document = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(_) => document_or_place(text)?,
    };
    let wrong = |path: &str, message: String| FileError::Json {
        path: path.to_owned(),
        message,
    };
    if let Some(format) = document.format.filter(|format| format != FORMAT) {
        let message = format!("{} is not {FORMAT:?}", quoted(&format));
        return Err(wrong("format", message));
    }
    if let Some(version) = document.version.filter(|&version| version != VERSION) {
        let message = format!("version {version} is not known, only {VERSION} is");
        return Err(wrong("version", message));
    }
    if document.currency.trim().is_empty() || document.currency.chars().count() > 64 {
        return Err(wrong("currency", "it is empty or too long".to_owned()));
    }
    check(&document.transactions)?;
    // Codes of money are written in any case.
    let code = document.currency.to_uppercase();
    Ok(TransactionFile {
        currency: if is_money(&code) {
            code
        } else {
            document.currency
        },
        timezone: document.timezone.unwrap_or(Tz::UTC),
        transactions: document.transactions,
        prices: document.prices,
    })
}

/// Reads a document with the place of what is wrong with it.
fn document_or_place(text: &str) -> Result<Document, FileError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." {
            "the document".to_owned()
        } else {
            path
        };
        FileError::Json {
            path,
            message: error.into_inner().to_string(),
        }
    })?;
    deserializer.end().map_err(|error| {
        FileError::NotTheFormat(format!("there is something after the document: {error}"))
    })?;
    Ok(document)
}

/// Writes a file of transactions; each transaction is a line.
#[must_use]
pub fn write_json(file: &TransactionFile) -> String {
    let json = |value: &dyn erased::Json| value.text();
    let mut out = format!(
        "{{\"format\": {}, \"version\": {VERSION}, \"currency\": {}, \"timezone\": {},\n \"transactions\": [",
        json(&FORMAT),
        json(&file.currency),
        json(&file.timezone.name()),
    );
    for (index, transaction) in file.transactions.iter().enumerate() {
        out.push_str(if index == 0 { "\n  " } else { ",\n  " });
        out.push_str(&json(transaction));
    }
    out.push(']');
    if !file.prices.is_empty() {
        out.push_str(",\n \"prices\": {");
        for (index, (asset, series)) in file.prices.assets().enumerate() {
            out.push_str(if index == 0 { "\n  " } else { ",\n  " });
            let days: BTreeMap<_, _> = series.days().iter().copied().collect();
            out.push_str(&format!("{}: {}", json(&asset), json(&days)));
        }
        out.push('}');
    }
    out.push_str("}\n");
    out
}

/// Serialisation that cannot fail: strings, decimals and dates in structures of this module.
mod erased {
    use serde::Serialize;

    pub(super) trait Json {
        fn text(&self) -> String;
    }

    impl<T: Serialize> Json for T {
        fn text(&self) -> String {
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}

/// As in a file.
impl Serialize for Transaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let row = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &row.id)?;
        map.serialize_entry("time", &format_time(&row.time))?;
        map.serialize_entry("kind", &row.kind)?;
        map.serialize_entry("account", &row.account)?;
        if let Some(to) = &row.to_account {
            map.serialize_entry("to_account", to)?;
        }
        if let Some(leg) = &row.sent {
            map.serialize_entry("sent", leg)?;
        }
        if let Some(leg) = &row.received {
            map.serialize_entry("received", leg)?;
        }
        if !row.fees.is_empty() {
            map.serialize_entry("fees", &row.fees)?;
        }
        if let Some(value) = &row.value {
            map.serialize_entry("value", value)?;
        }
        if let Some(basis) = &row.basis {
            map.serialize_entry("basis", basis)?;
        }
        if let Some(acquired) = &row.acquired {
            map.serialize_entry("acquired", &acquired.to_string())?;
        }
        if !row.lots.is_empty() {
            map.serialize_entry("lots", &row.lots)?;
        }
        if let Some(note) = &row.note {
            map.serialize_entry("note", note)?;
        }
        if !row.tags.is_empty() {
            map.serialize_entry("tags", &row.tags)?;
        }
        map.end()
    }
}

/// As in a file: what is read is not checked yet.
impl<'de> Deserialize<'de> for Transaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Row::deserialize(deserializer).map(Into::into)
    }
}

impl From<Row> for Transaction {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            time: row.time,
            kind: row.kind,
            account: row.account,
            to_account: row.to_account,
            sent: row.sent,
            received: row.received,
            fees: row.fees,
            value: row.value,
            basis: row.basis,
            acquired: row.acquired,
            lots: row.lots,
            note: row.note.filter(|note| !note.is_empty()),
            tags: row.tags,
        }
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<FixedOffset>, D::Error> {
    deserializer.deserialize_str(Text(parse_time))
}

/// Reads a text by a function, without a copy of it.
struct Text<F>(F);

impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<R: de::Error>(self, text: &str) -> Result<T, R> {
        (self.0)(text).map_err(R::custom)
    }
}

fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    deserializer.deserialize_str(Text(str::parse::<T>))
}

fn optional_from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
}

fn timezone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tz>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    name.map(|name| {
        name.parse().map_err(|_| {
            let name = quoted(&name);
            de::Error::custom(format!(
                "{name} is no IANA time zone, such as Europe/London"
            ))
        })
    })
    .transpose()
}

/// Prices by asset and day.
fn prices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Prices, D::Error> {
    let by_asset: BTreeMap<String, Days> = Deserialize::deserialize(deserializer)?;
    let mut prices = Prices::default();
    for (asset, days) in by_asset {
        for (day, price) in days.0 {
            prices.set(&asset, day, price);
        }
    }
    Ok(prices)
}

/// A day as a name.
struct Day(NaiveDate);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let day = deserializer.deserialize_str(Text(super::prices_csv::day))?;
        Ok(Self(day))
    }
}

struct Days(Vec<(NaiveDate, Decimal)>);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(NaiveDate, Decimal)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("closing prices by day")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut days = Vec::new();
                while let Some((Day(day), price)) = map.next_entry::<Day, Decimal>()? {
                    if price.is_negative() {
                        let message = format!("the price of {day} is below zero: {price}");
                        return Err(de::Error::custom(message));
                    }
                    days.push((day, price));
                }
                Ok(days)
            }
        }

        deserializer.deserialize_map(Pairs).map(Self)
    }
}
