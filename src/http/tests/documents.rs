//! `/openapi.json` and `/docs`.

use std::collections::BTreeSet;

use axum::http::Method;

use super::*;
use crate::accounts::Scope;
use crate::http::policy::{Audience, RouteScope};

#[tokio::test]
async fn the_document_lists_every_route() {
    let app = App::new();
    let document = app.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/.well-known/jwks.json",
            "/api/v1/admin/backfills",
            "/api/v1/admin/jobs",
            "/api/v1/admin/jobs/{id}",
            "/api/v1/admin/jobs/{id}/cancel",
            "/api/v1/admin/users",
            "/api/v1/admin/users/{id}",
            "/api/v1/admin/users/{id}/sessions",
            "/api/v1/admin/users/{id}/sessions/{session}",
            "/api/v1/alerts",
            "/api/v1/alerts/preview",
            "/api/v1/alerts/{id}",
            "/api/v1/alerts/{id}/events",
            "/api/v1/alerts/{id}/pause",
            "/api/v1/alerts/{id}/resume",
            "/api/v1/alerts/{id}/test",
            "/api/v1/auth/api-keys",
            "/api/v1/auth/api-keys/{id}",
            "/api/v1/auth/api-keys/{id}/public-key",
            "/api/v1/auth/api-keys/{id}/rotate",
            "/api/v1/auth/browser/login",
            "/api/v1/auth/csrf",
            "/api/v1/auth/invitations",
            "/api/v1/auth/login",
            "/api/v1/auth/logout",
            "/api/v1/auth/logout-all",
            "/api/v1/auth/me",
            "/api/v1/auth/me/delete",
            "/api/v1/auth/me/export",
            "/api/v1/auth/oidc",
            "/api/v1/auth/oidc/callback",
            "/api/v1/auth/oidc/login",
            "/api/v1/auth/oidc/second-factor",
            "/api/v1/auth/password",
            "/api/v1/auth/password-reset",
            "/api/v1/auth/password-reset/confirm",
            "/api/v1/auth/refresh",
            "/api/v1/auth/register",
            "/api/v1/auth/resend-verification",
            "/api/v1/auth/sessions",
            "/api/v1/auth/sessions/{id}",
            "/api/v1/auth/two-factor/confirm",
            "/api/v1/auth/two-factor/enrol",
            "/api/v1/auth/two-factor/recovery-codes",
            "/api/v1/auth/two-factor/remove",
            "/api/v1/auth/verify-email/{token}",
            "/api/v1/instruments",
            "/api/v1/instruments/{venue}/{symbol}/candles",
            "/api/v1/instruments/{venue}/{symbol}/coverage",
            "/api/v1/models",
            "/api/v1/models/train",
            "/api/v1/models/{id}",
            "/api/v1/models/{id}/promote",
            "/api/v1/notification-channels",
            "/api/v1/notification-channels/{id}",
            "/api/v1/notification-channels/{id}/rotate-secret",
            "/api/v1/notification-channels/{id}/test",
            "/api/v1/notification-channels/{id}/verify",
            "/api/v1/notification-links/{token}",
            "/api/v1/notifications",
            "/api/v1/notifications/{id}/acknowledge",
            "/api/v1/notifications/{id}/deliveries",
            "/api/v1/notifications/{id}/read",
            "/api/v1/portfolios",
            "/api/v1/portfolios/import-choices",
            "/api/v1/portfolios/{id}",
            "/api/v1/portfolios/{id}/accounts",
            "/api/v1/portfolios/{id}/accounts/{account}",
            "/api/v1/portfolios/{id}/allocation",
            "/api/v1/portfolios/{id}/categories",
            "/api/v1/portfolios/{id}/categories/{asset}",
            "/api/v1/portfolios/{id}/explain",
            "/api/v1/portfolios/{id}/export",
            "/api/v1/portfolios/{id}/history",
            "/api/v1/portfolios/{id}/holdings",
            "/api/v1/portfolios/{id}/import",
            "/api/v1/portfolios/{id}/imports",
            "/api/v1/portfolios/{id}/imports/{import}",
            "/api/v1/portfolios/{id}/performance",
            "/api/v1/portfolios/{id}/risk",
            "/api/v1/portfolios/{id}/share-links",
            "/api/v1/portfolios/{id}/share-links/{link}",
            "/api/v1/portfolios/{id}/tax/{year}",
            "/api/v1/portfolios/{id}/transactions",
            "/api/v1/portfolios/{id}/transactions/bulk",
            "/api/v1/portfolios/{id}/transactions/{number}",
            "/api/v1/portfolios/{id}/transfers",
            "/api/v1/portfolios/{id}/transfers/proposals",
            "/api/v1/portfolios/{id}/what-if",
            "/api/v1/predictions/{token}",
            "/api/v1/predictions/{token}/history",
            "/api/v1/predictions/{token}/track-record",
            "/api/v1/shared-portfolios/{secret}",
            "/api/v1/stream",
            "/api/v1/tokens",
            "/api/v1/tokens/{id}",
            "/api/v1/tokens/{id}/history",
            "/health",
            "/health/live",
            "/metrics",
        ]
    );
    let page = include_str!("../../../docs/api.md");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() || operation["description"].is_string(),
                "{method} {path}"
            );
            assert!(operation["tags"][0].is_string(), "{method} {path}");
            let row = format!("`{} {path}`", method.to_uppercase());
            assert!(page.contains(&row), "docs/api.md lacks {row}");
        }
    }
}

