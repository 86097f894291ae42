//! Completes the OpenAPI document with what holds for every operation, so that no handler need
//! repeat it: the problems that layers answer, every problem type with an example, and headers.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::grants::{Grant, grant};
use super::problem::{Kind, MEDIA_TYPE};

/// What any operation of the API may answer, beside its own.
const EVERYWHERE: [(u16, &str); 6] = [
    (400, "Something in the request is wrong: `errors`"),
    (405, "The method is not allowed here"),
    (429, "A limit is reached"),
    (500, "Our fault"),
    (503, "A part of the service is away"),
    (504, "No answer in time"),
];

/// What any operation that changes something may answer, too.
const MUTATIONS: [(u16, &str); 4] = [
    (
        409,
        "The first request with this `Idempotency-Key` has not ended",
    ),
    (413, "The body is too large"),
    (415, "The body is not JSON"),
    (422, "This `Idempotency-Key` came with another request"),
];

/// Completes the document.
pub(super) fn complete(document: &OpenApi) -> OpenApi {
    // A document that cannot be completed would be a mistake of ours, which a test finds; served as
    // it is, it still says more than nothing.
    let completed = serde_json::to_value(document).ok().and_then(|mut value| {
        name_every_problem(&mut value);
        for (path, item) in value["paths"].as_object_mut()? {
            for (method, operation) in item.as_object_mut()? {
                complete_operation(path, method, operation);
            }
        }
        serde_json::from_value(value).ok()
    });
    completed.unwrap_or_else(|| document.clone())
}

fn name_every_problem(document: &mut Value) {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
    if let Some(kind) = document.pointer_mut("/components/schemas/Problem/properties/type") {
        kind["enum"] = json!(kinds);
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let is_mutation = ["post", "put", "patch", "delete"].contains(&method);
    state_grant(path, method, operation);
    let takes_cookies = offer_cookies(is_mutation, operation);
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    if path.starts_with("/api/v1/") {
        let more = MUTATIONS.iter().filter(|_| is_mutation);
        for (status, description) in EVERYWHERE.iter().chain(more) {
            responses
                .entry(status.to_string())
                .or_insert_with(|| problem(description));
        }
        if takes_cookies && is_mutation {
            let refusal =
                "`csrf`, `forbidden-origin`: a browser's request that its own page did not send";
            responses.entry("403").or_insert_with(|| problem(refusal));
        }
        if method == "get" && responses.contains_key("200") {
            let unchanged = json!({"description": "Not changed since the answer with this `etag`"});
            responses.entry("304").or_insert(unchanged);
        }
    }
    for (status, response) in responses {
        let Ok(status) = status.parse::<u16>() else {
            continue;
        };
        add_examples(status, is_mutation, response);
        if path.starts_with("/api/v1/") && !path.ends_with("/stream") {
            add_headers(status, response);
        }
    }
}

/// Says what an API key needs for an operation, in words and as `x-api-key`.
fn state_grant(path: &str, method: &str, operation: &mut Value) {
    let asks_who = operation["security"]
        .as_array()
        .is_some_and(|ways| !ways.is_empty());
    if !asks_who {
        return;
    }
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap_or_default();
    let (words, fact) = match grant(&method, path) {
        None => ("API keys: not accepted.".to_owned(), Value::Null),
        Some(Grant { scope, signed }) => {
            let signature = if signed { ", in a signed request" } else { "" };
            let words = format!("API keys: with the scope `{}`{signature}.", scope.name());
            (words, json!({"scope": scope.name(), "signed": signed}))
        }
    };
    let description = match operation["description"].as_str() {
        Some(description) => format!("{description}\n\n{words}"),
        None => words,
    };
    operation["description"] = json!(description);
    operation["x-api-key"] = fact;
}

/// Where a user's access token is taken, a browser's cookie is too. Says whether that is so.
fn offer_cookies(is_mutation: bool, operation: &mut Value) -> bool {
    let Some(ways) = operation["security"].as_array_mut() else {
        return false;
    };
    if ways.iter().any(|way| way.get("bearer").is_some()) {
        ways.push(match is_mutation {
            true => json!({"cookie": [], "csrf": []}),
            false => json!({"cookie": []}),
        });
    }
    ways.iter().any(|way| way.get("cookie").is_some())
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

/// One example for each kind of problem that has this status.
fn add_examples(status: u16, is_mutation: bool, response: &mut Value) {
    let pointer = format!("/content/{}", MEDIA_TYPE.replace('/', "~1"));
    let Some(content) = response.pointer_mut(&pointer) else {
        return;
    };
    let fits = |kind: &&Kind| {
        let only_mutations = matches!(
            kind,
            Kind::IdempotencyInProgress | Kind::IdempotencyKeyReused
        );
        kind.status().as_u16() == status && (is_mutation || !only_mutations)
    };
    let examples: Map<String, Value> = Kind::ALL
        .iter()
        .filter(fits)
        .map(|kind| {
            let mut value = json!({"type": kind.uri(), "title": kind.title(), "status": status});
            if *kind == Kind::InvalidRequest {
                value["errors"] =
                    json!([{"field": "limit", "detail": "use a whole number from 1 to 500"}]);
            }
            let name = kind.uri().trim_start_matches("/problems/").to_owned();
            (name, json!({"value": value}))
        })
        .collect();
    if !examples.is_empty() {
        content["examples"] = Value::Object(examples);
    }
}

fn add_headers(status: u16, response: &mut Value) {
    let text = |words: &str| json!({"description": words, "schema": {"type": "string"}});
    let number = |words: &str| json!({"description": words, "schema": {"type": "integer"}});
    let mut headers = Map::new();
    headers.insert(
        "x-request-id".into(),
        text("The request's id, as in our log"),
    );
    headers.insert("ratelimit-limit".into(), number("Requests that may pass"));
    headers.insert(
        "ratelimit-remaining".into(),
        number("How many more may pass now"),
    );
    headers.insert(
        "ratelimit-reset".into(),
        number("Seconds until more may pass"),
    );
    if [200, 304].contains(&status) {
        headers.insert("etag".into(), text("Changes with the answer"));
    }
    let waits = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if waits.iter().any(|wait| wait.as_u16() == status) {
        headers.insert("retry-after".into(), number("Seconds to wait"));
    }
    if response.get("headers").is_none() {
        response["headers"] = Value::Object(headers);
    }
}
