//! The problems of an operation: those that its handler names in the descriptions of its answers, and
//! those that layers answer; each with an example.

use serde_json::{Map, Value, json};

use super::document::About;
use crate::http::respond::problem::{Kind, MEDIA_TYPE};

/// What any operation of the API may answer, beside its own.
const EVERYWHERE: [(u16, Kind, &str); 6] = [
    (
        400,
        Kind::InvalidRequest,
        "something is wrong with the request: `errors`",
    ),
    (405, Kind::MethodNotAllowed, "the path has other methods"),
    (
        429,
        Kind::TooManyRequests,
        "a limit is reached: see `retry-after`",
    ),
    (500, Kind::Internal, "our fault"),
    (503, Kind::Unavailable, "a part of the service is away"),
    (504, Kind::Timeout, "no answer in time"),
];

/// What any operation that changes something may answer, too.
const MUTATIONS: [(u16, Kind, &str); 2] = [
    (413, Kind::PayloadTooLarge, "the body is too large"),
    (415, Kind::UnsupportedMediaType, "the body is not JSON"),
];

/// Where an `Idempotency-Key` is taken.
const KEYED: [(u16, Kind, &str); 2] = [
    (
        409,
        Kind::IdempotencyInProgress,
        "the first request with this key has not ended",
    ),
    (
        422,
        Kind::IdempotencyKeyReused,
        "this key came with another request",
    ),
];

/// Where somebody is signed in.
const SIGNED_IN: [(u16, Kind, &str); 1] = [(
    403,
    Kind::SecondFactorMissing,
    "whoever runs the server requires a second factor, and the account has none",
)];

/// Where a browser's cookie is taken for a change.
const BY_COOKIE: [(u16, Kind, &str); 2] = [
    (
        403,
        Kind::Csrf,
        "a cookie without the token of its own page",
    ),
    (403, Kind::ForbiddenOrigin, "a cookie from another page"),
];

/// Adds what layers answer, and to each problem an example.
pub(super) fn add(about: &About<'_>, responses: &mut Map<String, Value>) {
    if about.is_api {
        let groups = [
            (true, &EVERYWHERE[..]),
            (about.is_mutation, &MUTATIONS[..]),
            (about.takes_keys, &KEYED[..]),
            (about.takes_cookies, &SIGNED_IN[..]),
            (about.takes_cookies && about.is_mutation, &BY_COOKIE[..]),
        ];
        let told = groups.iter().filter(|(holds, _)| *holds);
        for (status, kind, words) in told.flat_map(|(_, group)| *group) {
            tell(responses, *status, *kind, words);
        }
    }
    for (status, response) in responses {
        if let Ok(status) = status.parse() {
            add_examples(status, response);
        }
    }
}

/// Names a kind of problem among those of its status.
fn tell(responses: &mut Map<String, Value>, status: u16, kind: Kind, words: &str) {
    let response = responses.entry(status.to_string()).or_insert_with(|| {
        json!({
            "description": "",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        })
    });
    let before = response["description"].as_str().unwrap_or_default();
    if names(before, kind) {
        return;
    }
    let between = if before.is_empty() { "" } else { "; " };
    response["description"] = json!(format!("{before}{between}`{}`: {words}", slug(kind)));
}

fn slug(kind: Kind) -> &'static str {
    kind.uri().trim_start_matches("/problems/")
}

/// Whether a description names the kind.
fn names(description: &str, kind: Kind) -> bool {
    description.contains(&format!("`{}`", slug(kind)))
}

/// One example for each kind of problem that the description names.
fn add_examples(status: u16, response: &mut Value) {
    let description = response["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let pointer = format!("/content/{}", MEDIA_TYPE.replace('/', "~1"));
    let Some(content) = response.pointer_mut(&pointer) else {
        return;
    };
    let fits = |kind: &&Kind| kind.status().as_u16() == status && names(&description, **kind);
    let examples: Map<String, Value> = Kind::ALL
        .iter()
        .filter(fits)
        .map(|kind| {
            let mut value = json!({"type": kind.uri(), "title": kind.title(), "status": status});
            if *kind == Kind::InvalidRequest {
                value["errors"] =
                    json!([{"field": "limit", "detail": "use a whole number from 1 to 500"}]);
            }
            (slug(*kind).to_owned(), json!({"value": value}))
        })
        .collect();
    if !examples.is_empty() {
        content["examples"] = Value::Object(examples);
    }
}
