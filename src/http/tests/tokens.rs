//! `/api/v1/tokens` and `/api/v1/tokens/{id}`.

use serde_json::json;

use super::*;

#[tokio::test]
async fn lists_by_cursor() {
    let app = App::new();
    let first = app.get("/api/v1/tokens?limit=2").await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    first.is(
        200,
        json!({
            "data": [
                {"id": "bitcoin", "symbol": "BTC", "name": "Bitcoin", "rank": 1},
                {"id": "ethereum", "symbol": "ETH", "name": "Ethereum", "rank": 2},
            ],
            "next_cursor": cursor
        }),
    );
    let rest = app
        .get(&format!("/api/v1/tokens?limit=3&cursor={cursor}"))
        .await
        .json();
    let ids: Vec<_> = rest["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["id"])
        .collect();
    assert_eq!(ids, ["lonely", "one-uni", "uniswap"]);
    assert_eq!(
        rest["next_cursor"],
        json!(null),
        "an exact page is the last"
    );
}

#[tokio::test]
async fn shows_a_token_by_id_or_symbol_with_its_instruments_best_first() {
    let app = App::new();
    let instrument = |venue: &str, symbol: &str, quote: &str| json!({"venue": venue, "symbol": symbol, "token": "bitcoin", "base": "BTC", "quote": quote});
    let bitcoin = json!({
        "id": "bitcoin", "symbol": "BTC", "name": "Bitcoin", "rank": 1,
        "instruments": [
            instrument("binance", "BTCUSDT", "USDT"),
            instrument("binance", "BTCUSDC", "USDC"),
            instrument("coinbase", "BTC-USD", "USD"),
            instrument("kraken", "BTC/USD", "USD"),
        ]
    });
    for name in ["bitcoin", "BTC", "btc"] {
        app.get(&format!("/api/v1/tokens/{name}"))
            .await
            .is(200, bitcoin.clone());
    }
}

#[tokio::test]
async fn an_ambiguous_symbol_names_its_candidates() {
    let app = App::new();
    app.get("/api/v1/tokens/UNI").await.is(
        409,
        json!({
            "type": "/problems/ambiguous-token",
            "title": "Several tokens have this symbol",
            "status": 409,
            "detail": "\"UNI\" is the symbol of several tokens: use an id",
            "candidates": ["one-uni", "uniswap"]
        }),
    );
    assert_eq!(app.get("/api/v1/tokens/uniswap").await.status, 200);
}

#[tokio::test]
async fn an_unknown_token_is_a_problem() {
    let app = App::new();
    for name in ["dogecoin", "%20", "%C3%9F", &"x".repeat(300)] {
        let answer = app.get(&format!("/api/v1/tokens/{name}")).await;
        answer.is_problem(404, "unknown-token");
    }
}
