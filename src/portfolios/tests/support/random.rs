//! Histories at random: every kind of transaction, fees in any asset, daily prices.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use coinsphere_portfolios::files::check;
use coinsphere_portfolios::report::ReportOptions;
use coinsphere_portfolios::{
    Decimal, FeesInKind, Kind, Leg, Method, NamedLot, Scope, Transaction, TransactionFile,
};
use proptest::prelude::*;

pub const ASSETS: [&str; 4] = ["BTC", "ETH", "TINY", "EUR"];
pub const ACCOUNTS: [&str; 3] = ["exchange", "ledger", "vault"];

/// Dice for one transaction.
#[derive(Debug, Clone)]
pub struct Dice {
    kind: usize,
    asset: usize,
    other: usize,
    account: usize,
    to: usize,
    /// Share of what is there, in percent.
    share: u32,
    amount: u64,
    places: u32,
    value: u64,
    hours: u32,
    fee: u8,
    named: bool,
}

pub fn dice() -> impl Strategy<Value = Dice> {
    (
        (0..19usize, 0..4usize, 1..4usize, 0..3usize, 1..3usize),
        (1..=100u32, 1..1_000_000_000_000_000u64, 0..=18u32),
        (0..1_000_000u64, 0..400u32, 0..8u8, any::<bool>()),
    )
        .prop_map(
            |((kind, asset, other, account, to), (share, amount, places), rest)| {
                let (value, hours, fee, named) = rest;
                Dice {
                    kind,
                    asset,
                    other,
                    account,
                    to,
                    share,
                    amount,
                    places,
                    value,
                    hours,
                    fee,
                    named,
                }
            },
        )
}

pub fn decimal(units: u64, places: u32) -> Decimal {
    let atoms = i128::from(units) * 10i128.pow(18 - places);
    Decimal::from_atoms(atoms).unwrap()
}

