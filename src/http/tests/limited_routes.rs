//! The routes with limits of their own, written out once more so that none loses its limit unnoticed,
//! and what is counted where somebody tries an account.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{Method, header};
use bytes::Bytes;
use coinsphere_pipelines::shared_state::{
    RateDecision, SharedState, SharedStateError, Subscription, Window,
};

use super::limits::with_default_limits;
use super::*;
use crate::http::client_address::Peer;

const HERE: &str = "203.0.113.9";
const ELSEWHERE: &str = "203.0.113.10";

/// So many requests within so many seconds.
#[derive(Clone, Copy)]
struct Limit {
    requests: u32,
    seconds: u64,
}

const AUTHENTICATION: Limit = Limit {
    requests: 5,
    seconds: 900,
};

const STRICT: Limit = Limit {
    requests: 10,
    seconds: 60,
};

/// A request without credentials; `*` in the path is another word in each.
fn request(method: &Method, path: &str, address: &str, number: u32) -> Request<Body> {
    let mut request = Request::builder()
        .method(method.clone())
        .uri(path.replace('*', &format!("word-{number}")))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .unwrap();
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(Peer(address));
    request
}

#[track_caller]
fn is_refused(answer: &Answer, limit: Limit, route: &str) {
    assert_eq!(answer.status, 429, "{route}");
    answer.is_problem(429, "too-many-requests");
    let policy = format!("{};w={}", limit.requests, limit.seconds);
    for (name, value) in [
        ("retry-after", limit.seconds.to_string()),
        ("ratelimit-limit", limit.requests.to_string()),
        ("ratelimit-remaining", "0".to_owned()),
        ("ratelimit-reset", limit.seconds.to_string()),
        ("ratelimit-policy", policy),
    ] {
        assert_eq!(answer.header(name), value, "{name} of {route}");
    }
}

/// True when the route is limited. Its answer does not matter: requests are counted before it.
async fn is_limited(method: Method, path: &str, limit: Limit) {
    let route = format!("{method} {path}");
    let app = with_default_limits(|_| {});
    let router = app.router();
    for number in 1..=limit.requests {
        let answer = send(&router, request(&method, path, HERE, number)).await;
        assert_ne!(answer.status, 429, "{route}, request {number}");
        assert_ne!(answer.status, 405, "there is no {route}");
        let left = limit.requests - number;
        assert_eq!(
            answer.header("ratelimit-remaining"),
            left.to_string(),
            "{route}, request {number}"
        );
    }
    let next = || request(&method, path, HERE, 0);
    is_refused(&send(&router, next()).await, limit, &route);
    let other = send(&router, request(&method, path, ELSEWHERE, 0)).await;
    assert_ne!(other.status, 429, "{route} from elsewhere");
    app.clock.advance(Duration::from_secs(limit.seconds - 1));
    let early = send(&router, next()).await;
    assert_eq!(early.status, 429, "{route}, a second too early");
    app.clock.advance(Duration::from_secs(1));
    let released = send(&router, next()).await;
    assert_ne!(released.status, 429, "{route}, released");
}

#[tokio::test]
async fn an_address_may_try_five_times_in_fifteen_minutes() {
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/browser/login",
        "/api/v1/auth/oidc/second-factor",
        "/api/v1/auth/register",
        "/api/v1/auth/password-reset",
        "/api/v1/auth/password-reset/confirm",
        "/api/v1/auth/resend-verification",
    ] {
        is_limited(Method::POST, path, AUTHENTICATION).await;
    }
}

#[tokio::test]
async fn attempts_count_together_on_whichever_route() {
    let router = with_default_limits(|_| {}).router();
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/register",
        "/api/v1/auth/browser/login",
        "/api/v1/auth/password-reset",
        "/api/v1/auth/password-reset/confirm",
    ] {
        let answer = send(&router, request(&Method::POST, path, HERE, 0)).await;
        assert_ne!(answer.status, 429, "{path}");
    }
    let sixth = request(&Method::POST, "/api/v1/auth/login", HERE, 0);
    is_refused(&send(&router, sixth).await, AUTHENTICATION, "login");
}

#[tokio::test]
async fn what_costs_or_decides_much_is_served_ten_times_a_minute() {
    for (method, path) in [
        (Method::GET, "/api/v1/auth/oidc/login"),
        (Method::GET, "/api/v1/auth/oidc/callback"),
        (Method::POST, "/api/v1/auth/password"),
        (Method::POST, "/api/v1/auth/me/delete"),
        (Method::GET, "/api/v1/auth/me/export"),
        // Whoever tries words tries another one each time.
        (Method::GET, "/api/v1/auth/verify-email/*"),
        (Method::POST, "/api/v1/auth/two-factor/enrol"),
        (Method::POST, "/api/v1/auth/two-factor/confirm"),
        (Method::POST, "/api/v1/auth/two-factor/remove"),
        (Method::POST, "/api/v1/auth/two-factor/recovery-codes"),
        (Method::POST, "/api/v1/auth/api-keys"),
        (Method::PUT, "/api/v1/auth/api-keys/*/public-key"),
        (Method::POST, "/api/v1/auth/invitations"),
        (Method::POST, "/api/v1/alerts/*/test"),
        (Method::POST, "/api/v1/notification-channels"),
        (
            Method::POST,
            "/api/v1/notification-channels/*/rotate-secret",
        ),
        (Method::POST, "/api/v1/notification-channels/*/test"),
        (Method::POST, "/api/v1/notification-channels/*/verify"),
        (Method::POST, "/api/v1/portfolios/*/import"),
        (Method::POST, "/api/v1/portfolios/*/share-links"),
        // Whoever tries secrets tries another one each time.
        (Method::GET, "/api/v1/shared-portfolios/*"),
    ] {
        is_limited(method, path, STRICT).await;
    }
}

