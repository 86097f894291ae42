//! Ways to get, keep or get back an account of somebody else's, and that they are shut.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::json;

use super::app::{App, PASSWORD, Place, eventually_rows};
use super::smtp::Sink;
use super::two_factor::{post, verified};

const NEW: &str = "a quiet river at dawn";
const USERS: &str = "/api/v1/admin/users";

async fn id_of(app: &App, token: &str) -> String {
    let me = app.me(token).await.good(200);
    me["id"].as_str().unwrap().to_owned()
}

async fn reset(app: &App, code: &str, password: &str) -> super::app::Answer {
    let body = json!({"token": code, "password": password});
    app.post("/api/v1/auth/password-reset/confirm", body).await
}

async fn ask_for_reset(app: &App, sink: &Sink, email: &str) -> String {
    let body = json!({"email": email});
    app.post("/api/v1/auth/password-reset", body)
        .await
        .good(202);
    sink.email(email, "Reset your password").await.token()
}

pub(crate) async fn who_may_not_invite_any_more_does_not_come_back(place: Place) {
    let app = place.app().await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let takes_away = [json!({"role": "user"}), json!({"disabled": true})];
    for (number, change) in takes_away.into_iter().map(Some).chain([None]).enumerate() {
        let email = format!("admin{number}@example.org");
        let admin = verified(&app, &email, Role::Admin).await;
        let wish = json!({"role": "admin", "days": 90});
        let invited = post(&app, "/api/v1/auth/invitations", &admin.access, wish).await;
        let invitation = invited.good(201)["invitation"].as_str().unwrap().to_owned();
        let path = format!("{USERS}/{}", id_of(&app, &admin.access).await);
        match change {
            Some(change) => app
                .send(Method::PATCH, &path, Some(&root.access), Some(&change))
                .await
                .good(200),
            None => app
                .send(Method::DELETE, &path, Some(&root.access), None)
                .await
                .good(204),
        };
        let back = json!({"email": format!("back{number}@example.org"), "password": PASSWORD,
            "invitation": invitation});
        app.post("/api/v1/auth/register", back)
            .await
            .is_problem(403, "invitation-needed");
    }
    // An invitation by somebody who is still an admin is valid.
    let wish = json!({"role": "admin", "days": 1});
    let invited = post(&app, "/api/v1/auth/invitations", &root.access, wish).await;
    let invitation = &invited.good(201)["invitation"];
    let good = json!({"email": "eve@example.org", "password": PASSWORD, "invitation": invitation});
    app.post("/api/v1/auth/register", good).await.good(201);
}

pub(crate) async fn admins_delete_accounts(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let (own, id) = (
        id_of(&app, &root.access).await,
        id_of(&app, &ada.access).await,
    );
    let delete = |who: &str, token: String| {
        let path = format!("{USERS}/{who}");
        let app = &app;
        async move { app.send(Method::DELETE, &path, Some(&token), None).await }
    };
    delete(&own, ada.access.clone())
        .await
        .is_problem(403, "forbidden");
    delete(&own, root.access.clone())
        .await
        .is_problem(409, "conflict");
    delete(&id, root.access.clone()).await.good(204);
    delete(&id, root.access.clone())
        .await
        .is_problem(404, "not-found");
    app.me(&ada.access).await.is_problem(401, "invalid-token");
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "wrong-credentials");
    sink.email("ada@example.org", "Your account was deleted")
        .await;
    let kept = "SELECT FROM sessions WHERE user_id IS NULL AND address IS NULL";
    eventually_rows(&app, kept).await;
}

