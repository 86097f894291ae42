//! A portfolio that stays computed while it changes has the figures of one that was computed from the
//! beginning, and does no more work than the change makes necessary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use chrono::{Days, NaiveDate};
use coinsphere_portfolios::report::{ReportOptions, report};
use coinsphere_portfolios::{
    Computed, Decimal, Kind, Leg, Method, PriceChange, Recomputed, Transaction, TransactionFile,
};
use proptest::prelude::*;
use support::random::{ASSETS, dice, history, ways};
use support::{file, price, row};

/// Everything that a portfolio says, of both kinds of computation.
fn whole(file: &TransactionFile, options: &ReportOptions) -> serde_json::Value {
    let options = ReportOptions {
        history: true,
        ..*options
    };
    serde_json::to_value(report(file, &options).unwrap()).unwrap()
}

fn shown(computed: &Computed) -> serde_json::Value {
    serde_json::to_value(computed.report(true)).unwrap()
}

fn same_as_from_the_beginning(computed: &Computed, file: &TransactionFile) {
    assert_eq!(shown(computed), whole(file, computed.options()));
}

/// An edit at random.
#[derive(Debug, Clone)]
enum Edit {
    Remove(usize),
    Put(usize, u64),
    Add(usize, i64),
    Price(usize, u64, Option<u64>),
    Replace(usize, usize),
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<usize>().prop_map(Edit::Remove),
        (any::<usize>(), 1..1_000_000u64).prop_map(|(at, cents)| Edit::Put(at, cents)),
        (any::<usize>(), 0..200i64).prop_map(|(at, hours)| Edit::Add(at, hours)),
        (0..4usize, 0..230u64, prop::option::of(1..1_000_000u64))
            .prop_map(|(asset, day, price)| Edit::Price(asset, day, price)),
        (any::<usize>(), any::<usize>()).prop_map(|(at, drop)| Edit::Replace(at, drop)),
    ]
}

fn cents(cents: u64) -> Decimal {
    Decimal::from_atoms(i128::from(cents) * 10_000_000_000_000_000).unwrap()
}

