//! Trades of the retail report: against money its columns say what was paid, against a coin only the note does.

use super::notes::{self, Mismatch, named, pair_and_rate};
use super::retail::Row;
use crate::Decimal;
use crate::imports::assets;
use crate::imports::booking::{Booking, product};
use crate::imports::numbers::{Style, amount};
use crate::imports::reading::{Problem, Read};

impl Row<'_> {
    /// Bought or sold against the currency of the file, or against the coin that the note names.
    pub(super) fn bought_or_sold(
        &self,
        buys: bool,
        note: &str,
        settled: Option<Style>,
    ) -> Read<Booking> {
        let names = named(note);
        match names.as_slice() {
            [first, second]
                if assets::coinbase(&first.asset) == self.asset
                    && second.asset != self.currency =>
            {
                self.advanced(buys, note, settled)
            }
            _ => self.for_money(buys),
        }
    }

    /// Bought or sold against the currency of the file: its columns are what was paid.
    pub(super) fn for_money(&self, buys: bool) -> Read<Booking> {
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
    pub(super) fn advanced(&self, buys: bool, note: &str, settled: Option<Style>) -> Read<Booking> {
        let problem = |reason: &str| self.cells.problem(self.columns.notes, reason);
        let names = named(note);
        let (pair, rate) = pair_and_rate(note);
        let (base, quote) = match (pair, names.as_slice()) {
            (Some(pair), _) => pair,
            (None, [first, second]) => (first.asset.as_str(), second.asset.as_str()),
            _ => return Err(problem("a trade whose note does not name its pair")),
        };
        if assets::coinbase(base) != self.asset {
            return Err(problem("the note of a trade is of another coin"));
        }
        if quote == self.currency {
            return self.for_money(buys);
        }
        let first = names
            .iter()
            .find(|named| assets::coinbase(&named.asset) == self.asset);
        let total = names.iter().find(|named| named.asset == quote);
        let (Some(first), Some(total)) = (first, total) else {
            return Err(problem("a trade whose note does not say what was paid"));
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

    pub(super) fn convert(&self, note: &str, settled: Option<Style>) -> Read<Booking> {
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

    fn mismatch(&self, mismatch: Mismatch) -> Problem {
        let reason = match mismatch {
            Mismatch::NotTheAmount => "the first amount of the note is not that of the row",
            Mismatch::Ambiguous => {
                "the note's amounts may be read two ways, and nothing in the file settles it"
            }
        };
        self.cells.problem(self.columns.notes, reason)
    }
}
