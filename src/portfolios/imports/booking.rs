//! Writing down of one transaction by a format.

use chrono::{DateTime, Utc};

use super::outcome::Imported;
use crate::ledger::is_money;
use crate::{Decimal, Kind, Leg, Transaction};

/// A transaction in the making. What goes wrong on the way is kept and refuses its rows.
#[derive(Debug)]
pub(super) struct Booking {
    pub imported: Imported,
    pub problem: Option<String>,
}

impl Booking {
    pub(super) fn new(kind: Kind, time: DateTime<Utc>, account: &str, rows: Vec<u64>) -> Self {
        let transaction = Transaction::new("", time.fixed_offset(), kind, account);
        let imported = Imported {
            file: 0,
            rows,
            flags: Vec::new(),
            transaction,
        };
        Self {
            imported,
            problem: None,
        }
    }

    /// An exchange of one asset for another: what it is called depends on which of them is money.
    pub(super) fn trade(
        time: DateTime<Utc>,
        account: &str,
        rows: Vec<u64>,
        sent: (&str, Decimal),
        received: (&str, Decimal),
    ) -> Self {
        let kind = match (is_money(sent.0), is_money(received.0)) {
            (true, false) => Kind::Buy,
            (false, true) => Kind::Sell,
            _ => Kind::Swap,
        };
        let booking = Self::new(kind, time, account, rows);
        booking
            .sent(sent.0, sent.1)
            .received(received.0, received.1)
    }

    /// Something that came in or went out, by the sign of `change`.
    pub(super) fn change(
        (incoming, outgoing): (Kind, Kind),
        time: DateTime<Utc>,
        account: &str,
        rows: Vec<u64>,
        asset: &str,
        change: Decimal,
    ) -> Self {
        if change.is_negative() {
            Self::new(outgoing, time, account, rows).sent(asset, -change)
        } else {
            Self::new(incoming, time, account, rows).received(asset, change)
        }
    }

    pub(super) fn sent(mut self, asset: &str, quantity: Decimal) -> Self {
        self.imported.transaction.sent = self.leg(asset, quantity);
        self
    }

    pub(super) fn received(mut self, asset: &str, quantity: Decimal) -> Self {
        self.imported.transaction.received = self.leg(asset, quantity);
        self
    }

    fn leg(&mut self, asset: &str, quantity: Decimal) -> Option<Leg> {
        if asset.is_empty() {
            self.problem.get_or_insert_with(|| "no currency".to_owned());
        }
        if quantity.is_zero() {
            self.problem
                .get_or_insert_with(|| format!("an amount of zero {asset}"));
        }
        if quantity.is_negative() {
            self.problem
                .get_or_insert_with(|| format!("a negative amount of {asset}"));
        }
        Some(Leg::new(asset, quantity))
    }

    /// A fee; nothing where it is zero. Fees of one asset add up.
    pub(super) fn fee(mut self, asset: &str, quantity: Decimal) -> Self {
        if quantity.is_zero() {
            return self;
        }
        if quantity.is_negative() {
            self.problem
                .get_or_insert_with(|| format!("a negative fee of {quantity} {asset}"));
            return self;
        }
        if asset.is_empty() {
            self.problem
                .get_or_insert_with(|| "a fee without a currency".to_owned());
            return self;
        }
        let fees = &mut self.imported.transaction.fees;
        match fees.iter_mut().find(|fee| fee.asset == asset) {
            Some(fee) => match fee.quantity.checked_add(quantity) {
                Some(sum) => fee.quantity = sum,
                None => self.problem = Some(TOO_LARGE.to_owned()),
            },
            None => fees.push(Leg::new(asset, quantity)),
        }
        self
    }

    pub(super) fn to(mut self, account: &str) -> Self {
        self.imported.transaction.to_account = Some(account.to_owned());
        self
    }

    pub(super) fn id(mut self, id: &str) -> Self {
        self.imported.transaction.id = id.to_owned();
        self
    }

    pub(super) fn note(mut self, note: &str) -> Self {
        if !note.is_empty() {
            self.imported.transaction.note = Some(note.to_owned());
        }
        self
    }

    pub(super) fn tag(mut self, tag: &str) -> Self {
        if !tag.is_empty() {
            self.imported.transaction.tags.push(tag.to_owned());
        }
        self
    }

    pub(super) fn flag(mut self, flag: impl Into<String>) -> Self {
        self.imported.flags.push(flag.into());
        self
    }

    /// The market value, of kinds that have one of their own: not of what is paid in money, and not of what
    /// only moves.
    pub(super) fn value(mut self, value: Option<Decimal>) -> Self {
        use Kind::{Buy, Deposit, Loss, Migration, Opening, Sell, Transfer, Withdrawal};
        let kind = self.imported.transaction.kind;
        let moves = [
            Buy, Sell, Deposit, Withdrawal, Transfer, Loss, Migration, Opening,
        ];
        if !moves.contains(&kind) {
            self.imported.transaction.value =
                value.map(Decimal::abs).filter(|value| !value.is_zero());
        }
        self
    }
}

pub(super) const TOO_LARGE: &str = "the sum is more than can be kept exactly";

/// The sum of amounts.
pub(super) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Result<Decimal, String> {
    let mut amounts = amounts.into_iter();
    amounts
        .try_fold(Decimal::ZERO, Decimal::checked_add)
        .ok_or_else(|| TOO_LARGE.to_owned())
}

/// The product, rounded half up to 18 decimals: for amounts that a file gives only as a price.
pub(super) fn product(one: Decimal, other: Decimal) -> Option<Decimal> {
    use ethnum::I256;
    let unit = I256::from(Decimal::ONE.atoms());
    let wide = I256::from(one.atoms()) * I256::from(other.atoms());
    let rounded = (wide + unit / 2) / unit;
    i128::try_from(rounded).ok().and_then(Decimal::from_atoms)
}
