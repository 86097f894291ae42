//! Ghostfolio: its export, and the table that it imports. It keeps prices, not amounts: what was paid is quantity
//! times price, rounded to 18 decimals where the product has more.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::booking::{Booking, product};
use super::numbers::{Numbers, short};
use super::reading::{Cells, Line, Read, Reader, Reading, Unknown, users_clock, users_numbers};
use super::table::{Header, Table};
use super::times::{Clock, DateOrder, UTC, users_zone};
use super::{Format, Source};
use crate::{Decimal, Kind};

pub(super) static DOCUMENT: Format = Format {
    name: "ghostfolio.export",
    venue: "ghostfolio",
    source: Source::Document {
        recognizes: |probe| probe.has_activities(),
        read: document,
    },
};

pub(super) static TABLE: Format = Format {
    name: "ghostfolio.activities",
    venue: "ghostfolio",
    source: Source::Table {
        recognizes: |header| Columns::new(header).is_some(),
        read: table,
    },
};

#[derive(Deserialize)]
struct Export {
    #[serde(default)]
    accounts: Vec<Account>,
    #[serde(alias = "orders")]
    activities: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Activity {
    id: Option<String>,
    account_id: Option<String>,
    comment: Option<String>,
    fee: Option<Box<RawValue>>,
    quantity: Option<Box<RawValue>>,
    #[serde(rename = "type")]
    kind: String,
    unit_price: Option<Box<RawValue>>,
    currency: Option<String>,
    data_source: Option<String>,
    date: String,
    symbol: String,
}

/// Fields of one activity that either of them states.
struct Said<'a> {
    row: u64,
    time: chrono::DateTime<chrono::Utc>,
    account: &'a str,
    kind: &'a str,
    symbol: &'a str,
    source: &'a str,
    currency: &'a str,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
}

fn document(text: &str, reading: &mut Reading<'_>) {
    let export: Export = match serde_json::from_str(text) {
        Ok(export) => export,
        Err(error) => return reading.fail(format!("not an export of Ghostfolio: {error}")),
    };
    let accounts: HashMap<String, String> = export
        .accounts
        .into_iter()
        .filter_map(|account| Some((account.id, account.name?)))
        .collect();
    for (activity, row) in export.activities.iter().zip(1..) {
        let line = activity_line(activity.get(), row, &accounts, reading);
        reading.line(row, line);
    }
}

fn activity_line(
    text: &str,
    row: u64,
    accounts: &HashMap<String, String>,
    reading: &Reading<'_>,
) -> Read<Line> {
    let activity: Activity = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let number = |number: &Option<Box<RawValue>>| -> Read<Decimal> {
        let text = number
            .as_ref()
            .map_or("", |number| number.get().trim_matches('"'));
        Ok(Numbers::POINT.read(text)?.unwrap_or(Decimal::ZERO))
    };
    let named = activity.account_id.as_ref().and_then(|id| accounts.get(id));
    let said = Said {
        row,
        time: UTC.time(&activity.date)?,
        account: named.unwrap_or(&reading.account),
        kind: &activity.kind,
        symbol: &activity.symbol,
        source: activity.data_source.as_deref().unwrap_or_default(),
        currency: activity.currency.as_deref().unwrap_or_default(),
        quantity: number(&activity.quantity)?,
        price: number(&activity.unit_price)?,
        fee: number(&activity.fee)?,
    };
    Ok(match said.line()? {
        Line::Book(booking) => Line::Book(
            booking
                .id(activity.id.as_deref().unwrap_or_default())
                .note(activity.comment.as_deref().unwrap_or_default()),
        ),
        line => line,
    })
}

struct Columns {
    date: usize,
    symbol: usize,
    currency: usize,
    price: usize,
    quantity: usize,
    kind: usize,
    fee: usize,
    source: Option<usize>,
    account: Option<usize>,
    note: Option<usize>,
}

impl Columns {
    fn new(header: &Header) -> Option<Self> {
        Some(Self {
            date: header.any(&["date", "tradedate"])?,
            symbol: header.any(&["code", "symbol", "ticker"])?,
            currency: header.any(&["ccy", "currency", "currencyprimary"])?,
            price: header.any(&["price", "tradeprice", "unitprice", "value"])?,
            quantity: header.any(&["qty", "quantity", "shares", "units"])?,
            kind: header.any(&["action", "buy/sell", "type"])?,
            fee: header.any(&["commission", "fee", "ibcommission"])?,
            source: header.column("datasource"),
            account: header.any(&["account", "accountid"]),
            note: header.any(&["comment", "note"]),
        })
    }
}

