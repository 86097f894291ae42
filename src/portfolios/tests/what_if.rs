//! What-if answers: the figures of the changed portfolio as if it had been computed so, beside those of the
//! real one, which stays as it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use coinsphere_portfolios::report::{ReportOptions, report};
use coinsphere_portfolios::what_if::{Changes, WhatIfError, what_if};
use coinsphere_portfolios::{Computed, Kind, Method, Scope, TransactionFile};
use proptest::prelude::*;
use support::random::{dice, history, ways};
use support::{file, price, row};

fn two_lots() -> TransactionFile {
    let mut file = file(vec![
        row("money", "2023-01-01", Kind::Deposit, "", "10000 USD", ""),
        row("dear", "2023-01-02", Kind::Buy, "3000 USD", "1 BTC", ""),
        row("cheap", "2023-02-02", Kind::Buy, "1000 USD", "1 BTC", ""),
        row("sale", "2023-03-02", Kind::Sell, "0.5 BTC", "1000 USD", ""),
    ]);
    price(&mut file, "BTC", &[("2023-03-03", "2000")]);
    file
}

fn fifo(file: &TransactionFile) -> Computed {
    Computed::new(file.clone(), ReportOptions::new(Method::Fifo)).unwrap()
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn a_sale_is_tried_and_nothing_of_it_stays() {
    let computed = fifo(&two_lots());
    let before = json(&computed.report(true));
    let changes = Changes {
        put: vec![row(
            "try",
            "2023-03-03",
            Kind::Sell,
            "1 BTC",
            "2000 USD",
            "",
        )],
        ..Changes::default()
    };
    let answer = json(&what_if(&computed, &changes, 10).unwrap());
    assert_eq!(answer["before"]["realized"], "-500");
    // Half of the first lot for 1000 that cost 1500, half of the second for 1000 that cost 500.
    assert_eq!(answer["after"]["realized"], "-500");
    assert_eq!(answer["difference"]["realized"], "0");
    assert_eq!(answer["difference"]["unrealized"], "0");
    let new = answer["new_disposals"].as_array().unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0]["transactions"], serde_json::json!(["try"]));
    assert_eq!(new[0]["lots"][0]["lot"], "dear");
    assert_eq!(new[0]["lots"][1]["lot"], "cheap");
    assert_eq!(answer["gone_disposals"], serde_json::json!([]));
    assert_eq!(json(&computed.report(true)), before);
}

#[test]
fn a_purchase_taken_out_changes_the_sale_and_says_what_is_missing() {
    let computed = fifo(&two_lots());
    let changes = Changes {
        remove: vec!["dear".to_owned(), "cheap".to_owned()],
        ..Changes::default()
    };
    let answer = json(&what_if(&computed, &changes, 10).unwrap());
    assert_eq!(answer["new_disposals"][0]["transactions"][0], "sale");
    assert_eq!(answer["gone_disposals"][0]["transactions"][0], "sale");
    assert_eq!(answer["new_flags"][0]["problem"], "missing_acquisition");
    assert_eq!(answer["gone_flags"], serde_json::json!([]));
}

#[test]
fn another_method_answers_with_its_own_lots() {
    let computed = fifo(&two_lots());
    let changes = Changes {
        method: Some(Method::Lifo),
        ..Changes::default()
    };
    let answer = json(&what_if(&computed, &changes, 10).unwrap());
    assert_eq!(answer["after"]["method"], "lifo");
    assert_eq!(answer["difference"]["realized"], "1000");
    assert_eq!(answer["difference"]["unrealized"], "-1000");
    assert_eq!(answer["difference"]["value"], "0");
    assert_eq!(answer["new_disposals"][0]["lots"][0]["lot"], "cheap");
    assert_eq!(answer["gone_disposals"][0]["lots"][0]["lot"], "dear");
}

