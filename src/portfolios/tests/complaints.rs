//! Complaints of users of other portfolio trackers, a test by the name of each complaint.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use chrono::{Days, NaiveDate};
use coinsphere_portfolios::report::{Report, ReportOptions, report};
use coinsphere_portfolios::{Acquired, Kind, Method, TransactionFile};
use support::{by, by_account, file, leg, price, row};

fn number(figure: Option<&String>) -> f64 {
    figure.unwrap().parse().unwrap()
}

fn text(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

/// Bought for 100, sold for 200, bought again for 200, worth 220.
fn bought_again() -> TransactionFile {
    let mut file = file(vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-01-03", Kind::Sell, "1 BTC", "200 USD", ""),
        row("c", "2024-01-05", Kind::Buy, "200 USD", "1 BTC", ""),
    ]);
    price(
        &mut file,
        "BTC",
        &[
            ("2024-01-01", "100"),
            ("2024-01-03", "200"),
            ("2024-01-06", "220"),
        ],
    );
    file
}

#[test]
fn percentage_absurd_after_selling_and_buying_again() {
    let report = by(&bought_again(), Method::Fifo);
    assert!((number(report.performance.twr.as_ref()) - 1.2).abs() < 1e-9);
    // 120 gained on 100 that were at work all the time.
    assert!((number(report.performance.simple_return.as_ref()) - 1.2).abs() < 1e-9);
    assert_eq!(text(&report)["realized"], "100");
    assert_eq!(text(&report)["unrealized"], "20");
    assert_eq!(text(&report)["net_invested"], "100");
}

#[test]
fn percentage_wrong_with_several_buys_or_income_before_a_buy() {
    let mut file = file(vec![
        row("i", "2024-01-01", Kind::Reward, "", "1 BTC", ""),
        row("a", "2024-01-02", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-01-03", Kind::Buy, "100 USD", "1 BTC", ""),
    ]);
    price(
        &mut file,
        "BTC",
        &[("2024-01-01", "100"), ("2024-01-04", "110")],
    );
    let report = by(&file, Method::Average);
    // Nobody put anything in on the first day: no return, and no infinite one.
    assert_eq!(report.performance.days_left_out, 1);
    assert!((number(report.performance.twr.as_ref()) - 0.1).abs() < 1e-9);
    assert_eq!(text(&report)["income"], "100");
    assert_eq!(text(&report)["unrealized"], "30");
}

#[test]
fn performance_runs_on_after_the_position_is_zero() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "100 USD", ""),
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-01-02", Kind::Sell, "1 BTC", "150 USD", ""),
        row("w", "2024-01-02", Kind::Withdrawal, "150 USD", "", ""),
    ]);
    price(
        &mut file,
        "BTC",
        &[
            ("2024-01-01", "100"),
            ("2024-01-02", "150"),
            ("2024-06-01", "9000"),
        ],
    );
    let report = by(&file, Method::Fifo);
    assert_eq!(text(&report)["value"], "0");
    assert_eq!(text(&report)["unrealized"], "0");
    assert_eq!(
        report.performance.twr.as_deref(),
        Some("0"),
        "the gain left on the day it was made"
    );
    assert!(report.performance.days_left_out > 100);
}

#[test]
fn fees_left_out_of_performance() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "110 USD", ""),
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", "10 USD"),
    ]);
    price(&mut file, "BTC", &[("2024-01-01", "100")]);
    let report = by(&file, Method::Fifo);
    assert!((number(report.performance.twr.as_ref()) - (100.0 / 110.0 - 1.0)).abs() < 1e-9);
    assert_eq!(text(&report)["unrealized"], "-10");
    assert_eq!(text(&report)["fees"], "10");
}

#[test]
fn twr_at_minus_100_percent_when_emptied() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "1 BTC @ 100", ""),
        row("w", "2024-01-03", Kind::Withdrawal, "1 BTC", "", ""),
        row("e", "2024-01-05", Kind::Deposit, "", "1 BTC @ 110", ""),
    ]);
    price(
        &mut file,
        "BTC",
        &[
            ("2024-01-01", "100"),
            ("2024-01-02", "110"),
            ("2024-01-06", "121"),
        ],
    );
    let report = by(&file, Method::Fifo);
    assert!((number(report.performance.twr.as_ref()) - 0.21).abs() < 1e-9);
    assert_eq!(report.performance.max_drawdown.as_deref(), Some("0"));
}

