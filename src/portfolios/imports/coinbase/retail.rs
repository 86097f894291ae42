//! The retail report of Coinbase: a title, then a table whose columns changed over the years. The amounts in
//! money are rounded to cents: what moved is the quantity, and for some rows stands only in their notes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::halves::{Half, join};
use super::notes::{self, named};
use crate::imports::assets;
use crate::imports::booking::{Booking, TOO_LARGE};
use crate::imports::numbers::{Numbers, Style, amount, short};
use crate::imports::reading::{Cells, Line, Read, Reader, Reading, Unknown, users_clock};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};
use crate::ledger::is_money;
use crate::{Decimal, Kind};

const COMMON: [&str; 5] = [
    "timestamp",
    "transaction type",
    "asset",
    "quantity transacted",
    "notes",
];

/// Until mid 2021: the currency stands in the names of the columns.
pub(in crate::imports) static V1: Format = Format {
    name: "coinbase.retail.v1",
    venue: "coinbase",
    source: Source::Table {
        recognizes: |header| {
            header.has(&COMMON) && header.ending(" spot price at transaction").is_some()
        },
        read,
    },
};

/// Until 2023: the currency has a column.
pub(in crate::imports) static V2: Format = Format {
    name: "coinbase.retail.v2",
    venue: "coinbase",
    source: Source::Table {
        recognizes: |header| header.has(&COMMON) && header.column("spot price currency").is_some(),
        read,
    },
};

/// Since 2023: another name of the currency's column; since 2024 ids, symbols and signs.
pub(in crate::imports) static V4: Format = Format {
    name: "coinbase.retail.v4",
    venue: "coinbase",
    source: Source::Table {
        recognizes: |header| header.has(&COMMON) && header.column("price currency").is_some(),
        read,
    },
};

pub(super) struct Columns {
    id: Option<usize>,
    time: Option<usize>,
    word: Option<usize>,
    asset: Option<usize>,
    quantity: Option<usize>,
    pub(super) subtotal: Option<usize>,
    total: Option<usize>,
    fees: Option<usize>,
    pub(super) notes: Option<usize>,
    pub(super) currency: Option<usize>,
    /// The currency where it is in the names of the columns.
    named: String,
}

impl Columns {
    fn new(header: &Header) -> Self {
        let price = header.ending(" spot price at transaction");
        let named = price.and_then(|column| header.written[column].split_whitespace().next());
        Self {
            id: header.column("id"),
            time: header.column("timestamp"),
            word: header.column("transaction type"),
            asset: header.column("asset"),
            quantity: header.column("quantity transacted"),
            subtotal: header.ending("subtotal"),
            total: header
                .beginning("total")
                .or_else(|| header.ending(" total (inclusive of fees)")),
            fees: header.beginning("fees").or_else(|| header.ending(" fees")),
            notes: header.column("notes"),
            currency: header.any(&["price currency", "spot price currency"]),
            named: named.unwrap_or_default().to_owned(),
        }
    }
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let reader = Reader {
        header: &table.header,
        numbers: Numbers::POINT,
        clock: users_clock(
            table,
            table.header.column("timestamp"),
            reading.options,
            &utc,
        ),
    };
    let columns = Columns::new(&table.header);
    let settled = style_of_notes(table, &columns);
    let mut halves: BTreeMap<String, Vec<Half>> = BTreeMap::new();
    reader.rows(table, reading, |cells, reading| {
        let row = Row::new(cells, &columns, reading)?;
        if reading.currency.is_none() && !row.currency.is_empty() {
            reading.currency = Some(row.currency.to_owned());
        }
        let line = row.line(reading, settled)?;
        let Line::Unknown(unknown) = line else {
            return Ok(line);
        };
        if !matches!(unknown.word.as_str(), HALF) {
            return Ok(Line::Unknown(unknown));
        }
        let word = cells.text(columns.word).to_owned();
        let half = Half {
            row: cells.line(),
            time: row.time,
            id: cells.text(columns.id).to_owned(),
            asset: row.asset.to_owned(),
            change: row.quantity,
            value: row.value(),
            word: word.clone(),
            alone: row.alone(&word),
        };
        halves.entry(word).or_default().push(half);
        Ok(Line::Internal(HALF))
    });
    reading.internal.remove(HALF);
    for (word, rows) in halves {
        join(&word, rows, reading);
    }
    if reading
        .booked
        .iter()
        .any(|booked| booked.transaction.kind == Kind::Buy)
    {
        reading.note("purchases are paid by card or bank: where the file has no deposit of the money, it is implied");
    }
}

/// The word under which a half travels to [`join`].
const HALF: &str = "half of two rows";
const SAVINGS: &str = "savings of the same account; the principal stays yours";