#[test]
fn a_price_may_be_tried() {
    let computed = fifo(&two_lots());
    let changes = Changes::read(br#"{"prices": {"BTC": {"2023-03-03": "3000"}}}"#).unwrap();
    let answer = json(&what_if(&computed, &changes, 10).unwrap());
    assert_eq!(answer["difference"]["value"], "1500");
    assert_eq!(answer["difference"]["unrealized"], "1500");
    assert_eq!(answer["new_disposals"], serde_json::json!([]));
    // Without any price nothing has a value, and so no difference.
    let changes = Changes::read(br#"{"prices": {"BTC": {"2023-03-03": null}}}"#).unwrap();
    let answer = json(&what_if(&computed, &changes, 10).unwrap());
    assert_eq!(answer["difference"]["value"], serde_json::Value::Null);
    assert_eq!(answer["after"]["value_reason"], "no price for BTC");
}

#[test]
fn lists_are_cut_and_say_how_much_is_left_out() {
    let computed = fifo(&two_lots());
    let sale = |number: usize| {
        row(
            &format!("try {number}"),
            "2023-03-03",
            Kind::Sell,
            "0.1 BTC",
            "200 USD",
            "",
        )
    };
    let changes = Changes {
        put: (0..5).map(sale).collect(),
        ..Changes::default()
    };
    let answer = what_if(&computed, &changes, 2).unwrap();
    assert_eq!(answer.new_disposals.len(), 2);
    assert_eq!(answer.new_disposals_left_out, 3);
    assert_eq!(answer.gone_disposals_left_out, 0);
}

#[test]
fn changes_that_cannot_be_made_are_refused_by_name() {
    let computed = fifo(&two_lots());
    let changes = Changes {
        remove: vec!["nobody".to_owned()],
        ..Changes::default()
    };
    let error = what_if(&computed, &changes, 10).unwrap_err();
    assert_eq!(error, WhatIfError::NotThere("\"nobody\"".to_owned()));
    let changes = Changes {
        method: Some(Method::Uk),
        scope: Some(Scope::Account),
        ..Changes::default()
    };
    let error = what_if(&computed, &changes, 10).unwrap_err().to_string();
    assert!(
        error.contains("the method uk pools over all accounts"),
        "{error}"
    );
    let mut lonely = row("try", "2023-03-03", Kind::Sell, "1 BTC", "1 USD", "");
    lonely.received = None;
    let changes = Changes {
        put: vec![lonely],
        ..Changes::default()
    };
    let error = what_if(&computed, &changes, 10).unwrap_err().to_string();
    assert!(
        error.contains("a sell needs what was sent and what was received"),
        "{error}"
    );
}

#[test]
fn a_document_of_changes_is_read_and_its_faults_have_a_place() {
    let changes = Changes::read(
        br#"{"put": [{"id": "try", "time": "2023-03-03T12:00:00Z", "kind": "sell", "account": "main",
             "sent": {"asset": "BTC", "quantity": "1"}, "received": {"asset": "USD", "quantity": "2000"}}],
            "remove": ["sale"], "method": "hifo", "scope": "account"}"#,
    )
    .unwrap();
    let expected = Changes {
        put: vec![row(
            "try",
            "2023-03-03",
            Kind::Sell,
            "1 BTC",
            "2000 USD",
            "",
        )],
        remove: vec!["sale".to_owned()],
        method: Some(Method::Hifo),
        scope: Some(Scope::Account),
        ..Changes::default()
    };
    assert_eq!(changes, expected);
    for (document, place) in [
        (r#"{"put": [{"id": "a"}]}"#, "put[0]: missing field"),
        (r#"{"method": "best"}"#, "method: use one of fifo"),
        (r#"{"scope": "all"}"#, "scope: use one of"),
        (r#"{"sell": []}"#, "unknown field `sell`"),
        (
            r#"{"prices": {"BTC": {"2023-03-03": "-1"}}}"#,
            "prices.BTC.2023-03-03: ",
        ),
        (r#"{"prices": {"BTC": {"2023-03-03": 1}}}"#, "prices.BTC"),
        (r#"{} {}"#, "something after the changes"),
    ] {
        let error = Changes::read(document.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(place), "{document}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed, the answer has the figures of a computation from the beginning, and its lists
    /// are what lies between the disposals of the two.
    #[test]
    fn an_answer_equals_a_computation_of_the_changed_file(
        all in prop::collection::vec(dice(), 2..80),
        out in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let file = history(&all, true);
        if !file.transactions.is_empty() {
            let ways = ways();
            let options = ways[0];
            let to = ways[to.index(ways.len())];
            let to = ReportOptions { fees_in_kind: options.fees_in_kind, ..to };
            let computed = Computed::new(file.clone(), options).unwrap();
            let mut changed = file.clone();
            let gone = changed.transactions.remove(out.index(file.transactions.len()));
            let changes = Changes {
                remove: vec![gone.id],
                method: Some(to.method),
                scope: Some(to.scope),
                ..Changes::default()
            };
            let answer = what_if(&computed, &changes, usize::MAX).unwrap();
            let (before, after) = (report(&file, &options).unwrap(), report(&changed, &to).unwrap());
            prop_assert_eq!(json(&answer.before), json(&before.summary));
            prop_assert_eq!(json(&answer.after), json(&after.summary));
            let count = |count: usize, new: usize, gone: usize| count + new - gone;
            prop_assert_eq!(
                count(before.disposals.len(), answer.new_disposals.len(), answer.gone_disposals.len()),
                after.disposals.len()
            );
            for disposal in &answer.new_disposals {
                prop_assert!(after.disposals.contains(disposal));
            }
            for disposal in &answer.gone_disposals {
                prop_assert!(before.disposals.contains(disposal));
            }
        }
    }
}