#[test]
fn a_total_loss_stays_a_total_loss() {
    let mut file = file(vec![row(
        "a",
        "2024-01-01",
        Kind::Buy,
        "100 USD",
        "1 LUNA",
        "",
    )]);
    price(
        &mut file,
        "LUNA",
        &[("2024-01-01", "100"), ("2024-06-01", "0")],
    );
    let report = by(&file, Method::Fifo);
    assert_eq!(report.performance.twr.as_deref(), Some("-1"));
    assert_eq!(report.performance.xirr, None);
    assert!(
        report
            .performance
            .xirr_reason
            .as_deref()
            .unwrap()
            .contains("everything was lost")
    );
}

#[test]
fn portfolio_twr_wrong_though_accounts_are_right() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Deposit, "", "1 BTC @ 100", ""),
        row("b", "2024-01-03", Kind::Deposit, "", "1000 ETH @ 10000", ""),
        row("c", "2024-01-04", Kind::Withdrawal, "1000 ETH", "", ""),
    ];
    // An account that joins later, a hundred times as large, and is emptied again.
    rows[1].account = "joined later".to_owned();
    rows[2].account = "joined later".to_owned();
    let mut file = file(rows);
    price(
        &mut file,
        "BTC",
        &[
            ("2024-01-01", "100"),
            ("2024-01-02", "110"),
            ("2024-01-05", "121"),
        ],
    );
    price(&mut file, "ETH", &[("2024-01-03", "10")]);
    for report in [by(&file, Method::Fifo), by_account(&file, Method::Fifo)] {
        let twr = number(report.performance.twr.as_ref());
        assert!((twr - 0.21).abs() < 1e-9, "{twr}");
    }
}

#[test]
fn buys_without_deposits_make_cash_negative_and_returns_meaningless() {
    let report = by(&bought_again(), Method::Fifo);
    assert_eq!(text(&report)["implied_deposits"], "100");
    assert!(!report.holdings.contains_key("USD"));
}

#[test]
fn transfer_changes_cash_or_counts_as_a_contribution() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("t", "2024-01-02", Kind::Transfer, "1 BTC", "", ""),
        row("u", "2024-01-03", Kind::Transfer, "50 USD", "", ""),
    ];
    rows[1].to_account = Some("wallet".to_owned());
    rows[2].to_account = Some("bank".to_owned());
    let mut file = file(rows);
    price(
        &mut file,
        "BTC",
        &[("2024-01-01", "100"), ("2024-01-03", "110")],
    );
    for report in [by(&file, Method::Fifo), by_account(&file, Method::Fifo)] {
        assert_eq!(text(&report)["net_invested"], "100");
        assert!((number(report.performance.twr.as_ref()) - 0.1).abs() < 1e-9);
        assert_eq!(text(&report)["realized"], "0");
    }
}

#[test]
fn money_conversion_inside_an_account_counted_as_flow() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "100 EUR", ""),
        row("c", "2024-01-01", Kind::Sell, "100 EUR", "110 USD", ""),
        row("e", "2024-01-02", Kind::Buy, "55 USD", "50 EUR", ""),
    ]);
    price(&mut file, "EUR", &[("2024-01-01", "1.1")]);
    let report = by(&file, Method::Fifo);
    assert_eq!(text(&report)["net_invested"], "110");
    assert_eq!(text(&report)["value"], "110");
    assert_eq!(report.performance.twr.as_deref(), Some("0"));
    assert_eq!(report.flags.len(), 0);
}

#[test]
fn xirr_explodes_or_is_nan_for_short_or_empty_ranges() {
    let empty = by(&file(Vec::new()), Method::Fifo);
    assert_eq!(empty.performance.xirr, None);
    assert!(empty.performance.xirr_reason.is_some());
    assert!(empty.performance.twr_reason.is_some());
    let mut one_day = file(vec![row(
        "a",
        "2024-01-01",
        Kind::Buy,
        "100 USD",
        "1 BTC",
        "",
    )]);
    price(&mut one_day, "BTC", &[("2024-01-01", "103")]);
    let report = by(&one_day, Method::Fifo);
    assert_eq!(report.performance.xirr, None);
    assert!(
        report
            .performance
            .xirr_reason
            .as_deref()
            .unwrap()
            .contains("one day")
    );
    price(&mut one_day, "BTC", &[("2024-01-07", "103")]);
    let report = by(&one_day, Method::Fifo);
    let yearly = number(report.performance.xirr.as_ref());
    assert!((yearly - (1.03_f64.powf(365.0 / 6.0) - 1.0)).abs() < 1e-6);
    let over_span = number(report.performance.xirr_over_span.as_ref());
    assert!(
        (over_span - 0.03).abs() < 1e-9,
        "the rate of the six days stands next to it"
    );
}

