//! Actions of admins on the accounts of others.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{Answer, App, PASSWORD, Place, eventually_rows};
use super::two_factor::{post, verified};

const USERS: &str = "/api/v1/admin/users";

async fn change(app: &App, token: &str, id: &str, body: Value) -> Answer {
    let path = format!("{USERS}/{id}");
    app.send(Method::PATCH, &path, Some(token), Some(&body))
        .await
}

async fn id_of(app: &App, token: &str) -> String {
    let me = app.me(token).await.good(200);
    me["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn admins_look_after_users(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    let root = verified(&app, "root@example.org", Role::Admin).await;
    app.advance(1);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let id = id_of(&app, &ada.access).await;
    for at in 0..5 {
        app.advance(u64::from(at % 2 == 0));
        app.register(&format!("user{at}@example.org")).await;
    }
    // The newest first, page by page, each once, also those that came at the same moment.
    let mut seen = Vec::new();
    let mut path = format!("{USERS}?limit=2");
    loop {
        let page = app.get(&path, &root.access).await.good(200);
        let users = page["data"].as_array().unwrap().clone();
        assert!(users.len() <= 2);
        seen.extend(users);
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{USERS}?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 7);
    let times: Vec<&str> = seen
        .iter()
        .map(|user| user["created_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let mut ids: Vec<&str> = seen
        .iter()
        .map(|user| user["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 7);
    assert_eq!(seen[6]["email"], "root@example.org");
    assert!(!seen[5].to_string().contains("argon2"));
    for bad in ["limit=0", "limit=501", "cursor=x", "role=admin"] {
        app.get(&format!("{USERS}?{bad}"), &root.access)
            .await
            .is_problem(400, "invalid-request");
    }

    // Nobody else may look or touch.
    let nobody = "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60";
    let sessions = format!("{USERS}/{id}/sessions");
    for (method, path, body) in [
        (Method::GET, USERS.to_owned(), None),
        (Method::GET, format!("{USERS}/{id}"), None),
        (
            Method::PATCH,
            format!("{USERS}/{id}"),
            Some(json!({"role": "admin"})),
        ),
        (Method::GET, sessions.clone(), None),
        (Method::DELETE, sessions.clone(), None),
        (Method::DELETE, format!("{sessions}/{nobody}"), None),
    ] {
        app.send(method.clone(), &path, Some(&ada.access), body.as_ref())
            .await
            .is_problem(403, "forbidden");
        app.send(method.clone(), &path, None, body.as_ref())
            .await
            .is_problem(401, "not-signed-in");
        if path != USERS {
            let path = path.replace(&id, nobody);
            app.send(method, &path, Some(&root.access), body.as_ref())
                .await
                .is_problem(404, "not-found");
        }
    }

    // Nobody gives themselves anything.
    for body in [json!({"role": "admin"}), json!({"disabled": false})] {
        app.send(
            Method::PATCH,
            "/api/v1/auth/me",
            Some(&ada.access),
            Some(&body),
        )
        .await
        .is_problem(400, "invalid-request");
    }

    // One session ends, in every process at once; then all the others.
    let other = app.login("ada@example.org").await;
    let list = app.get(&sessions, &root.access).await.good(200);
    let list = list["data"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let newest = list[0]["id"].as_str().unwrap();
    let end = format!("{sessions}/{newest}");
    app.send(Method::DELETE, &end, Some(&root.access), None)
        .await
        .good(204);
    app.me(&other.access).await.is_problem(401, "invalid-token");
    app.me(&ada.access).await.good(200);
    app.send(Method::DELETE, &end, Some(&root.access), None)
        .await
        .is_problem(404, "not-found");
    let ended = app
        .send(Method::DELETE, &sessions, Some(&root.access), None)
        .await;
    assert_eq!(ended.good(200)["ended"], 1);
    app.me(&ada.access).await.is_problem(401, "invalid-token");
    app.refresh(&ada.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    super::app::eventually_status(&elsewhere, &ada.access, 401).await;

    // A role given applies at the next request, and so does one taken.
    let ada = app.login("ada@example.org").await;
    change(&app, &root.access, &id, json!({"role": "king"}))
        .await
        .is_problem(400, "invalid-request");
    let promoted = change(&app, &root.access, &id, json!({"role": "admin"}))
        .await
        .good(200);
    assert_eq!(promoted["role"], "admin");
    app.get(USERS, &ada.access).await.good(200);
    change(&app, &root.access, &id, json!({"role": "user"}))
        .await
        .good(200);
    app.get(USERS, &ada.access)
        .await
        .is_problem(403, "forbidden");

    // Who did what to whom is on record.
    eventually_rows(&app, "SELECT FROM audit_log WHERE event = 'user.made_user'").await;
    let record = app
        .rows(
            "SELECT l.event, a.user_id::text, t.user_id::text FROM audit_log l \
             JOIN audit_people a ON a.pseudonym = l.actor JOIN audit_people t ON t.pseudonym = l.target \
             WHERE l.actor <> l.target ORDER BY l.seq",
        )
        .await;
    let events: Vec<&str> = record.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        events,
        [
            "session.revoked_by_admin",
            "session.all_revoked_by_admin",
            "user.made_admin",
            "user.made_user",
        ]
    );
    let root = id_of(&app, &root.access).await;
    for row in &record {
        assert_eq!(
            (row.get::<_, &str>(1), row.get::<_, &str>(2)),
            (&*root, &*id)
        );
    }
}

pub(crate) async fn a_disabled_account_is_shut_everywhere_at_once(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let id = id_of(&app, &ada.access).await;
    let body = json!({"name": "notebook", "scopes": ["market:read"]});
    let key = post(&app, "/api/v1/auth/api-keys", &ada.access, body)
        .await
        .good(201);
    let key = key["secret"].as_str().unwrap();
    app.get("/api/v1/tokens", key).await.good(200);
    // Sign-ins that cross the disabling leave no session that is valid.
    let crossing = (0..5).map(|_| app.try_login("ada@example.org", PASSWORD));
    let (_, crossed) = tokio::join!(
        change(&app, &root.access, &id, json!({"disabled": true})),
        futures_util::future::join_all(crossing)
    );
    for answer in crossed {
        if answer.status == 200 {
            app.me(&answer.pair().access)
                .await
                .is_problem(401, "invalid-token");
        } else {
            answer.is_problem(403, "account-disabled");
        }
    }
    app.me(&ada.access).await.is_problem(401, "invalid-token");
    super::app::eventually_status(&elsewhere, &ada.access, 401).await;
    for process in [&app, &elsewhere] {
        process
            .get("/api/v1/tokens", key)
            .await
            .is_problem(401, "invalid-token");
        process
            .refresh(&ada.refresh)
            .await
            .is_problem(401, "invalid-refresh-token");
        process
            .try_login("ada@example.org", PASSWORD)
            .await
            .is_problem(403, "account-disabled");
        // Only who knows the password learns that.
        process
            .try_login("ada@example.org", "not this one")
            .await
            .is_problem(401, "wrong-credentials");
    }
    let path = format!("{USERS}/{id}");
    let shown = app.get(&path, &root.access).await.good(200);
    assert_eq!(
        (&shown["disabled"], shown["disabled_at"].is_string()),
        (&json!(true), true)
    );
    let enabled = change(&app, &root.access, &id, json!({"disabled": false}))
        .await
        .good(200);
    assert_eq!(enabled["disabled_at"], Value::Null);
    app.login("ada@example.org").await;
    app.get("/api/v1/tokens", key).await.good(200);
    app.me(&ada.access).await.is_problem(401, "invalid-token");
}

pub(crate) async fn the_last_admin_stays(place: Place) {
    let app = place.app().await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let id = id_of(&app, &root.access).await;
    for body in [json!({"role": "user"}), json!({"disabled": true})] {
        change(&app, &root.access, &id, body)
            .await
            .is_problem(409, "conflict");
    }
    let second = verified(&app, "second@example.org", Role::Admin).await;
    let other = id_of(&app, &second.access).await;
    // An admin who is disabled looks after nothing.
    change(&app, &root.access, &other, json!({"disabled": true}))
        .await
        .good(200);
    let proof = json!({"password": PASSWORD});
    post(&app, "/api/v1/auth/me/delete", &root.access, proof)
        .await
        .is_problem(409, "conflict");
    change(&app, &root.access, &other, json!({"disabled": false}))
        .await
        .good(200);
    // Two that demote each other at once: one is left.
    let second = app.login("second@example.org").await;
    let (one, two) = tokio::join!(
        change(&app, &root.access, &other, json!({"role": "user"})),
        change(&app, &second.access, &id, json!({"role": "user"}))
    );
    assert_eq!(
        [one.status, two.status]
            .iter()
            .filter(|status| **status == 200)
            .count(),
        1,
        "{one:?} {two:?}"
    );
    let left = app
        .rows("SELECT FROM users WHERE role = 'admin' AND disabled_at IS NULL")
        .await;
    assert_eq!(left.len(), 1);
}
