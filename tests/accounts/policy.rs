//! Policy of whoever runs the server for passwords and second factors.

use std::io::Write as _;

use axum::http::Method;
use coinsphere::accounts::SecondFactorRule;
use coinsphere::accounts::{Registration, Role};
use serde_json::json;

use super::app::{App, PASSWORD, Place};
use super::smtp::Sink;
use super::two_factor::{code, enrolled, now, post, verified};

const NEW: &str = "a quiet river at dawn";

/// A code of a reset, as its email has it.
async fn reset_code(app: &App, sink: &Sink, email: &str) -> String {
    let asked = json!({"email": email});
    app.post("/api/v1/auth/password-reset", asked)
        .await
        .good(202);
    sink.email(email, "Reset your password").await.token()
}

pub(crate) async fn a_temporary_password_is_valid_for_a_day(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let (made, until) = app.accounts.random_password();
    for email in ["ada@example.org", "eve@example.org"] {
        let registration = Registration {
            email: email.to_owned(),
            password: made.clone().into(),
            display_name: None,
            invitation: None,
        };
        let user = app
            .accounts
            .create_user(registration, Role::Admin, Some(until))
            .await;
        assert!(user.unwrap().email_verified);
    }
    let ada = app.try_login("ada@example.org", &made).await.pair();
    let change = json!({"current_password": made, "new_password": NEW});
    post(&app, "/api/v1/auth/password", &ada.access, change)
        .await
        .good(200);
    app.advance(86_399);
    app.try_login("eve@example.org", &made).await.pair();
    app.advance(1);
    app.try_login("eve@example.org", &made)
        .await
        .is_problem(403, "password-expired");
    app.try_login("eve@example.org", "not this one")
        .await
        .is_problem(401, "wrong-credentials");
    // What one has set oneself stays valid.
    app.try_login("ada@example.org", NEW).await.pair();
    let token = reset_code(&app, &sink, "eve@example.org").await;
    let set = json!({"token": token, "password": NEW});
    app.post("/api/v1/auth/password-reset/confirm", set)
        .await
        .good(204);
    app.try_login("eve@example.org", NEW).await.pair();
}

pub(crate) async fn a_lost_second_factor_is_removed_by_the_operator(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let nobody = app.accounts.remove_lost_factor("nobody@example.org").await;
    assert_eq!(nobody.unwrap_err().to_string(), "there is no such user");
    let none = app.accounts.remove_lost_factor("ada@example.org").await;
    assert_eq!(none.unwrap_err().to_string(), "there is no second factor");
    let secret = enrolled(&app, &ada).await;
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "second-factor-required");
    let removed = app.accounts.remove_lost_factor("ADA@example.org").await;
    assert!(removed.unwrap().two_factor, "as it was before");
    app.me(&ada.access).await.is_problem(401, "invalid-token");
    let again = app.login("ada@example.org").await;
    assert_eq!(app.me(&again.access).await.json()["two_factor"], false);
    assert!(app.rows("SELECT FROM recovery_codes").await.is_empty());
    for change in ["added", "removed"] {
        let email = sink
            .email("ada@example.org", "Your second factor was changed")
            .await;
        let text = email.part("text/plain");
        assert!(text.contains(change), "{text}");
    }
    // The old secret is worth nothing.
    app.advance(30);
    let body = json!({"email": "ada@example.org", "password": PASSWORD,
        "totp_code": code(&secret, now(&app))});
    app.post("/api/v1/auth/login", body).await.good(200);
}

pub(crate) async fn a_required_second_factor_comes_first(place: Place) {
    let sessions = "/api/v1/auth/sessions";
    let with_rule =
        |rule: SecondFactorRule| place.app_with(move |config| config.accounts.second_factor = rule);
    let optional = with_rule(SecondFactorRule::Optional).await;
    let root = verified(&optional, "root@example.org", Role::Admin).await;
    let ada = verified(&optional, "ada@example.org", Role::User).await;
    let made = json!({"name": "notebook", "scopes": ["account:read"]});
    let key = post(&optional, "/api/v1/auth/api-keys", &ada.access, made).await;
    let key = key.good(201)["secret"].as_str().unwrap().to_owned();

    let admins = with_rule(SecondFactorRule::Admins).await;
    admins.get(sessions, &ada.access).await.good(200);
    for path in [sessions, "/api/v1/admin/users", "/api/v1/tokens"] {
        let answer = admins.get(path, &root.access).await;
        answer.is_problem(403, "second-factor-missing");
    }

    let everybody = with_rule(SecondFactorRule::Everybody).await;
    for token in [&ada.access, &key] {
        let answer = everybody.get(sessions, token).await;
        answer.is_problem(403, "second-factor-missing");
    }
    everybody.me(&ada.access).await.good(200);
    let change = json!({"display_name": "Ada"});
    everybody
        .send(
            Method::PATCH,
            "/api/v1/auth/me",
            Some(&ada.access),
            Some(&change),
        )
        .await
        .is_problem(403, "second-factor-missing");
    enrolled(&everybody, &ada).await;
    everybody.get(sessions, &ada.access).await.good(200);
    everybody.get(sessions, &key).await.good(200);
}

pub(crate) async fn breached_passwords_are_refused_wherever_one_is_set(place: Place) {
    const BREACHED: &str = "tr0ub4dor&3";
    // SHA-1 of it, and of "to be or not to be", in ascending order.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut hashes: Vec<String> = [BREACHED, "to be or not to be"]
        .iter()
        .map(|password| {
            let algorithm = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
            let hash = aws_lc_rs::digest::digest(algorithm, password.as_bytes());
            data_encoding::HEXUPPER.encode(hash.as_ref())
        })
        .collect();
    hashes.sort();
    write!(file, "{}:7\r\n{}:12\r\n", hashes[0], hashes[1]).unwrap();
    let sink = Sink::start().await;
    let url = sink.url();
    let mut app = place
        .app_with(|config| {
            config.mail.smtp_url = Some(url.into());
            config.accounts.breached_passwords = Some(file.path().to_owned());
        })
        .await;
    app.keep_up().await;
    let names_it = |answer: &super::app::Answer, field: &str| {
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("breach"), "{detail}");
    };
    let body = json!({"email": "ada@example.org", "password": BREACHED});
    names_it(&app.post("/api/v1/auth/register", body).await, "password");
    app.register("ada@example.org").await;
    let ada = app.login("ada@example.org").await;
    let change = json!({"current_password": PASSWORD, "new_password": BREACHED});
    let answer = post(&app, "/api/v1/auth/password", &ada.access, change).await;
    names_it(&answer, "new_password");
    let token = reset_code(&app, &sink, "ada@example.org").await;
    let set = |password: &str| {
        let body = json!({"token": token, "password": password});
        app.post("/api/v1/auth/password-reset/confirm", body)
    };
    names_it(&set(BREACHED).await, "password");
    let registration = Registration {
        email: "eve@example.org".to_owned(),
        password: BREACHED.into(),
        display_name: None,
        invitation: None,
    };
    let made = app.accounts.create_user(registration, Role::User, None);
    assert!(made.await.is_err());
    // A refused password uses nothing up.
    set(NEW).await.good(204);
    app.try_login("ada@example.org", NEW).await.pair();
}
