//! The retail report of Coinbase: a title, then a table whose columns changed over the years. The amounts in
//! money are rounded to cents: what moved is the quantity, and for some rows stands only in their notes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::halves::{Half, join};
use super::notes::{self, Mismatch, named, pair_and_rate};
use crate::imports::assets;
use crate::imports::booking::{Booking, product};
use crate::imports::numbers::{Numbers, Style, amount, short};
use crate::imports::reading::{Cells, Line, Read, Reader, Reading, Unknown};
use crate::imports::table::{Header, Table};
use crate::imports::times::UTC;
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

/// Since 2024: ids, symbols and signs.
pub(in crate::imports) static V4: Format = Format {
    name: "coinbase.retail.v4",
    venue: "coinbase",
    source: Source::Table {
        recognizes: |header| header.has(&COMMON) && header.has(&["id", "price currency"]),
        read,
    },
};

struct Columns {
    id: Option<usize>,
    time: Option<usize>,
    word: Option<usize>,
    asset: Option<usize>,
    quantity: Option<usize>,
    subtotal: Option<usize>,
    total: Option<usize>,
    fees: Option<usize>,
    notes: Option<usize>,
    currency: Option<usize>,
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
        clock: UTC,
    };
    let columns = Columns::new(&table.header);
    let settled = style_of_notes(table, &columns);
    let mut halves: BTreeMap<(DateTime<Utc>, String), Vec<Half>> = BTreeMap::new();
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
            id: cells.text(columns.id).to_owned(),
            asset: row.asset.to_owned(),
            change: row.quantity,
            value: row.value(),
            word: word.clone(),
        };
        halves.entry((row.time, word)).or_default().push(half);
        Ok(Line::Internal(HALF))
    });
    reading.internal.remove(HALF);
    for ((time, word), rows) in halves {
        join(time, &word, rows, reading);
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

struct Row<'a> {
    cells: &'a Cells<'a>,
    columns: &'a Columns,
    account: String,
    time: DateTime<Utc>,
    asset: &'a str,
    quantity: Decimal,
    currency: &'a str,
    subtotal: Option<Decimal>,
    total: Option<Decimal>,
    fees: Option<Decimal>,
}

