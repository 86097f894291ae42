//! The problems of an operation: those that its handler names in the descriptions of its answers, and
//! those that middleware answers by the route's policy; each with an example.

use serde_json::{Map, Value, json};

use super::document::About;
use crate::http::respond::problem::{Kind, MEDIA_TYPE};

/// Answers of any path to methods that it does not support.
const METHODS: [(u16, Kind, &str); 1] = [(
    405,
    Kind::MethodNotAllowed,
    "the path does not support this method",
)];

/// Answers of any operation of the API, besides its own.
const EVERYWHERE: [(u16, Kind, &str); 5] = [
    (
        400,
        Kind::InvalidRequest,
        "the request is not valid: see `errors`",
    ),
    (
        429,
        Kind::TooManyRequests,
        "a limit is reached: see `retry-after`",
    ),
    (500, Kind::Internal, "an error of the server"),
    (
        503,
        Kind::Unavailable,
        "a part of the service cannot be reached",
    ),
    (504, Kind::Timeout, "the request took too long"),
];

/// Answers of any operation that changes something.
const MUTATIONS: [(u16, Kind, &str); 2] = [
    (413, Kind::PayloadTooLarge, "the body is too large"),
    (415, Kind::UnsupportedMediaType, "the body is not JSON"),
];

/// Answers of operations that accept an `Idempotency-Key`.
const KEYED: [(u16, Kind, &str); 2] = [
    (
        409,
        Kind::IdempotencyInProgress,
        "the first request with this key is still being processed",
    ),
    (
        422,
        Kind::IdempotencyKeyReused,
        "this key was used for a different request",
    ),
];

/// Answers of operations that accept credentials.
const IDENTIFIED: [(u16, Kind, &str); 3] = [
    (401, Kind::NotSignedIn, "the request carries no credentials"),
    (
        401,
        Kind::InvalidToken,
        "the access token, key or cookie is not valid",
    ),
    (
        403,
        Kind::Forbidden,
        "the role or the key's scopes do not allow this",
    ),
];

/// Answers where a required second factor comes first.
const SECOND_FACTOR: [(u16, Kind, &str); 1] = [(
    403,
    Kind::SecondFactorMissing,
    "a second factor is required, and the account has none",
)];

/// Answers where the email address must be verified.
const VERIFIED: [(u16, Kind, &str); 1] = [(
    403,
    Kind::EmailNotVerified,
    "the email address has not been verified",
)];

/// Answers where an API key may sign its request.
const SIGNED: [(u16, Kind, &str); 1] = [(
    401,
    Kind::SignatureInvalid,
    "the signature of a key's request is not valid",
)];

/// Answers where an API key must sign its request.
const MUST_BE_SIGNED: [(u16, Kind, &str); 1] =
    [(401, Kind::SignatureRequired, "a key must sign this request")];

/// Answers where a session cookie is accepted for a change.
const BY_COOKIE: [(u16, Kind, &str); 2] = [
    (403, Kind::Csrf, "a session cookie without its CSRF token"),
    (
        403,
        Kind::ForbiddenOrigin,
        "a session cookie sent by a page of another origin",
    ),
];

/// Adds what layers answer, and to each problem an example.
pub(super) fn add(about: &About<'_>, responses: &mut Map<String, Value>) {
    let policy = about.policy;
    let groups = [
        (true, &METHODS[..]),
        (about.is_api, &EVERYWHERE[..]),
        (about.is_api && about.is_mutation, &MUTATIONS[..]),
        (policy.idempotent, &KEYED[..]),
        (policy.asks_who(), &IDENTIFIED[..]),
        (
            policy.asks_who() && policy.second_factor,
            &SECOND_FACTOR[..],
        ),
        (policy.verified_email, &VERIFIED[..]),
        (policy.api_key.is_some(), &SIGNED[..]),
        (
            policy.api_key.is_some_and(|key| key.signed),
            &MUST_BE_SIGNED[..],
        ),
        (about.takes_cookies() && about.is_mutation, &BY_COOKIE[..]),
    ];
    let stated = groups.iter().filter(|(applies, _)| *applies);
    for (status, kind, words) in stated.flat_map(|(_, group)| *group) {
        add_problem(responses, *status, *kind, words);
    }
    for (status, response) in responses {
        if let Ok(status) = status.parse() {
            // An error without a body of its own is a problem.
            if status >= 400 && response.get("content").is_none() {
                response["content"] = problem_body();
            }
            add_examples(status, response);
        }
    }
}

fn problem_body() -> Value {
    json!({MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}})
}

/// Names a kind of problem among those of its status.
fn add_problem(responses: &mut Map<String, Value>, status: u16, kind: Kind, words: &str) {
    let response = responses
        .entry(status.to_string())
        .or_insert_with(|| json!({"description": "", "content": problem_body()}));
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

/// True when a description names the kind.
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
