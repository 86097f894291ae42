//! Explanations of figures that are no sums: the numbers of their rule give them again, and the parts of
//! those that are sums add up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use coinsphere_portfolios::explain::{Figure, MOST_PARTS, Step};
use coinsphere_portfolios::report::ReportOptions;
use coinsphere_portfolios::{Computed, Kind, Method, Money, TransactionFile};
use proptest::prelude::*;
use support::random::{dice, history, ways};
use support::{file, price, row};

fn a_month() -> TransactionFile {
    let mut file = file(vec![
        row("d", "2024-01-01", Kind::Deposit, "", "1000 USD", ""),
        row("a", "2024-01-01", Kind::Buy, "600 USD", "2 BTC", ""),
        row("b", "2024-01-02", Kind::Buy, "200 USD", "4 ETH", ""),
        row("s", "2024-01-04", Kind::Sell, "0.5 BTC", "160 USD", ""),
        row("m", "2024-01-05", Kind::Deposit, "", "500 USD", ""),
        row("w", "2024-01-09", Kind::Withdrawal, "1 ETH", "", ""),
    ]);
    let btc = [
        ("2024-01-01", "300"),
        ("2024-01-03", "330"),
        ("2024-01-05", "290"),
        ("2024-01-10", "350"),
    ];
    price(&mut file, "BTC", &btc);
    price(
        &mut file,
        "ETH",
        &[("2024-01-01", "50"), ("2024-01-06", "60")],
    );
    file
}

fn computed(file: &TransactionFile) -> Computed {
    Computed::new(file.clone(), ReportOptions::new(Method::Fifo)).unwrap()
}

fn explain(computed: &Computed, figure: &str) -> Step {
    let found = computed.explain(&figure.parse().unwrap(), MOST_PARTS);
    found.unwrap()
}

fn number(step: &Step) -> f64 {
    step.amount.as_ref().unwrap().parse().unwrap()
}

fn input(step: &Step, name: &str) -> f64 {
    number(step.parts.iter().find(|part| part.name == name).unwrap())
}

fn near(found: f64, wanted: f64) {
    assert!(
        (found - wanted).abs() < 1e-9 * (1.0 + wanted.abs()),
        "{found} {wanted}"
    );
}

#[test]
fn risk_follows_from_the_numbers_of_its_rule() {
    let computed = computed(&a_month());
    let performance = computed.summary().performance.clone();
    let of = |figure: &str, shown: &Option<String>| {
        let step = explain(&computed, figure);
        assert_eq!(step.amount, *shown, "{figure}");
        step
    };
    let year = 365.0_f64.sqrt();
    let volatility = of("volatility", &performance.volatility);
    near(
        number(&volatility),
        input(&volatility, "standard deviation") * year,
    );
    let days = |step: &Step| -> Vec<f64> {
        let days = step.parts.iter().filter(|part| part.kind == "day");
        days.map(number).collect()
    };
    near(input(&volatility, "daily returns"), 10.0);
    assert_eq!(days(&volatility).len(), 10);
    let sharpe = of("sharpe", &performance.sharpe);
    let sigma = input(&sharpe, "standard deviation");
    near(number(&sharpe), input(&sharpe, "mean") / sigma * year);
    near(
        input(&sharpe, "mean"),
        days(&sharpe).iter().sum::<f64>() / 10.0,
    );
    let sortino = of("sortino", &performance.sortino);
    let downside = input(&sortino, "downside deviation");
    near(number(&sortino), input(&sortino, "mean") / downside * year);
    let worst = days(&sortino)[0];
    assert!(worst < 0.0, "the worst day comes first: {sortino:?}");
    let tail = of("value_at_risk_95", &performance.value_at_risk_95);
    near(number(&tail), -worst);
    assert_eq!(days(&tail), [worst]);
    let tail = of("expected_shortfall_95", &performance.expected_shortfall_95);
    near(number(&tail), -days(&tail).iter().sum::<f64>());
    let deepest = of("max_drawdown", &performance.max_drawdown);
    assert_eq!(deepest.parts.len(), 2);
}

#[test]
fn returns_on_capital_are_the_gain_over_the_capital() {
    let computed = computed(&a_month());
    let performance = computed.summary().performance.clone();
    for (figure, shown) in [
        ("modified_dietz", &performance.modified_dietz),
        ("simple_return", &performance.simple_return),
    ] {
        let step = explain(&computed, figure);
        assert_eq!(step.amount, *shown, "{figure}");
        near(
            number(&step),
            input(&step, "gain") / input(&step, "capital"),
        );
        let capital = step
            .parts
            .iter()
            .find(|part| part.name == "capital")
            .unwrap();
        near(number(capital), capital.parts.iter().map(number).sum());
        assert_eq!(capital.parts[0].parts[0].name, "d");
        let gain = step.parts.iter().find(|part| part.name == "gain").unwrap();
        near(number(gain), gain.parts.iter().map(number).sum());
    }
    let span = explain(&computed, "xirr_over_span");
    assert_eq!(span.amount, performance.xirr_over_span);
    let rate = input(&span, "xirr");
    near(
        number(&span),
        (1.0 + rate).powf(input(&span, "days") / 365.0) - 1.0,
    );
}

