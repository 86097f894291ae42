//! Sessions of browsers: cookies, CSRF tokens, and whose pages may ask.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use coinsphere::accounts::Role;
use coinsphere::http::Peer;
use coinsphere_pipelines::shared_state::{OnRedis, RedisConfig, SharedState as _};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::app::{Answer, App, PASSWORD, Place, eventually_rows};
use super::two_factor::{code, now, verified};

const HOST: &str = "127.0.0.1:3001";
const ME: &str = "/api/v1/auth/me";
const LOGOUT: &str = "/api/v1/auth/logout";
const CSRF: &str = "/api/v1/auth/csrf";
const LOGIN: &str = "/api/v1/auth/browser/login";

/// A browser with its cookies, showing a page of ours that knows a CSRF token.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) host: &'static str,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) csrf: Option<String>,
    /// More of what it sends.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self {
            host: HOST,
            cookies: BTreeMap::new(),
            csrf: None,
            headers: Vec::new(),
        }
    }

    pub(crate) async fn signed_in(app: &App, email: &str) -> Self {
        let mut browser = Self::new();
        let body = json!({"email": email, "password": PASSWORD});
        let answer = browser.send(app, Method::POST, LOGIN, Some(body)).await;
        answer.good(200);
        browser
    }

    /// With one more header.
    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.to_owned()));
        other
    }

    fn with_csrf(&self, token: Option<&str>) -> Self {
        Self {
            csrf: token.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Sends a request, and keeps the cookies and the CSRF token of the answer.
    pub(crate) async fn send(
        &mut self,
        app: &App,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, self.host)
            .extension(Peer("203.0.113.1".parse::<IpAddr>().unwrap()));
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        if let Some(token) = self.csrf.as_ref().filter(|_| method != Method::GET) {
            request = request.header("x-csrf-token", token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = app.send_request(request.body(body).unwrap()).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = answer.headers.get("x-csrf-token") {
            self.csrf = Some(token.to_str().unwrap().to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, app: &App, path: &str) -> Answer {
        self.send(app, Method::GET, path, None).await
    }

    pub(crate) async fn post(&mut self, app: &App, path: &str, body: Option<Value>) -> Answer {
        self.send(app, Method::POST, path, body).await
    }

    /// Renames the user: something that changes, and nothing else does.
    async fn rename(&mut self, app: &App) -> Answer {
        let body = json!({"display_name": "Ada"});
        self.send(app, Method::PATCH, ME, Some(body)).await
    }
}

fn set_cookie(answer: &Answer) -> Option<String> {
    let line = answer.headers.get(header::SET_COOKIE)?;
    Some(line.to_str().unwrap().to_owned())
}

pub(crate) async fn a_browsers_life(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let mut browser = Browser::new();
    let body = |password: &str| json!({"email": "ada@example.org", "password": password});
    let refused = browser.post(&app, LOGIN, Some(body("not this one"))).await;
    refused.is_problem(401, "wrong-credentials");
    assert!(browser.cookies.is_empty());
    let answer = browser.post(&app, LOGIN, Some(body(PASSWORD))).await;
    let body = answer.good(200);
    assert_eq!(body["expires_at"], "2026-03-02T12:00:00Z");
    assert_eq!(body["csrf_token"], browser.csrf.clone().unwrap());
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let value = browser.cookies["coinsphere-session"].clone();
    assert!(!answer.body.contains(&value), "out of reach of scripts");
    assert_eq!(
        set_cookie(&answer).unwrap(),
        format!("coinsphere-session={value}; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict")
    );
    let me = browser.get(&app, ME).await.good(200);
    assert_eq!(me["email"], "ada@example.org");
    assert_eq!(browser.rename(&app).await.good(200)["display_name"], "Ada");
    let sessions = browser.get(&app, "/api/v1/auth/sessions").await.good(200);
    assert_eq!(sessions["data"][0]["current"], true);
    let stored = app.rows("SELECT id, cookie_hash FROM sessions").await;
    assert_eq!(stored[0].get::<_, &[u8]>(1).len(), 32, "only a hash");
    let id: uuid::Uuid = stored[0].get(0);
    let before = browser.clone();
    let answer = browser.post(&app, LOGOUT, None).await;
    answer.good(204);
    assert_eq!(
        set_cookie(&answer).unwrap(),
        "coinsphere-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    );
    assert!(browser.cookies.is_empty());
    browser.get(&app, ME).await.is_problem(401, "not-signed-in");
    // Whoever kept the cookie has nothing, and is asked to forget it.
    let mut thief = before;
    thief.get(&app, ME).await.is_problem(401, "invalid-token");
    assert!(thief.cookies.is_empty());
    for event in ["login", "session.revoked"] {
        let sql = format!(
            "SELECT FROM audit_log WHERE event = '{event}' AND outcome = 'done' AND subject = '{id}'"
        );
        eventually_rows(&app, &sql).await;
    }
}

pub(crate) async fn requests_of_other_pages_change_nothing(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    app.register("eve@example.org").await;
    let ada = Browser::signed_in(&app, "ada@example.org").await;
    let eve = Browser::signed_in(&app, "eve@example.org").await;
    let second = Browser::signed_in(&app, "ada@example.org").await;
    let good = ada.csrf.clone().unwrap();
    let cut = good[..70].to_owned();
    for (what, token) in [
        ("none", None),
        ("empty", Some("")),
        ("junk", Some("junk")),
        ("cut", Some(cut.as_str())),
        ("of somebody else", eve.csrf.as_deref()),
        ("of another session", second.csrf.as_deref()),
    ] {
        let mut page = ada.with_csrf(token);
        let problem = page.rename(&app).await.is_problem(403, "csrf");
        assert!(problem["detail"].is_string(), "{what}");
        page.post(&app, LOGOUT, None).await.is_problem(403, "csrf");
        page.post(&app, CSRF, None).await.is_problem(403, "csrf");
        page.get(&app, ME).await.good(200);
    }
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut page = ada.with(name, value);
        let answer = page.rename(&app).await;
        answer.is_problem(403, "forbidden-origin");
        let body = json!({"email": "eve@example.org", "password": PASSWORD});
        let mut visitor = Browser::new().with(name, value);
        let answer = visitor.post(&app, LOGIN, Some(body)).await;
        answer.is_problem(403, "forbidden-origin");
        assert!(visitor.cookies.is_empty());
    }
    let mut own = ada
        .with("origin", &format!("http://{HOST}"))
        .with("sec-fetch-site", "same-origin");
    own.rename(&app).await.good(200);
    let names = app
        .rows("SELECT display_name FROM users WHERE display_name IS NOT NULL")
        .await;
    assert_eq!(names.len(), 1);
    eventually_rows(
        &app,
        "SELECT FROM audit_log a JOIN sessions s ON s.id = a.subject \
         WHERE a.event = 'csrf.refused' AND a.outcome = 'refused' HAVING count(*) = 23",
    )
    .await;
}

pub(crate) async fn tokens_and_cookies_are_renewed(place: Place) {
    let app = place.app().await;
    verified(&app, "ada@example.org", Role::User).await;
    let mut browser = Browser::signed_in(&app, "ada@example.org").await;
    let first = browser.csrf.clone().unwrap();
    // A page that was loaded again asks for one; the other page's stays valid.
    let body = browser.get(&app, CSRF).await.good(200);
    let second = body["csrf_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    for token in [&first, &second] {
        browser.with_csrf(Some(token)).rename(&app).await.good(200);
    }
    let body = browser.post(&app, CSRF, None).await.good(200);
    let third = body["csrf_token"].as_str().unwrap().to_owned();
    for stale in [&first, &second] {
        let mut page = browser.with_csrf(Some(stale));
        page.rename(&app).await.is_problem(403, "csrf");
    }
    browser.csrf = Some(third.clone());
    browser.rename(&app).await.good(200);
    // Changing the second factor renews the cookie too.
    let enrol = "/api/v1/auth/two-factor/enrol";
    let proof = json!({"password": PASSWORD});
    let enrolment = browser.post(&app, enrol, Some(proof)).await.good(200);
    let secret = enrolment["secret"].as_str().unwrap().to_owned();
    let old = browser.clone();
    let body = json!({"totp_code": code(&secret, now(&app))});
    let confirm = "/api/v1/auth/two-factor/confirm";
    browser.post(&app, confirm, Some(body)).await.good(200);
    assert_ne!(old.cookies, browser.cookies);
    assert_ne!(old.csrf, browser.csrf);
    browser.rename(&app).await.good(200);
    let mut stale = browser.with_csrf(Some(&third));
    stale.rename(&app).await.is_problem(403, "csrf");
    // A request that crossed must not take the new cookie away.
    let mut crossed = old;
    let answer = crossed.get(&app, ME).await;
    answer.is_problem(401, "invalid-token");
    assert_eq!(set_cookie(&answer), None);
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = Browser::new().post(&app, LOGIN, Some(body)).await;
    answer.is_problem(401, "second-factor-required");
    eventually_rows(
        &app,
        "SELECT FROM audit_log WHERE event = 'session.renewed' AND subject IS NOT NULL",
    )
    .await;
}

pub(crate) async fn a_new_password_begins_a_new_session(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let mut browser = Browser::signed_in(&app, "ada@example.org").await;
    let mut other = Browser::signed_in(&app, "ada@example.org").await;
    let tokens = app.login("ada@example.org").await;
    let old = browser.clone();
    let body = json!({"current_password": PASSWORD, "new_password": "a quiet river at dawn"});
    let answer = browser
        .post(&app, "/api/v1/auth/password", Some(body))
        .await;
    let body = answer.good(200);
    assert_eq!(body["csrf_token"], browser.csrf.clone().unwrap());
    assert!(body.get("access_token").is_none(), "{body}");
    assert_eq!(answer.headers.get_all(header::SET_COOKIE).iter().count(), 1);
    assert_ne!(old.cookies, browser.cookies);
    browser.rename(&app).await.good(200);
    let mut stale = browser.with_csrf(old.csrf.as_deref());
    stale.rename(&app).await.is_problem(403, "csrf");
    for mut ended in [old, other.clone()] {
        ended.get(&app, ME).await.is_problem(401, "invalid-token");
    }
    other
        .post(&app, LOGOUT, None)
        .await
        .is_problem(401, "invalid-token");
    app.me(&tokens.access)
        .await
        .is_problem(401, "invalid-token");
}

pub(crate) async fn whatever_ends_a_session_ends_its_cookie(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let everywhere = "/api/v1/auth/logout-all";
    let mut one = Browser::signed_in(&app, "ada@example.org").await;
    let mut two = Browser::signed_in(&app, "ada@example.org").await;
    one.post(&app, everywhere, None).await.good(204);
    assert!(one.cookies.is_empty());
    two.get(&app, ME).await.is_problem(401, "invalid-token");
    assert!(two.cookies.is_empty());
    // By its user, from elsewhere, and from itself.
    let mut one = Browser::signed_in(&app, "ada@example.org").await;
    let mut two = Browser::signed_in(&app, "ada@example.org").await;
    let list = one.get(&app, "/api/v1/auth/sessions").await.good(200);
    for session in list["data"].as_array().unwrap() {
        let path = format!("/api/v1/auth/sessions/{}", session["id"].as_str().unwrap());
        if session["current"] == false {
            one.send(&app, Method::DELETE, &path, None).await.good(204);
            assert_eq!(one.cookies.len(), 1, "another's end is not ours");
            two.get(&app, ME).await.is_problem(401, "invalid-token");
            assert!(two.cookies.is_empty());
        }
    }
    let list = one.get(&app, "/api/v1/auth/sessions").await.good(200);
    let id = list["data"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/auth/sessions/{id}");
    one.send(&app, Method::DELETE, &path, None).await.good(204);
    assert!(one.cookies.is_empty());
    // By another that begins in the same browser.
    let mut one = Browser::signed_in(&app, "ada@example.org").await;
    let former = one.clone();
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    one.post(&app, LOGIN, Some(body)).await.good(200);
    one.rename(&app).await.good(200);
    let mut kept = former;
    kept.get(&app, ME).await.is_problem(401, "invalid-token");
    one.post(&app, LOGOUT, None).await.good(204);
    // With the account.
    let mut one = Browser::signed_in(&app, "ada@example.org").await;
    let mut two = Browser::signed_in(&app, "ada@example.org").await;
    let proof = json!({"password": PASSWORD});
    one.post(&app, "/api/v1/auth/me/delete", Some(proof))
        .await
        .good(200);
    assert!(one.cookies.is_empty());
    two.get(&app, ME).await.is_problem(401, "invalid-token");
    assert!(two.cookies.is_empty());
}

pub(crate) async fn a_session_is_valid_a_day_in_every_process(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    app.register("ada@example.org").await;
    let mut browser = Browser::signed_in(&app, "ada@example.org").await;
    for process in [&elsewhere, &app] {
        browser.get(process, ME).await.good(200);
        browser.rename(process).await.good(200);
    }
    // Renewed by one process, stale for the other at once.
    let stale = browser.csrf.clone();
    let body = browser.post(&elsewhere, CSRF, None).await.good(200);
    let mut page = browser.with_csrf(stale.as_deref());
    page.rename(&app).await.is_problem(403, "csrf");
    browser.csrf = body["csrf_token"].as_str().map(str::to_owned);
    browser.rename(&app).await.good(200);
    // Ended by one process, ended for the other at once.
    let mut second = Browser::signed_in(&app, "ada@example.org").await;
    let before = second.clone();
    second.post(&app, LOGOUT, None).await.good(204);
    let mut kept = before;
    kept.get(&elsewhere, ME)
        .await
        .is_problem(401, "invalid-token");
    app.advance(86_399);
    browser.rename(&elsewhere).await.good(200);
    let used = app
        .rows("SELECT last_used_at::text FROM sessions WHERE revoked_at IS NULL")
        .await;
    assert!(used[0].get::<_, &str>(0).starts_with("2026-03-02"));
    app.advance(1);
    for process in [&app, &elsewhere] {
        let mut kept = browser.clone();
        kept.get(process, ME).await.is_problem(401, "invalid-token");
        assert!(kept.cookies.is_empty());
    }
}

pub(crate) async fn without_shared_state_the_signature_counts(place: Place) {
    // A port where nobody listens.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let away = Arc::new(
        OnRedis::new(&RedisConfig {
            url: format!("redis://127.0.0.1:{port}").into(),
            password: None,
            prefix: "coinsphere".to_owned(),
        })
        .unwrap(),
    );
    away.get("anything").await.unwrap_err();
    let place = Place {
        shared: Some(away),
        ..place
    };
    let (app, elsewhere) = (place.app().await, place.app().await);
    assert!(!place.shared.as_ref().unwrap().is_up());
    app.register("ada@example.org").await;
    let mut browser = Browser::signed_in(&app, "ada@example.org").await;
    browser.rename(&elsewhere).await.good(200);
    let mut page = browser.with_csrf(None);
    page.rename(&elsewhere).await.is_problem(403, "csrf");
    let stale = browser.csrf.clone();
    browser.post(&app, CSRF, None).await.good(200);
    let mut page = browser.with_csrf(stale.as_deref());
    page.rename(&elsewhere).await.is_problem(403, "csrf");
}

pub(crate) async fn a_bearer_token_goes_first(place: Place) {
    let app = place
        .app_with(|config| {
            config.accounts.public_url = Some("https://coins.example".to_owned());
        })
        .await;
    app.register("ada@example.org").await;
    app.register("eve@example.org").await;
    let eve = app.login("eve@example.org").await;
    let mut ada = Browser::new();
    ada.host = "coins.example";
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = ada.post(&app, LOGIN, Some(body)).await;
    answer.good(200);
    let line = set_cookie(&answer).unwrap();
    assert!(line.starts_with("__Host-coinsphere-session="), "{line}");
    assert!(
        line.ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{line}"
    );
    assert!(
        line.contains("; Path=/;") && !line.contains("Domain"),
        "{line}"
    );
    // A cookie without the prefix, which anybody near could have planted, is nothing.
    let mut planted = ada.clone();
    let value = planted.cookies.remove("__Host-coinsphere-session").unwrap();
    planted
        .cookies
        .insert("coinsphere-session".to_owned(), value);
    planted.get(&app, ME).await.is_problem(401, "not-signed-in");

    let mut both = ada.with("authorization", &format!("Bearer {}", eve.access));
    both.csrf = None;
    let me = both.rename(&app).await.good(200);
    assert_eq!(me["email"], "eve@example.org");
    both.get(&app, CSRF).await.is_problem(403, "forbidden");
    let mut bad = ada.with("authorization", "Bearer junk");
    bad.rename(&app).await.is_problem(401, "invalid-token");
    let mut own = ada.with("origin", "https://coins.example");
    own.rename(&app).await.good(200);
    let mut plain = ada.with("origin", "http://coins.example");
    plain.rename(&app).await.is_problem(403, "forbidden-origin");
}

pub(crate) async fn a_stream_with_a_cookie_is_for_our_own_pages(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let mut browser = Browser::signed_in(&app, "ada@example.org").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopping = async move {
        let _ = stopped.await;
    };
    let (state, statuses) = (app.state.clone(), app.statuses.clone());
    let serving =
        tokio::spawn(
            async move { coinsphere::http::serve(listener, state, &statuses, stopping).await },
        );
    let cookie = format!(
        "coinsphere-session={}",
        browser.cookies["coinsphere-session"]
    );
    let connect = |headers: Vec<(&'static str, String)>| async move {
        let url = format!("ws://{address}/api/v1/stream");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(stream),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    };
    let own = format!("http://{address}");
    let with = |origin: &str| vec![("cookie", cookie.clone()), ("origin", origin.to_owned())];
    assert_eq!(connect(vec![]).await.err(), Some(401));
    assert_eq!(
        connect(vec![("origin", own.clone())]).await.err(),
        Some(401)
    );
    assert_eq!(
        connect(vec![("cookie", cookie.clone())]).await.err(),
        Some(403),
        "a browser says whose page it is"
    );
    assert_eq!(connect(with("http://127.0.0.1:1")).await.err(), Some(403));
    assert_eq!(connect(with("https://evil.example")).await.err(), Some(403));
    let stream = connect(with(&own)).await.expect("our own page");
    browser.post(&app, LOGOUT, None).await.good(204);
    assert_eq!(connect(with(&own)).await.err(), Some(401));
    drop(stream);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
