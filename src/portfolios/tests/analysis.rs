//! Comparisons and breakdowns, explanations, and reports in other currencies: by hand, and what is true of
//! every portfolio.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use coinsphere_portfolios::analysis::{
    AnalysisRequest, allocation, benchmark, contribution, correlation, target,
};
use coinsphere_portfolios::explain::{ExplainError, Figure, MOST_INNER, MOST_PARTS, Step};
use coinsphere_portfolios::ledger::Day;
use coinsphere_portfolios::report::{ReportError, ReportOptions, report, report_in};
use coinsphere_portfolios::{Computed, Decimal, Kind, Method, Money, TransactionFile};
use proptest::prelude::*;
use support::random::{dice, history, ways};
use support::{file, price, row};

fn computed(file: &TransactionFile, method: Method) -> Computed {
    Computed::new(file.clone(), ReportOptions::new(method)).unwrap()
}

fn number(text: Option<&String>) -> f64 {
    text.unwrap().parse().unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

fn weights(parts: &[(&str, &str)]) -> Vec<(String, Decimal)> {
    let weight = |&(asset, weight): &(&str, &str)| (asset.to_owned(), weight.parse().unwrap());
    parts.iter().map(weight).collect()
}

/// Coins come at the close of their days; nothing else happens.
fn deposits() -> TransactionFile {
    let mut rows = vec![
        row("a", "2024-01-01", Kind::Deposit, "", "2 BTC", ""),
        row("b", "2024-01-03", Kind::Deposit, "", "1 BTC", ""),
        row("c", "2024-01-04", Kind::Withdrawal, "1 BTC", "", ""),
    ];
    rows[0].basis = Some(Decimal::from(50));
    let mut file = file(rows);
    price(
        &mut file,
        "BTC",
        &[
            ("2024-01-01", "100"),
            ("2024-01-02", "110"),
            ("2024-01-03", "99"),
            ("2024-01-04", "120"),
            ("2024-01-05", "150"),
        ],
    );
    price(
        &mut file,
        "ETH",
        &[
            ("2024-01-01", "10"),
            ("2024-01-03", "20"),
            ("2024-01-05", "5"),
        ],
    );
    file
}

#[test]
fn a_portfolio_of_bitcoin_equals_its_benchmark() {
    let computed = computed(&deposits(), Method::Fifo);
    let ledger = computed.ledger();
    let found = benchmark(&ledger, computed.days(), &weights(&[("BTC", "1")]), true).unwrap();
    assert!(near(number(found.value.as_ref()), 300.0), "{found:?}");
    assert!(near(number(found.difference.as_ref()), 0.0));
    assert_eq!(found.xirr, computed.summary().performance.xirr);
    assert!(near(number(found.twr.as_ref()), 0.5));
    for (day, own) in found.history.iter().zip(computed.days()) {
        let own = own.value.unwrap().to_f64();
        assert!(near(number(day.value.as_ref()), own), "{day:?}");
    }
}

#[test]
fn a_mix_gets_the_same_flows_by_its_weights() {
    let computed = computed(&deposits(), Method::Fifo);
    let mix = weights(&[("BTC", "0.5"), ("ETH", "0.5")]);
    let found = benchmark(&computed.ledger(), computed.days(), &mix, false).unwrap();
    // 200 buy 1 BTC and 10 ETH; 99 buy 0.5 BTC and 2.475 ETH; 120 of 1.5 × 120 + 12.475 × 20 = 429.5 go.
    let kept = 1.0 - 120.0 / 429.5;
    let value = (1.5 * 150.0 + 12.475 * 5.0) * kept;
    assert!(near(number(found.value.as_ref()), value), "{found:?}");
    // Half of each from the first day on: 0.5 × 1.5 + 0.5 × 0.5.
    assert!(near(number(found.twr.as_ref()), 0.0));
    assert!(number(found.max_drawdown.as_ref()) < -0.3);
    assert!(found.history.is_empty());
}

#[test]
fn a_benchmark_that_cannot_be_followed_says_why() {
    let computed = computed(&deposits(), Method::Fifo);
    let of =
        |mix: &[(&str, &str)]| benchmark(&computed.ledger(), computed.days(), &weights(mix), false);
    let found = of(&[("XYZ", "1")]).unwrap();
    assert_eq!((found.value, found.twr), (None, None));
    assert_eq!(
        found.value_reason.as_deref(),
        Some("the benchmark has no price on a day that needs one")
    );
    assert!(found.xirr_reason.is_some() && found.twr_reason.is_some());
    for (mix, message) in [
        (&[][..], "0 assets: give 1 to 100"),
        (&[("BTC", "0.5")], "the weights add up to 0.5, not to 1"),
        (&[("BTC", "0.5"), ("BTC", "0.5")], "BTC occurs twice"),
        (
            &[("BTC", "2"), ("ETH", "-1")],
            "the weight of ETH is below zero",
        ),
    ] {
        assert_eq!(of(mix).unwrap_err().to_string(), message);
    }
    // ETH falls to a quarter: 390 cannot be taken out of it any more.
    let mut file = deposits();
    file.transactions
        .push(row("d", "2024-01-05", Kind::Withdrawal, "1.9 BTC", "", ""));
    let computed = self::computed(&file, Method::Fifo);
    let eth = weights(&[("ETH", "1")]);
    let found = benchmark(&computed.ledger(), computed.days(), &eth, false).unwrap();
    assert_eq!(
        found.value_reason.as_deref(),
        Some("more was withdrawn than the same money would have become")
    );
}

/// Money, two coins, income, fees.
fn mixed() -> TransactionFile {
    let mut rows = vec![
        row("in", "2024-01-01", Kind::Deposit, "", "1000 USD", ""),
        row("btc", "2024-01-02", Kind::Buy, "400 USD", "4 BTC", "2 USD"),
        row("eth", "2024-01-02", Kind::Buy, "300 USD", "30 ETH", ""),
        row("stake", "2024-01-04", Kind::Staking, "", "1 ETH", ""),
        row(
            "sell",
            "2024-01-05",
            Kind::Sell,
            "1 BTC",
            "130 USD",
            "1 USD",
        ),
    ];
    rows[3].account = "vault".to_owned();
    let mut file = file(rows);
    for (asset, prices) in [
        ("BTC", [100, 110, 120, 115, 125]),
        ("ETH", [10, 10, 11, 9, 12]),
    ] {
        for (day, price) in (2..).zip(prices) {
            let day = NaiveDate::from_ymd_opt(2024, 1, day).unwrap();
            file.prices.set(asset, day, Decimal::from(price));
        }
    }
    file
}

#[test]
fn contributions_add_up_to_the_return() {
    let computed = computed(&mixed(), Method::Fifo);
    let found = contribution(&computed.ledger(), computed.days());
    assert_eq!(found.total, computed.summary().performance.twr);
    let parts: f64 = found
        .by_asset
        .values()
        .map(|part| part.parse::<f64>().unwrap())
        .sum();
    let all = parts + number(found.fees.as_ref()) + number(found.trading.as_ref());
    assert!(near(all, number(found.total.as_ref())), "{found:?}");
    assert!(number(found.fees.as_ref()) < 0.0);
    assert!(number(found.by_asset.get("BTC")) > number(found.by_asset.get("ETH")));
}

#[test]
fn a_portfolio_that_never_had_capital_has_no_contributions() {
    let computed = computed(&TransactionFile::new("USD"), Method::Fifo);
    let found = contribution(&computed.ledger(), computed.days());
    assert_eq!(found.total, None);
    assert_eq!(
        found.total_reason.as_deref(),
        Some("no capital was invested")
    );
}

#[test]
fn correlations_need_common_days_and_movement() {
    let mut file = TransactionFile::new("USD");
    let day = |day| NaiveDate::from_ymd_opt(2024, 1, day).unwrap();
    for (number, value) in (1..).zip([100u32, 110, 99, 120, 90]) {
        file.prices.set("A", day(number), Decimal::from(value));
        file.prices
            .set("TWICE", day(number), Decimal::from(2 * value));
        file.prices.set("FLAT", day(number), Decimal::from(7));
    }
    // Every second day only: no day has a return.
    for number in [1, 3, 5] {
        file.prices
            .set("RARE", day(number), Decimal::from(5 + number));
    }
    let assets = ["A", "TWICE", "FLAT", "RARE", "NONE"];
    let found = correlation(&file.prices, &assets, day(1), day(5));
    assert!(near(number(found.matrix[0][1].as_ref()), 1.0), "{found:?}");
    assert_eq!(found.days[0][1], 4);
    assert_eq!(
        found.reasons[0][2].as_deref(),
        Some("the daily returns do not vary")
    );
    for other in [3, 4] {
        assert_eq!(found.matrix[0][other], None);
        assert_eq!(
            found.reasons[0][other].as_deref(),
            Some("fewer than two daily returns")
        );
    }
    let many: Vec<String> = (0..80).map(|number| format!("C{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        correlation(&file.prices, &many, day(1), day(5))
            .assets
            .len(),
        50
    );
}

#[test]
fn the_value_is_split_by_asset_account_and_category() {
    let computed = computed(&mixed(), Method::Fifo);
    let on = computed.days().last().unwrap().day;
    let named = BTreeMap::from([("ETH".to_owned(), "smart contracts".to_owned())]);
    let found = allocation(&computed.ledger(), on, &named).unwrap();
    let money = |text: &str| Money::from(text.parse::<Decimal>().unwrap());
    // 3 BTC at 125, 31 ETH at 12, 427 USD.
    assert_eq!(found.value, Some(money("1174")));
    assert_eq!(found.by_asset["BTC"].value, Some(money("375")));
    assert_eq!(found.by_account["vault"].value, Some(money("12")));
    assert_eq!(found.by_account["main"].value, Some(money("1162")));
    let categories: Vec<_> = found.by_category.keys().map(String::as_str).collect();
    assert_eq!(categories, ["coins", "money", "smart contracts"]);
    for parts in [&found.by_asset, &found.by_account, &found.by_category] {
        let sum: f64 = parts.values().map(|part| number(part.share.as_ref())).sum();
        assert!(near(sum, 1.0), "{parts:?}");
    }
    let first = Day::of("2024-01-01".parse().unwrap());
    let before = allocation(&computed.ledger(), first, &named).unwrap();
    assert_eq!(before.by_asset.len(), 1);
    assert_eq!(before.by_asset["USD"].share.as_deref(), Some("1"));
}

#[test]
fn what_has_no_price_has_no_share() {
    let mut file = mixed();
    file.transactions
        .push(row("x", "2024-01-05", Kind::Airdrop, "", "5 NOVA @ 1", ""));
    let computed = computed(&file, Method::Fifo);
    let on = computed.days().last().unwrap().day;
    let found = allocation(&computed.ledger(), on, &BTreeMap::new()).unwrap();
    assert_eq!(
        (found.value, found.value_reason.as_deref()),
        (None, Some("no price for NOVA"))
    );
    assert_eq!(found.by_asset["BTC"].share, None);
    assert!(found.by_asset["BTC"].value.is_some());
    assert_eq!(found.by_category["coins"].unpriced, ["NOVA"]);
    let wanted = weights(&[("BTC", "1")]);
    let trades = target(
        &computed.ledger(),
        on,
        &wanted,
        Decimal::ZERO,
        Decimal::ZERO,
        &BTreeMap::new(),
    )
    .unwrap();
    assert_eq!(trades.reason.as_deref(), Some("no price for NOVA"));
    assert!(trades.lines.iter().all(|line| line.action.is_none()));
}

#[test]
fn trades_restore_a_target() {
    let computed = computed(&mixed(), Method::Fifo);
    let on = computed.days().last().unwrap().day;
    let wanted = weights(&[("BTC", "0.5"), ("ETH", "0.3"), ("USD", "0.2")]);
    let zero = Decimal::ZERO;
    let found = target(
        &computed.ledger(),
        on,
        &wanted,
        zero,
        Decimal::from(26),
        &BTreeMap::new(),
    )
    .unwrap();
    // 1174 and 26 more: 600, 360 and 240 are wanted of 375, 372 and 453.
    let trades: Vec<_> = found
        .lines
        .iter()
        .map(|line| {
            let amount = line.amount.unwrap().to_string();
            let quantity = line.trade_quantity.unwrap().to_string();
            (line.asset.as_str(), line.action.unwrap(), amount, quantity)
        })
        .collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        trades,
        [
            ("BTC", "buy", text("225"), text("1.8")),
            ("USD", "sell", text("213"), text("213")),
            ("ETH", "sell", text("12"), text("1")),
        ]
    );
    // ETH is one percent of the whole off.
    let two_percent = "0.02".parse().unwrap();
    let found = target(
        &computed.ledger(),
        on,
        &wanted,
        two_percent,
        Decimal::from(26),
        &BTreeMap::new(),
    )
    .unwrap();
    let eth = found.lines.iter().find(|line| line.asset == "ETH").unwrap();
    assert_eq!((eth.action, eth.amount), (Some("keep"), Some(Money::ZERO)));
}

#[test]
fn an_analysis_has_all_of_it() {
    let computed = computed(&mixed(), Method::Fifo);
    let request = AnalysisRequest {
        benchmark: Some(weights(&[("BTC", "1")])),
        target: Some(weights(&[("ETH", "1")])),
        ..AnalysisRequest::default()
    };
    let found = computed.analysis(&request).unwrap();
    // The larger holding first.
    assert_eq!(found.correlation.assets, ["BTC", "ETH"]);
    // The first deposit was a day before bitcoin had a price.
    let reason = found.benchmark.unwrap().value_reason;
    assert_eq!(
        reason.as_deref(),
        Some("the benchmark has no price on a day that needs one")
    );
    assert_eq!(found.target.unwrap().lines.len(), 3);
    let wrong = AnalysisRequest {
        target: Some(weights(&[("ETH", "2")])),
        ..AnalysisRequest::default()
    };
    assert_eq!(
        computed.analysis(&wrong).unwrap_err().to_string(),
        "target: the weights add up to 2, not to 1"
    );
}

#[test]
fn a_report_in_another_currency_converts_each_amount_at_its_day() {
    let mut file = mixed();
    price(
        &mut file,
        "EUR",
        &[
            ("2024-01-01", "1.25"),
            ("2024-01-04", "1"),
            ("2024-01-05", "2"),
        ],
    );
    let options = ReportOptions {
        history: true,
        ..ReportOptions::new(Method::Fifo)
    };
    let base = report(&file, &options).unwrap();
    let shown = report_in(&file, &options, "EUR").unwrap();
    let money = |text: &str| Money::from(text.parse::<Decimal>().unwrap());
    assert_eq!(shown.currency, "EUR");
    // 1000 dollars on the first day; the sale and the value on the fifth; the reward on the fourth.
    assert_eq!(shown.net_invested, Some(money("800")));
    assert_eq!(
        shown.realized,
        Money::from(
            base.realized
                .unwrap()
                .to_string()
                .parse::<Decimal>()
                .unwrap()
        )
        .converted(Decimal::from(2))
    );
    assert_eq!(shown.income, base.income);
    assert_eq!(shown.fees, Some(money("2.1")));
    let last = shown.history.as_ref().unwrap().last().unwrap();
    assert_eq!(last.value, shown.value);
    let conversion = shown.conversion.as_deref().unwrap();
    assert!(
        conversion.starts_with("from USD at the closing price of EUR of each day"),
        "{conversion}"
    );
    let explained = shown.net_invested.unwrap()
        + shown.realized.unwrap()
        + shown.unrealized.unwrap()
        + shown.income.unwrap()
        + shown.exchange_difference.unwrap();
    assert_eq!(explained, shown.value.unwrap());
    assert_ne!(shown.performance.twr, base.performance.twr);
    assert_eq!(report_in(&file, &options, "USD").unwrap().value, base.value);
    assert_eq!(
        report_in(&file, &options, "GBP").unwrap_err(),
        ReportError::NoRates("GBP".to_owned())
    );
    // A coin is a unit as good as any, once it has a price.
    assert_eq!(
        report_in(&file, &options, "BTC")
            .unwrap()
            .conversion_reason
            .as_deref(),
        Some("there is no price of BTC on 2024-01-01 or before: add one to show amounts in it")
    );
    price(&mut file, "BTC", &[("2024-01-01", "100")]);
    let coins = report_in(&file, &options, "BTC").unwrap();
    assert_eq!(coins.net_invested, Some(money("10")));
    let computed = computed(&file, Method::Fifo);
    assert_eq!(
        serde_json::to_value(computed.report_in("BTC", true).unwrap()).unwrap(),
        serde_json::to_value(coins).unwrap()
    );
}

fn explain(computed: &Computed, figure: &str) -> Step {
    computed.explain(&figure.parse().unwrap(), 100).unwrap()
}

#[test]
fn a_gain_leads_to_its_lots_transactions_and_prices() {
    let mut file = mixed();
    file.transactions
        .push(row("pay", "2024-01-06", Kind::Spend, "2 ETH", "", ""));
    let computed = computed(&file, Method::Fifo);
    let realized = explain(&computed, "realized");
    assert_eq!(
        realized.amount,
        computed.summary().realized.map(|gain| gain.to_string())
    );
    let sale = realized
        .parts
        .iter()
        .find(|part| part.asset.as_deref() == Some("BTC"))
        .unwrap();
    // Sold for 129 after its fee what had cost 100.5.
    assert_eq!(sale.amount.as_deref(), Some("28.5"));
    assert_eq!(sale.parts[0].name, "sell");
    assert_eq!(sale.parts[0].amount.as_deref(), Some("129"));
    let lot = &sale.parts[1];
    assert_eq!(
        (lot.kind, lot.name.as_str(), lot.amount.as_deref()),
        ("lot", "btc", Some("-100.5"))
    );
    assert_eq!(
        lot.parts[0].note.as_deref(),
        Some("buy: sent 400 USD, received 4 BTC, fee 2 USD")
    );
    // What was spent was valued at a closing price.
    let paid = explain(&computed, "transaction:pay");
    assert_eq!(paid.parts[0].kind, "price");
    assert_eq!(paid.parts[0].amount.as_deref(), Some("12"));
    assert_eq!(paid.parts[0].date.as_deref(), Some("2024-01-06"));
    let number = sale.name.clone();
    let alone = explain(&computed, &format!("disposal:{number}"));
    assert_eq!(alone.amount, sale.amount);
    let basis = explain(&computed, "basis:BTC");
    assert_eq!(basis.amount.as_deref(), Some("301.5"));
    assert_eq!(basis.parts.len(), 1);
}

#[test]
fn figures_that_are_not_there_are_refused_by_name() {
    let computed = computed(&mixed(), Method::Fifo);
    for (text, message) in [
        ("disposal:99", "there is no disposal:99 in this portfolio"),
        ("basis:XYZ", "there is no basis:XYZ in this portfolio"),
        (
            "basis:BTC:nowhere",
            "there is no basis:BTC:nowhere in this portfolio",
        ),
        (
            "transaction:q",
            "there is no transaction:q in this portfolio",
        ),
    ] {
        let error = computed.explain(&text.parse().unwrap(), 10).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    for text in [
        "",
        "gain",
        "disposal:",
        "disposal:-1",
        "basis:",
        "realized:x",
    ] {
        let error = text.parse::<Figure>().unwrap_err();
        assert!(matches!(error, ExplainError::Figure(_)), "{text}");
    }
}

/// The amounts of the parts add up to the figure, and nothing is listed without bound.
fn adds_up(step: &Step) -> Money {
    let money = |text: &Option<String>| -> Money {
        text.as_ref()
            .map_or(Money::ZERO, |text| text.parse::<Decimal>().unwrap().into())
    };
    let parts: Money = step.parts.iter().map(|part| money(&part.amount)).sum();
    parts + money(&step.left_out_amount)
}

fn bounded(step: &Step, most: usize) {
    // A disposal lists what sold it besides its lots, a holding its price.
    assert!(
        step.parts.len() <= most + MOST_INNER,
        "{}",
        step.parts.len()
    );
    for part in &step.parts {
        bounded(part, MOST_INNER);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_of_a_figure_add_up_to_it(
        all in prop::collection::vec(dice(), 1..60),
        most in 0..40usize,
    ) {
        let file = history(&all, false);
        for options in ways() {
            let computed = Computed::new(file.clone(), options).unwrap();
            for figure in [
                "realized", "unrealized", "value", "income", "fees", "transfer_fees", "net_invested",
                "implied_deposits", "swap_differences",
            ] {
                let step = computed.explain(&figure.parse().unwrap(), most).unwrap();
                bounded(&step, most);
                let amount: Decimal = step.amount.as_ref().unwrap().parse().unwrap();
                let difference = (adds_up(&step) - Money::from(amount)).to_f64().abs();
                // Each is rounded by itself at the 18th digit.
                prop_assert!(difference < 1e-15, "{figure} {:?} {difference}", options);
            }
            for figure in ["twr", "xirr", "max_drawdown"] {
                bounded(&computed.explain(&figure.parse().unwrap(), most).unwrap(), MOST_PARTS);
            }
            for holding in &computed.summary().remaining {
                let step = explain(&computed, &format!("basis:{}", holding.asset));
                let whole: Money = computed.summary().remaining.iter()
                    .filter(|other| other.asset == holding.asset)
                    .filter_map(|other| other.basis)
                    .sum();
                prop_assert_eq!(step.amount.unwrap(), whole.to_string());
            }
        }
    }

    #[test]
    fn analyses_never_fail_and_show_no_nonsense(
        all in prop::collection::vec(dice(), 1..60),
        holes in any::<bool>(),
    ) {
        let file = history(&all, holes);
        let computed = computed(&file, Method::Fifo);
        let ledger = computed.ledger();
        let days = computed.days();
        let on = days.last().map_or(Day(1), |day| day.day);
        let mix = weights(&[("BTC", "0.75"), ("EUR", "0.25")]);
        let assets: Vec<&str> = ledger.assets.iter().map(String::as_str).collect();
        let from = NaiveDate::from_ymd_opt(2023, 12, 1).unwrap();
        let shown = serde_json::json!([
            benchmark(&ledger, days, &mix, true).unwrap(),
            contribution(&ledger, days),
            correlation(&file.prices, &assets, from, on.date()),
            allocation(&ledger, on, &BTreeMap::new()).unwrap(),
            target(&ledger, on, &mix, Decimal::ZERO, Decimal::ZERO, &BTreeMap::new()).unwrap(),
            computed.report_in("EUR", true).unwrap(),
        ]);
        let text = shown.to_string();
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
        let found = contribution(&ledger, days);
        if let Some(total) = &found.total {
            let parts: f64 = found.by_asset.values().map(|part| part.parse::<f64>().unwrap()).sum();
            let parts = parts + number(found.fees.as_ref()) + number(found.trading.as_ref());
            let total: f64 = total.parse().unwrap();
            prop_assert!((parts - total).abs() <= 1e-6 * (1.0 + total.abs()), "{parts} {total}");
        }
    }
}
