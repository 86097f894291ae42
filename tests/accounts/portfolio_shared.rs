//! What a share link shows of performance, categories and accounts, with amounts and without.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{App, Place};
use super::portfolio_figures::{BTC, add, btc, create, filled, import_closes, same};
use super::two_factor::{post, verified};

/// What a new link shows.
async fn shared(app: &App, token: &str, path: &str, hide_amounts: bool) -> Value {
    let link = json!({"name": "x", "hide_amounts": hide_amounts});
    let link = post(app, &format!("{path}/share-links"), token, link).await;
    let link = link.good(201);
    let path = link["path"].as_str().unwrap();
    app.send(Method::GET, path, None, None).await.good(200)
}

pub(crate) async fn a_link_shows_performance_and_categories_without_amounts(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let token = &ada.access;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, token).await;
    let body = json!({"category": "hard money"});
    let target = format!("{path}/categories/bitcoin");
    app.send(Method::PUT, &target, Some(token), Some(&body))
        .await
        .good(200);
    let figures = app.get(&path, token).await.good(200)["figures"].clone();
    let allocation = app.get(&format!("{path}/allocation"), token).await;
    let allocation = allocation.good(200);

    let open = shared(&app, token, &path, false).await;
    assert_eq!(open["by_category"], allocation["by_category"]);
    assert_eq!(open["value"], figures["value"]);
    let hidden = shared(&app, token, &path, true).await;
    assert_eq!(hidden["by_category"].as_array().unwrap().len(), 2);
    for list in ["by_category", "holdings"] {
        let [hidden, open] = [&hidden, &open].map(|shown| shown[list].as_array().unwrap());
        for (hidden, open) in hidden.iter().zip(open) {
            assert_eq!(hidden["share"], open["share"]);
            assert!(hidden["share"].is_string(), "{hidden}");
            assert_eq!(hidden["value"], Value::Null);
            assert!(open["value"].is_string(), "{open}");
        }
    }
    for shown in [&open, &hidden] {
        let performance = &shown["performance"];
        let ratios = [
            "twr",
            "xirr",
            "xirr_reason",
            "max_drawdown",
            "day_change_ratio",
        ];
        same(performance, &figures, &ratios);
        assert!(performance["twr"].is_string(), "{performance}");
    }
    // Of the amounts, nothing is in it.
    let text = hidden.to_string();
    for amount in [
        "value",
        "realized",
        "unrealized",
        "net_invested",
        "fees",
        "income",
    ] {
        let amount = figures[amount].as_str().unwrap();
        assert!(!text.contains(&format!("\"{amount}\"")), "{amount}: {text}");
    }
    for holding in open["holdings"].as_array().unwrap() {
        for amount in ["value", "quantity"] {
            let amount = holding[amount].as_str().unwrap();
            assert!(!text.contains(amount), "{amount}: {text}");
        }
    }
    for word in ["binance", "wallet", "cash"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    // Without capital there is a reason in place of a figure.
    let empty = create(&app, token, json!({"name": "empty"})).await;
    let empty = shared(&app, token, &empty, true).await;
    assert_eq!(empty["performance"]["twr"], Value::Null);
    assert_eq!(
        empty["performance"]["twr_reason"],
        "no capital was invested"
    );
    assert_eq!(empty["by_category"], json!([]));
}

pub(crate) async fn a_link_of_a_portfolio_by_account_shows_no_accounts(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let token = &ada.access;
    import_closes(&app, &btc(), &BTC).await;
    let path = create(&app, token, json!({"name": "a", "scope": "account"})).await;
    for (id, account, quantity) in [
        ("1", "first account", "0.5"),
        ("2", "second account", "0.25"),
    ] {
        let row = json!({"id": id, "time": "2026-02-27T08:00:00Z", "kind": "deposit", "account": account,
            "received": {"asset": "BTC", "quantity": quantity}});
        add(&app, token, &path, row).await;
    }
    let holdings = app.get(&format!("{path}/holdings"), token).await;
    let holdings = holdings.good(200);
    let of_bitcoin = holdings["data"].as_array().unwrap().iter();
    assert_eq!(
        of_bitcoin.filter(|one| one["asset"] == "bitcoin").count(),
        2,
        "{holdings}"
    );
    for hide_amounts in [false, true] {
        let shown = shared(&app, token, &path, hide_amounts).await;
        let all = shown["holdings"].as_array().unwrap().iter();
        let bitcoin: Vec<&Value> = all.filter(|one| one["asset"] == "bitcoin").collect();
        assert_eq!(bitcoin.len(), 1, "{shown}");
        assert_eq!(bitcoin[0]["share"], "1");
        assert_eq!(shown["by_category"][0]["share"], "1");
        let quantity = match hide_amounts {
            true => Value::Null,
            false => json!("0.75"),
        };
        assert_eq!(bitcoin[0]["quantity"], quantity);
        assert!(!shown.to_string().contains("account"), "{shown}");
    }
}