#[tokio::test]
async fn asking_for_the_head_alone_counts_like_asking_for_all() {
    for path in [
        "/api/v1/auth/oidc/login",
        "/api/v1/auth/oidc/callback",
        "/api/v1/auth/me/export",
        "/api/v1/auth/verify-email/*",
        "/api/v1/shared-portfolios/*",
    ] {
        let router = with_default_limits(|_| {}).router();
        for number in 0..STRICT.requests {
            let head = request(&Method::HEAD, path, HERE, number);
            let answer = send(&router, head).await;
            assert_ne!(answer.status, 429, "{path}, request {number}");
            assert_eq!(answer.header("ratelimit-policy"), "10;w=60", "{path}");
        }
        for method in [Method::HEAD, Method::GET] {
            let answer = send(&router, request(&method, path, HERE, 0)).await;
            assert_eq!(answer.status, 429, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn each_account_that_is_tried_is_counted_and_not_readable() {
    let anonymous = |account: &str| format!(r#"{{"email": "{account}"}}"#);
    let with_password =
        |account: &str| format!(r#"{{"email": "{account}", "password": "a quiet river at dawn"}}"#);
    for (path, body) in [
        (
            "/api/v1/auth/login",
            &with_password as &dyn Fn(&str) -> String,
        ),
        ("/api/v1/auth/browser/login", &with_password),
        ("/api/v1/auth/register", &with_password),
        ("/api/v1/auth/password-reset", &anonymous),
    ] {
        let mut app = with_default_limits(|_| {});
        let recording = Arc::new(Recording::new(&app));
        app.state.limits = Arc::new(Limits::new(
            recording.clone(),
            InProcess::new(app.clock.clone(), InProcessLimits::default()),
            Config::with_data_dir(PathBuf::from("nowhere")).limits,
        ));
        let router = app.router();
        let mut tried = Vec::new();
        for (account, address) in [
            ("ada@example.org", HERE),
            ("ADA@example.org", HERE),
            ("eve@example.org", HERE),
            ("ada@example.org", ELSEWHERE),
        ] {
            let mut request = request(&Method::POST, path, address, 0);
            *request.body_mut() = Body::from(body(account));
            // Nobody has a database here: the attempt was counted before it was asked for.
            send(&router, request).await.is_problem(503, "unavailable");
            let keys = recording.take();
            let [by_address, by_account] = &keys[..] else {
                panic!("{path}: {keys:?}");
            };
            assert_eq!(*by_address, format!("limit:authentication:{address}"));
            assert!(
                by_account.starts_with("limit:authentication:") && by_account.contains(address),
                "{path}: {by_account}"
            );
            let digest = by_account["limit:authentication:".len()..].replace(address, "");
            let digest = digest.trim_matches(':');
            // Words of an address hold emails that are no hexadecimal digits.
            assert!(
                digest.len() >= 32 && digest.chars().all(|c| c.is_ascii_hexdigit()),
                "{path}: {by_account}"
            );
            tried.push(by_account.clone());
        }
        assert_eq!(tried[0], tried[1], "{path}: one account, however written");
        assert_ne!(tried[0], tried[2], "{path}: another account");
        assert_ne!(tried[0], tried[3], "{path}: from elsewhere");
    }
}

/// Shared state in process that remembers the windows it was asked about.
#[derive(Debug)]
struct Recording {
    inside: Arc<InProcess>,
    keys: Mutex<Vec<String>>,
}

impl Recording {
    fn new(app: &App) -> Self {
        Self {
            inside: InProcess::new(app.clock.clone(), InProcessLimits::default()),
            keys: Mutex::default(),
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.keys.lock().unwrap())
    }
}

#[async_trait]
impl SharedState for Recording {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, SharedStateError> {
        self.inside.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, age: Duration) -> Result<(), SharedStateError> {
        self.inside.put(key, value, age).await
    }

    async fn put_if_absent(
        &self,
        key: &str,
        value: Bytes,
        age: Duration,
    ) -> Result<bool, SharedStateError> {
        self.inside.put_if_absent(key, value, age).await
    }

    async fn remove(&self, key: &str) -> Result<bool, SharedStateError> {
        self.inside.remove(key).await
    }

    async fn add(&self, key: &str, by: u64, age: Duration) -> Result<u64, SharedStateError> {
        self.inside.add(key, by, age).await
    }

    async fn pass(&self, key: &str, window: Window) -> Result<RateDecision, SharedStateError> {
        self.keys.lock().unwrap().push(key.to_owned());
        self.inside.pass(key, window).await
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), SharedStateError> {
        self.inside.publish(channel, message).await
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, SharedStateError> {
        self.inside.subscribe(channel).await
    }

    fn is_up(&self) -> bool {
        self.inside.is_up()
    }

    fn place(&self) -> String {
        self.inside.place()
    }
}
