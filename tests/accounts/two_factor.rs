//! The second factor, and password changes.

use aws_lc_rs::hmac;
use axum::http::Method;
use coinsphere::accounts::{Registration, Role};
use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use super::app::{Answer, App, PASSWORD, Pair, Place};

const NEW: &str = "a quiet river at dawn";

/// The code of RFC 6238, made independently of the program's.
pub(crate) fn code(secret: &str, seconds: i64) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = (tag[19] & 15) as usize;
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

pub(crate) fn now(app: &App) -> i64 {
    use coinsphere_pipelines::clock::Clock as _;
    app.clock.now().nanos() / 1_000_000_000
}

pub(crate) async fn verified(app: &App, email: &str, role: Role) -> Pair {
    let registration = Registration {
        email: email.to_owned(),
        password: PASSWORD.into(),
        display_name: None,
        invitation: None,
    };
    let made = app.accounts.create_user(registration, role, None).await;
    made.unwrap();
    app.login(email).await
}

pub(crate) async fn post(app: &App, path: &str, token: &str, body: Value) -> Answer {
    app.send(Method::POST, path, Some(token), Some(&body)).await
}

/// Sets up a second factor for somebody whose address is verified; answers its secret.
pub(crate) async fn enrolled(app: &App, who: &Pair) -> String {
    let proof = json!({"password": PASSWORD});
    let begun = post(app, "/api/v1/auth/two-factor/enrol", &who.access, proof).await;
    let secret = begun.good(200)["secret"].as_str().unwrap().to_owned();
    let first = json!({"totp_code": code(&secret, now(app))});
    post(app, "/api/v1/auth/two-factor/confirm", &who.access, first)
        .await
        .good(200);
    secret
}

async fn login_with(app: &App, code: &str) -> Answer {
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "totp_code": code});
    app.post("/api/v1/auth/login", body).await
}

pub(crate) async fn a_second_factor_is_asked_for_once_it_is_confirmed(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let wrong = json!({"password": "not this one"});
    post(&app, "/api/v1/auth/two-factor/enrol", &ada.access, wrong)
        .await
        .is_problem(400, "invalid-request");
    let proof = json!({"password": PASSWORD});
    let enrolment = post(
        &app,
        "/api/v1/auth/two-factor/enrol",
        &ada.access,
        proof.clone(),
    )
    .await
    .good(200);
    let secret = enrolment["secret"].as_str().unwrap().to_owned();
    let url = enrolment["otpauth_url"].as_str().unwrap();
    assert!(
        url.starts_with("otpauth://totp/Coinsphere:ada%40example.org?secret="),
        "{url}"
    );
    assert!(enrolment["qr_svg"].as_str().unwrap().contains("<svg"));
    app.login("ada@example.org").await;
    let confirm = |code: String| {
        post(
            &app,
            "/api/v1/auth/two-factor/confirm",
            &ada.access,
            json!({"totp_code": code}),
        )
    };
    confirm(code(&secret, now(&app) + 300))
        .await
        .is_problem(401, "wrong-code");
    let first = code(&secret, now(&app));
    let codes = confirm(first.clone()).await.good(200);
    let codes: Vec<&str> = codes["recovery_codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(app.me(&ada.access).await.json()["two_factor"], true);
    let stored = app.rows("SELECT secret FROM totp_factors").await;
    let raw = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    assert!(
        !stored[0]
            .get::<_, &[u8]>(0)
            .windows(20)
            .any(|part| part == raw),
        "sealed"
    );

    app.try_login("ada@example.org", "not this one")
        .await
        .is_problem(401, "wrong-credentials");
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "second-factor-required");
    login_with(&app, &first).await.is_problem(401, "wrong-code");
    app.advance(30);
    let second = code(&secret, now(&app));
    login_with(&app, &second).await.good(200);
    login_with(&app, &second)
        .await
        .is_problem(401, "wrong-code");
    // At once, one gets in.
    app.advance(30);
    let third = code(&secret, now(&app));
    let both = tokio::join!(login_with(&app, &third), login_with(&app, &third));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);

    // Recovery codes, however they are typed, once.
    let typed = codes[0].to_lowercase().replace('-', " ");
    login_with(&app, &typed).await.good(200);
    login_with(&app, codes[0])
        .await
        .is_problem(401, "wrong-code");
    login_with(&app, codes[1]).await.good(200);

    // Whatever changes what one signs in with asks again.
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    post(&app, "/api/v1/auth/password", &ada.access, change)
        .await
        .is_problem(401, "second-factor-required");
    post(
        &app,
        "/api/v1/auth/two-factor/remove",
        &ada.access,
        proof.clone(),
    )
    .await
    .is_problem(401, "second-factor-required");
    let renew = json!({"password": PASSWORD, "totp_code": codes[2]});
    let renewed = post(
        &app,
        "/api/v1/auth/two-factor/recovery-codes",
        &ada.access,
        renew,
    )
    .await
    .good(200);
    login_with(&app, codes[3])
        .await
        .is_problem(401, "wrong-code");

    // A new sealing key, made by the command while the program runs.
    let command = place.app_with(|_| {}).await;
    assert_eq!(command.accounts.rotate_sealing_key().await.unwrap(), 1);
    app.advance(3_000);
    let ada = login_with(&app, &code(&secret, now(&app))).await.pair();
    assert_eq!(command.accounts.rotate_sealing_key().await.unwrap(), 1);

    let removal = json!({"password": PASSWORD, "totp_code": renewed["recovery_codes"][0]});
    post(&app, "/api/v1/auth/two-factor/remove", &ada.access, removal)
        .await
        .good(204);
    app.login("ada@example.org").await;
    assert!(app.rows("SELECT FROM recovery_codes").await.is_empty());
}

pub(crate) async fn codes_cannot_be_tried_from_everywhere(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let proof = json!({"password": PASSWORD});
    let enrolment = post(&app, "/api/v1/auth/two-factor/enrol", &ada.access, proof)
        .await
        .good(200);
    let secret = enrolment["secret"].as_str().unwrap();
    let first = json!({"totp_code": code(secret, now(&app))});
    post(&app, "/api/v1/auth/two-factor/confirm", &ada.access, first)
        .await
        .good(200);
    let mut statuses = Vec::new();
    for at in 0..8 {
        let body = json!({"email": "ada@example.org", "password": PASSWORD, "totp_code": "000000"});
        let address = format!("198.51.100.{at}");
        let path = "/api/v1/auth/login";
        let answer = app
            .send_from(&address, Method::POST, path, None, Some(&body))
            .await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
}

pub(crate) async fn changing_the_password_ends_every_session(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    app.register("ada@example.org").await;
    let (one, two) = (
        app.login("ada@example.org").await,
        elsewhere.login("ada@example.org").await,
    );
    let change =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let path = "/api/v1/auth/password";
    for (bad, field) in [
        (change("not this one", NEW), "current_password"),
        (change(PASSWORD, "password123"), "new_password"),
        (change(PASSWORD, "ada@example.org"), "new_password"),
    ] {
        let problem = post(&app, path, &one.access, bad)
            .await
            .is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let next = post(&app, path, &one.access, change(PASSWORD, NEW))
        .await
        .pair();
    for token in [&one, &two] {
        app.me(&token.access).await.is_problem(401, "invalid-token");
        app.refresh(&token.refresh)
            .await
            .is_problem(401, "invalid-refresh-token");
    }
    app.me(&next.access).await.good(200);
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "wrong-credentials");
    app.try_login("ada@example.org", NEW).await.good(200);
}