/// The style that the notes of a file show, where any shows one.
fn style_of_notes(table: &Table, columns: &Columns) -> Option<Style> {
    let mut found = None;
    for row in &table.rows {
        let names = named(row.cell(columns.notes));
        let Some((first, others)) = names.split_first() else {
            continue;
        };
        let Ok(Some(quantity)) = Numbers::POINT.read(row.cell(columns.quantity)) else {
            continue;
        };
        let all = others.iter().map(|named| named.number.as_str());
        let mut all: Vec<&str> = all.chain([first.number.as_str()]).collect();
        all.retain(|text| amount(text, Style::Point) != amount(text, Style::Comma));
        match notes::style(&first.number, quantity, &all, None) {
            Ok(style) if !all.is_empty() && found.is_none_or(|found| found == style) => {
                found = Some(style)
            }
            Ok(_) if !all.is_empty() => return None,
            _ => {}
        }
    }
    found
}

pub(super) struct Row<'a> {
    pub(super) cells: &'a Cells<'a>,
    pub(super) columns: &'a Columns,
    pub(super) account: String,
    pub(super) time: DateTime<Utc>,
    pub(super) asset: &'a str,
    pub(super) quantity: Decimal,
    pub(super) currency: &'a str,
    pub(super) subtotal: Option<Decimal>,
    pub(super) total: Option<Decimal>,
    pub(super) fees: Option<Decimal>,
}

impl<'a> Row<'a> {
    fn new(cells: &'a Cells<'a>, columns: &'a Columns, reading: &Reading<'_>) -> Read<Self> {
        let asset = assets::coinbase(cells.text(columns.asset));
        if asset.is_empty() {
            return Err(cells.problem(columns.asset, "no asset"));
        }
        let currency = match cells.text(columns.currency) {
            "" => columns.named.as_str(),
            currency => currency,
        };
        // Where a currency has no symbol, its code stands beside the amount.
        let money = |column| {
            let read = Numbers::POINT.read(cells.text(column).replace(currency, "").trim());
            let read = read.map_err(|reason| cells.problem(column, reason))?;
            Read::Ok(read.map(Decimal::abs))
        };
        Ok(Self {
            cells,
            columns,
            account: reading.account.clone(),
            time: cells.time(columns.time)?,
            asset,
            quantity: cells.needed(columns.quantity)?,
            currency,
            subtotal: money(columns.subtotal)?,
            total: money(columns.total)?,
            fees: money(columns.fees)?,
        })
    }

    fn value(&self) -> Option<Decimal> {
        self.subtotal
            .or(self.total)
            .filter(|_| !is_money(self.asset))
    }

    fn booking(&self, kind: Kind) -> Booking {
        Booking::new(kind, self.time, &self.account, vec![self.cells.line()])
    }

    fn income(&self, kind: Kind, tag: &str) -> Booking {
        let kinds = (kind, Kind::Loss);
        let rows = vec![self.cells.line()];
        Booking::change(
            kinds,
            self.time,
            &self.account,
            rows,
            self.asset,
            self.quantity,
        )
        .tag(tag)
    }

    /// Out of the account, whatever sign the version writes.
    fn out(&self, kind: Kind) -> Booking {
        self.booking(kind).sent(self.asset, self.quantity.abs())
    }

    fn into(&self, kind: Kind) -> Booking {
        self.booking(kind).received(self.asset, self.quantity.abs())
    }

