//! `/api/v1/instruments`.

use serde_json::json;

use super::*;

async fn symbols(app: &App, query: &str) -> Vec<String> {
    let answer = app.get(&format!("/api/v1/instruments{query}")).await.json();
    let data = answer["data"].as_array().unwrap().iter();
    data.map(|i| i["symbol"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn lists_and_filters() {
    let app = App::new();
    app.get("/api/v1/instruments?venue=kraken").await.is(
        200,
        json!({
            "data": [{"venue": "kraken", "symbol": "BTC/USD", "token": "bitcoin", "base": "BTC", "quote": "USD"}],
            "next_cursor": null
        }),
    );
    assert_eq!(symbols(&app, "").await.len(), 5);
    assert_eq!(symbols(&app, "?token=ethereum").await, ["ETH-USD"]);
    assert_eq!(
        symbols(&app, "?token=bitcoin&venue=binance").await,
        ["BTCUSDC", "BTCUSDT"]
    );
    assert!(symbols(&app, "?token=dogecoin").await.is_empty());
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let app = App::new();
    let mut seen = Vec::new();
    let mut path = "/api/v1/instruments?limit=2".to_owned();
    loop {
        let page = app.get(&path).await.json();
        let data = page["data"].as_array().unwrap();
        seen.extend(
            data.iter()
                .map(|i| format!("{}:{}", i["venue"], i["symbol"])),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/instruments?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn coverage_lists_what_is_proven_and_what_is_unknown() {
    let app = App::new();
    let path = "/api/v1/instruments/kraken/BTC-USD/coverage";
    let asked = "?interval=1h&from=2024-05-01T00:00:00Z&to=2024-05-03T00:00:00Z";
    app.get(&format!("{path}{asked}")).await.is(
        200,
        json!({
            "venue": "kraken", "symbol": "BTC/USD", "interval": "1h",
            "from": "2024-05-01T00:00:00Z", "to": "2024-05-03T00:00:00Z",
            "proven_percent": "50.00",
            "proven": [{"from": "2024-05-02T00:00:00Z", "to": "2024-05-03T00:00:00Z", "source": "trades"}],
            "gaps": [],
            "unknown": [{"from": "2024-05-01T00:00:00Z", "to": "2024-05-02T00:00:00Z"}]
        }),
    );
    for (wrong, status) in [
        (format!("{path}?interval=2m"), 400),
        (
            format!("{path}?from=2024-05-02T00:00:00Z&to=2024-05-01T00:00:00Z"),
            400,
        ),
        ("/api/v1/instruments/kraken/NO-NE/coverage".to_owned(), 404),
        (
            "/api/v1/instruments/nowhere/BTC-USD/coverage".to_owned(),
            404,
        ),
    ] {
        let answer = app.get(&wrong).await;
        assert_eq!(answer.status.as_u16(), status, "{wrong}");
    }
}