fn table(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let Some(columns) = Columns::new(header) else {
        return;
    };
    let amounts = [columns.quantity, columns.price, columns.fee].map(Some);
    let zone = users_zone(reading.options.timezone);
    let clock = users_clock(table, Some(columns.date), reading.options, &zone);
    let reader = Reader {
        header,
        numbers: users_numbers(table, &amounts, reading.options).or_point(),
        // Its own rule: the day stands before the month.
        clock: Clock {
            order: clock.order.or(Some(DateOrder::DayFirst)),
            ..clock
        },
    };
    reader.rows(table, reading, |cells, reading| {
        row(cells, &columns, reading)
    });
}

fn row(cells: &Cells<'_>, columns: &Columns, reading: &Reading<'_>) -> Read<Line> {
    let account = match cells.text(columns.account) {
        "" => reading.account.as_str(),
        account => account,
    };
    let zero = Decimal::ZERO;
    let said = Said {
        row: cells.line(),
        time: cells.time(Some(columns.date))?,
        account,
        kind: cells.text(Some(columns.kind)),
        symbol: cells.text(Some(columns.symbol)),
        source: cells.text(columns.source),
        currency: cells.text(Some(columns.currency)),
        // Of a sale, brokers write it below zero.
        quantity: cells.needed(Some(columns.quantity))?.abs(),
        price: cells.amount(Some(columns.price))?.unwrap_or(zero).abs(),
        fee: cells.amount(Some(columns.fee))?.unwrap_or(zero).abs(),
    };
    Ok(match said.line()? {
        Line::Book(booking) => Line::Book(booking.note(cells.text(columns.note))),
        line => line,
    })
}

impl Said<'_> {
    /// The coin of a symbol. From Yahoo, which is the source where none is named, a coin carries the currency it is priced in: `BTCUSD`, `BTC-USD`.
    fn asset(&self) -> &str {
        let of_yahoo = self.source.is_empty() || self.source.eq_ignore_ascii_case("yahoo");
        let coin = self
            .symbol
            .strip_suffix(self.currency)
            .or_else(|| self.symbol.strip_suffix("USD"));
        match coin.map(|coin| coin.trim_end_matches('-')) {
            Some(coin) if of_yahoo && !coin.is_empty() => coin,
            _ => self.symbol,
        }
    }

    fn line(&self) -> Read<Line> {
        let word = self.kind.to_uppercase();
        if self.currency.is_empty() {
            return Err("no currency".into());
        }
        let rows = vec![self.row];
        let paid = || {
            product(self.quantity, self.price)
                .ok_or("quantity times price is more than can be kept exactly")
        };
        if self.quantity.is_zero() && word != "FEE" {
            return Ok(Line::Ignore("a draft: its quantity is zero".to_owned()));
        }
        let booking = match word.as_str() {
            "BUY" | "SELL" => {
                let (coin, money) = ((self.asset(), self.quantity), (self.currency, paid()?));
                let (sent, received) = if word == "BUY" {
                    (money, coin)
                } else {
                    (coin, money)
                };
                Booking::trade(self.time, self.account, rows, sent, received)
            }
            "DIVIDEND" => Booking::new(Kind::Reward, self.time, self.account, rows)
                .received(self.currency, paid()?)
                .tag("dividend"),
            "INTEREST" => Booking::new(Kind::Interest, self.time, self.account, rows)
                .received(self.currency, paid()?),
            "FEE" => {
                let fee = if self.fee.is_zero() {
                    paid()?
                } else {
                    self.fee
                };
                return Ok(Line::Book(
                    Booking::new(Kind::Fee, self.time, self.account, rows).sent(self.currency, fee),
                ));
            }
            "ITEM" | "LIABILITY" => {
                return Ok(Line::Ignore(format!(
                    "{word}: a valuation, nothing was bought or sold"
                )));
            }
            _ => {
                return Ok(Line::Unknown(Unknown {
                    reason: format!(
                        "unknown type \"{}\": say what it is, or skip it",
                        short(self.kind)
                    ),
                    word: self.kind.to_owned(),
                    time: self.time,
                    account: self.account.to_owned(),
                    asset: self.asset().to_owned(),
                    change: self.quantity,
                    fee: None,
                }));
            }
        };
        Ok(Line::Book(booking.fee(self.currency, self.fee)))
    }
}
