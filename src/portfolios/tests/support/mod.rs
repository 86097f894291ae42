//! Short ways to write down portfolios in tests.

#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod imports;
pub mod random;

use coinsphere_portfolios::report::{Report, ReportOptions, report};
use coinsphere_portfolios::transaction::parse_time;
use coinsphere_portfolios::{Kind, Leg, Method, Scope, Transaction, TransactionFile};

/// An amount: `1.5 BTC`, or with its value `1.5 BTC @ 60000`.
pub fn leg(text: &str) -> Option<Leg> {
    if text.is_empty() {
        return None;
    }
    let (amount, value) = text.split_once(" @ ").unwrap_or((text, ""));
    let (quantity, asset) = amount.split_once(' ').unwrap();
    let mut leg = Leg::new(asset, quantity.parse().unwrap());
    leg.value = (!value.is_empty()).then(|| value.parse().unwrap());
    Some(leg)
}

/// A transaction at noon of a day, or at a full time: kind, sent, received, fee.
pub fn row(id: &str, time: &str, kind: Kind, sent: &str, received: &str, fee: &str) -> Transaction {
    let time = if time.len() == 10 {
        format!("{time}T12:00:00Z")
    } else {
        time.to_owned()
    };
    let mut row = Transaction::new(id, parse_time(&time).unwrap(), kind, "main");
    row.sent = leg(sent);
    row.received = leg(received);
    row.fees.extend(leg(fee));
    row
}

/// A file in dollars.
pub fn file(rows: Vec<Transaction>) -> TransactionFile {
    let mut file = TransactionFile::new("USD");
    file.transactions = rows;
    file
}

/// Prices of days.
pub fn price(file: &mut TransactionFile, asset: &str, days: &[(&str, &str)]) {
    for (day, price) in days {
        file.prices
            .set(asset, day.parse().unwrap(), price.parse().unwrap());
    }
}

/// A report over the portfolio.
pub fn by(file: &TransactionFile, method: Method) -> Report {
    report(file, &ReportOptions::new(method)).unwrap()
}

/// A report account by account.
pub fn by_account(file: &TransactionFile, method: Method) -> Report {
    let options = ReportOptions {
        scope: Scope::Account,
        ..ReportOptions::new(method)
    };
    report(file, &options).unwrap()
}
