//! Formats of Koinly: its universal import format, and its report of transactions.

pub(super) mod report;
pub(super) mod universal;

use super::booking::Booking;
use super::numbers::short;
use super::reading::{Read, Unknown};
use crate::{Decimal, Kind};

/// One row of either file.
struct Movement<'a> {
    row: u64,
    time: chrono::DateTime<chrono::Utc>,
    from: &'a str,
    to: &'a str,
    sent: Option<(&'a str, Decimal)>,
    received: Option<(&'a str, Decimal)>,
    fee: Option<(&'a str, Decimal)>,
    label: String,
}

/// A currency or a wallet without the id that Koinly puts behind it: `WFLR;9546698`.
fn currency(text: &str) -> &str {
    text.split_once(';')
        .map_or(text, |(ticker, _)| ticker)
        .trim()
}

/// A label in one spelling.
fn label(text: &str) -> String {
    text.to_lowercase()
        .replace(['_', '-'], " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Booking of a row, or the label that nobody knows.
fn book(movement: &Movement<'_>) -> Read<Result<Booking, Unknown>> {
    let Movement {
        row,
        time,
        from,
        to,
        label,
        ..
    } = movement;
    let rows = vec![*row];
    let booking = match (movement.sent, movement.received) {
        (None, None) => match movement.fee {
            Some((asset, fee)) => {
                return Ok(Ok(
                    Booking::new(Kind::Fee, *time, from, rows).sent(asset, fee)
                ));
            }
            None => return Err("nothing sent, nothing received".into()),
        },
        (Some(sent), Some(received)) if sent.0 == received.0 => {
            let lost = sent
                .1
                .checked_sub(received.1)
                .filter(|lost| !lost.is_negative());
            let lost = lost.ok_or("more received than sent of the same coin")?;
            let other = format!("{from} (other wallet)");
            let to = if from == to { other.as_str() } else { *to };
            Booking::new(Kind::Transfer, *time, from, rows)
                .sent(sent.0, received.1)
                .to(to)
                .fee(sent.0, lost)
        }
        (Some(sent), Some(received)) => {
            let tag = match label.as_str() {
                "" | "swap" | "trade" | "exchange" | "buy" | "sell" => "",
                "liquidity in" | "liquidity out" | "margin trade" => label.as_str(),
                _ => return Ok(Err(movement.unknown(received.0, received.1))),
            };
            Booking::trade(*time, from, rows, sent, received).tag(tag)
        }
        (Some(sent), None) => match outgoing(label) {
            Some((kind, tag)) => Booking::new(kind, *time, from, rows)
                .sent(sent.0, sent.1)
                .tag(tag),
            None => return Ok(Err(movement.unknown(sent.0, -sent.1))),
        },
        (None, Some(received)) => match incoming(label) {
            Some((kind, tag)) => Booking::new(kind, *time, to, rows)
                .received(received.0, received.1)
                .tag(tag),
            None => return Ok(Err(movement.unknown(received.0, received.1))),
        },
    };
    Ok(Ok(match movement.fee {
        Some((asset, fee)) => booking.fee(asset, fee),
        None => booking,
    }))
}

impl Movement<'_> {
    fn unknown(&self, asset: &str, change: Decimal) -> Unknown {
        Unknown {
            reason: format!(
                "unknown label \"{}\": say what it is, or skip it",
                short(&self.label)
            ),
            word: self.label.clone(),
            time: self.time,
            account: if change.is_negative() {
                self.from
            } else {
                self.to
            }
            .to_owned(),
            asset: asset.to_owned(),
            change,
            fee: self.fee.map(|(asset, fee)| (asset.to_owned(), fee)),
        }
    }
}

fn incoming(label: &str) -> Option<(Kind, &'static str)> {
    Some(match label {
        "" | "deposit" => (Kind::Deposit, ""),
        "airdrop" => (Kind::Airdrop, ""),
        "fork" => (Kind::Fork, ""),
        "mining" => (Kind::Mining, ""),
        "staking" => (Kind::Staking, ""),
        "lending interest" | "interest" | "lending" => (Kind::Interest, ""),
        "reward" => (Kind::Reward, ""),
        "cashback" => (Kind::Reward, "cashback"),
        "salary" => (Kind::Reward, "salary"),
        "income" | "other income" => (Kind::Reward, "income"),
        "fee refund" => (Kind::Reward, "fee refund"),
        "realized gain" => (Kind::Reward, "realized gain"),
        "gift" => (Kind::GiftIn, ""),
        "loan" | "margin loan" => (Kind::Deposit, "loan"),
        "liquidity in" => (Kind::Deposit, "liquidity in"),
        "liquidity out" => (Kind::Deposit, "liquidity out"),
        "from pool" => (Kind::Deposit, "from pool"),
        _ => return None,
    })
}

fn outgoing(label: &str) -> Option<(Kind, &'static str)> {
    Some(match label {
        "" | "withdrawal" => (Kind::Withdrawal, ""),
        "gift" => (Kind::GiftOut, ""),
        "donation" => (Kind::GiftOut, "donation"),
        "lost" | "stolen" => (Kind::Loss, ""),
        "cost" | "payment" => (Kind::Spend, ""),
        "realized gain" | "realized loss" => (Kind::Loss, "realized gain"),
        "loan repayment" | "margin repayment" => (Kind::Withdrawal, "loan repayment"),
        "loan fee" | "margin fee" | "interest payment" | "fee" => (Kind::Fee, "loan fee"),
        "liquidity in" => (Kind::Withdrawal, "liquidity in"),
        "liquidity out" => (Kind::Withdrawal, "liquidity out"),
        "to pool" => (Kind::Withdrawal, "to pool"),
        _ => return None,
    })
}

/// An amount with its currency, where there is one.
fn side<'c>(
    cells: &super::reading::Cells<'c>,
    amount: Option<usize>,
    name: Option<usize>,
    what: &str,
) -> Read<Option<(&'c str, Decimal)>> {
    let Some(quantity) = cells.amount(amount)? else {
        return Ok(None);
    };
    if quantity.is_negative() {
        return Err(cells.problem(amount, format!("a negative amount {what}")));
    }
    if quantity.is_zero() {
        return Ok(None);
    }
    match currency(cells.text(name)) {
        "" => Err(cells.problem(name, "no currency")),
        asset => Ok(Some((asset, quantity))),
    }
}
