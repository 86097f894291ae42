//! What-if: the outcome is that of the same change made for good, and nothing of it stays.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{App, Place};
use super::portfolio_figures::{BTC, add, btc, buy, create, filled, import_closes, key, same};
use super::two_factor::{post, verified};

const FIGURES: [&str; 14] = [
    "value",
    "value_reason",
    "unrealized",
    "realized",
    "income",
    "fees",
    "transfer_fees",
    "net_invested",
    "implied_deposits",
    "twr",
    "twr_reason",
    "xirr",
    "xirr_reason",
    "max_drawdown",
];

async fn what_if(app: &App, token: &str, path: &str, body: Value) -> Value {
    let answer = post(app, &format!("{path}/what-if"), token, body).await;
    answer.good(200)
}

fn sale(id: &str, quantity: &str, received: &str) -> Value {
    json!({"id": id, "time": "2026-02-28T12:00:00Z", "kind": "sell", "account": "binance",
        "sent": {"asset": "BTC", "quantity": quantity}, "received": {"asset": "USD", "quantity": received}})
}

pub(crate) async fn a_change_is_tried_out_and_nothing_is_stored(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    import_closes(
        &app,
        &key("binance", "ETHUSDT"),
        &[("2026-02-25", "2000"), ("2026-02-28", "2200")],
    )
    .await;
    let path = filled(&app, &ada.access).await;
    add(
        &app,
        &ada.access,
        &path,
        buy("dear", "2026-02-27T08:00:00Z", "0.1", "6300"),
    )
    .await;
    let shown = app.get(&path, &ada.access).await.good(200);
    let stored = app
        .rows("SELECT * FROM portfolio_transactions ORDER BY number")
        .await
        .len();

    // A sale, a change of what there is, something before everything else, and one left out: together.
    let early = json!({"id": "early", "time": "2026-02-25T08:00:00Z", "kind": "deposit", "account": "new",
        "received": {"asset": "ETH", "quantity": "2"}, "basis": "3900"});
    let sold = sale("sold-2", "0.05", "3060");
    let first = buy("first", "2026-02-26T09:00:00Z", "0.5", "30000");
    let body = json!({"transactions": [sold, early, first], "remove": ["earned"]});
    let found = what_if(&app, &ada.access, &path, body).await;
    same(&found["before"], &shown["figures"], &FIGURES);
    assert_eq!(found["currency"], "USD");
    let ids = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["transactions"][0].as_str().unwrap().to_owned())
            .collect()
    };
    // What costs less is sold with another gain, and the fee in bitcoin too.
    assert_eq!(ids(&found["new_disposals"]), ["sold", "moved", "sold-2"]);
    assert_eq!(ids(&found["gone_disposals"]), ["sold", "moved"]);
    assert_eq!(found["new_disposals_left_out"], 0);
    assert_eq!(found["new_flags"], json!([]));

    // Nothing has changed, not even what is kept in memory.
    let after = app.get(&path, &ada.access).await.good(200);
    assert_eq!(after["version"], shown["version"]);
    same(&after["figures"], &shown["figures"], &FIGURES);
    let accounts = app.get(&format!("{path}/accounts"), &ada.access).await;
    assert_eq!(accounts.good(200)["data"].as_array().unwrap().len(), 2);
    let rows = app.rows("SELECT FROM portfolio_transactions").await;
    assert_eq!(rows.len(), stored);

    // The same, made for good.
    let list = app.get(&format!("{path}/transactions"), &ada.access).await;
    let list = list.good(200);
    let number = |id: &str| {
        let mut all = list["data"].as_array().unwrap().iter();
        all.find(|row| row["id"] == id).unwrap()["number"].clone()
    };
    let target = |id: &str| format!("{path}/transactions/{}", number(id));
    let send = async |method, path: String, body: Option<Value>| {
        app.send(method, &path, Some(&ada.access), body.as_ref())
            .await
    };
    let gone = send(Method::DELETE, target("earned"), None).await;
    gone.good(204);
    let first = buy("first", "2026-02-26T09:00:00Z", "0.5", "30000");
    let put = send(Method::PUT, target("first"), Some(first)).await;
    put.good(200);
    add(&app, &ada.access, &path, sale("sold-2", "0.05", "3060")).await;
    let early = json!({"id": "early", "time": "2026-02-25T08:00:00Z", "kind": "deposit", "account": "new",
        "received": {"asset": "ethereum", "quantity": "2"}, "basis": "3900"});
    add(&app, &ada.access, &path, early).await;
    let made = app.get(&path, &ada.access).await.good(200);
    same(&found["after"], &made["figures"], &FIGURES);
    let tax = app.get(&format!("{path}/tax/2026"), &ada.access).await;
    let tax = tax.good(200);
    assert_eq!(found["after"]["holdings"], tax["holdings"]);
    assert_eq!(found["new_disposals"][2], tax["disposals"][2]);
}