/// Whoever asks for somebody says what an API key needs for it.
#[tokio::test]
async fn the_document_says_what_an_api_key_needs() {
    let document = App::new().get("/openapi.json").await.json();
    let operation = |method: &str, path: &str| document["paths"][path][method].clone();
    let make = operation("post", "/api/v1/auth/api-keys");
    assert_eq!(
        make["x-api-key"],
        serde_json::json!({"scope": "keys:manage", "signed": true})
    );
    let words = make["description"].as_str().unwrap();
    assert!(
        words.contains("scope `keys:manage` and a signed request"),
        "{words}"
    );
    let refused = operation("get", "/api/v1/admin/users");
    assert!(
        refused["description"]
            .as_str()
            .unwrap()
            .contains("not accepted")
    );
    assert!(
        operation("post", "/api/v1/auth/login")
            .get("x-api-key")
            .is_none()
    );
}

/// The document as it is kept in `docs/openapi.json`.
fn stored() -> String {
    let text = serde_json::to_string_pretty(&crate::http::openapi()).unwrap();
    format!("{text}\n")
}

/// A change of the API is seen in review: `make openapi` writes the document again.
#[test]
fn the_stored_document_is_the_one_that_is_served() {
    let written = include_str!("../../../docs/openapi.json");
    let (written, stored) = (written.lines(), stored());
    let difference = written.zip(stored.lines()).find(|(old, new)| old != new);
    assert_eq!(
        difference, None,
        "run `make openapi` and review what changed"
    );
    assert_eq!(
        include_str!("../../../docs/openapi.json").len(),
        stored.len(),
        "run `make openapi` and review what changed"
    );
}

#[test]
#[ignore = "writes docs/openapi.json: run by `make openapi`"]
fn write_the_stored_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    std::fs::write(path, stored()).unwrap();
}

/// Generators of clients name functions by them.
#[tokio::test]
async fn operation_ids_are_unique_and_say_what_is_done() {
    let document = App::new().get("/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "{method} {path}: {id} is taken");
        }
    }
    assert!(ids.contains("list_api_keys") && ids.contains("create_api_key"));
}

