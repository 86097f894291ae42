//! Refreshing, revoking, and who hears of it.

use axum::http::Method;
use serde_json::json;

use super::app::{Place, eventually};

pub(crate) async fn a_refresh_token_holds_once(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let (first, other) = (
        app.login("ada@example.org").await,
        app.login("ada@example.org").await,
    );
    app.advance(60);
    let second = app.refresh(&first.refresh).await.pair();
    app.advance(60);
    let third = app.refresh(&second.refresh).await.pair();
    app.advance(2);
    app.refresh("unknown")
        .await
        .is_problem(401, "invalid-refresh-token");
    app.refresh(&"x".repeat(5_000))
        .await
        .is_problem(401, "invalid-refresh-token");
    // Somebody else has the second: nobody can tell who is the thief.
    app.refresh(&second.refresh)
        .await
        .is_problem(401, "refresh-token-reused");
    app.refresh(&third.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    app.me(&third.access).await.is_problem(401, "invalid-token");
    app.me(&other.access).await.good(200);
    app.refresh(&other.refresh).await.good(200);
    let reason = app
        .rows("SELECT revoked_for FROM sessions WHERE revoked_at IS NOT NULL")
        .await;
    assert_eq!(reason[0].get::<_, &str>(0), "refresh token reused");
}

pub(crate) async fn crossed_refreshes_get_the_same_successor(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    app.register("ada@example.org").await;
    let first = app.login("ada@example.org").await;
    let crossed = (0..8).map(|at| {
        let process = if at % 2 == 0 { &app } else { &elsewhere };
        process.refresh(&first.refresh)
    });
    let answers = futures_util::future::join_all(crossed).await;
    let successors: Vec<String> = answers.iter().map(|answer| answer.pair().refresh).collect();
    assert!(
        successors.iter().all(|one| *one == successors[0]),
        "{successors:?}"
    );
    app.clock.advance(std::time::Duration::from_millis(1_000));
    assert_eq!(
        app.refresh(&first.refresh).await.pair().refresh,
        successors[0]
    );
    let stored = app.rows("SELECT FROM refresh_tokens").await;
    assert_eq!(stored.len(), 2);
    app.refresh(&successors[0]).await.good(200);
    app.clock.advance(std::time::Duration::from_millis(1));
    app.refresh(&first.refresh)
        .await
        .is_problem(401, "refresh-token-reused");
}

pub(crate) async fn a_session_ends_at_its_time(place: Place) {
    const DAY: u64 = 86_400;
    let app = place.app().await;
    app.register("ada@example.org").await;
    // However often it is refreshed, after 30 days.
    let mut tokens = app.login("ada@example.org").await;
    for _ in 0..29 {
        app.advance(DAY);
        tokens = app.refresh(&tokens.refresh).await.pair();
    }
    app.advance(DAY);
    app.refresh(&tokens.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    // Unused, after 14 days.
    let tokens = app.login("ada@example.org").await;
    app.advance(13 * DAY);
    let tokens = app.refresh(&tokens.refresh).await.pair();
    app.me(&tokens.access).await.good(200);
    app.advance(900);
    app.me(&tokens.access)
        .await
        .is_problem(401, "invalid-token");
    app.advance(14 * DAY);
    app.refresh(&tokens.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
}

pub(crate) async fn sessions_are_listed_and_ended_by_their_user_alone(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    app.register("eve@example.org").await;
    let one = app.login("ada@example.org").await;
    app.advance(5);
    let two = app.login("ada@example.org").await;
    let eve = app.login("eve@example.org").await;
    let list = app
        .get("/api/v1/auth/sessions", &one.access)
        .await
        .good(200);
    let list = list["data"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(
        (&list[0]["current"], &list[1]["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(list[0]["address"], "203.0.113.1");
    assert_eq!(list[0]["user_agent"], "the tests");
    assert_eq!(list[0]["created_at"], "2026-03-01T12:00:05Z");
    let path = format!("/api/v1/auth/sessions/{}", list[0]["id"].as_str().unwrap());
    let end = |token: String, path: String| {
        let app = &app;
        async move { app.send(Method::DELETE, &path, Some(&token), None).await }
    };
    end(eve.access.clone(), path.clone())
        .await
        .is_problem(404, "not-found");
    app.me(&two.access).await.good(200);
    end(one.access.clone(), path.clone()).await.good(204);
    app.me(&two.access).await.is_problem(401, "invalid-token");
    end(one.access.clone(), path)
        .await
        .is_problem(404, "not-found");
    end(one.access.clone(), "/api/v1/auth/sessions/none".to_owned())
        .await
        .is_problem(404, "not-found");
    app.me(&one.access).await.good(200);
    let three = app.login("ada@example.org").await;
    app.send(
        Method::POST,
        "/api/v1/auth/logout-all",
        Some(&one.access),
        None,
    )
    .await
    .good(204);
    for token in [&one, &three] {
        app.me(&token.access).await.is_problem(401, "invalid-token");
        app.refresh(&token.refresh)
            .await
            .is_problem(401, "invalid-refresh-token");
    }
    app.me(&eve.access).await.good(200);
}

pub(crate) async fn revocation_reaches_every_process_at_once(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    app.register("ada@example.org").await;
    let tokens = app.login("ada@example.org").await;
    elsewhere.me(&tokens.access).await.good(200);
    app.send(
        Method::POST,
        "/api/v1/auth/logout",
        Some(&tokens.access),
        None,
    )
    .await
    .good(204);
    let mut answer = elsewhere.me(&tokens.access).await;
    for _ in 0..1_000 {
        if answer.status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        answer = elsewhere.me(&tokens.access).await;
    }
    answer.is_problem(401, "invalid-token");
    // One that starts only now loads what it did not hear.
    let late = place.app().await;
    late.me(&tokens.access)
        .await
        .is_problem(401, "invalid-token");
}

pub(crate) async fn a_revoked_session_is_refused_whichever_loop_panics(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    app.register("ada@example.org").await;
    for name in coinsphere::app::accounts::LOOPS {
        let tokens = app.login("ada@example.org").await;
        elsewhere.me(&tokens.access).await.good(200);
        elsewhere.statuses.faults().inject(name);
        let part = || elsewhere.statuses.snapshot()[name].clone();
        eventually("it failed", || part().restarts == 1).await;
        app.send(
            Method::POST,
            "/api/v1/auth/logout",
            Some(&tokens.access),
            None,
        )
        .await
        .good(204);
        let mut answer = elsewhere.me(&tokens.access).await;
        for _ in 0..1_000 {
            if answer.status == 401 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            answer = elsewhere.me(&tokens.access).await;
        }
        answer.is_problem(401, "invalid-token");
        let accounts = elsewhere.accounts.clone();
        eventually("it hears again", || accounts.hears_revocations()).await;
        elsewhere
            .me(&tokens.access)
            .await
            .is_problem(401, "invalid-token");
    }
}

pub(crate) async fn a_process_that_does_not_hear_asks_the_database(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let (ended, lasting) = (
        app.login("ada@example.org").await,
        app.login("ada@example.org").await,
    );
    app.send(
        Method::POST,
        "/api/v1/auth/logout",
        Some(&ended.access),
        None,
    )
    .await
    .good(204);
    let mut deaf = place.app_with(|_| {}).await;
    assert!(!deaf.accounts.hears_revocations());
    deaf.me(&ended.access)
        .await
        .is_problem(401, "invalid-token");
    deaf.me(&lasting.access).await.good(200);
    deaf.keep_up().await;
    // Cut off: every listening session of this database.
    let session = deaf.store.session().await.unwrap();
    session
        .batch_execute(
            "RESET ROLE; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'coinsphere listener'; \
             SET ROLE coinsphere_app",
        )
        .await
        .unwrap();
    drop(session);
    let accounts = deaf.accounts.clone();
    eventually("it notices", || !accounts.hears_revocations()).await;
    deaf.me(&ended.access)
        .await
        .is_problem(401, "invalid-token");
    deaf.me(&lasting.access).await.good(200);
    eventually("it hears again", || accounts.hears_revocations()).await;
    // And where nobody can tell, nobody gets in.
    let lost = place.app_with(|_| {}).await;
    lost.store.close();
    let answer = lost.me(&lasting.access).await;
    assert!(answer.status == 503 || answer.status == 500, "{answer:?}");
}

pub(crate) async fn tokens_of_a_rotated_key_hold_until_they_expire(place: Place) {
    let keys = tempfile::tempdir().unwrap();
    let place = Place {
        keys: keys.path().to_owned(),
        ..place
    };
    let app = place.app().await;
    app.register("ada@example.org").await;
    let before = app.login("ada@example.org").await;
    app.advance(1);
    // By the command, in another process.
    let command = place.app_with(|_| {}).await;
    let id = command.accounts.rotate_signing_key().unwrap();
    app.me(&before.access).await.good(200);
    let after = command.login("ada@example.org").await;
    app.advance(10);
    app.me(&after.access).await.good(200);
    let published = app
        .send(Method::GET, "/.well-known/jwks.json", None, None)
        .await;
    let published = published.good(200);
    let ids: Vec<&str> = published["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&id.as_str()));
}

pub(crate) async fn an_account_has_so_many_sessions_and_no_more(place: Place) {
    let app = place
        .app_with(|config| config.accounts.sessions_per_user = 3)
        .await;
    app.register("ada@example.org").await;
    app.register("bob@example.org").await;
    let bobs = app.login("bob@example.org").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(app.login("ada@example.org").await);
        app.advance(60);
    }
    // The first is used again, so the second is the one that went unused for longest.
    let first = app.refresh(&sessions[0].refresh).await.pair();
    app.advance(60);
    let fourth = app.login("ada@example.org").await;
    let refused = app.refresh(&sessions[1].refresh).await;
    refused.is_problem(401, "invalid-refresh-token");
    app.me(&sessions[1].access)
        .await
        .is_problem(401, "invalid-token");
    for token in [
        &first.access,
        &sessions[2].access,
        &fourth.access,
        &bobs.access,
    ] {
        app.me(token).await.good(200);
    }
    // However many begin at once.
    let logins = (0..6).map(|_| app.login("ada@example.org"));
    futures_util::future::join_all(logins).await;
    let open = "SELECT FROM sessions s JOIN users u ON u.id = s.user_id \
                WHERE u.email = 'ada@example.org' AND s.revoked_at IS NULL";
    assert_eq!(app.rows(open).await.len(), 3);
}
