//! Properties of every portfolio, whatever happened in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::random::{ACCOUNTS, dice, history, ways};

use std::collections::HashMap;

use chrono::NaiveDate;
use coinsphere_portfolios::cost_basis::{self, CostBasis};
use coinsphere_portfolios::files::{check, read_csv, read_json, write_csv, write_json};
use coinsphere_portfolios::ledger::{Action, Ledger};
use coinsphere_portfolios::report::{Report, ReportOptions, report, write_report};
use coinsphere_portfolios::{
    Decimal, FeesInKind, Kind, Leg, Method, Money, NamedLot, Scope, Transaction, TransactionFile,
};
use proptest::prelude::*;

fn figure(report: &serde_json::Value, name: &str) -> Money {
    report[name]
        .as_str()
        .unwrap()
        .parse::<Decimal>()
        .unwrap()
        .into()
}

/// value = net_invested + realized + unrealized + income − transfer_fees + swap_differences + unexplained.
fn explained(report: &serde_json::Value) -> Money {
    figure(report, "net_invested")
        + figure(report, "realized")
        + figure(report, "unrealized")
        + figure(report, "income")
        - figure(report, "transfer_fees")
        + figure(report, "swap_differences")
}

fn complete(report: &Report) -> bool {
    report
        .flags
        .iter()
        .all(|flag| flag.problem == "named_lot_not_there")
}

fn slices_add_up(basis: &CostBasis) {
    for disposal in &basis.disposals {
        let slices = &basis.slices[disposal.slices.clone()];
        let quantity: i128 = slices.iter().map(|slice| slice.quantity).sum();
        assert_eq!(quantity, disposal.quantity);
        let cost: Money = slices.iter().filter_map(|slice| slice.basis).sum();
        assert_eq!(cost, disposal.basis);
        let known: i128 = slices
            .iter()
            .filter(|slice| slice.basis.is_some())
            .map(|slice| slice.quantity)
            .sum();
        assert_eq!(known + disposal.unknown, disposal.quantity);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_value_is_explained_exactly(all in prop::collection::vec(dice(), 1..60)) {
        let file = history(&all, false);
        for options in ways() {
            let report = report(&file, &options).unwrap();
            prop_assert!(complete(&report), "{:?} {:#?}", options, report.flags);
            let shown = serde_json::to_value(&report).unwrap();
            prop_assert_eq!(figure(&shown, "unexplained"), Money::ZERO, "{:?}", options);
            prop_assert_eq!(figure(&shown, "value"), explained(&shown), "{:?}", options);
        }
    }

    #[test]
    fn lots_conserve_quantity_and_cost(all in prop::collection::vec(dice(), 1..60)) {
        let file = history(&all, false);
        for options in ways() {
            let ledger = Ledger::new(&file, &file.prices, options.fees_in_kind).unwrap();
            let basis = cost_basis::apply(&ledger, options.method, options.scope, None);
            slices_add_up(&basis);
            let mut held: HashMap<_, i128> = HashMap::new();
            for change in &ledger.totals.changes {
                *held.entry(change.asset).or_default() += change.quantity;
            }
            held.remove(&ledger.base);
            held.retain(|_, quantity| *quantity != 0);
            let mut remaining: HashMap<_, i128> = HashMap::new();
            for holding in &basis.remaining {
                *remaining.entry(holding.asset).or_default() += holding.quantity;
                prop_assert!(holding.quantity > 0 && holding.unknown == 0);
            }
            prop_assert_eq!(remaining, held, "{:?}", options);
            let acquired: Money = ledger.postings.iter().filter_map(|posting| match posting.action {
                Action::Acquire { cost, .. } => cost,
                _ => None,
            }).sum();
            let gone: Money = basis.disposals.iter().map(|disposal| disposal.basis).sum();
            let removed: Money = basis.removed.iter().chain(&basis.fees_at_cost).map(|dated| dated.amount).sum();
            let left: Money = basis.remaining.iter().map(|holding| holding.basis).sum();
            prop_assert_eq!(gone + removed + left, acquired, "{:?}", options);
        }
    }

    #[test]
    fn methods_agree_once_everything_is_sold(all in prop::collection::vec(dice(), 1..40)) {
        let mut file = history(&all, false);
        // What leaves without a gain takes a cost with it that depends on the method.
        file.transactions.retain(|row| !matches!(row.kind, Kind::GiftOut | Kind::Loss | Kind::Withdrawal));
        let time = file.transactions.last().map(|row| row.time + chrono::Duration::days(40));
        let options = ReportOptions { scope: Scope::Account, ..ReportOptions::new(Method::Fifo) };
        let left = report(&file, &options).unwrap();
        for (number, holding) in left.remaining.iter().enumerate() {
            let mut row = Transaction::new(format!("sale {number}"), time.unwrap(), Kind::Sell, &holding.account);
            row.sent = Some(Leg::new(&holding.asset, holding.quantity.parse().unwrap()));
            row.received = Some(Leg::new("USD", Decimal::from(1_000)));
            file.transactions.push(row);
        }
        let mut realized = Vec::new();
        for options in ways().into_iter().filter(|options| options.fees_in_kind == FeesInKind::Dispose) {
            let report = report(&file, &options).unwrap();
            prop_assert!(report.remaining.is_empty(), "{:?} {:?}", options, report.remaining);
            realized.push(report.realized);
        }
        prop_assert!(realized.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", realized);
    }

    #[test]
    fn a_report_is_written_as_it_would_be_made(all in prop::collection::vec(dice(), 1..60)) {
        let file = history(&all, true);
        for options in ways() {
            let options = ReportOptions { history: true, year: Some(2024), ..options };
            let mut written = Vec::new();
            write_report(&file, &options, &mut written).unwrap();
            let made = serde_json::to_string_pretty(&report(&file, &options).unwrap()).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), made);
        }
    }

    #[test]
    fn holes_are_flagged_and_never_fail(all in prop::collection::vec(dice(), 1..60)) {
        let mut file = history(&all, true);
        let half = file.prices.assets().map(|(name, _)| name.to_owned()).nth(1).unwrap();
        let mut prices = coinsphere_portfolios::Prices::default();
        for (name, series) in file.prices.assets().filter(|(name, _)| *name != half) {
            for &(day, price) in series.days() {
                prices.set(name, day, price);
            }
        }
        file.prices = prices;
        for options in ways() {
            let found = report(&file, &options).unwrap();
            let ledger = Ledger::new(&file, &file.prices, options.fees_in_kind).unwrap();
            slices_add_up(&cost_basis::apply(&ledger, options.method, options.scope, None));
            for holding in &found.remaining {
                prop_assert!(!holding.quantity.starts_with('-') && !holding.unknown_quantity.starts_with('-'));
            }
            prop_assert!(found.holdings.values().all(|quantity| !quantity.starts_with('-')));
            let shown = serde_json::to_string(&found).unwrap();
            prop_assert!(!shown.contains("NaN") && !shown.contains("inf\""));
        }
    }

    #[test]
    fn the_order_of_the_file_matters_only_within_an_instant(all in prop::collection::vec(dice(), 1..40)) {
        let file = history(&all, false);
        let mut turned = file.clone();
        // Stable: those of one instant keep their order.
        turned.transactions.sort_by_key(|row| std::cmp::Reverse(row.time));
        for options in ways() {
            let (a, b) = (report(&file, &options).unwrap(), report(&turned, &options).unwrap());
            prop_assert_eq!(serde_json::to_value(a).unwrap(), serde_json::to_value(b).unwrap());
        }
    }

    #[test]
    fn a_year_after_another_adds_up_to_the_whole(all in prop::collection::vec(dice(), 1..60)) {
        let file = history(&all, false);
        for options in ways() {
            let whole = report(&file, &options).unwrap();
            let mut count = 0;
            for year in 2022..=2024 {
                let options = ReportOptions { year: Some(year), ..options };
                count += report(&file, &options).unwrap().disposals.len();
            }
            prop_assert_eq!(count, whole.disposals.len());
        }
    }

    #[test]
    fn files_come_back_as_they_were(all in prop::collection::vec(dice(), 0..40)) {
        let file = history(&all, false);
        let text = write_json(&file);
        let again = read_json(text.as_bytes()).unwrap();
        prop_assert_eq!(write_json(&again), text);
        prop_assert_eq!(&again, &file);
        let table = write_csv(&file.transactions);
        prop_assert_eq!(read_csv(table.as_bytes()).unwrap(), file.transactions);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_json(&bytes);
        let _ = read_csv(&bytes);
    }
}