#[test]
fn one_division_by_zero_ends_the_report() {
    let mut file = file(vec![
        row("f", "2024-01-01", Kind::Fork, "", "5 BCH", ""),
        row("a", "2024-01-02", Kind::Airdrop, "", "10 DUST @ 0", ""),
        row("s", "2024-01-03", Kind::Sell, "5 BCH", "50 USD", "50 USD"),
        row("g", "2024-01-03", Kind::GiftOut, "10 DUST", "", ""),
    ]);
    price(&mut file, "DUST", &[("2024-01-01", "0")]);
    for method in Method::ALL {
        let report = by(&file, method);
        assert_eq!(text(&report)["realized"], "0", "{method}");
        assert_eq!(text(&report)["value"], "0", "{method}");
        assert!(report.performance.sharpe.is_none() && report.performance.sharpe_reason.is_some());
    }
}

#[test]
fn missing_purchases_become_gains_and_nobody_says_which() {
    let file = file(vec![
        row("t1", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("t2", "2024-02-01", Kind::Sell, "4 BTC", "800 USD", ""),
    ]);
    for method in Method::ALL {
        let report = by(&file, method);
        assert_eq!(text(&report)["realized"], "100", "{method}");
        let flag = &report.flags[0];
        assert_eq!(flag.transaction.as_deref(), Some("t2"));
        assert_eq!(flag.quantity.as_deref(), Some("3"));
        assert!(flag.fix.contains("3 BTC before t2"), "{}", flag.fix);
        assert_eq!(report.disposals[0].unknown_quantity, "3");
    }
}

#[test]
fn coins_of_unknown_cost_invent_no_gain() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "2 BTC", ""),
        row("s", "2024-02-01", Kind::Sell, "1 BTC", "800 USD", ""),
    ]);
    price(
        &mut file,
        "BTC",
        &[("2024-01-01", "700"), ("2024-02-01", "800")],
    );
    for method in Method::ALL {
        let report = by(&file, method);
        assert_eq!(text(&report)["realized"], "0", "{method}");
        assert_eq!(text(&report)["unrealized"], "0", "{method}");
        assert_eq!(report.flags.len(), 1);
        assert_eq!(report.flags[0].problem, "unknown_cost");
        assert_eq!(report.remaining[0].unknown_quantity, "1");
        assert!((number(report.performance.twr.as_ref()) - (800.0 / 700.0 - 1.0)).abs() < 1e-9);
    }
}

#[test]
fn a_missing_price_is_absent_and_never_zero() {
    let file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "100 USD", ""),
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("s", "2024-01-02", Kind::Staking, "", "1 NOPE", ""),
        row("x", "2024-01-03", Kind::Spend, "1 NOPE", "", ""),
    ]);
    let report = by(&file, Method::Fifo);
    let shown = text(&report);
    assert_eq!(shown["value"], serde_json::Value::Null);
    assert!(shown["value_reason"].as_str().unwrap().contains("BTC"));
    assert_eq!(shown["unrealized"], serde_json::Value::Null);
    assert_eq!(shown["disposals"][0]["proceeds"], serde_json::Value::Null);
    assert_eq!(shown["disposals"][0]["gain"], serde_json::Value::Null);
    assert_eq!(shown["performance"]["twr"], serde_json::Value::Null);
    assert!(shown["performance"]["twr_reason"].is_string());
    let problems: Vec<_> = report.flags.iter().map(|flag| flag.problem).collect();
    assert_eq!(problems, ["missing_price", "missing_price"]);
    assert!(
        report.flags[0].fix.contains("give s a value"),
        "{}",
        report.flags[0].fix
    );
}

#[test]
fn price_of_a_trade_taken_from_elsewhere_although_the_trade_has_one() {
    let mut file = file(vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC @ 999", ""),
        row("b", "2024-01-02", Kind::Swap, "1 BTC @ 130", "2 ETH", ""),
    ]);
    price(&mut file, "BTC", &[("2024-01-01", "500")]);
    price(&mut file, "ETH", &[("2024-01-01", "500")]);
    let report = by(&file, Method::Fifo);
    assert_eq!(text(&report)["disposals"][0]["basis"], "100");
    assert_eq!(text(&report)["disposals"][0]["proceeds"], "130");
    assert_eq!(text(&report)["remaining"][0]["basis"], "130");
}