/// Makes the edit in the file and in the computed portfolio; `None` if it makes no sense here.
fn edit(
    edit: &Edit,
    file: &mut TransactionFile,
    computed: &mut Computed,
    number: usize,
) -> Option<Recomputed> {
    let rows = &mut file.transactions;
    let count = rows.len();
    match *edit {
        _ if count == 0 => None,
        Edit::Remove(at) => {
            let id = rows.remove(at % count).id;
            Some(computed.remove(&[&id]).unwrap())
        }
        Edit::Put(at, value) => {
            let row = &mut rows[at % count];
            if row.kind == Kind::Fork || row.kind == Kind::Transfer {
                return None;
            }
            row.value = Some(cents(value));
            let row = row.clone();
            Some(computed.put(vec![row]).unwrap())
        }
        Edit::Add(at, hours) => {
            let time = rows[at % count].time + chrono::Duration::hours(hours);
            let mut row = Transaction::new(format!("new {number}"), time, Kind::Buy, "exchange");
            row.sent = Some(Leg::new("USD", Decimal::from(1_000)));
            let asset = ["BTC", "ETH", "NEW"][at % 3];
            row.received = Some(Leg::new(asset, Decimal::from(2)));
            rows.push(row.clone());
            Some(computed.put(vec![row]).unwrap())
        }
        Edit::Price(asset, day, price) => {
            let day = NaiveDate::from_ymd_opt(2023, 11, 20).unwrap() + Days::new(day);
            let change = PriceChange {
                asset: ASSETS[asset].to_owned(),
                day,
                price: price.map(cents),
            };
            file.prices.change(&change.asset, day, change.price);
            Some(computed.change_prices(&[change]).unwrap())
        }
        Edit::Replace(at, drop) => {
            rows.sort_by_key(|row| row.time);
            let from = rows[at % count].time;
            let cut = rows.partition_point(|row| row.time < from);
            let last = cut + drop % (count - cut + 1);
            rows.truncate(last);
            let tail = rows[cut..].to_vec();
            Some(computed.replace(from, tail).unwrap())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_full(
        all in prop::collection::vec(dice(), 1..150),
        holes in any::<bool>(),
        changes in prop::collection::vec(edits(), 1..8),
    ) {
        for options in ways() {
            let mut file = history(&all, holes);
            let mut computed = Computed::new(file.clone(), options).unwrap();
            same_as_from_the_beginning(&computed, &file);
            for (number, change) in changes.iter().enumerate() {
                edit(change, &mut file, &mut computed, number);
                same_as_from_the_beginning(&computed, &file);
            }
        }
    }

    #[test]
    fn editing_then_undoing_restores_every_figure(
        all in prop::collection::vec(dice(), 1..150),
        changes in prop::collection::vec(edits(), 1..6),
    ) {
        for options in ways() {
            let file = history(&all, false);
            // Nothing can be undone before a first transaction.
            prop_assume!(!file.transactions.is_empty());
            let mut computed = Computed::new(file.clone(), options).unwrap();
            let before = shown(&computed);
            let (rows, prices) = (computed.transactions().to_vec(), file.prices.clone());
            let mut edited = file.clone();
            for (number, change) in changes.iter().enumerate() {
                edit(change, &mut edited, &mut computed, number);
            }
            computed.replace(rows[0].time - chrono::Duration::days(400), rows).unwrap();
            let undo: Vec<_> = changes.iter().filter_map(|change| match *change {
                Edit::Price(asset, day, _) => {
                    let day = NaiveDate::from_ymd_opt(2023, 11, 20).unwrap() + Days::new(day);
                    let series = prices.of(ASSETS[asset]).unwrap().days();
                    let at = series.binary_search_by_key(&day, |&(day, _)| day);
                    Some(PriceChange {
                        asset: ASSETS[asset].to_owned(),
                        day,
                        price: at.ok().map(|at| series[at].1),
                    })
                }
                _ => None,
            }).collect();
            computed.change_prices(&undo).unwrap();
            prop_assert_eq!(shown(&computed), before);
        }
    }
}

/// Two purchases a day for 400 days, a sale every third, with a price for each day.
fn long() -> TransactionFile {
    let start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    let mut rows = Vec::new();
    for day in 0..400u32 {
        let date = start + Days::new(u64::from(day));
        for (hour, number) in [(9, 0), (15, 1)] {
            let time = format!("{date}T{hour:02}:00:00Z");
            let id = format!("b{day}-{number}");
            rows.push(row(&id, &time, Kind::Buy, "100 USD", "1 BTC", "1 USD"));
        }
        if day % 3 == 2 {
            let time = format!("{date}T18:00:00Z");
            rows.push(row(
                &format!("s{day}"),
                &time,
                Kind::Sell,
                "3 BTC",
                "330 USD",
                "",
            ));
        }
    }
    let mut file = file(rows);
    for day in 0..400u32 {
        let date = start + Days::new(u64::from(day));
        file.prices.set("BTC", date, Decimal::from(100 + day % 7));
    }
    file
}

#[test]
fn a_change_recomputes_only_from_its_date_on() {
    for method in Method::ALL {
        let mut file = long();
        let mut computed = Computed::new(file.clone(), ReportOptions::new(method)).unwrap();
        // Nine days before the end.
        let at = file
            .transactions
            .iter()
            .position(|row| row.id == "b391-0")
            .unwrap();
        file.transactions[at].received.as_mut().unwrap().quantity = Decimal::from(2);
        let done = computed.put(vec![file.transactions[at].clone()]).unwrap();
        same_as_from_the_beginning(&computed, &file);
        assert_eq!(done.days, 9, "{method}");
        assert!(done.transactions < 60, "{method}: {done:?}");
        // The sales of the 30 days before it are matched again.
        let most = if method == Method::Uk { 140 } else { 60 };
        assert!(done.postings < most, "{method}: {done:?}");
        let again = computed.put(vec![file.transactions[at].clone()]).unwrap();
        assert_eq!(again, Recomputed::NOTHING);
    }
}

#[test]
fn a_corrected_price_recomputes_only_what_used_it() {
    let mut file = long();
    let mut gift = row("gift", "2024-01-20", Kind::Staking, "", "1 BTC", "");
    gift.note = Some("the only one that is valued at a price".to_owned());
    file.transactions.push(gift);
    let mut computed = Computed::new(file.clone(), ReportOptions::new(Method::Fifo)).unwrap();
    let mut change = |day: &str, price: u32, file: &mut TransactionFile| {
        let change = PriceChange {
            asset: "BTC".to_owned(),
            day: day.parse().unwrap(),
            price: Some(Decimal::from(price)),
        };
        self::price(file, "BTC", &[(day, &price.to_string())]);
        let done = computed.change_prices(&[change]).unwrap();
        same_as_from_the_beginning(&computed, file);
        done
    };
    // Nothing was valued at it: one day is worth something else.
    let done = change("2023-06-01", 90, &mut file);
    assert_eq!((done.transactions, done.postings, done.days), (0, 0, 1));
    // Income was: it and what came after it.
    let done = change("2024-01-20", 90, &mut file);
    assert!(done.transactions > 0 && done.transactions < 80, "{done:?}");
    // The same price changes nothing.
    assert_eq!(change("2024-01-20", 90, &mut file), Recomputed::NOTHING);
    // A price of another day after the last makes one day more.
    let done = change("2024-02-05", 90, &mut file);
    assert_eq!((done.transactions, done.days), (0, 1));
}

#[test]
fn what_cannot_be_computed_changes_nothing() {
    let file = long();
    let mut computed = Computed::new(file.clone(), ReportOptions::new(Method::Hifo)).unwrap();
    let before = shown(&computed);
    let huge = "99999999999999999999".parse::<Decimal>().unwrap();
    let mut buy = row("huge", "2023-05-01", Kind::Buy, "1 USD", "1 BTC", "");
    buy.received.as_mut().unwrap().quantity = huge;
    computed.put(vec![buy]).unwrap_err();
    assert_eq!(shown(&computed), before);
    let change = PriceChange {
        asset: "BTC".to_owned(),
        day: "2023-07-01".parse().unwrap(),
        price: Some(huge),
    };
    let also = PriceChange {
        price: Some(Decimal::from(3)),
        day: "2023-06-01".parse().unwrap(),
        ..change.clone()
    };
    let mut whale = row(
        "whale",
        "2023-05-01",
        Kind::Opening,
        "",
        "90000000000 BTC",
        "",
    );
    whale.basis = Some(Decimal::from(1));
    computed.put(vec![whale]).unwrap();
    let before = shown(&computed);
    computed.change_prices(&[also, change]).unwrap_err();
    assert_eq!(shown(&computed), before);
    let early = row("early", "2023-01-01", Kind::Buy, "1 USD", "1 BTC", "");
    let from = early.time + chrono::Duration::hours(1);
    let error = computed.replace(from, vec![early]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "transaction \"early\" is from before 2023-01-01T13:00:00Z: replace from its time on"
    );
    assert_eq!(shown(&computed), before);
}

#[test]
fn an_empty_portfolio_fills_and_empties() {
    let mut computed =
        Computed::new(TransactionFile::new("USD"), ReportOptions::new(Method::Uk)).unwrap();
    let empty = shown(&computed);
    let full = long();
    for chunk in full.transactions.chunks(101) {
        computed.put(chunk.to_vec()).unwrap();
    }
    let changes: Vec<_> = full
        .prices
        .of("BTC")
        .unwrap()
        .days()
        .iter()
        .map(|&(day, price)| PriceChange {
            asset: "BTC".to_owned(),
            day,
            price: Some(price),
        })
        .collect();
    computed.change_prices(&changes).unwrap();
    same_as_from_the_beginning(&computed, &full);
    let ids: Vec<_> = full
        .transactions
        .iter()
        .map(|row| row.id.as_str())
        .collect();
    computed.remove(&ids).unwrap();
    assert_eq!(shown(&computed), empty);
}
