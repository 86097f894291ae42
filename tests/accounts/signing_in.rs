//! Registering, signing in and out, and what failures lead to.

use axum::http::Method;
use serde_json::json;

use super::app::{PASSWORD, Place};

pub(crate) async fn a_users_life(place: Place) {
    let app = place.app().await;
    let user = app
        .post(
            "/api/v1/auth/register",
            json!({"email": "Ada@Example.org", "password": PASSWORD, "display_name": " Ada "}),
        )
        .await
        .good(201);
    let id = user["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "email": "Ada@Example.org", "email_verified": false,
        "display_name": "Ada", "role": "user", "two_factor": false,
    });
    assert_eq!(user, expected);

    app.try_login("ada@example.org", "another password")
        .await
        .is_problem(401, "wrong-credentials");
    let tokens = app.login("ada@example.ORG").await;
    assert_eq!(app.me(&tokens.access).await.good(200), expected);

    let nobody = app.send(Method::GET, "/api/v1/auth/me", None, None).await;
    nobody.is_problem(401, "not-signed-in");
    app.me("junk").await.is_problem(401, "invalid-token");
    app.me(&tokens.refresh)
        .await
        .is_problem(401, "invalid-token");
    app.get("/api/v1/tokens", &tokens.access).await.good(200);

    let next = app.refresh(&tokens.refresh).await.pair();
    assert_eq!(app.me(&next.access).await.good(200), expected);
    assert_eq!(app.me(&tokens.access).await.status, 200, "it stays valid");

    app.send(
        Method::POST,
        "/api/v1/auth/logout",
        Some(&next.access),
        None,
    )
    .await
    .good(204);
    for token in [&tokens.access, &next.access] {
        app.me(token).await.is_problem(401, "invalid-token");
    }
    app.refresh(&next.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    app.login("ada@example.org").await;
    let leaked = app
        .rows("SELECT FROM users WHERE password_hash LIKE '%horse%'")
        .await;
    assert!(leaked.is_empty());
}

pub(crate) async fn an_address_registers_once(place: Place) {
    let app = place.app().await;
    let register = |email: &'static str| {
        let app = &app;
        async move {
            let body = json!({"email": email, "password": PASSWORD});
            app.post("/api/v1/auth/register", body).await
        }
    };
    // At once, so that looking first does not help.
    let answers = tokio::join!(register("ada@example.org"), register("ADA@example.org"));
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    register("Ada@Example.Org")
        .await
        .is_problem(409, "email-taken");
    let invited = place
        .app_with(|config| {
            config.accounts.registration = coinsphere::accounts::RegistrationMode::Invitation;
        })
        .await;
    let body = json!({"email": "eve@example.org", "password": PASSWORD});
    invited
        .post("/api/v1/auth/register", body.clone())
        .await
        .is_problem(403, "invitation-needed");
    let closed = place
        .app_with(|config| {
            config.accounts.registration = coinsphere::accounts::RegistrationMode::Closed;
        })
        .await;
    closed
        .post("/api/v1/auth/register", body)
        .await
        .is_problem(403, "registration-closed");
}

pub(crate) async fn unknown_accounts_and_wrong_passwords_look_alike(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let wrong = app.try_login("ada@example.org", "another password").await;
    let unknown = app.try_login("eve@example.org", "another password").await;
    let long = "x".repeat(10_000);
    let too_long = app.try_login("ada@example.org", &long).await;
    wrong.is_problem(401, "wrong-credentials");
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.body, too_long.body);
    // So do the delays.
    let mut seen = Vec::new();
    for email in ["ada@example.org", "eve@example.org"] {
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let answer = app.try_login(email, "another password").await;
            let wait = answer.headers.get("retry-after").cloned();
            statuses.push((answer.status, wait));
        }
        seen.push(statuses);
    }
    // The first of each had one failure more or less: both had one before.
    seen[0].truncate(3);
    seen[1].truncate(3);
    assert_eq!(seen[0], seen[1]);
}

pub(crate) async fn failures_are_answered_later_and_later_to_that_address_alone(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let attempt = |address: &'static str, password: &'static str| {
        let app = &app;
        async move {
            let body = json!({"email": "ada@example.org", "password": password});
            let path = "/api/v1/auth/login";
            app.send_from(address, Method::POST, path, None, Some(&body))
                .await
        }
    };
    let bad = "198.51.100.66";
    for _ in 0..5 {
        attempt(bad, "another password")
            .await
            .is_problem(401, "wrong-credentials");
    }
    let mut waits = Vec::new();
    for _ in 0..12 {
        let refused = attempt(bad, PASSWORD).await;
        refused.is_problem(429, "too-many-attempts");
        let wait: u64 = refused.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        waits.push(wait);
        app.advance(wait - 1);
        attempt(bad, PASSWORD)
            .await
            .is_problem(429, "too-many-attempts");
        app.advance(1);
        attempt(bad, "another password")
            .await
            .is_problem(401, "wrong-credentials");
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    // Its owner, elsewhere, notices nothing.
    attempt("203.0.113.7", PASSWORD).await.good(200);
    app.advance(900);
    attempt(bad, PASSWORD).await.good(200);
    attempt(bad, "another password")
        .await
        .is_problem(401, "wrong-credentials");
}

pub(crate) async fn many_attempts_at_once_gain_nothing(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let attempts = (0..40).map(|_| app.try_login("ada@example.org", "another password"));
    let answers = futures_util::future::join_all(attempts).await;
    let judged = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(judged, 5, "{answers:?}");
}
