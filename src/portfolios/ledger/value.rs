//! Value of a leg of a transaction. The transaction's own word goes before any price: its own
//! values, money at its face, the other side of a trade; only then the closing price of the day.

use crate::ledger::post::Poster;
use crate::ledger::{Day, LedgerError};
use crate::money::Money;
use crate::transaction::{Kind, Leg, Transaction};

/// Market values of the two sides of a trade.
#[derive(Debug, Clone, Copy)]
pub(super) struct TradeValues {
    /// Of what was sent: the cost of what was received.
    pub(super) given: Option<Money>,
    /// Of what was received: the proceeds of what was sent.
    pub(super) got: Option<Money>,
}

impl Poster<'_> {
    /// Value of a leg by the transaction itself.
    fn stated(&self, leg: &Leg) -> Option<Money> {
        if leg.asset == self.currency() {
            return Some(leg.quantity.into());
        }
        leg.value.map(Money::from)
    }

    /// A leg at the closing price of the day.
    pub(super) fn at_price(
        &mut self,
        row: &Transaction,
        leg: &Leg,
        day: Day,
    ) -> Result<Option<Money>, LedgerError> {
        let Some(price) = self.price(self.asset_id(&leg.asset), day) else {
            return Ok(None);
        };
        match Money::product(leg.quantity.atoms(), price) {
            Some(value) => Ok(Some(value)),
            None => Err(LedgerError::of(
                row,
                format!(
                    "{} {} at {price} is worth more than can be kept exactly (below 10^30)",
                    leg.quantity, leg.asset
                ),
            )),
        }
    }

    /// The value of the only leg of a transaction.
    pub(super) fn single(
        &mut self,
        row: &Transaction,
        leg: &Leg,
        day: Day,
    ) -> Result<Option<Money>, LedgerError> {
        match self.stated(leg).or(row.value.map(Money::from)) {
            Some(value) => Ok(Some(value)),
            None => self.at_price(row, leg, day),
        }
    }

    /// The values of both sides of a trade. Where each side has a value of its own they may differ;
    /// where only one has, or the transaction as a whole, it is the other's as well.
    pub(super) fn trade(
        &mut self,
        row: &Transaction,
        sent: &Leg,
        received: &Leg,
        day: Day,
    ) -> Result<TradeValues, LedgerError> {
        let whole = row.value.map(Money::from);
        let (of_sent, of_received) = (self.stated(sent), self.stated(received));
        // Money of the base currency is what the whole trade was worth, whatever else is stated.
        let face = |leg: &Leg, value: Option<Money>| value.filter(|_| leg.asset == self.currency());
        if let Some(face) = face(sent, of_sent).or(face(received, of_received)) {
            return Ok(TradeValues {
                given: Some(face),
                got: Some(face),
            });
        }
        let given = of_sent.or(whole).or(of_received);
        let got = of_received.or(whole).or(of_sent);
        if given.is_some() && got.is_some() {
            return Ok(TradeValues { given, got });
        }
        // Of a purchase the money given is priced first; of anything else what was received.
        let order = if row.kind == Kind::Buy {
            [sent, received]
        } else {
            [received, sent]
        };
        let mut value = None;
        for leg in order {
            if value.is_none() {
                value = self.at_price(row, leg, day)?;
            }
        }
        Ok(TradeValues {
            given: value,
            got: value,
        })
    }
}