/// Found at random: the fee's own disposal took the named lot once more.
#[test]
fn a_fee_in_kind_takes_none_of_the_lots_that_are_named() {
    let time = "2024-01-01T09:00:00Z";
    let row = |id: &str, kind| Transaction::new(id, time.parse().unwrap(), kind, ACCOUNTS[0]);
    let leg = |asset: &str, quantity: &str| Some(Leg::new(asset, quantity.parse().unwrap()));
    for kind in [Kind::Fee, Kind::Spend, Kind::Sell, Kind::Transfer] {
        let mut file = TransactionFile::new("USD");
        for (id, cost) in [("first", "3"), ("second", "5")] {
            let mut buy = row(id, Kind::Buy);
            (buy.sent, buy.received) = (leg("USD", cost), leg("EUR", "1"));
            file.transactions.push(buy);
        }
        let mut sent = row("named", kind);
        sent.sent = leg("EUR", "0.5");
        sent.received = (kind == Kind::Sell).then(|| leg("USD", "1")).flatten();
        sent.to_account = (kind == Kind::Transfer).then(|| ACCOUNTS[1].to_owned());
        sent.value = (kind != Kind::Sell && kind != Kind::Transfer).then(|| "1".parse().unwrap());
        sent.lots = vec![NamedLot {
            lot: "second".to_owned(),
            quantity: "0.5".parse().unwrap(),
        }];
        sent.fees = leg("EUR", "0.001").into_iter().collect();
        file.transactions.push(sent);
        check(&file.transactions).unwrap();
        let day = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        file.prices.set("EUR", day, Decimal::from(2));
        for fees_in_kind in [FeesInKind::Dispose, FeesInKind::AtCost] {
            let options = ReportOptions {
                fees_in_kind,
                ..ReportOptions::new(Method::Specific)
            };
            let ledger = Ledger::new(&file, &file.prices, fees_in_kind).unwrap();
            slices_add_up(&cost_basis::apply(
                &ledger,
                Method::Specific,
                Scope::Portfolio,
                None,
            ));
            let report = report(&file, &options).unwrap();
            assert!(report.flags.is_empty(), "{kind} {:?}", report.flags);
            let shown = serde_json::to_value(&report).unwrap();
            assert_eq!(figure(&shown, "unexplained"), Money::ZERO, "{kind}");
            let left = &shown["remaining"][0]["quantity"];
            let whole = if kind == Kind::Transfer {
                "1.999"
            } else {
                "1.499"
            };
            assert_eq!(left, whole, "{kind}");
        }
    }
}
