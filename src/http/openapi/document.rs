//! Completes the OpenAPI document with what applies to every operation, so that no handler need
//! repeat it: the problems that layers answer, every problem type with an example, examples of bodies,
//! headers, and what API keys and idempotency keys are taken for.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::{examples, problems};
use crate::http::policy::{Audience, Policies, Policy, RouteScope};
use crate::http::respond::problem::Kind;

/// Completes the document.
pub(in crate::http) fn complete(document: &OpenApi, policies: &Policies) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // A document that cannot be completed would be a mistake of ours, which a test finds; served as
    // it is, it still says more than nothing.
    let _ = complete_operations(&mut document, policies);
    document
}

fn complete_operations(document: &mut Value, policies: &Policies) -> Option<()> {
    name_every_problem(document);
    let schemas = document["components"]["schemas"].clone();
    for (path, item) in document["paths"].as_object_mut()? {
        for (method, operation) in item.as_object_mut()? {
            let about = About::of(policies, path, method, operation)?;
            complete_operation(&about, operation);
            examples::add(&schemas, operation);
        }
    }
    Some(())
}

fn name_every_problem(document: &mut Value) {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
    if let Some(kind) = document.pointer_mut("/components/schemas/Problem/properties/type") {
        kind["enum"] = json!(kinds);
    }
}

/// Properties that layers give an operation, whatever its handler does.
pub(super) struct About<'a> {
    path: &'a str,
    pub(super) policy: Policy,
    pub(super) is_mutation: bool,
    /// Of the API, not of what watches or explains the server.
    pub(super) is_api: bool,
    /// True when its answer has an entity tag.
    is_tagged: bool,
}

impl<'a> About<'a> {
    fn of(policies: &Policies, path: &'a str, method: &str, operation: &Value) -> Option<Self> {
        let is_mutation = ["post", "put", "patch", "delete"].contains(&method);
        let is_api = path.starts_with("/api/v1/");
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
        // What is somebody's own is kept by no cache (`NoStore`).
        let is_own = [
            "accounts",
            "administration",
            "alerts",
            "notifications",
            "portfolios",
        ]
        .map(Value::from);
        let is_own = is_own.contains(&operation["tags"][0]);
        Some(Self {
            policy: policies.get(&method, path)?,
            is_tagged: is_api && method == Method::GET && !is_own && !path.ends_with("/stream"),
            path,
            is_mutation,
            is_api,
        })
    }

    /// True when a browser's cookie proves who sends it.
    pub(super) fn takes_cookies(&self) -> bool {
        self.policy.asks_who()
    }
}

fn complete_operation(about: &About<'_>, operation: &mut Value) {
    operation["security"] = security(about);
    state_api_key(about, operation);
    offer_idempotency(about, operation);
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    problems::add(about, responses);
    if about.is_tagged && responses.contains_key("200") {
        let unchanged = json!({"description": "Not modified since the answer with this `etag`"});
        responses.entry("304").or_insert(unchanged);
    }
    for (status, response) in responses {
        if let Ok(status) = status.parse::<u16>()
            && about.is_api
            && !about.path.ends_with("/stream")
        {
            add_headers(about, status, response);
        }
    }
}

/// Credentials that a request may carry; an empty list where nobody is asked for any.
fn security(about: &About<'_>) -> Value {
    let cookie = match about.is_mutation {
        true => json!({"cookie": [], "csrf": []}),
        false => json!({"cookie": []}),
    };
    match about.policy.audience {
        Audience::Anonymous => json!([]),
        Audience::MarketData => json!([{}, {"bearer": []}, cookie]),
        Audience::BrowserSession => json!([cookie]),
        Audience::User | Audience::Admin => json!([{"bearer": []}, cookie]),
        Audience::AdminOrServerToken => json!([{"admin": []}, cookie]),
    }
}

/// Says what an API key needs for an operation, in words and as `x-api-key`.
fn state_api_key(about: &About<'_>, operation: &mut Value) {
    if !about.policy.asks_who() {
        return;
    }
    let (words, fact) = match about.policy.api_key {
        None => ("API keys are not accepted.".to_owned(), Value::Null),
        Some(RouteScope { scope, signed }) => {
            let signature = if signed { " and a signed request" } else { "" };
            let words = format!("API keys need the scope `{}`{signature}.", scope.name());
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

/// Where an answer is remembered for a key, the key is a parameter.
fn offer_idempotency(about: &About<'_>, operation: &mut Value) {
    if !about.policy.idempotent {
        return;
    }
    let key = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Makes the request safe to retry: a repeated request gets the first answer and is not carried out again. Use a different key for each request, e.g. a UUID; keys are kept for a day",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60",
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(key),
        None => operation["parameters"] = json!([key]),
    }
}

fn add_headers(about: &About<'_>, status: u16, response: &mut Value) {
    let text = |words: &str| json!({"description": words, "schema": {"type": "string"}});
    let number = |words: &str| json!({"description": words, "schema": {"type": "integer"}});
    let mut headers = Map::from_iter([
        (
            "x-request-id".to_owned(),
            text("The request's id, as in the server's log"),
        ),
        (
            "ratelimit-limit".to_owned(),
            number("Requests allowed in a window"),
        ),
        (
            "ratelimit-remaining".to_owned(),
            number("Requests left in the current window"),
        ),
        (
            "ratelimit-reset".to_owned(),
            number("Seconds until more requests are allowed"),
        ),
        (
            "ratelimit-policy".to_owned(),
            text("The limit and its window in seconds, e.g. `100;w=900`"),
        ),
    ]);
    if about.is_tagged && [200, 304].contains(&status) {
        headers.insert(
            "etag".into(),
            text("The entity tag: it changes with the answer"),
        );
    }
    if about.policy.idempotent && (200..500).contains(&status) {
        let words = "`true` if this repeats the answer to an earlier request with the same `Idempotency-Key`";
        headers.insert("idempotency-replayed".into(), text(words));
    }
    let waits = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if waits.iter().any(|wait| wait.as_u16() == status) {
        headers.insert(
            "retry-after".into(),
            number("Seconds to wait before trying again"),
        );
    }
    // What the handler says of its own stays.
    headers.extend(response["headers"].as_object().cloned().unwrap_or_default());
    response["headers"] = Value::Object(headers);
}