#[test]
fn one_asset_is_explained_by_itself() {
    let computed = computed(&a_month());
    let value = explain(&computed, "value:BTC");
    assert_eq!(value.amount.as_deref(), Some("525"));
    assert_eq!(value.quantity.as_deref(), Some("1.5"));
    assert_eq!(value.parts[0].amount.as_deref(), Some("350"));
    let gain = explain(&computed, "unrealized:BTC");
    assert_eq!(gain.amount.as_deref(), Some("75"));
    assert_eq!(gain.parts.len(), 1);
    assert_eq!(gain.parts[0].parts[1].name, "a");
    let quantity = explain(&computed, "quantity:ETH");
    assert_eq!(quantity.amount.as_deref(), Some("3"));
    let days: Vec<_> = quantity
        .parts
        .iter()
        .map(|day| day.amount.as_deref().unwrap())
        .collect();
    assert_eq!(days, ["4", "-1"]);
    assert_eq!(quantity.parts[1].parts[0].name, "w");
    for figure in ["value:XMR", "unrealized:XMR", "quantity:XMR"] {
        let missing = computed.explain(&figure.parse().unwrap(), 10);
        assert!(missing.unwrap_err().to_string().contains(figure));
    }
    let hhi = explain(&computed, "hhi");
    assert_eq!(hhi.amount, computed.summary().allocation.hhi);
    near(number(&hhi), hhi.parts.iter().map(number).sum());
}

#[test]
fn what_flags_leave_open_is_the_rest_of_the_figures() {
    let mut file = a_month();
    let sale = row("x", "2024-01-08", Kind::Sell, "10 SOL", "900 USD", "");
    file.transactions.push(sale);
    let computed = computed(&file);
    let open = explain(&computed, "unexplained");
    assert_eq!(open.amount.as_deref(), Some("900"));
    assert_eq!(open.note.as_deref(), Some("1 flags say what is missing"));
    near(number(&open), open.parts.iter().map(number).sum());
}

#[test]
fn figures_are_written_as_they_are_read() {
    for figure in [
        "unexplained",
        "modified_dietz",
        "simple_return",
        "volatility",
        "sharpe",
        "sortino",
        "hhi",
        "value_at_risk_95",
        "expected_shortfall_95",
        "xirr_over_span",
        "value:BTC",
        "unrealized:a:b",
        "quantity:BTC",
        "basis:BTC:x",
        "disposal:3",
        "transaction:t:1",
        "realized",
    ] {
        assert_eq!(figure.parse::<Figure>().unwrap().to_string(), figure);
    }
    for wrong in [
        "",
        "value:",
        "realized:BTC",
        "quantity",
        "disposal:x",
        "beta",
    ] {
        let error = wrong.parse::<Figure>().unwrap_err().to_string();
        assert!(error.contains("use one of realized, "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every figure of every history has an explanation with the amount that the report prints.
    #[test]
    fn explanations_have_the_amount_of_the_report(
        all in prop::collection::vec(dice(), 1..80),
        holes in any::<bool>(),
        way in any::<prop::sample::Index>(),
    ) {
        let file = history(&all, holes);
        let ways = ways();
        let computed = Computed::new(file, ways[way.index(ways.len())]).unwrap();
        let summary = serde_json::to_value(computed.summary()).unwrap();
        for figure in ["unexplained", "realized", "net_invested"] {
            let step = explain(&computed, figure);
            prop_assert_eq!(serde_json::to_value(&step.amount).unwrap(), summary[figure].clone());
        }
        for figure in [
            "modified_dietz", "simple_return", "volatility", "sharpe", "sortino", "value_at_risk_95",
            "expected_shortfall_95", "xirr_over_span", "max_drawdown",
        ] {
            let step = explain(&computed, figure);
            let shown = &summary["performance"][figure];
            prop_assert_eq!(&serde_json::to_value(&step.amount).unwrap(), shown);
            prop_assert!(step.amount.is_some() || step.note.is_some(), "{}", figure);
        }
        let hhi = explain(&computed, "hhi");
        prop_assert!(hhi.amount.is_some() || hhi.note.is_some());
        let mut worth = Some(Money::ZERO);
        for (asset, quantity) in &computed.summary().holdings {
            let step = explain(&computed, &format!("quantity:{asset}"));
            prop_assert_eq!(step.amount.as_ref(), Some(quantity));
            let value = explain(&computed, &format!("value:{asset}")).amount;
            let value = value.map(|text| Money::from(text.parse::<coinsphere_portfolios::Decimal>().unwrap()));
            worth = worth.zip(value).map(|(sum, value)| sum + value);
        }
        if let (Some(worth), Some(value)) = (worth, computed.summary().value) {
            let apart = (worth - value).to_f64().abs();
            prop_assert!(apart < 1e-12, "{worth} {value}");
        }
    }
}
