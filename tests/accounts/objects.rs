//! Somebody else's objects, on every route that names one. The routes are those of the OpenAPI
//! document: one that is added there and not here fails the test.

use std::collections::BTreeSet;

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{Answer, App, Place, eventually_status};
use super::program::{KEYS, public};
use super::two_factor::{post, verified};

/// Routes whose objects are nobody's: public data, models, jobs (which only admins see), an email's code and
/// a share link and links in messages, which are their own proof.
const OF_NOBODY: [&str; 15] = [
    "GET /api/v1/tokens/{id}",
    "GET /api/v1/tokens/{id}/history",
    "GET /api/v1/instruments/{venue}/{symbol}/candles",
    "GET /api/v1/instruments/{venue}/{symbol}/coverage",
    "GET /api/v1/predictions/{token}",
    "GET /api/v1/predictions/{token}/history",
    "GET /api/v1/predictions/{token}/track-record",
    "GET /api/v1/models/{id}",
    "POST /api/v1/models/{id}/promote",
    "GET /api/v1/admin/jobs/{id}",
    "POST /api/v1/admin/jobs/{id}/cancel",
    "GET /api/v1/auth/verify-email/{token}",
    "GET /api/v1/shared-portfolios/{secret}",
    "GET /api/v1/notification-links/{token}",
    "POST /api/v1/notification-links/{token}",
];

/// Everything below these is asked for by another user in `portfolios`, `alerts` and `channels`.
const ASKED_ELSEWHERE: [&str; 4] = [
    "/api/v1/portfolios/{id}",
    "/api/v1/alerts/{id}",
    "/api/v1/notification-channels/{id}",
    "/api/v1/notifications/{id}",
];

/// Kind of object that a route's `{id}` names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Session,
    Key,
}

/// Routes of one's own objects: what they name, what they take, and what their owner is answered.
const OF_A_USER: [(&str, Object, &str, u16); 5] = [
    (
        "DELETE /api/v1/auth/sessions/{id}",
        Object::Session,
        "",
        204,
    ),
    ("DELETE /api/v1/auth/api-keys/{id}", Object::Key, "", 204),
    (
        "POST /api/v1/auth/api-keys/{id}/rotate",
        Object::Key,
        "{}",
        200,
    ),
    (
        "PUT /api/v1/auth/api-keys/{id}/public-key",
        Object::Key,
        "public key",
        200,
    ),
    (
        "DELETE /api/v1/auth/api-keys/{id}/public-key",
        Object::Key,
        "",
        204,
    ),
];

/// Routes of admins, about somebody's account: what they take, and what an admin is answered.
const OF_ADMINS: [(&str, &str, u16); 6] = [
    ("GET /api/v1/admin/users/{id}", "", 200),
    (
        "PATCH /api/v1/admin/users/{id}",
        r#"{"disabled": false}"#,
        200,
    ),
    ("GET /api/v1/admin/users/{id}/sessions", "", 200),
    (
        "DELETE /api/v1/admin/users/{id}/sessions/{session}",
        "",
        204,
    ),
    // Last: these leave no session, and no user.
    ("DELETE /api/v1/admin/users/{id}/sessions", "", 200),
    ("DELETE /api/v1/admin/users/{id}", "", 204),
];

fn body(text: &str) -> Option<Value> {
    match text {
        "" => None,
        "public key" => Some(json!({"public_key": public(9)})),
        text => Some(serde_json::from_str(text).unwrap()),
    }
}

async fn send(app: &App, route: &str, token: Option<&str>, taken: &str) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    app.send(method, path, token, body(taken).as_ref()).await
}

