//! `/openapi.json` and `/docs`.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn the_document_lists_every_route() {
    let app = App::new();
    let document = app.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/api/v1/instruments",
            "/api/v1/instruments/{venue}/{symbol}/candles",
            "/api/v1/models",
            "/api/v1/models/train",
            "/api/v1/models/{id}",
            "/api/v1/models/{id}/promote",
            "/api/v1/predictions/{token}",
            "/api/v1/predictions/{token}/history",
            "/api/v1/predictions/{token}/track-record",
            "/api/v1/stream",
            "/api/v1/tokens",
            "/api/v1/tokens/{id}",
            "/api/v1/tokens/{id}/history",
            "/health",
            "/health/live",
            "/metrics",
        ]
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = item.get("get").unwrap_or(&item["post"]);
        assert!(
            operation["summary"].is_string() || operation["description"].is_string(),
            "{path}"
        );
        assert!(operation["tags"][0].is_string(), "{path}");
    }
    let page = include_str!("../../../docs/api.md");
    for path in paths {
        let method = if document["paths"][path].get("get").is_some() {
            "GET"
        } else {
            "POST"
        };
        assert!(
            page.contains(&format!("`{method} {path}`")),
            "docs/api.md lacks {path}"
        );
    }
}

/// Every reference leads somewhere, and decimals are strings.
#[tokio::test]
async fn the_documents_schemas_are_whole() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = App::new().get("/openapi.json").await.json();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/Problem"));
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    let candle = &document["components"]["schemas"]["Candle"]["properties"];
    let names: BTreeSet<&str> = candle
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        BTreeSet::from([
            "close",
            "complete",
            "high",
            "low",
            "open",
            "open_time",
            "quote_volume",
            "revision",
            "taker_buy_volume",
            "trades",
            "volume",
        ])
    );
    assert_eq!(candle["volume"]["type"], "string");
    assert_eq!(candle["open_time"]["format"], "date-time");
}

/// A request with an unknown parameter is told the allowed ones: they are the documented ones.
#[tokio::test]
async fn documented_parameters_are_those_that_are_read() {
    let app = App::new();
    let document = app.get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1") || path.ends_with("stream") || item.get("get").is_none() {
            continue;
        }
        let parameters = item["get"]["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let documented: BTreeSet<String> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        let real = path
            .replace("{id}", "bitcoin")
            .replace("{token}", "bitcoin")
            .replace("{venue}", "binance")
            .replace("{symbol}", "BTCUSDT");
        let body = app.get(&format!("{real}?unknown=1")).await.json();
        let detail = body["errors"][0]["detail"].as_str().unwrap();
        let read: BTreeSet<String> = detail
            .strip_prefix("unknown parameter: allowed are ")
            .map(|names| names.split(", ").map(str::to_owned).collect())
            .unwrap_or_default();
        assert_eq!(read, documented, "{path}");
    }
}

#[tokio::test]
async fn the_documentation_page_is_served_from_the_program() {
    let app = App::new();
    assert_eq!(app.get("/docs").await.header("location"), "/docs/");
    let page = app.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("swagger-ui"));
    assert!(!page.body.contains("https://"), "nothing from elsewhere");
    let start = app.get("/docs/swagger-initializer.js").await;
    assert!(start.body.contains("/openapi.json"));
    assert_eq!(app.get("/docs/swagger-ui-bundle.js").await.status, 200);
}