/// The document's security is the policy of the route, which is what middleware asks for.
#[tokio::test]
async fn a_route_that_asks_for_somebody_refuses_strangers() {
    let app = App::with(StreamSettings::default().push_limits(), |config| {
        config.limits.authentication = 1_000;
        config.limits.strict = 1_000;
    });
    let document = crate::http::openapi();
    let (mut refused, mut open) = (0, 0);
    for (method, route, policy) in crate::http::router::policies().routes() {
        let operation = &document["paths"][route][method.as_str().to_lowercase()];
        let security = operation["security"].as_array().unwrap();
        let is_open = security.is_empty() || security.contains(&serde_json::json!({}));
        let path = route
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let request = Request::builder()
            .method(method.clone())
            .uri(&path)
            .header("content-type", "application/json")
            .body(Body::from("{}"))
            .unwrap();
        let answer = send(&app.router(), request).await;
        match policy.audience {
            Audience::Anonymous | Audience::MarketData => {
                assert!(is_open, "{method} {route}");
                open += 1;
            }
            _ => {
                assert!(!is_open, "{method} {route}");
                answer.is_problem(401, "not-signed-in");
                refused += 1;
            }
        }
    }
    assert!(refused >= 30 && open >= 20, "{refused} {open}");
}

/// Keys are denied where a policy names no scope.
#[test]
fn what_decides_about_accounts_no_key_may_do() {
    let policies = crate::http::router::policies();
    let api_key = |method: Method, route: &str| {
        policies
            .get(&method, route)
            .and_then(|policy| policy.api_key)
    };
    let me = "/api/v1/auth/me";
    let read = Some(RouteScope {
        scope: Scope::AccountRead,
        signed: false,
    });
    assert_eq!(api_key(Method::GET, me), read);
    assert_eq!(api_key(Method::HEAD, me), read);
    assert_eq!(api_key(Method::POST, me), None);
    for (method, route) in [
        (Method::POST, "/api/v1/auth/two-factor/enrol"),
        (Method::POST, "/api/v1/auth/invitations"),
        (Method::PUT, "/api/v1/auth/api-keys/{id}/public-key"),
        (Method::DELETE, "/api/v1/auth/api-keys/{id}/public-key"),
        (Method::POST, "/api/v1/models/train"),
        (Method::GET, "/api/v1/admin/users"),
        (Method::GET, "/api/v1/admin/jobs"),
        (Method::POST, "/api/v1/admin/backfills"),
    ] {
        assert!(
            policies.get(&method, route).is_some(),
            "there is no {method} {route}"
        );
        assert_eq!(api_key(method, route), None, "{route}");
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

/// A request with an unknown parameter is answered with the allowed ones: they are the documented ones.
#[tokio::test]
async fn documented_parameters_are_those_that_are_read() {
    let app = App::new();
    let document = app.get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        let tag = &item["get"]["tags"][0];
        if tag != "market" && tag != "forecasts" {
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

#[tokio::test]
async fn every_operation_tells_its_problems_with_examples() {
    let document = App::new().get("/openapi.json").await.json();
    let kinds = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].clone();
    let kinds: BTreeSet<&str> = kinds
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind.as_str().unwrap())
        .collect();
    let table = include_str!("../../../docs/api.md");
    for kind in &kinds {
        assert!(
            table.contains(&format!("| `{kind}` |")),
            "docs/api.md lacks {kind}"
        );
    }
    assert_eq!(kinds.len(), crate::http::respond::problem::Kind::ALL.len());
    let mut shown: BTreeSet<String> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let problem = &response["content"]["application/problem+json"];
                if !problem.is_object() {
                    continue;
                }
                let examples = problem["examples"].as_object();
                let examples = examples.unwrap_or_else(|| panic!("{method} {path} {status}"));
                assert!(!examples.is_empty(), "{method} {path} {status}");
                for example in examples.values() {
                    let value = &example["value"];
                    assert_eq!(value["status"].to_string(), *status, "{method} {path}");
                    shown.insert(value["type"].as_str().unwrap().to_owned());
                }
            }
            for status in ["400", "429", "500", "503", "504"] {
                let documented = !path.starts_with("/api/v1/") || responses.contains_key(status);
                assert!(documented, "{method} {path} lacks {status}");
            }
        }
    }
    let shown: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
    assert_eq!(shown, kinds, "every kind belongs to some operation");
    // Of its own status alone what the operation can answer.
    let login = &document["paths"]["/api/v1/auth/login"]["post"]["responses"]["401"];
    let login = &login["content"]["application/problem+json"]["examples"];
    assert!(login["wrong-credentials"].is_object(), "{login}");
    assert!(login["refresh-token-reused"].is_null(), "{login}");
}

