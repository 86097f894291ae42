//! Who may have an account, programs' keys, and leaving.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{PASSWORD, Place};
use super::two_factor::{post, verified};

pub(crate) async fn leaving_takes_everything_along(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    let ada = app.login("ada@example.org").await;
    super::app::eventually_rows(&app, "SELECT FROM audit_people").await;
    let export = app
        .get("/api/v1/auth/me/export", &ada.access)
        .await
        .good(200);
    assert_eq!(export["user"]["email"], "ada@example.org");
    assert_eq!(export["sessions"][0]["user_agent"], "the tests");
    assert!(!export.to_string().contains("argon2"), "{export}");
    let path = "/api/v1/auth/me/delete";
    let wrong = json!({"password": "not this one"});
    post(&app, path, &ada.access, wrong)
        .await
        .is_problem(400, "invalid-request");
    let gone = post(&app, path, &ada.access, json!({"password": PASSWORD}))
        .await
        .good(200);
    assert_eq!(gone["user"], export["user"]);
    app.me(&ada.access).await.is_problem(401, "invalid-token");
    app.refresh(&ada.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "wrong-credentials");
    place
        .app()
        .await
        .me(&ada.access)
        .await
        .is_problem(401, "invalid-token");
    let kept = app
        .rows("SELECT FROM sessions WHERE user_id IS NOT NULL OR address IS NOT NULL OR user_agent IS NOT NULL")
        .await;
    assert!(kept.is_empty());
    super::app::eventually_rows(
        &app,
        "SELECT FROM outbox WHERE recipient = '' AND sent_at IS NOT NULL",
    )
    .await;
    // Nor does the audit log say any more who it was.
    super::app::eventually_rows(
        &app,
        "SELECT FROM audit_log WHERE event = 'user.deleted' AND NOT EXISTS (SELECT FROM audit_people)",
    )
    .await;
    app.register("ada@example.org").await;
    let admin = verified(&app, "root@example.org", Role::Admin).await;
    post(&app, path, &admin.access, json!({"password": PASSWORD}))
        .await
        .is_problem(409, "conflict");
}

pub(crate) async fn the_first_admin_and_the_invited(place: Place) {
    let app = place
        .app_with(|config| {
            config.accounts.registration = coinsphere::accounts::RegistrationMode::Invitation;
        })
        .await;
    let register = |email: &'static str, token: String| {
        let app = &app;
        async move {
            let body = json!({"email": email, "password": PASSWORD, "invitation": token});
            app.post("/api/v1/auth/register", body).await
        }
    };
    register("eve@example.org", "junk".to_owned())
        .await
        .is_problem(403, "invitation-needed");
    let setup = app
        .accounts
        .setup_token()
        .await
        .unwrap()
        .expect("there is no admin");
    let other = app
        .accounts
        .setup_token()
        .await
        .unwrap()
        .expect("there still is none");
    let admin = register("root@example.org", setup.token.clone())
        .await
        .good(201);
    assert_eq!(admin["role"], "admin");
    register("eve@example.org", setup.token)
        .await
        .is_problem(403, "invitation-needed");
    register("eve@example.org", other.token)
        .await
        .is_problem(403, "invitation-needed");
    assert!(app.accounts.setup_token().await.unwrap().is_none());

    let root = app.login("root@example.org").await;
    let path = "/api/v1/auth/invitations";
    let invite = |token: String, body: Value| {
        let app = &app;
        async move {
            app.send(Method::POST, path, Some(&token), Some(&body))
                .await
        }
    };
    let body = json!({"email": "Ada@example.org", "days": 2});
    let invited = invite(root.access.clone(), body).await.good(201);
    let token = invited["invitation"].as_str().unwrap().to_owned();
    register("eve@example.org", token.clone())
        .await
        .is_problem(403, "invitation-needed");
    let ada = register("ada@EXAMPLE.org", token.clone()).await.good(201);
    assert_eq!(ada["role"], "user");
    // Without a good invitation nobody learns who has an account.
    register("ada@example.org", "junk".to_owned())
        .await
        .is_problem(403, "invitation-needed");
    register("ada2@example.org", token)
        .await
        .is_problem(403, "invitation-needed");
    let ada = app.login("ada@example.org").await;
    invite(ada.access, json!({}))
        .await
        .is_problem(403, "forbidden");
    let late = invite(root.access.clone(), json!({"days": 1}))
        .await
        .good(201);
    for bad in [
        json!({"days": 0}),
        json!({"role": "king"}),
        json!({"email": "x"}),
    ] {
        invite(root.access.clone(), bad)
            .await
            .is_problem(400, "invalid-request");
    }
    app.advance(86_400);
    register(
        "eve@example.org",
        late["invitation"].as_str().unwrap().to_owned(),
    )
    .await
    .is_problem(403, "invitation-needed");
}