    fn line(&self, reading: &Reading<'_>, settled: Option<Style>) -> Read<Line> {
        let word = self.cells.text(self.columns.word);
        let id = self.cells.text(self.columns.id);
        let note = self.cells.text(self.columns.notes);
        let booking = match word.to_lowercase().as_str() {
            "buy" => self.bought_or_sold(true, note, settled)?,
            "sell" => self.bought_or_sold(false, note, settled)?,
            "credit" if note.to_lowercase().starts_with("bought") => {
                self.bought_or_sold(true, note, settled)?
            }
            "advanced trade buy" | "advance trade buy" | "advanced buy" => {
                self.advanced(true, note, settled)?
            }
            "advanced trade sell" | "advance trade sell" | "advanced sell" => {
                self.advanced(false, note, settled)?
            }
            "convert" => self.convert(note, settled)?,
            "send" | "retail mgx dex send" => self.out(Kind::Withdrawal),
            "withdrawal" => self.paid_out()?,
            "receive" => self.receive(note),
            "deposit" => self.paid_in()?,
            "rewards income" | "reward income" => self.income(self.reward(), ""),
            "staking income" | "inflation reward" => self.income(Kind::Staking, ""),
            "interest payout" => self.income(Kind::Interest, ""),
            "coinbase earn" | "learning reward" => self.income(Kind::Reward, "learning"),
            "credit" | "incentives rewards payout" => self.income(Kind::Reward, "credit"),
            "subscription" => self.out(Kind::Fee).tag("subscription"),
            "subscription rebate" | "subscription rebates (24 hours)" | "subscription rebates" => {
                self.income(Kind::Reward, "fee rebate")
            }
            "exchange deposit" | "pro deposit" | "prime deposit" | "intx deposit" => {
                self.moved(word, true)
            }
            "exchange withdrawal" | "pro withdrawal" | "prime withdrawal" | "intx withdrawal" => {
                self.moved(word, false)
            }
            "paid for an order" => self.out(Kind::Spend).tag("order"),
            "card spend" => self.out(Kind::Spend).tag("card"),
            "credit card reward" | "card buy back" => self.income(Kind::Reward, "cashback"),
            "donation" => self.out(Kind::GiftOut).tag("donation"),
            "admin debit" => self.out(Kind::Loss).flag("taken by the venue"),
            "vault withdrawal" | "vault deposit" | "cash to savings" | "savings to cash"
            | "transfer" | "portfolio transfer" => {
                return Ok(Line::Internal(SAVINGS));
            }
            "asset migration"
            | "retail eth2 deprecation"
            | "retail staking transfer"
            | "retail unstaking transfer"
            | "retail simple dust"
            | "retail mgx dex buy" => {
                return Ok(Line::Unknown(self.unknown(HALF, String::new(), reading)));
            }
            _ => {
                let reason = format!(
                    "unknown transaction type \"{}\": say what it is, or skip it",
                    short(word)
                );
                return Ok(Line::Unknown(self.unknown(word, reason, reading)));
            }
        };
        // Against a coin, the columns are Coinbase's estimate, not what was paid.
        let estimated = !matches!(word.to_lowercase().as_str(), "convert")
            && booking.imported.transaction.kind == Kind::Swap;
        Ok(Line::Book(
            booking.value(self.value().filter(|_| !estimated)).id(id),
        ))
    }

    fn unknown(&self, word: &str, reason: String, reading: &Reading<'_>) -> Unknown {
        Unknown {
            reason,
            word: word.to_owned(),
            time: self.time,
            account: reading.account.clone(),
            asset: self.asset.to_owned(),
            change: self.quantity,
            fee: None,
        }
    }

    /// Booking of half of two rows whose other half is not there, where it makes sense by itself.
    fn alone(&self, word: &str) -> Option<Booking> {
        let dust = word.eq_ignore_ascii_case("retail simple dust") && self.quantity.is_negative();
        dust.then(|| self.for_money(false).ok())?
    }

    /// A deposit of money: its quantity is what is left after the fee.
    fn paid_in(&self) -> Read<Booking> {
        let fee = self.fees.filter(|_| self.asset == self.currency);
        let fee = fee.unwrap_or(Decimal::ZERO);
        let gross = self.quantity.abs().checked_add(fee).ok_or(TOO_LARGE)?;
        let booking = self.booking(Kind::Deposit).received(self.asset, gross);
        Ok(booking.fee(self.asset, fee))
    }

    /// A withdrawal of money: the fee is inside its quantity.
    fn paid_out(&self) -> Read<Booking> {
        let fee = self.fees.filter(|_| self.asset == self.currency);
        let fee = fee.unwrap_or(Decimal::ZERO);
        let net = self.quantity.abs().checked_sub(fee).ok_or(TOO_LARGE)?;
        let booking = self.booking(Kind::Withdrawal).sent(self.asset, net);
        Ok(booking.fee(self.asset, fee))
    }

    /// Kind of what Coinbase calls rewards: of coins that follow money it is interest.
    fn reward(&self) -> Kind {
        match self.asset {
            "USDC" | "DAI" | "EURC" => Kind::Interest,
            _ => Kind::Staking,
        }
    }

    fn receive(&self, note: &str) -> Booking {
        let note = note.to_lowercase();
        if note.contains("coinbase earn") || note.contains("learning reward") {
            self.into(Kind::Reward).tag("learning")
        } else if note.contains("referral") {
            self.into(Kind::Reward).tag("referral")
        } else if note.contains("coinbase rewards") {
            self.into(self.reward())
        } else {
            self.into(Kind::Deposit)
        }
    }

    /// `Exchange Deposit` is money that leaves retail.
    fn moved(&self, word: &str, leaves: bool) -> Booking {
        let other = word
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let other = format!("coinbase-{other}");
        let (from, to) = if leaves {
            (&self.account, &other)
        } else {
            (&other, &self.account)
        };
        Booking::new(Kind::Transfer, self.time, from, vec![self.cells.line()])
            .sent(self.asset, self.quantity.abs())
            .to(to)
    }
}