/// Somebody registers an address that is not theirs, and prepares to stay.
pub(crate) async fn who_owns_the_address_owns_the_account(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    let thief = app.login("ada@example.org").await;
    let made = json!({"name": "stay", "scopes": ["account:read", "account:write"]});
    post(&app, "/api/v1/auth/api-keys", &thief.access, made)
        .await
        .is_problem(403, "email-not-verified");
    // However they came to be there, keys and identities from before go.
    let session = app.store.session().await.unwrap();
    session
        .batch_execute(
            "INSERT INTO api_keys (id, user_id, name, scopes, hash, created_at) \
             SELECT gen_random_uuid(), id, 'old', '{account:read}', 'x', now() FROM users; \
             INSERT INTO user_identities (issuer, subject, user_id, created_at, last_used_at) \
             SELECT 'https://id.example', 'thief', id, now(), now() FROM users",
        )
        .await
        .unwrap();
    drop(session);
    let code = ask_for_reset(&app, &sink, "ada@example.org").await;
    reset(&app, &code, NEW).await.good(204);
    app.me(&thief.access).await.is_problem(401, "invalid-token");
    for table in ["api_keys", "user_identities"] {
        let left = app.rows(&format!("SELECT FROM {table}")).await;
        assert!(left.is_empty(), "{table}");
    }
    // Of an account whose owner is known, a reset leaves them.
    let ada = app.try_login("ada@example.org", NEW).await.pair();
    let made = json!({"name": "mine", "scopes": ["account:read"]});
    let key = post(&app, "/api/v1/auth/api-keys", &ada.access, made).await;
    let key = key.good(201)["secret"].as_str().unwrap().to_owned();
    let code = ask_for_reset(&app, &sink, "ada@example.org").await;
    reset(&app, &code, PASSWORD).await.good(204);
    app.get("/api/v1/auth/sessions", &key).await.good(200);
}

pub(crate) async fn a_reset_code_does_not_outlive_its_address(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    // Who reads the old mailbox asks for a code before the address changes.
    let code = ask_for_reset(&app, &sink, "ada@example.org").await;
    let change = json!({"email": "ada@example.net", "current_password": PASSWORD});
    let path = "/api/v1/auth/me";
    app.send(Method::PATCH, path, Some(&ada.access), Some(&change))
        .await
        .good(200);
    let email = sink
        .email("ada@example.net", "Confirm your new email address")
        .await;
    let verify = format!("/api/v1/auth/verify-email/{}", email.token());
    app.send(Method::GET, &verify, None, None).await.good(200);
    reset(&app, &code, NEW)
        .await
        .is_problem(404, "invalid-link");
    app.login("ada@example.net").await;
}

/// A sign-in with the old password that is under way while the password changes begins no session.
pub(crate) async fn an_old_password_begins_no_session_after_a_change(place: Place) {
    let app = place.app().await;
    verified(&app, "ada@example.org", Role::User).await;
    let mut session = app.store.session().await.unwrap();
    for browser in [false, true] {
        // The change, up to its commit: the row is locked, sessions are ended.
        let change = session.transaction().await.unwrap();
        change
            .batch_execute(
                "UPDATE users SET password_changed_at = password_changed_at + interval '1 second'; \
                 UPDATE sessions SET revoked_at = now(), revoked_for = 'a test'",
            )
            .await
            .unwrap();
        let path = match browser {
            true => "/api/v1/auth/browser/login",
            false => "/api/v1/auth/login",
        };
        let body = json!({"email": "ada@example.org", "password": PASSWORD});
        let login = app.post(path, body);
        let commit = async {
            // Of this database: other tests' rows are locked too.
            let waits = "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                 WHERE NOT l.granted AND a.datname = current_database()";
            eventually_rows(&app, waits).await;
            change.commit().await.unwrap();
        };
        let (answer, ()) = tokio::join!(login, commit);
        answer.is_problem(401, "wrong-credentials");
    }
    drop(session);
    let open = app
        .rows("SELECT FROM sessions WHERE revoked_at IS NULL")
        .await;
    assert!(open.is_empty());
    app.login("ada@example.org").await;
}

/// Data kept for a user alone asks for a verified address, whichever handler there is.
pub(crate) async fn what_is_personal_asks_for_a_verified_address(place: Place) {
    let app = place.app().await;
    app.register("eve@example.org").await;
    let eve = app.login("eve@example.org").await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    for kind in [
        "portfolios",
        "holdings",
        "transactions",
        "exchange-connections",
        "wallets",
        "alerts",
    ] {
        for path in [format!("/api/v1/{kind}"), format!("/api/v1/{kind}/7/more")] {
            for method in [Method::GET, Method::POST] {
                let send = |token: Option<&str>| {
                    let (app, method, path) = (&app, method.clone(), path.clone());
                    let token = token.map(str::to_owned);
                    async move { app.send(method, &path, token.as_deref(), None).await }
                };
                send(None).await.is_problem(401, "not-signed-in");
                send(Some(&eve.access))
                    .await
                    .is_problem(403, "email-not-verified");
                let answer = send(Some(&ada.access)).await;
                assert_ne!(answer.status, 403, "{answer:?}");
            }
        }
    }
}
