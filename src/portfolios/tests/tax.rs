//! The tax report: each lot with its share of proceeds and gain and its rule, as a table with income and
//! holdings, and as a page.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use coinsphere_portfolios::report::{ReportOptions, report, report_in};
use coinsphere_portfolios::{Kind, Method, Money, TransactionFile};
use proptest::prelude::*;
use support::random::{dice, history, ways};
use support::{by, file, price, row};

/// Bought for 100 and for 500, three thirds of it sold for 1000, a reward of 40.
fn two_lots() -> TransactionFile {
    let mut file = file(vec![
        row("old", "2023-01-02", Kind::Buy, "100 USD", "1 BTC", ""),
        row("new", "2024-01-02", Kind::Buy, "500 USD", "2 BTC", ""),
        row("r", "2024-02-01", Kind::Staking, "", "0.5 ETH @ 40", ""),
        row("s", "2024-03-02", Kind::Sell, "1.5 BTC", "1000 USD", ""),
    ]);
    price(&mut file, "BTC", &[("2024-03-03", "600")]);
    price(&mut file, "ETH", &[("2024-03-03", "90")]);
    file
}

/// Rows by the names of their columns.
fn rows(table: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn a_lot_has_its_share_of_proceeds_and_gain_and_the_rule() {
    let report = by(&two_lots(), Method::Fifo);
    let lots = serde_json::to_value(&report.disposals[0].lots).unwrap();
    assert_eq!(
        lots,
        serde_json::json!([
            {"lot": "old", "quantity": "1", "proceeds": "666.666666666666666667", "basis": "100",
             "gain": "566.666666666666666667", "acquired": "2023-01-02", "term": "long", "rule": "fifo"},
            {"lot": "new", "quantity": "0.5", "proceeds": "333.333333333333333333", "basis": "125",
             "gain": "208.333333333333333333", "acquired": "2024-01-02", "term": "short", "rule": "fifo"},
        ])
    );
}

#[test]
fn the_table_has_disposals_income_and_holdings() {
    let table = by(&two_lots(), Method::Hifo).tax_csv();
    let rows = rows(&table);
    let lines: Vec<&str> = rows.iter().map(|row| row["line"].as_str()).collect();
    assert_eq!(lines, ["disposal", "income", "holding", "holding"]);
    assert!(rows.iter().all(|row| row["method"] == "hifo"), "{table}");
    assert_eq!(rows[0]["lot_proceeds"], "1000");
    assert_eq!(rows[0]["lot_gain"], "625");
    assert_eq!(rows[0]["rule"], "hifo");
    let income = &rows[1];
    assert_eq!(income["date_acquired"], "2024-02-01");
    assert_eq!(
        (&income["cause"][..], &income["value"][..]),
        ("staking", "40")
    );
    assert_eq!(
        (&income["asset"][..], &income["quantity"][..]),
        ("ETH", "0.5")
    );
    let held = &rows[2];
    assert_eq!((&held["asset"][..], &held["quantity"][..]), ("BTC", "1.5"));
    assert_eq!((&held["basis"][..], &held["value"][..]), ("225", "900"));
    // A year without a sale still has its holdings.
    let options = ReportOptions {
        year: Some(2023),
        ..ReportOptions::new(Method::Uk)
    };
    let table = report(&two_lots(), &options).unwrap().tax_csv();
    assert!(table.contains("holding"), "{table}");
}

#[test]
fn the_part_without_a_known_cost_has_proceeds_and_no_gain() {
    let file = file(vec![
        row("b", "2024-01-02", Kind::Buy, "100 USD", "1 BTC", ""),
        row("s", "2024-03-02", Kind::Sell, "4 BTC", "1000 USD", ""),
    ]);
    let report = by(&file, Method::Uk);
    let lots = &report.disposals[0].lots;
    let text = |money: Option<Money>| money.map(|money| money.to_string());
    assert_eq!(text(lots[0].gain).as_deref(), Some("150"));
    assert_eq!(lots[1].rule, "missing");
    assert_eq!(text(lots[1].proceeds).as_deref(), Some("750"));
    assert_eq!(lots[1].gain, None);
}

#[test]
fn a_converted_page_says_so() {
    let mut file = two_lots();
    assert!(!by(&file, Method::Fifo).tax_html().contains("Converted"));
    price(
        &mut file,
        "EUR",
        &[("2023-01-01", "1"), ("2024-03-03", "2")],
    );
    let options = ReportOptions::new(Method::Fifo);
    let html = report_in(&file, &options, "EUR").unwrap().tax_html();
    assert!(
        html.contains("Converted from USD at the closing price of EUR"),
        "{html}"
    );
    assert!(html.contains("the exchange difference: "), "{html}");
}

/// One rate, of a day late in the history: what needs an earlier one is null and says why, the rest is there.
#[test]
fn a_rate_that_begins_late_takes_only_what_needs_an_earlier_one() {
    let mut file = two_lots();
    price(
        &mut file,
        "BTC",
        &[("2023-01-02", "100"), ("2024-03-05", "620")],
    );
    price(&mut file, "ETH", &[("2024-02-01", "80")]);
    price(
        &mut file,
        "SOL",
        &[("2024-02-15", "100"), ("2024-03-04", "124")],
    );
    let options = ReportOptions {
        history: true,
        ..ReportOptions::new(Method::Fifo)
    };
    let whole = report_in(&file, &options, "SOL").unwrap();
    let text = serde_json::to_value(&whole).unwrap();
    // The purchases of 2023 have no rate, the sale and the value of today have.
    assert_eq!(text["net_invested"], serde_json::Value::Null);
    assert_eq!(text["income"], serde_json::Value::Null);
    assert_eq!(text["realized"], "7.75");
    assert!(text["value"].is_string(), "{text}");
    assert_eq!(
        text["conversion_reason"],
        "there is no price of SOL on 2023-01-02 or before: add one to show amounts in it"
    );
    assert_eq!(text["income_lines"][0]["value"], serde_json::Value::Null);
    assert_eq!(text["disposals"][0]["basis"], "2.25");
    assert!(text.get("exchange_difference").is_none());
    let day = |date: &str| {
        let days = text["history"].as_array().unwrap();
        days.iter().find(|day| day["date"] == date).unwrap().clone()
    };
    assert_eq!(day("2024-02-14")["value"], serde_json::Value::Null);
    let reason = "there is no price of SOL on 2024-02-14 or before: add one to show amounts in it";
    assert_eq!(day("2024-02-14")["reason"], reason);
    assert!(day("2024-02-15")["value"].is_string());
    assert!(day("2024-02-15").get("reason").is_none());
    assert!(whole.performance.twr.is_some());
    assert!(whole.performance.xirr.is_none() && whole.performance.xirr_reason.is_some());
    assert!(
        whole
            .tax_html()
            .contains("Some amounts are unknown in it: there is no price of SOL")
    );
    // A range after the first rate lacks nothing.
    let computed = coinsphere_portfolios::Computed::new(file.clone(), options).unwrap();
    let from = "2024-02-16".parse().unwrap();
    let late = computed.history_in("SOL", Some(from)).unwrap();
    assert!(
        late.iter()
            .all(|day| day.value.is_some() && day.reason.is_none())
    );
    let days = computed.days_in("SOL").unwrap();
    let performance = coinsphere_portfolios::report::performance_between(&days, Some(from), None);
    assert!(performance.xirr.is_some(), "{performance:?}");
    // Without any there is nothing to show.
    assert!(computed.history_in("XMR", None).is_err());
    // A year before the first rate has neither.
    let year = ReportOptions {
        year: Some(2023),
        ..options
    };
    let early = report_in(&file, &year, "SOL").unwrap();
    assert_eq!((early.value, early.remaining[0].basis), (None, None));
    let reason = early.value_reason.clone().unwrap();
    assert!(
        reason.starts_with("there is no price of SOL on 2023-12-31"),
        "{reason}"
    );
    // Nothing was sold in it, which needs no rate.
    assert_eq!(early.realized, Some(Money::ZERO));
}

fn sum(parts: impl Iterator<Item = Option<Money>>) -> Money {
    parts.flatten().sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// As they are shown, in the portfolio's currency and in another.
    #[test]
    fn shares_of_lots_add_up_to_their_disposal(
        all in prop::collection::vec(dice(), 2..80),
        holes in any::<bool>(),
        way in any::<prop::sample::Index>(),
    ) {
        let mut file = history(&all, holes);
        price(&mut file, "XXX", &[("2020-01-01", "1.7")]);
        let ways = ways();
        let options = ways[way.index(ways.len())];
        for currency in ["USD", "XXX"] {
            for disposal in report_in(&file, &options, currency).unwrap().disposals {
                let lots = || disposal.lots.iter();
                if let Some(proceeds) = disposal.proceeds {
                    prop_assert_eq!(sum(lots().map(|lot| lot.proceeds)), proceeds.rounded());
                }
                if let Some(gain) = disposal.gain.filter(|_| lots().any(|lot| lot.basis.is_some())) {
                    prop_assert_eq!(sum(lots().map(|lot| lot.gain)), gain.rounded());
                }
                for lot in lots().filter(|lot| lot.basis.is_none()) {
                    prop_assert_eq!(lot.gain, None);
                }
            }
        }
    }
}

#[test]
fn a_jurisdiction_settles_year_and_terms_and_is_named() {
    let mut file = two_lots();
    file.transactions
        .push(row("t", "2024-08-02", Kind::Sell, "0.5 BTC", "400 USD", ""));
    let of = |state: Option<&str>, method: Method| {
        let options = ReportOptions {
            jurisdiction: state.map(|state| state.parse().unwrap()),
            year: Some(2024),
            ..ReportOptions::new(method)
        };
        report(&file, &options).unwrap()
    };
    let dates = |report: &coinsphere_portfolios::report::Report| -> Vec<String> {
        report.disposals.iter().map(|of| of.date.clone()).collect()
    };
    for (state, method, from, disposed, term) in [
        (
            None,
            Method::Fifo,
            "2024-01-01",
            &["2024-03-02", "2024-08-02"][..],
            Some("long"),
        ),
        (
            Some("us"),
            Method::Fifo,
            "2024-01-01",
            &["2024-03-02", "2024-08-02"],
            Some("long"),
        ),
        (
            Some("de"),
            Method::Lifo,
            "2024-01-01",
            &["2024-03-02", "2024-08-02"],
            Some("short"),
        ),
        (
            Some("gb"),
            Method::Fifo,
            "2024-04-06",
            &["2024-08-02"],
            None,
        ),
        (None, Method::Uk, "2024-04-06", &["2024-08-02"], None),
        (
            Some("au"),
            Method::Fifo,
            "2024-07-01",
            &["2024-08-02"],
            Some("short"),
        ),
        (
            Some("ca"),
            Method::Average,
            "2024-01-01",
            &["2024-03-02", "2024-08-02"],
            None,
        ),
    ] {
        let report = of(state, method);
        assert_eq!(report.jurisdiction, state);
        assert_eq!(report.from.as_deref(), Some(from), "{state:?}");
        assert_eq!(dates(&report), disposed, "{state:?}");
        assert_eq!(report.disposals[0].lots[0].term, term, "{state:?} {method}");
        let html = report.tax_html();
        assert_eq!(html.contains("Rules of: "), state.is_some(), "{html}");
        assert!(html.contains(report.term_rule), "{html}");
    }
    let wrong = "fr".parse::<coinsphere_portfolios::report::Jurisdiction>();
    assert_eq!(wrong.unwrap_err(), "use one of us, de, gb, au, ca");
}
