//! `Idempotency-Key`: a mutation that is sent again, because its answer was lost, is answered again
//! and not done again (draft-ietf-httpapi-idempotency-key-header). Keys belong to who is signed in and
//! live for a day; what was answered is kept where it is not forgotten ([`IdempotencyStore`]).
//!
//! The route's policy says whether it takes keys: not where answers hold tokens, which are kept
//! nowhere. Any other answer with a secret in it is marked [`DoNotReplay`]. A request with a password in
//! it is not remembered either: not even its hash may stay.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use coinsphere_pipelines::task::spawn_bounded;
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::http::limits::Caller;
use crate::http::middleware::api_key_policy;
use crate::http::policy;
use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::http::state::IdempotencyState;
use crate::idempotency::{Begun, IdempotencyKey, IdempotencyStore, KeptAnswer};

/// The largest answer that is kept.
const MOST_ANSWER: usize = 256 << 10;

/// The longest key.
const MOST_KEY: usize = 255;

pub(in crate::http) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Fields with which somebody proves who they are.
const PROOFS: [&str; 4] = ["password", "current_password", "new_password", "totp_code"];

/// On answers that were given before.
pub(in crate::http) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers of an answer that are kept.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Marks an answer that must not be kept, because it holds a secret: put it into the response's
/// extensions. The mutation is then done again when it is sent again.
#[derive(Debug, Clone, Copy)]
pub struct DoNotReplay;

/// Answers a mutation that was answered before.
pub(in crate::http) async fn once(
    State(state): State<IdempotencyState>,
    request: Request,
    next: Next,
) -> Response {
    let Some(given) = request.headers().get(KEY) else {
        return next.run(request).await;
    };
    let Some(user) = request.extensions().get::<Caller>() else {
        return next.run(request).await;
    };
    // A program gets no remembered answer that it would not get now.
    let takes_keys = policy::of(request.extensions()).idempotent;
    if !takes_keys || !api_key_policy::is_admitted(request.extensions()) {
        return next.run(request).await;
    }
    let key = given.to_str().ok().filter(|key| {
        (1..=MOST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let Some(key) = key else {
        return Problem::invalid(vec![FieldError {
            field: KEY.to_string(),
            detail: format!("use 1 to {MOST_KEY} printable characters, e.g. a UUID"),
        }])
        .into_response();
    };
    let key = IdempotencyKey {
        subject: Arc::clone(&user.subject),
        key: key.to_owned(),
    };
    match run(&state, key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Returns whether a body is an object with a password or code in it.
fn holds_proof(body: &[u8]) -> bool {
    let fields = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    fields.is_ok_and(|fields| PROOFS.iter().any(|name| fields.contains_key(*name)))
}

async fn run(
    state: &IdempotencyState,
    key: IdempotencyKey,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let most = policy::of(request.extensions()).body_limit(&state.http);
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, most)
        .await
        .map_err(|_| Problem::new(Kind::PayloadTooLarge))?;
    if holds_proof(&body) {
        let request = Request::from_parts(parts, Body::from(body));
        return Ok(next.run(request).await);
    }
    let digest = Sha256::new()
        .chain_update(parts.method.as_str())
        .chain_update([0])
        .chain_update(parts.uri.to_string())
        .chain_update([0])
        .chain_update(&body)
        .finalize();
    match state.idempotency.begin(&key, digest.into()).await? {
        Begun::First => {}
        Begun::Answered(answer) => return Ok(replay(answer)),
        Begun::InProgress => {
            return Err(Problem::new(Kind::IdempotencyInProgress).with_detail(
                "the first request with this key is being answered, or was cut off: look whether \
                 it was done before you send it with another key",
            ));
        }
        Begun::OtherRequest => {
            return Err(Problem::new(Kind::IdempotencyKeyReused)
                .with_detail("this key came with another request: use a new one for each"));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    let store = Arc::clone(&state.idempotency);
    // A client that goes away must not leave the key taken: the request is finished without it.
    let answering = async move {
        let response = next.run(request).await;
        keep(&*store, &key, response).await
    };
    let answering = spawn_bounded(answering.in_current_span());
    answering.await.unwrap_or_else(|_| {
        // The handler panicked: what it has done is not known, so the key stays taken.
        Err(Problem::new(Kind::Internal))
    })
}

/// Keeps the answer, unless trying again is meant to try again.
async fn keep(
    store: &dyn IdempotencyStore,
    key: &IdempotencyKey,
    response: Response,
) -> Result<Response, Problem> {
    let status = response.status();
    let passing = [
        StatusCode::UNAUTHORIZED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    let secret = response.extensions().get::<DoNotReplay>().is_some();
    if secret || status.is_server_error() || passing.contains(&status) {
        store.give_back(key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_ANSWER).await else {
        store.give_back(key).await?;
        tracing::error!("the answer to a mutation is too large to be kept");
        return Err(Problem::new(Kind::Internal));
    };
    let headers = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    });
    let answer = KeptAnswer {
        status: status.as_u16(),
        headers: headers.collect(),
        body: body.clone(),
    };
    // It was done; that it could not be kept is no reason not to say so.
    if let Err(error) = store.finish(key, &answer).await {
        tracing::warn!(%error, "the answer to a mutation was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
