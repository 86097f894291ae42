//! What users mend: missing data that figures name, answers to imports, prices that were wrong, settings that
//! contradict one another.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::Method;
use coinsphere::accounts::Role;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::app::Place;
use super::portfolio_figures::{BTC, add, btc, create, filled, import_closes};
use super::two_factor::{post, verified};

pub(crate) async fn those_who_ask_in_a_new_currency_at_once_all_get_it(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let cash = json!({"time": "2026-02-26T08:00:00Z", "kind": "deposit", "account": "bank",
        "received": {"asset": "USD", "quantity": "61000.25"}});
    add(&app, &ada.access, &path, cash).await;
    let asked = format!("{path}/holdings?currency=bitcoin");
    let ask = || app.get(&asked, &ada.access);
    let answers: [_; 4] = tokio::join!(ask(), ask(), ask(), ask()).into();
    let values = answers.map(|answer| answer.good(200)["value"].clone());
    assert!(values[0].is_string(), "{values:?}");
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
}

pub(crate) async fn the_tax_page_is_shown_as_it_is_written(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = filled(&app, &ada.access).await;
    let page = app
        .get(&format!("{path}/tax/2026?format=html"), &ada.access)
        .await;
    assert_eq!(page.status, 200);
    let style = page.body.split_once("<style>").unwrap().1;
    let style = style.split_once("</style>").unwrap().0;
    assert!(!style.is_empty());
    assert!(!page.body.contains("style="), "{}", page.body);
    let hash = BASE64.encode(digest(&SHA256, style.as_bytes()).as_ref());
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}'")),
        "{policy}"
    );
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

pub(crate) async fn what_is_missing_is_named_with_its_remedy(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let sold = json!({"id": "sold", "time": "2026-02-27T09:00:00Z", "kind": "sell", "account": "a",
        "sent": {"asset": "BTC", "quantity": "0.5"}, "received": {"asset": "USD", "quantity": "100"}});
    add(&app, &ada.access, &path, sold).await;
    let shown = app.get(&path, &ada.access).await.good(200);
    let figures = &shown["figures"];
    let flagged = figures["flagged"].as_array().unwrap();
    assert_eq!(figures["flags"], flagged.len(), "{figures}");
    let missing = flagged
        .iter()
        .find(|flag| flag["problem"] == "missing_acquisition");
    let missing = missing.unwrap_or_else(|| panic!("{figures}"));
    assert_eq!(missing["transaction"], "sold");
    assert!(missing["fix"].as_str().unwrap().contains("sold"));
    let affects = missing["affects"].as_array().unwrap();
    assert!(affects.contains(&json!("realized")), "{missing}");
}

pub(crate) async fn pooling_over_accounts_takes_no_accounts(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let both = json!({"name": "a", "method": "uk", "scope": "account"});
    let refused = post(&app, "/api/v1/portfolios", &ada.access, both).await;
    let problem = refused.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "scope", "{problem}");
    let of_accounts = json!({"name": "a", "scope": "account"});
    let path = create(&app, &ada.access, of_accounts).await;
    let change = async |body: Value| {
        app.send(Method::PATCH, &path, Some(&ada.access), Some(&body))
            .await
    };
    let problem = change(json!({"method": "uk"})).await;
    problem.is_problem(400, "invalid-request");
    let changed = change(json!({"method": "uk", "scope": "portfolio"})).await;
    assert_eq!(changed.good(200)["method"], "uk");
}

pub(crate) async fn a_price_is_corrected_by_importing_it_again(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let import = async |name: &str, price: Option<&str>| {
        let mut document = json!({"currency": "USD", "transactions": [
            {"id": "held", "time": "2026-02-27T09:00:00Z", "kind": "opening", "account": "a",
             "received": {"asset": "MYCOIN", "quantity": "2", "value": "1"}}]});
        if let Some(price) = price {
            document["prices"] = json!({"MYCOIN": {"2026-02-28": price}});
        }
        let files = json!({"files": [{"name": name, "text": document.to_string()}],
            "tickers": {"MYCOIN": "MYCOIN"}});
        let done = post(&app, &format!("{path}/import"), &ada.access, files).await;
        done.good(201)
    };
    let value = async || {
        let shown = app.get(&path, &ada.access).await.good(200);
        shown["figures"]["value"].clone()
    };
    import("first.json", Some("100")).await;
    assert_eq!(value().await, "200");
    let corrected = import("second.json", Some("250")).await;
    assert_eq!(value().await, "500");
    // What any import has said already is nothing new.
    assert_eq!(
        import("first.json", Some("100")).await["import"],
        Value::Null
    );
    assert_eq!(value().await, "500");
    let undo = format!(
        "{path}/imports/{}",
        corrected["import"]["id"].as_str().unwrap()
    );
    app.send(Method::DELETE, &undo, Some(&ada.access), None)
        .await
        .good(204);
    assert_eq!(value().await, "200");
}

pub(crate) async fn answers_are_remembered_though_others_are_missing(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let history = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n\
        1,2024-01-08 07:05:12,Spot,Zodiac Bonus,BTC,0.5,\n\
        1,2024-01-09 07:05:12,Spot,Comet Bonus,BTC,0.25,\n";
    let files = json!([{"name": "history.csv", "text": history}]);
    let import = async |word: Option<&str>| {
        let mut body = json!({"files": files});
        if let Some(word) = word {
            body["operations"] = json!({word: "reward"});
        }
        post(&app, &format!("{path}/import"), &ada.access, body).await
    };
    let refused = import(Some("Zodiac Bonus")).await;
    let problem = refused.is_problem(422, "import-refused");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    let done = import(Some("Comet Bonus")).await.good(201);
    assert_eq!(done["added"], 2, "{done}");
}