#[test]
fn decimals_cut() {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "9999999999 USD", ""),
        row(
            "a",
            "2024-01-01",
            Kind::Buy,
            "9999999999 USD",
            "3.000000000000000001 WEI",
            "",
        ),
        row(
            "s",
            "2024-01-02",
            Kind::Sell,
            "0.000000000000000001 WEI",
            "1 USD",
            "",
        ),
    ]);
    price(
        &mut file,
        "WEI",
        &[("2024-01-01", "3333333333.123456789012345678")],
    );
    for method in Method::ALL {
        let report = by(&file, method);
        let shown = text(&report);
        assert_eq!(shown["value"], "10000000000.370370367037037034", "{method}");
        assert_eq!(
            shown["disposals"][0]["basis"], "0.000000003333333333",
            "{method}"
        );
        assert_eq!(shown["remaining"][0]["quantity"], "3", "{method}");
    }
}

#[test]
fn dates_one_day_early() {
    let mut rows = vec![
        row("o", "2024-05-01", Kind::Opening, "", "1 BTC", ""),
        row(
            "s",
            "2024-12-31T23:30:00-05:00",
            Kind::Sell,
            "1 BTC",
            "200 USD",
            "",
        ),
    ];
    rows[0].basis = Some("100".parse().unwrap());
    rows[0].acquired = Some(Acquired::Day("2024-01-01".parse().unwrap()));
    let mut file = file(rows);
    for (zone, disposed) in [
        ("America/New_York", "2024-12-31"),
        ("UTC", "2025-01-01"),
        ("Pacific/Auckland", "2025-01-01"),
    ] {
        file.timezone = zone.parse().unwrap();
        let report = by(&file, Method::Fifo);
        assert_eq!(report.disposals[0].date, disposed);
        assert_eq!(
            report.disposals[0].lots[0].acquired.as_deref(),
            Some("2024-01-01")
        );
        let year = if disposed.starts_with("2024") {
            2024
        } else {
            2025
        };
        let options = ReportOptions {
            year: Some(year),
            ..ReportOptions::new(Method::Fifo)
        };
        assert_eq!(
            text(&self::report(&file, &options).unwrap())["realized"],
            "100"
        );
    }
}

#[test]
fn cost_of_a_transfer_lost() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("t", "2024-06-01", Kind::Transfer, "0.9 BTC", "", "0.1 BTC"),
        row("s", "2025-02-01", Kind::Sell, "0.9 BTC", "900 USD", ""),
    ];
    rows[1].to_account = Some("wallet".to_owned());
    rows[2].account = "wallet".to_owned();
    let mut file = file(rows);
    price(&mut file, "BTC", &[("2024-01-01", "500")]);
    for method in [
        Method::Fifo,
        Method::Lifo,
        Method::Hifo,
        Method::Average,
        Method::Specific,
    ] {
        let report = by_account(&file, method);
        assert!(report.flags.is_empty());
        let [fee, sale] = &report.disposals[..] else {
            panic!("{report:?}");
        };
        assert_eq!((fee.cause, sale.cause), ("fee", "sale"));
        assert_eq!(text(&report)["disposals"][1]["basis"], "90", "{method}");
        assert_eq!(text(&report)["transfer_fees"], "50", "{method}");
        if method != Method::Average {
            assert_eq!(
                sale.lots[0].term,
                Some("long"),
                "the period runs through the transfer"
            );
        }
    }
}

#[test]
fn one_cost_basis_method_for_all() {
    let file = file(vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-02-01", Kind::Buy, "300 USD", "1 BTC", ""),
        row("c", "2024-03-01", Kind::Buy, "200 USD", "1 BTC", ""),
        row("s", "2024-05-01", Kind::Sell, "1 BTC", "400 USD", ""),
    ]);
    let gain = |method| text(&by(&file, method))["realized"].clone();
    assert_eq!(gain(Method::Fifo), "300");
    assert_eq!(gain(Method::Lifo), "200");
    assert_eq!(gain(Method::Hifo), "100");
    assert_eq!(gain(Method::Average), "200");
    assert_eq!(gain(Method::Uk), "200");
    assert_eq!(gain(Method::Specific), "300");
}