pub(crate) async fn another_method_is_tried_out(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    for bought in [
        buy("cheap", "2026-02-26T08:00:00Z", "1", "60000"),
        buy("dear", "2026-02-27T08:00:00Z", "1", "62000"),
    ] {
        add(&app, &ada.access, &path, bought).await;
    }
    let realized = async |body: Value| {
        let found = what_if(&app, &ada.access, &path, body).await;
        assert_eq!(found["before"]["realized"], "0");
        assert_eq!(found["before"]["method"], "fifo");
        let after = &found["after"];
        assert_eq!(found["new_disposals"].as_array().unwrap().len(), 1);
        (
            after["method"].clone(),
            after["realized"].clone(),
            found["new_disposals"][0]["lots"][0]["lot"].clone(),
        )
    };
    let sold = || json!([sale("now", "1", "61000")]);
    assert_eq!(
        realized(json!({"transactions": sold()})).await,
        (json!("fifo"), json!("998.75"), json!("cheap"))
    );
    assert_eq!(
        realized(json!({"transactions": sold(), "method": "hifo"})).await,
        (json!("hifo"), json!("-1001.25"), json!("dear"))
    );
    assert_eq!(
        realized(json!({"transactions": sold(), "method": "hifo", "scope": "account"})).await,
        (json!("hifo"), json!("-1001.25"), json!("dear"))
    );
    // More than there is: the figures are there all the same, with a flag that says so.
    let body = json!({"transactions": [sale("now", "3", "183000")]});
    let found = what_if(&app, &ada.access, &path, body).await;
    assert_eq!(found["new_flags"][0]["problem"], "missing_acquisition");
    assert_eq!(found["new_flags"][0]["transaction"], "now");
    // Nothing asked for, nothing found.
    let found = what_if(&app, &ada.access, &path, json!({})).await;
    assert_eq!(found["before"], found["after"]);
    assert_eq!(found["difference"]["value"], "0");
    assert_eq!(found["new_disposals"], json!([]));

    let tried = format!("{path}/what-if");
    for (body, field) in [
        (json!({"remove": ["cheap", "nothing"]}), "remove"),
        (json!({"method": "best"}), "method"),
        (json!({"method": "uk", "scope": "account"}), "scope"),
        (
            json!({"transactions": [sale("x", "none", "1")]}),
            "transactions[0].sent.quantity",
        ),
        (
            json!({"transactions": [sale("x", "1", "1"), sale("x", "1", "1")]}),
            "transactions[1]",
        ),
        (
            json!({"transactions": [{"time": "2026-02-28T12:00:00Z", "kind": "buy", "account": "a"}]}),
            "transactions[0]",
        ),
        (json!({"sell": "everything"}), "sell"),
    ] {
        let answer = post(&app, &tried, &ada.access, body.clone()).await;
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    let huge = ["one", "two"].map(|id| {
        json!({"id": id, "time": "2026-02-28T08:00:00Z", "kind": "deposit", "account": "x",
            "received": {"asset": "a thing", "quantity": "90000000000000000000"}})
    });
    let answer = post(&app, &tried, &ada.access, json!({"transactions": huge})).await;
    answer.is_problem(409, "conflict");
    app.get(&path, &ada.access).await.good(200);
}
