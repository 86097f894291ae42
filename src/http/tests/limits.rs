//! Limits: by default, per class, and when shared state is away.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::http::client_address::Peer;
use crate::testing::Away;

pub(super) fn with_default_limits(change: impl FnOnce(&mut Config)) -> App {
    App::with(PushLimits::default(), |config| {
        config.limits = Config::with_data_dir(PathBuf::from("nowhere")).limits;
        change(config);
    })
}

fn from(address: &str, path: &str) -> Request<Body> {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(Peer(address));
    request
}

#[tokio::test]
async fn an_address_has_a_hundred_requests_in_fifteen_minutes() {
    let app = with_default_limits(|_| {});
    for number in 1..=100 {
        let answer = app.send(from("203.0.113.9", "/api/v1/tokens")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-limit"), "100");
        assert_eq!(
            answer.header("ratelimit-remaining"),
            (100 - number).to_string()
        );
        assert_eq!(answer.header("ratelimit-policy"), "100;w=900");
        app.clock.advance(Duration::from_secs(1));
    }
    let refused = app.send(from("203.0.113.9", "/api/v1/tokens")).await;
    let problem = refused.is_problem(429, "too-many-requests");
    assert!(problem["detail"].as_str().unwrap().contains("100 requests"));
    // The first request was 100 seconds ago.
    assert_eq!(refused.header("retry-after"), "800");
    assert_eq!(refused.header("ratelimit-reset"), "800");
    assert_eq!(refused.header("ratelimit-remaining"), "0");

    let other = app.send(from("203.0.113.10", "/api/v1/tokens")).await;
    assert_eq!(other.status, 200, "another address");
    for path in [
        "/health",
        "/health/live",
        "/metrics",
        "/openapi.json",
        "/docs/",
    ] {
        let answer = app.send(from("203.0.113.9", path)).await;
        assert_eq!(answer.status, 200, "{path} is exempt");
        assert_eq!(answer.header("ratelimit-limit"), "");
    }
    let unknown = app.send(from("203.0.113.9", "/api/v1/nothing")).await;
    assert_eq!(unknown.status, 429, "searching for paths counts too");

    app.clock.advance(Duration::from_secs(800));
    let released = app.send(from("203.0.113.9", "/api/v1/tokens")).await;
    assert_eq!(released.status, 200, "one has left the window");
    let again = app.send(from("203.0.113.9", "/api/v1/tokens")).await;
    assert_eq!(again.status, 429, "only one");
}

#[tokio::test]
async fn who_is_signed_in_counts_by_user_wherever_he_is() {
    let app = with_default_limits(|config| config.limits.user = 3);
    let signed_in = |user: &str, address: &str| {
        let mut request = from(address, "/api/v1/tokens");
        let subject = user.into();
        request.extensions_mut().insert(Caller { subject });
        request
    };
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        assert_eq!(app.send(signed_in("a", address)).await.status, 200);
    }
    assert_eq!(app.send(signed_in("a", "203.0.113.4")).await.status, 429);
    assert_eq!(app.send(signed_in("b", "203.0.113.4")).await.status, 200);
    assert_eq!(
        app.send(from("203.0.113.1", "/api/v1/tokens")).await.status,
        200
    );
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_clients() {
    let app = with_default_limits(|config| {
        config.limits.anonymous = 1;
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let through = |client: &str, proxy: &str| {
        let mut request = from(proxy, "/api/v1/tokens");
        let value = client.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
        request
    };
    assert_eq!(
        app.send(through("203.0.113.1", "10.0.0.1")).await.status,
        200
    );
    assert_eq!(
        app.send(through("203.0.113.2", "10.0.0.1")).await.status,
        200
    );
    assert_eq!(
        app.send(through("203.0.113.1", "10.0.0.2")).await.status,
        429
    );
    // Who is no proxy cannot pose as others.
    assert_eq!(
        app.send(through("198.51.100.1", "192.0.2.1")).await.status,
        200
    );
    assert_eq!(
        app.send(through("198.51.100.2", "192.0.2.1")).await.status,
        429
    );
}

#[tokio::test]
async fn attempts_on_an_account_count_by_account_and_address() {
    let app = with_default_limits(|_| {});
    let limits = &app.state.limits;
    let address = |text: &str| ClientAddress(text.parse().unwrap());
    for _ in 0..5 {
        assert!(
            limits
                .attempt_on("A@example.org ", address("203.0.113.1"))
                .await
                .is_ok()
        );
    }
    let refused = limits
        .attempt_on("a@example.org", address("203.0.113.1"))
        .await;
    assert!(refused.is_err());
    // The owner, elsewhere, is not locked out; nor is another account here.
    assert!(
        limits
            .attempt_on("a@example.org", address("203.0.113.2"))
            .await
            .is_ok()
    );
    assert!(
        limits
            .attempt_on("b@example.org", address("203.0.113.1"))
            .await
            .is_ok()
    );
    app.clock.advance(Duration::from_secs(900));
    assert!(
        limits
            .attempt_on("a@example.org", address("203.0.113.1"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn without_shared_state_the_api_is_open_and_accounts_are_not() {
    let app = with_default_limits(|_| {});
    let local = InProcess::new(app.clock.clone(), InProcessLimits::default());
    let settings = Config::with_data_dir(PathBuf::from("nowhere")).limits;
    let limits = Limits::new(Arc::new(Away), local, settings);
    for _ in 0..200 {
        assert_eq!(limits.pass(Class::Anonymous, "a").await, None);
        assert_eq!(limits.pass(Class::User, "a").await, None);
    }
    for class in [Class::Authentication, Class::Strict] {
        let mut passed = 0;
        for _ in 0..50 {
            passed += u32::from(limits.pass(class, "a").await.unwrap().allowed());
        }
        assert_eq!(passed, if class == Class::Strict { 10 } else { 5 });
    }
}