pub(crate) async fn imported_users_sign_in_with_the_password_they_had(place: Place) {
    let app = place.app().await;
    let hash = bcrypt::hash_with_salt("imported one", 4, [3; 16]).unwrap();
    let imported = |email: &str, password_hash: String| coinsphere::accounts::Imported {
        email: email.to_owned(),
        password_hash,
        display_name: Some("Old".to_owned()),
        email_verified: true,
    };
    let stored = hash.format_for_version(bcrypt::Version::TwoY);
    app.accounts
        .import_user(imported("old@example.org", stored))
        .await
        .unwrap();
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99".to_owned();
    app.accounts
        .import_user(imported("md5@example.org", md5))
        .await
        .unwrap_err();
    app.try_login("old@example.org", "another one")
        .await
        .is_problem(401, "wrong-credentials");
    let before = app.rows("SELECT password_hash FROM users").await;
    assert!(before[0].get::<_, &str>(0).starts_with("$2y$"));
    let tokens = app
        .try_login("old@example.org", "imported one")
        .await
        .pair();
    assert_eq!(app.me(&tokens.access).await.json()["email_verified"], true);
    let after = app.rows("SELECT password_hash FROM users").await;
    assert!(
        after[0].get::<_, &str>(0).starts_with("$argon2id$"),
        "upgraded"
    );
    app.try_login("old@example.org", "imported one")
        .await
        .good(200);
}

pub(crate) async fn keys_for_programs(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let make = |token: String, body: Value| {
        let app = &app;
        async move {
            app.send(
                Method::POST,
                "/api/v1/auth/api-keys",
                Some(&token),
                Some(&body),
            )
            .await
        }
    };
    let wanted = json!({"name": "notebook", "scopes": ["market:read"], "expires_in_days": 30});
    let made = make(ada.access.clone(), wanted.clone()).await.good(201);
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    make(ada.access.clone(), wanted.clone())
        .await
        .is_problem(409, "conflict");
    for bad in [
        json!({"name": " ", "scopes": ["market:read"]}),
        json!({"name": "a", "scopes": []}),
        json!({"name": "a", "scopes": ["everything"]}),
        json!({"name": "a", "scopes": ["market:read"], "expires_in_days": 0}),
    ] {
        make(ada.access.clone(), bad)
            .await
            .is_problem(400, "invalid-request");
    }
    app.get("/api/v1/tokens", secret).await.good(200);
    app.me(secret).await.is_problem(403, "forbidden");
    make(secret.to_owned(), wanted)
        .await
        .is_problem(403, "forbidden");
    app.get("/api/v1/tokens", &format!("{secret}x"))
        .await
        .is_problem(401, "invalid-token");
    let list = app
        .get("/api/v1/auth/api-keys", &ada.access)
        .await
        .good(200);
    assert_eq!(list["data"][0]["last_used_at"], "2026-03-01T12:00:00Z");
    assert!(list["data"][0].get("secret").is_none());
    assert_eq!(
        app.get("/api/v1/auth/api-keys", &eve.access)
            .await
            .good(200)["data"],
        json!([])
    );

    let rotate = format!("/api/v1/auth/api-keys/{id}/rotate");
    let overlap = json!({"overlap_seconds": 60});
    post(&app, &rotate, &eve.access, overlap.clone())
        .await
        .is_problem(404, "not-found");
    let rotated = post(&app, &rotate, &ada.access, overlap).await.good(200);
    let next = rotated["secret"].as_str().unwrap();
    for key in [secret, next] {
        app.get("/api/v1/tokens", key).await.good(200);
    }
    app.advance(60);
    app.get("/api/v1/tokens", secret)
        .await
        .is_problem(401, "invalid-token");
    app.get("/api/v1/tokens", next).await.good(200);
    let path = format!("/api/v1/auth/api-keys/{id}");
    app.send(Method::DELETE, &path, Some(&eve.access), None)
        .await
        .is_problem(404, "not-found");
    app.get("/api/v1/tokens", next).await.good(200);
    app.send(Method::DELETE, &path, Some(&ada.access), None)
        .await
        .good(204);
    app.get("/api/v1/tokens", next)
        .await
        .is_problem(401, "invalid-token");
    let short = json!({"name": "short", "scopes": ["market:read"], "expires_in_days": 1});
    let short = make(ada.access.clone(), short).await.good(201);
    app.advance(86_400);
    app.get("/api/v1/tokens", short["secret"].as_str().unwrap())
        .await
        .is_problem(401, "invalid-token");
}
