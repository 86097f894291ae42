//! Categories that users give to assets: allocation goes by them, in their own portfolio alone.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{App, Place};
use super::portfolio_figures::{BTC, add, btc, create, filled, import_closes, key};
use super::two_factor::{post, verified};

async fn send(
    app: &App,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> super::app::Answer {
    app.send(method, path, Some(token), body.as_ref()).await
}

/// Names and shares by category, the largest first.
async fn by_category(app: &App, token: &str, path: &str) -> Vec<(String, Value)> {
    let allocation = app.get(&format!("{path}/allocation"), token).await;
    let allocation = allocation.good(200);
    let parts = allocation["by_category"].as_array().unwrap().iter();
    parts
        .map(|part| {
            (
                part["name"].as_str().unwrap().to_owned(),
                part["value"].clone(),
            )
        })
        .collect()
}

pub(crate) async fn allocation_goes_by_the_users_categories(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let token = &ada.access;
    import_closes(&app, &btc(), &BTC).await;
    import_closes(&app, &key("binance", "ETHUSDT"), &[("2026-02-28", "2000")]).await;
    let path = create(&app, token, json!({"name": "a"})).await;
    for (id, asset, quantity) in [("1", "BTC", "1"), ("2", "ETH", "10"), ("3", "USD", "1000")] {
        let row = json!({"id": id, "time": "2026-02-28T08:00:00Z", "kind": "deposit", "account": "x",
            "received": {"asset": asset, "quantity": quantity}});
        add(&app, token, &path, row).await;
    }
    let owned = |parts: &[(&str, &str)]| -> Vec<(String, Value)> {
        let parts = parts.iter();
        parts
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect()
    };
    let list = format!("{path}/categories");
    assert_eq!(app.get(&list, token).await.good(200)["data"], json!([]));
    assert_eq!(
        by_category(&app, token, &path).await,
        owned(&[("coins", "81000.25"), ("money", "1000")])
    );

    let put = async |asset: &str, category: &str| {
        let body = json!({"category": category});
        send(
            &app,
            token,
            Method::PUT,
            &format!("{list}/{asset}"),
            Some(body),
        )
        .await
    };
    let of = put("eth", " smart contracts ").await.good(200);
    assert_eq!(
        of,
        json!({"asset": "ethereum", "category": "smart contracts"})
    );
    put("BTC", "gold").await.good(200);
    put("bitcoin", "hard money").await.good(200);
    put("usd", "hard money").await.good(200);
    put("House%20in%20Kent", "homes").await.good(200);
    assert_eq!(
        app.get(&list, token).await.good(200)["data"],
        json!([
            {"asset": "House in Kent", "category": "homes"},
            {"asset": "USD", "category": "hard money"},
            {"asset": "bitcoin", "category": "hard money"},
            {"asset": "ethereum", "category": "smart contracts"},
        ])
    );
    assert_eq!(
        by_category(&app, token, &path).await,
        owned(&[("hard money", "62000.25"), ("smart contracts", "20000")])
    );
    let other = filled(&app, token).await;
    let parts = by_category(&app, token, &other).await;
    assert!(parts.iter().any(|(name, _)| name == "coins"), "{parts:?}");

    let remove = async |asset: &str| {
        send(
            &app,
            token,
            Method::DELETE,
            &format!("{list}/{asset}"),
            None,
        )
        .await
    };
    remove("BTC").await.good(204);
    remove("BTC").await.is_problem(404, "not-found");
    assert_eq!(
        by_category(&app, token, &path).await,
        owned(&[
            ("coins", "61000.25"),
            ("smart contracts", "20000"),
            ("hard money", "1000")
        ])
    );
    for (asset, category, field) in [
        ("ETH", "", "category"),
        ("ETH", "two\nlines", "category"),
        ("ETH", &"x".repeat(101), "category"),
        (&"x".repeat(257), "a", "asset"),
    ] {
        let problem = put(asset, category)
            .await
            .is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // A symbol of several tokens is not guessed.
    let session = app.store.session().await.unwrap();
    session
        .batch_execute(
            "INSERT INTO assets (id, symbol, name) VALUES ('ether-two', 'eth', 'Ether Two')",
        )
        .await
        .unwrap();
    let problem = put("ETH", "a").await.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "asset");
    put("ethereum", "a").await.good(200);
}

pub(crate) async fn categories_are_bounded_and_leave_with_their_user(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let token = &ada.access;
    let path = create(&app, token, json!({"name": "a"})).await;
    let session = app.store.session().await.unwrap();
    session
        .batch_execute(
            "INSERT INTO portfolio_categories SELECT p.id, 'asset ' || n, 'many' \
             FROM portfolios p, generate_series(1, 1000) n",
        )
        .await
        .unwrap();
    let put = async |asset: &str| {
        let target = format!("{path}/categories/{asset}");
        send(
            &app,
            token,
            Method::PUT,
            &target,
            Some(json!({"category": "other"})),
        )
        .await
    };
    put("bitcoin").await.is_problem(409, "conflict");
    put("asset%201").await.good(200);
    let exported = app.get("/api/v1/auth/me/export", token).await.good(200);
    let exported = exported["portfolio_categories"].as_array().unwrap();
    assert_eq!(exported.len(), 1_000);
    assert_eq!(exported[0]["category"], "other");
    let proof = json!({"password": super::app::PASSWORD});
    post(&app, "/api/v1/auth/me/delete", token, proof)
        .await
        .good(200);
    let left = app.rows("SELECT FROM portfolio_categories").await;
    assert!(left.is_empty());
}