impl<'a> Row<'a> {
    fn new(cells: &'a Cells<'a>, columns: &'a Columns, reading: &Reading<'_>) -> Read<Self> {
        let asset = assets::coinbase(cells.text(columns.asset));
        if asset.is_empty() {
            return Err(cells.problem(columns.asset, "no asset"));
        }
        let currency = cells.text(columns.currency);
        Ok(Self {
            cells,
            columns,
            account: reading.account.clone(),
            time: cells.time(columns.time)?,
            asset,
            quantity: cells.needed(columns.quantity)?,
            currency: if currency.is_empty() {
                &columns.named
            } else {
                currency
            },
            subtotal: cells.amount(columns.subtotal)?.map(Decimal::abs),
            total: cells.amount(columns.total)?.map(Decimal::abs),
            fees: cells.amount(columns.fees)?.map(Decimal::abs),
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
            "buy" => self.for_money(true)?,
            "sell" => self.for_money(false)?,
            "advanced trade buy" | "advance trade buy" | "advanced buy" => {
                self.advanced(true, note, settled)?
            }
            "advanced trade sell" | "advance trade sell" | "advanced sell" => {
                self.advanced(false, note, settled)?
            }
            "convert" => self.convert(note, settled)?,
            "send" | "withdrawal" => self.out(Kind::Withdrawal),
            "receive" => self.receive(note),
            "deposit" => self.into(Kind::Deposit),
            "rewards income" | "reward income" => match self.asset {
                "USDC" | "DAI" | "EURC" => self.income(Kind::Interest, ""),
                _ => self.income(Kind::Staking, ""),
            },
            "staking income" | "inflation reward" => self.income(Kind::Staking, ""),
            "interest payout" => self.income(Kind::Interest, ""),
            "coinbase earn" | "learning reward" => self.income(Kind::Reward, "learning"),
            "credit" | "incentives rewards payout" => self.income(Kind::Reward, "credit"),
            "subscription" => self.out(Kind::Fee).tag("subscription"),
            "subscription rebate" | "subscription rebates (24 hours)" | "subscription rebates" => {
                self.income(Kind::Reward, "fee rebate")
            }
            "exchange deposit" | "pro deposit" | "prime deposit" => self.moved(word, true),
            "exchange withdrawal" | "pro withdrawal" | "prime withdrawal" => {
                self.moved(word, false)
            }
            "card spend" => self.out(Kind::Spend).tag("card"),
            "card buy back" => self.income(Kind::Reward, "cashback"),
            "donation" => self.out(Kind::GiftOut).tag("donation"),
            "admin debit" => self.out(Kind::Loss).flag("taken by the venue"),
            "vault withdrawal" | "vault deposit" | "cash to savings" | "savings to cash" => {
                return Ok(Line::Internal(SAVINGS));
            }
            "asset migration"
            | "retail eth2 deprecation"
            | "retail staking transfer"
            | "retail unstaking transfer"
            | "retail simple dust"
            | "retail mgx dex buy"
            | "retail mgx dex send" => {
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
        let advanced = word.to_lowercase().starts_with("advance");
        Ok(Line::Book(
            booking.value(self.value().filter(|_| !advanced)).id(id),
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

    /// Bought or sold against the currency of the file: its columns are what was paid.
    fn for_money(&self, buys: bool) -> Read<Booking> {
        let fee = self.fees.unwrap_or(Decimal::ZERO);
        let gross = match (self.subtotal, self.total) {
            (Some(subtotal), _) => Some(subtotal),
            (None, Some(total)) if buys => total.checked_sub(fee),
            (None, Some(total)) => total.checked_add(fee),
            (None, None) => None,
        };
        let gross = gross.ok_or_else(|| {
            self.cells
                .problem(self.columns.subtotal, "no amount of money")
        })?;
        if self.currency.is_empty() {
            return Err(self.cells.problem(self.columns.currency, "no currency"));
        }
        Ok(self.trade(buys, (self.currency, gross), fee))
    }

    fn trade(&self, buys: bool, (quote, gross): (&str, Decimal), fee: Decimal) -> Booking {
        let (base, quote) = ((self.asset, self.quantity.abs()), (quote, gross));
        let (sent, received) = if buys { (quote, base) } else { (base, quote) };
        let rows = vec![self.cells.line()];
        Booking::trade(self.time, &self.account, rows, sent, received).fee(quote.0, fee)
    }

    /// Against a coin, the columns are only a value: what moved is in the note.
    fn advanced(&self, buys: bool, note: &str, settled: Option<Style>) -> Read<Booking> {
        let problem = |reason: &str| self.cells.problem(self.columns.notes, reason);
        let (pair, rate) = pair_and_rate(note);
        let (base, quote) =
            pair.ok_or_else(|| problem("an Advanced Trade whose note does not name its pair"))?;
        if assets::coinbase(base) != self.asset {
            return Err(problem("the note of an Advanced Trade is of another coin"));
        }
        if quote == self.currency {
            return self.for_money(buys);
        }
        let names = named(note);
        let first = names
            .iter()
            .find(|named| assets::coinbase(&named.asset) == self.asset);
        let total = names.iter().find(|named| named.asset == quote);
        let (Some(first), Some(total)) = (first, total) else {
            return Err(problem(
                "an Advanced Trade whose note does not say what was paid",
            ));
        };
        let others: Vec<&str> = [total.number.as_str()].into_iter().chain(rate).collect();
        let style = notes::style(&first.number, self.quantity, &others, settled);
        let style = style.map_err(|mismatch| self.mismatch(mismatch))?;
        let number = |text: &str| amount(text, style).ok().flatten().map(Decimal::abs);
        let total = number(&total.number).ok_or_else(|| problem("a note without an amount"))?;
        // The fee is what the total has beyond size times rate; without a rate it stays inside.
        let gross = rate
            .and_then(number)
            .and_then(|rate| product(self.quantity.abs(), rate));
        let fee = gross.and_then(|gross| {
            if buys {
                total.checked_sub(gross)
            } else {
                gross.checked_sub(total)
            }
        });
        let fee = fee.filter(|fee| !fee.is_negative());
        let gross = fee.and_then(|fee| {
            if buys {
                total.checked_sub(fee)
            } else {
                total.checked_add(fee)
            }
        });
        let booking = self.trade(
            buys,
            (assets::coinbase(quote), gross.unwrap_or(total)),
            fee.unwrap_or(Decimal::ZERO),
        );
        Ok(if fee.is_some() {
            booking
        } else {
            booking.flag("fee inside the amount")
        })
    }

    fn convert(&self, note: &str, settled: Option<Style>) -> Read<Booking> {
        let problem = |reason: &str| self.cells.problem(self.columns.notes, reason);
        let names = named(note);
        let [first, second] = names.as_slice() else {
            return Err(problem(
                "a convert whose note does not say what was received",
            ));
        };
        if assets::coinbase(&first.asset) != self.asset {
            return Err(problem("the note of a convert is of another coin"));
        }
        let style = notes::style(&first.number, self.quantity, &[&second.number], settled);
        let style = style.map_err(|mismatch| self.mismatch(mismatch))?;
        let received = amount(&second.number, style)
            .ok()
            .flatten()
            .ok_or_else(|| problem("a note without an amount"))?;
        let (sent, received) = (
            (self.asset, self.quantity.abs()),
            (assets::coinbase(&second.asset), received),
        );
        Ok(Booking::trade(
            self.time,
            &self.account,
            vec![self.cells.line()],
            sent,
            received,
        ))
    }

    fn mismatch(&self, mismatch: Mismatch) -> crate::imports::reading::Problem {
        let reason = match mismatch {
            Mismatch::NotTheAmount => "the first amount of the note is not that of the row",
            Mismatch::Ambiguous => {
                "the note's amounts may be read two ways, and nothing in the file settles it"
            }
        };
        self.cells.problem(self.columns.notes, reason)
    }

    fn receive(&self, note: &str) -> Booking {
        let note = note.to_lowercase();
        if note.contains("coinbase earn") || note.contains("learning reward") {
            self.into(Kind::Reward).tag("learning")
        } else if note.contains("referral") {
            self.into(Kind::Reward).tag("referral")
        } else if note.contains("coinbase rewards") {
            self.into(Kind::Staking)
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
