//! Floods of requests by who is not signed in, and that they cost others nothing.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::json;

use super::app::{App, Place};
use super::two_factor::verified;

const ME: &str = "/api/v1/auth/me";

async fn refresh_from(app: &App, address: &str, token: &str) -> super::app::Answer {
    let body = json!({"refresh_token": token});
    let path = "/api/v1/auth/refresh";
    app.send_from(address, Method::POST, path, None, Some(&body))
        .await
}

pub(crate) async fn refreshing_counts_as_the_users(place: Place) {
    let app = place
        .app_with(|config| {
            config.limits.user = 4;
            config.limits.anonymous = 2;
        })
        .await;
    let mut ada = verified(&app, "ada@example.org", Role::User).await;
    let mut eve = verified(&app, "eve@example.org", Role::User).await;
    // From wherever they come, they are one user's: more than an address has, and no more.
    for left in (0..4).rev() {
        let answer = refresh_from(&app, &format!("203.0.113.{left}"), &ada.refresh).await;
        assert_eq!(answer.headers["ratelimit-remaining"], left.to_string());
        ada = answer.pair();
    }
    refresh_from(&app, "203.0.113.77", &ada.refresh)
        .await
        .is_problem(429, "too-many-requests");
    eve = refresh_from(&app, "203.0.113.78", &eve.refresh)
        .await
        .pair();
    app.advance(900);
    // Refused, it was not used up.
    refresh_from(&app, "203.0.113.77", &ada.refresh)
        .await
        .pair();
    // Junk is looked up only so often for one address.
    for _ in 0..4 {
        refresh_from(&app, "198.51.100.1", "junk")
            .await
            .is_problem(401, "invalid-refresh-token");
    }
    refresh_from(&app, "198.51.100.1", "junk")
        .await
        .is_problem(429, "too-many-requests");
    refresh_from(&app, "198.51.100.2", &eve.refresh)
        .await
        .pair();
}

pub(crate) async fn credentials_are_not_looked_up_for_ever(place: Place) {
    let app = place.app_with(|config| config.limits.user = 3).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let key = format!("csk_{}_{}", "0".repeat(32), "A".repeat(43));
    let from = |address: &'static str, token: String| {
        let app = &app;
        async move {
            app.send_from(address, Method::GET, ME, Some(&token), None)
                .await
        }
    };
    for _ in 0..3 {
        from("203.0.113.9", key.clone())
            .await
            .is_problem(401, "invalid-token");
    }
    let refused = from("203.0.113.9", key.clone()).await;
    refused.is_problem(429, "too-many-requests");
    assert!(refused.headers.contains_key("retry-after"));
    // What needs no looking up goes on, and so does everybody else.
    from("203.0.113.9", ada.access.clone()).await.good(200);
    from("203.0.113.10", key.clone())
        .await
        .is_problem(401, "invalid-token");
    app.advance(900);
    from("203.0.113.9", key)
        .await
        .is_problem(401, "invalid-token");
}

pub(crate) async fn one_ipv6_network_is_one_client(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let try_from = |address: String| {
        let body = json!({"email": "ada@example.org", "password": "not this one"});
        let app = &app;
        async move {
            let path = "/api/v1/auth/login";
            app.send_from(&address, Method::POST, path, None, Some(&body))
                .await
        }
    };
    for number in 0..5 {
        try_from(format!("2001:db8::{number:x}"))
            .await
            .is_problem(401, "wrong-credentials");
    }
    try_from("2001:db8::ffff".to_owned())
        .await
        .is_problem(429, "too-many-attempts");
    try_from("2001:db8:0:1::1".to_owned())
        .await
        .is_problem(401, "wrong-credentials");
}

pub(crate) async fn sessions_are_listed_page_by_page(place: Place) {
    let app = place.app().await;
    let first = verified(&app, "ada@example.org", Role::User).await;
    for number in 0..4 {
        app.advance(u64::from(number % 2 == 0));
        app.login("ada@example.org").await;
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/auth/sessions?limit=2".to_owned());
    loop {
        let page = app.get(&path, &first.access).await.good(200);
        let sessions = page["data"].as_array().unwrap().clone();
        assert!(sessions.len() <= 2);
        seen.extend(sessions);
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/auth/sessions?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    let ids: std::collections::BTreeSet<String> =
        seen.iter().map(|one| one["id"].to_string()).collect();
    assert_eq!(ids.len(), 5, "each once");
    assert_eq!(seen[4]["current"], true, "the first is the oldest");
    // One that is not refreshed for two weeks is over, and not listed.
    app.advance(10 * 86_400);
    let newest = app.login("ada@example.org").await;
    app.advance(5 * 86_400);
    let newest = app.refresh(&newest.refresh).await.pair();
    let left = app.get("/api/v1/auth/sessions", &newest.access).await;
    assert_eq!(left.good(200)["data"].as_array().unwrap().len(), 1);
}