#[test]
fn hifo_takes_the_oldest_of_equals_and_unknown_costs_last() {
    let file = file(vec![
        row("u", "2024-01-01", Kind::Deposit, "", "1 BTC", ""),
        row("a", "2024-01-02", Kind::Buy, "100 USD", "3 BTC", ""),
        row("b", "2024-01-03", Kind::Buy, "200 USD", "6 BTC", ""),
        row("s", "2024-05-01", Kind::Sell, "10 BTC", "400 USD", ""),
    ]);
    let report = by(&file, Method::Hifo);
    let lots: Vec<_> = report.disposals[0]
        .lots
        .iter()
        .map(|lot| lot.lot.as_str())
        .collect();
    assert_eq!(lots, ["a", "b", "u"]);
}

#[test]
fn day_30_counts_and_day_31_does_not() {
    let with_purchase_on = |day: &str| {
        let file = file(vec![
            row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
            row("s", "2024-03-01", Kind::Sell, "1 BTC", "400 USD", ""),
            row("b", day, Kind::Buy, "300 USD", "1 BTC", ""),
        ]);
        by(&file, Method::Uk).disposals[0].lots[0].lot.clone()
    };
    assert_eq!(with_purchase_on("2024-03-31"), "30_days");
    assert_eq!(with_purchase_on("2024-04-01"), "section_104");
}

#[test]
fn a_fork_a_gift_and_a_loss_have_no_gain_and_a_migration_keeps_its_lots() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "4 OLD", ""),
        row("m", "2024-06-01", Kind::Migration, "4 OLD", "400 NEW", ""),
        row("g", "2024-07-01", Kind::GiftOut, "100 NEW", "", ""),
        row("l", "2024-07-02", Kind::Loss, "100 NEW", "", ""),
        row("s", "2025-02-01", Kind::Sell, "200 NEW", "80 USD", ""),
    ];
    rows[0]
        .fees
        .extend(leg("0 USD").filter(|leg| leg.quantity.is_positive()));
    let mut file = file(rows);
    price(&mut file, "NEW", &[("2024-06-01", "1")]);
    for method in Method::ALL {
        let report = by(&file, method);
        assert!(report.flags.is_empty(), "{:?}", report.flags);
        assert_eq!(text(&report)["realized"], "30", "{method}");
        assert_eq!(text(&report)["net_invested"], "50", "{method}");
        assert_eq!(text(&report)["value"], "80", "{method}");
    }
    let lot = &by(&file, Method::Fifo).disposals[0].lots[0];
    assert_eq!((lot.lot.as_str(), lot.term), ("a", Some("long")));
}

#[test]
fn money_of_another_currency_needs_no_deposit() {
    let mut file = file(vec![row(
        "a",
        "2024-01-08",
        Kind::Buy,
        "683.6 EUR",
        "0.3 ETH",
        "0.00169 BNB @ 0.48",
    )]);
    price(&mut file, "ETH", &[("2024-01-08", "2330.15")]);
    let report = by(&file, Method::Fifo);
    assert_eq!(text(&report)["implied_deposits"], "699.045");
    // The fee was paid with a coin that never came: that one is flagged.
    assert_eq!(report.flags.len(), 1);
    assert_eq!(report.flags[0].asset, "BNB");
    assert_eq!(text(&report)["remaining"][0]["basis"], "699.525");
}

#[test]
fn a_named_lot_that_is_not_there_is_flagged() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-01-02", Kind::Buy, "200 USD", "1 BTC", ""),
        row("s", "2024-01-03", Kind::Sell, "1 BTC", "400 USD", ""),
    ];
    let named = |lot: &str, quantity: &str| coinsphere_portfolios::NamedLot {
        lot: lot.to_owned(),
        quantity: quantity.parse().unwrap(),
    };
    rows[2].lots = vec![named("b", "0.5"), named("nobody", "0.25")];
    let report = by(&file(rows), Method::Specific);
    assert_eq!(text(&report)["disposals"][0]["basis"], "150");
    assert_eq!(report.flags[0].problem, "named_lot_not_there");
    assert_eq!(report.flags[0].transaction.as_deref(), Some("s"));
}