#[tokio::test]
async fn every_body_has_an_example_that_fits() {
    fn has_nothing_missing(value: &Value, place: &str) {
        match value {
            Value::Object(fields) => {
                assert!(!fields.is_empty(), "{place}: an empty object");
                for (name, inner) in fields {
                    has_nothing_missing(inner, &format!("{place}.{name}"));
                }
            }
            Value::Array(items) => {
                assert!(!items.is_empty(), "{place}: an empty list");
                items
                    .iter()
                    .for_each(|inner| has_nothing_missing(inner, place));
            }
            Value::Null => panic!("{place}: nothing"),
            _ => {}
        }
    }
    let document = App::new().get("/openapi.json").await.json();
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap().iter();
            let responses = responses.filter(|(status, _)| status.starts_with('2'));
            let answers = responses.map(|(_, response)| response);
            for body in answers.chain(operation.get("requestBody")) {
                let content = &body["content"]["application/json"];
                if content.is_object() {
                    has_nothing_missing(&content["example"], &format!("{method} {path}"));
                    bodies += 1;
                }
            }
        }
    }
    assert!(bodies > 50, "{bodies}");
}

#[tokio::test]
async fn the_document_says_where_idempotency_keys_are_taken() {
    let document = App::new().get("/openapi.json").await.json();
    let takes = |method: &str, path: &str| {
        let operation = &document["paths"][path][method];
        let parameters = operation["parameters"].as_array().cloned();
        let named = parameters
            .into_iter()
            .flatten()
            .any(|parameter| parameter["name"] == "Idempotency-Key");
        let documented = operation["responses"]["422"].is_object();
        assert_eq!(named, documented, "{method} {path}");
        named
    };
    for (method, path) in [
        ("post", "/api/v1/tokens"),
        ("patch", "/api/v1/auth/me"),
        ("patch", "/api/v1/admin/users/{id}"),
        ("post", "/api/v1/models/{id}/promote"),
    ] {
        assert!(takes(method, path), "{method} {path}");
    }
    for (method, path) in [
        ("post", "/api/v1/auth/login"),
        ("post", "/api/v1/auth/password"),
        ("get", "/api/v1/tokens"),
    ] {
        assert!(!takes(method, path), "{method} {path}");
    }
}

/// `scripts/postman.sh` makes the collection from a running server's document.
#[tokio::test]
async fn the_postman_collection_has_every_operation() {
    fn requests(item: &Value, found: &mut BTreeSet<String>) {
        for inner in item["item"].as_array().into_iter().flatten() {
            requests(inner, found);
        }
        if let Some(parts) = item["request"]["url"]["path"].as_array() {
            let parts: Vec<&str> = parts.iter().map(|part| part.as_str().unwrap()).collect();
            let method = item["request"]["method"].as_str().unwrap().to_lowercase();
            found.insert(format!("{method} /{}", parts.join("/")));
        }
    }
    let collection = include_str!("../../../docs/postman.json");
    let mut found = BTreeSet::new();
    requests(&serde_json::from_str(collection).unwrap(), &mut found);
    let document = App::new().get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace('{', ":").replace('}', "");
            let wanted = format!("{method} {path}");
            assert!(
                found.contains(&wanted),
                "{wanted}: run scripts/postman.sh; there are {found:?}"
            );
        }
    }
}