/// Throws the dice into a history in which nothing leaves that has not come, unless `holes` is set.
pub fn history(all: &[Dice], holes: bool) -> TransactionFile {
    let mut file = TransactionFile::new("USD");
    let start = NaiveDate::from_ymd_opt(2023, 12, 1).unwrap();
    for (asset, cents) in ASSETS.into_iter().zip([4_000_000u64, 250_000, 1, 108]) {
        for day in 0..200u64 {
            let price = decimal(cents * (50 + (day * 37 + cents) % 100), 4);
            file.prices.set(asset, start + Days::new(day), price);
        }
    }
    let mut held: HashMap<(&str, &str), Decimal> = HashMap::new();
    let mut lots: Vec<String> = Vec::new();
    let mut hours = 0;
    for (number, dice) in all.iter().enumerate() {
        hours += i64::from(dice.hours / 10);
        let time = start.and_hms_opt(9, 0, 0).unwrap().and_utc()
            + chrono::Duration::hours(hours.min(4_700));
        let kind = Kind::ALL[dice.kind];
        let account = ACCOUNTS[dice.account];
        let asset = ASSETS[dice.asset];
        let other = ASSETS[(dice.asset + dice.other) % 4];
        let mut row = Transaction::new(format!("t{number}"), time.fixed_offset(), kind, account);
        let amount = decimal(dice.amount, dice.places);
        let there = held
            .get(&(account, asset))
            .copied()
            .unwrap_or(Decimal::ZERO);
        let part = if holes {
            amount
        } else {
            Decimal::from_atoms(there.atoms() / 100 * i128::from(dice.share)).unwrap()
        };
        let money = Leg::new("USD", decimal(dice.value + 1, 2));
        let leg = |asset: &str, quantity| Leg::new(asset, quantity);
        match kind {
            Kind::Buy => (row.sent, row.received) = (Some(money), Some(leg(asset, amount))),
            Kind::Sell => (row.sent, row.received) = (Some(leg(asset, part)), Some(money)),
            Kind::Swap => {
                (row.sent, row.received) = (Some(leg(asset, part)), Some(leg(other, amount)));
                match dice.value % 3 {
                    0 => row.value = Some(decimal(dice.value, 3)),
                    1 => {
                        row.sent.as_mut().unwrap().value = Some(decimal(dice.value, 3));
                        row.received.as_mut().unwrap().value = Some(decimal(dice.value * 2, 5));
                    }
                    _ => {}
                }
            }
            Kind::Migration => {
                (row.sent, row.received) = (Some(leg(asset, part)), Some(leg(other, amount)))
            }
            Kind::Transfer => {
                row.sent = Some(leg(asset, part));
                row.to_account = Some(ACCOUNTS[(dice.account + dice.to) % 3].to_owned());
            }
            Kind::Deposit | Kind::Opening | Kind::GiftIn => {
                row.received = Some(leg(asset, amount));
                row.basis = (!holes).then(|| decimal(dice.value, 2));
            }
            kind if kind.is_income() || kind == Kind::Fork => {
                row.received = Some(leg(asset, amount))
            }
            _ => row.sent = Some(leg(asset, part)),
        }
        // Money of the base currency comes and goes by itself as well.
        let trade = row.sent.is_some() && row.received.is_some();
        if dice.value % 7 == 0 && !trade {
            let money = Leg::new("USD", decimal(dice.value + 1, 2));
            row.sent = row.sent.map(|_| money.clone());
            row.received = row.received.map(|_| money);
        }
        if row
            .sent
            .as_ref()
            .is_some_and(|leg| !leg.quantity.is_positive())
        {
            continue;
        }
        let sent = row.sent.clone();
        let received = row.received.clone();
        let mut change = |account, asset, by: Decimal| {
            let held = held.entry((account, asset)).or_default();
            *held = held.checked_add(by).unwrap();
        };
        if let Some(sent) = sent.filter(|sent| sent.asset != "USD") {
            change(account, asset, -sent.quantity);
            if let Some(to) = &row.to_account {
                let to = ACCOUNTS.into_iter().find(|account| account == to).unwrap();
                change(to, asset, sent.quantity);
            }
            if dice.named && !lots.is_empty() && !holes {
                let lot = lots[dice.amount as usize % lots.len()].clone();
                // Such a lot may be there or not: what is not is flagged.
                row.lots.push(NamedLot {
                    lot,
                    quantity: sent.quantity,
                });
            }
        }
        if let Some(received) = received.filter(|received| received.asset != "USD") {
            let asset = ASSETS
                .into_iter()
                .find(|asset| *asset == received.asset)
                .unwrap();
            change(account, asset, received.quantity);
            lots.push(row.id.clone());
        }
        match dice.fee {
            0 => row
                .fees
                .push(Leg::new("USD", decimal(dice.value % 500 + 1, 2))),
            1 | 2 => {
                let fee = if dice.fee == 1 { asset } else { other };
                let there = held.get(&(account, fee)).copied().unwrap_or(Decimal::ZERO);
                let quantity = Decimal::from_atoms(there.atoms() / 1_000).unwrap();
                if quantity.is_positive() {
                    row.fees.push(Leg::new(fee, quantity));
                    let left = there.checked_sub(quantity).unwrap();
                    held.insert((account, fee), left);
                }
            }
            _ => {}
        }
        file.transactions.push(row);
    }
    check(&file.transactions).unwrap();
    file
}

/// Every method in every scope it has.
pub fn ways() -> Vec<ReportOptions> {
    let mut ways = Vec::new();
    for method in Method::ALL {
        for scope in [Scope::Portfolio, Scope::Account] {
            for fees_in_kind in [FeesInKind::Dispose, FeesInKind::AtCost] {
                if method != Method::Uk || scope == Scope::Portfolio {
                    let options = ReportOptions {
                        scope,
                        fees_in_kind,
                        ..ReportOptions::new(method)
                    };
                    ways.push(options);
                }
            }
        }
    }
    ways
}