#[test]
fn named_lots_bind_the_method_that_takes_them_only() {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Buy, "100 USD", "1 BTC", ""),
        row("b", "2024-01-02", Kind::Buy, "200 USD", "1 BTC", ""),
        row("s", "2024-01-03", Kind::Sell, "1 BTC", "400 USD", ""),
    ];
    let named = |lot: &str| coinsphere_portfolios::NamedLot {
        lot: lot.to_owned(),
        quantity: "1".parse().unwrap(),
    };
    for (lot, specific) in [("b", "200"), ("nobody", "100")] {
        rows[2].lots = vec![named(lot)];
        let file = file(rows.clone());
        for (method, basis) in [
            (Method::Specific, specific),
            (Method::Fifo, "100"),
            (Method::Lifo, "200"),
            (Method::Average, "150"),
        ] {
            let report = by(&file, method);
            assert_eq!(text(&report)["disposals"][0]["basis"], basis, "{method}");
            let flagged = method == Method::Specific && lot == "nobody";
            assert_eq!(report.flags.len(), usize::from(flagged), "{method}");
        }
    }
}

#[test]
fn fees_in_kind_can_leave_at_cost() {
    let mut file = file(vec![
        row("n", "2024-01-01", Kind::Buy, "400 USD", "2 BNB", ""),
        row(
            "b",
            "2024-02-01",
            Kind::Buy,
            "2000 USD",
            "1 ETH",
            "0.01 BNB @ 3",
        ),
    ]);
    price(&mut file, "BNB", &[("2024-01-01", "300")]);
    price(&mut file, "ETH", &[("2024-01-01", "2000")]);
    let options = ReportOptions {
        fees_in_kind: coinsphere_portfolios::FeesInKind::AtCost,
        ..ReportOptions::new(Method::Fifo)
    };
    let report = report(&file, &options).unwrap();
    assert!(report.disposals.is_empty());
    assert_eq!(report.fees_in_kind, "at_cost");
    assert_eq!(text(&report)["transfer_fees"], "2");
    assert_eq!(text(&report)["remaining"][1]["basis"], "2000");
    assert_eq!(text(&report)["unexplained"], "0");
}

#[test]
fn the_tax_report_names_the_rule_of_each_line_and_escapes_what_is_not_ours() {
    let file = file(vec![
        row("<a>", "2024-01-01", Kind::Buy, "100 USD", "1 <b>", ""),
        row("s", "2025-03-01", Kind::Sell, "1 <b>", "400 USD", ""),
    ]);
    let html = by(&file, Method::Fifo).tax_html();
    assert!(
        html.contains("<td>2025-03-01</td><td></td><td>&lt;b&gt;</td><td>1</td><td>400</td>"),
        "{html}"
    );
    assert!(
        html.contains("<td>long</td><td>fifo: &lt;a&gt;</td>"),
        "{html}"
    );
    assert!(!html.contains("<b>") && !html.contains("<a>"));
    let html = by(&file, Method::Uk).tax_html();
    assert!(html.contains("section 104 pool"), "{html}");
    let options = ReportOptions {
        year: Some(2024),
        ..ReportOptions::new(Method::Fifo)
    };
    let html = report(&file, &options).unwrap().tax_html();
    assert!(
        html.contains("Tax report 2024") && !html.contains("<td>400</td>"),
        "{html}"
    );
}

/// The time that it takes is measured next to others' by `benches/portfolio.rs`; what it must come to is here.
#[test]
fn slow_16_s_for_1_900_activities() {
    let first: NaiveDate = "2019-01-01".parse().unwrap();
    let rows = (0..1_900).map(|number| {
        let day = (first + Days::new(number)).to_string();
        let id = number.to_string();
        match number % 2 {
            0 => row(&id, &day, Kind::Buy, "10 USD", "1 BTC", ""),
            _ => row(&id, &day, Kind::Sell, "0.5 BTC", "6 USD", ""),
        }
    });
    let mut file = file(rows.collect());
    let last = (first + Days::new(1_899)).to_string();
    price(&mut file, "BTC", &[("2019-01-01", "10"), (&last, "20")]);
    for method in [
        Method::Fifo,
        Method::Lifo,
        Method::Hifo,
        Method::Average,
        Method::Uk,
    ] {
        let report = by(&file, method);
        // 475 coins, and the money of the last sale.
        assert_eq!(text(&report)["value"], "9506", "{method:?}");
        assert_eq!(report.disposals.len(), 950, "{method:?}");
        assert_eq!(report.flags.len(), 0, "{method:?}");
    }
}