/// The newest session that this token's user has.
async fn newest_session(app: &App, token: &str) -> String {
    let list = app.get("/api/v1/auth/sessions", token).await.good(200);
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

async fn id_of(app: &App, token: &str) -> String {
    app.me(token).await.good(200)["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Every operation of the document whose path has a parameter, as `METHOD path`.
async fn object_routes(app: &App) -> BTreeSet<String> {
    let document = app.send(Method::GET, "/openapi.json", None, None).await;
    let document = document.good(200);
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let verbs = ["get", "put", "post", "delete", "patch", "head", "options"];
            if path.contains('{')
                && !ASKED_ELSEWHERE
                    .iter()
                    .any(|prefix| path.starts_with(prefix))
                && verbs.contains(&method.as_str())
            {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

pub(crate) async fn every_route_of_an_object_is_known(place: Place) {
    let app = place.app_with(|_| {}).await;
    let here: BTreeSet<String> = OF_A_USER
        .iter()
        .map(|route| route.0)
        .chain(OF_ADMINS.iter().map(|route| route.0))
        .chain(OF_NOBODY)
        .map(str::to_owned)
        .collect();
    let documented = object_routes(&app).await;
    let missing: Vec<_> = documented.difference(&here).collect();
    assert!(
        missing.is_empty(),
        "say here whose objects these are: {missing:?}"
    );
    let stale: Vec<_> = here.difference(&documented).collect();
    assert!(stale.is_empty(), "there are no such routes: {stale:?}");
}

pub(crate) async fn what_is_somebody_elses_is_not_found(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    for (number, (route, object, taken, granted)) in OF_A_USER.into_iter().enumerate() {
        app.advance(1);
        // Made again for each, so that its owner can do it in the end.
        let (id, token) = match object {
            Object::Session => {
                let second = app.login("ada@example.org").await;
                (newest_session(&app, &second.access).await, second.access)
            }
            Object::Key => {
                let body = json!({
                    "name": format!("key {number}"), "scopes": ["account:read"],
                    "public_key": public(7),
                });
                let made = post(&app, KEYS, &ada.access, body).await.good(201);
                let text = |field: &str| made[field].as_str().unwrap().to_owned();
                (text("id"), text("secret"))
            }
        };
        let asked = route.replace("{id}", &id);
        for other in [&eve, &root] {
            let answer = send(&app, &asked, Some(&other.access), taken).await;
            answer.is_problem(404, "not-found");
        }
        let answer = send(&app, &asked, None, taken).await;
        answer.is_problem(401, "not-signed-in");
        // Nothing has happened to it.
        app.me(&token).await.good(200);
        if object == Object::Key {
            let keys = app.get(KEYS, &ada.access).await.good(200);
            let mut keys = keys["data"].as_array().unwrap().iter();
            let key = keys.find(|key| key["id"] == id).unwrap();
            assert_eq!(key["public_key"], public(7), "{route}: {key}");
            assert_eq!(key["previous_secret_until"], Value::Null, "{route}");
        }
        let answer = send(&app, &asked, Some(&ada.access), taken).await;
        assert_eq!(answer.status, granted, "{route}: {answer:?}");
    }
}

pub(crate) async fn accounts_of_others_are_for_admins(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let id = id_of(&app, &ada.access).await;
    app.advance(1);
    let ended = app.login("ada@example.org").await;
    let session = newest_session(&app, &ended.access).await;
    let fill = |route: &str, id: &str, session: &str| {
        route.replace("{id}", id).replace("{session}", session)
    };
    for (route, taken, granted) in OF_ADMINS {
        let asked = fill(route, &id, &session);
        // Not even one's own account.
        let own = app.login("ada@example.org").await;
        for user in [&eve, &own] {
            let answer = send(&app, &asked, Some(&user.access), taken).await;
            answer.is_problem(403, "forbidden");
        }
        let answer = send(&app, &asked, None, taken).await;
        answer.is_problem(401, "not-signed-in");
        if route.contains("{session}") {
            // A session is found with its own user alone, or the record would name another.
            let eves = newest_session(&app, &eve.access).await;
            let crossed = fill(route, &id, &eves);
            let answer = send(&app, &crossed, Some(&root.access), taken).await;
            answer.is_problem(404, "not-found");
            app.me(&eve.access).await.good(200);
            app.me(&ended.access).await.good(200);
        }
        let answer = send(&app, &asked, Some(&root.access), taken).await;
        assert_eq!(answer.status, granted, "{route}: {answer:?}");
    }
    for token in [&ada.access, &ended.access] {
        eventually_status(&app, token, 401).await;
    }
    app.me(&eve.access).await.good(200);
}
