//! The second factor where somebody has the user's emails or an open session, and not their device:
//! a password reset and a change of address ask for a code too.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::{Answer, App, PASSWORD, Pair, Place};
use super::smtp::Sink;
use super::two_factor::{code, now, post, verified};

const ADA: &str = "ada@example.org";
const NEW: &str = "a quiet river at dawn";

/// A user whose second factor is confirmed.
struct Enrolled {
    tokens: Pair,
    secret: String,
    /// The code that confirmed it, which counts once.
    used: String,
    recovery: String,
}

impl Enrolled {
    async fn make(app: &App) -> Self {
        let tokens = verified(app, ADA, Role::User).await;
        let proof = json!({"password": PASSWORD});
        let enrol = "/api/v1/auth/two-factor/enrol";
        let enrolment = post(app, enrol, &tokens.access, proof).await.good(200);
        let secret = enrolment["secret"].as_str().unwrap().to_owned();
        let used = code(&secret, now(app));
        let confirm = "/api/v1/auth/two-factor/confirm";
        let body = json!({"totp_code": used});
        let confirmed = post(app, confirm, &tokens.access, body).await.good(200);
        let recovery = confirmed["recovery_codes"][0].as_str().unwrap().to_owned();
        app.advance(30);
        Self {
            tokens,
            secret,
            used,
            recovery,
        }
    }

    fn code(&self, app: &App) -> String {
        code(&self.secret, now(app))
    }
}

async fn login(app: &App, email: &str, password: &str, code: &str) -> Answer {
    let body = json!({"email": email, "password": password, "totp_code": code});
    app.post("/api/v1/auth/login", body).await
}

async fn emails_code(app: &App, sink: &Sink) -> String {
    let path = "/api/v1/auth/password-reset";
    app.post(path, json!({"email": ADA})).await.good(202);
    sink.email(ADA, "Reset your password").await.token()
}

pub(crate) async fn a_reset_asks_for_the_second_factor(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let ada = Enrolled::make(&app).await;
    let confirm = |body: Value| app.post("/api/v1/auth/password-reset/confirm", body);
    let token = emails_code(&app, &sink).await;
    confirm(json!({"token": token, "password": NEW}))
        .await
        .is_problem(401, "second-factor-required");
    for wrong in [&ada.used[..], "000 0000", ""] {
        confirm(json!({"token": token, "password": NEW, "totp_code": wrong}))
            .await
            .is_problem(401, "wrong-code");
    }
    // Nothing has happened: neither the session nor the password has ended.
    app.me(&ada.tokens.access).await.good(200);
    app.try_login(ADA, NEW)
        .await
        .is_problem(401, "wrong-credentials");
    app.try_login(ADA, PASSWORD)
        .await
        .is_problem(401, "second-factor-required");
    // Nor is the email used up.
    let good = ada.code(&app);
    confirm(json!({"token": token, "password": NEW, "totp_code": good}))
        .await
        .good(204);
    app.me(&ada.tokens.access)
        .await
        .is_problem(401, "invalid-token");
    login(&app, ADA, NEW, &good)
        .await
        .is_problem(401, "wrong-code");
    app.advance(30);
    login(&app, ADA, NEW, &ada.code(&app)).await.good(200);
    // Who has lost the device has recovery codes.
    let token = emails_code(&app, &sink).await;
    confirm(json!({"token": token, "password": PASSWORD, "totp_code": ada.recovery}))
        .await
        .good(204);
    app.try_login(ADA, PASSWORD)
        .await
        .is_problem(401, "second-factor-required");
}

pub(crate) async fn another_address_asks_for_the_second_factor(place: Place) {
    const OTHER: &str = "ada@example.net";
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let ada = Enrolled::make(&app).await;
    let patch = |body: Value| {
        let (app, token) = (&app, ada.tokens.access.clone());
        async move {
            let path = "/api/v1/auth/me";
            app.send(Method::PATCH, path, Some(&token), Some(&body))
                .await
        }
    };
    patch(json!({"email": OTHER, "current_password": PASSWORD}))
        .await
        .is_problem(401, "second-factor-required");
    patch(json!({"email": OTHER, "current_password": PASSWORD, "totp_code": ada.used}))
        .await
        .is_problem(401, "wrong-code");
    // A code alone is no proof either.
    patch(json!({"email": OTHER, "totp_code": ada.code(&app)}))
        .await
        .is_problem(400, "invalid-request");
    let emails = "SELECT FROM outbox WHERE kind = 'change_email'";
    assert!(app.rows(emails).await.is_empty(), "nobody is written to");
    let change = json!({
        "email": OTHER, "current_password": PASSWORD, "totp_code": ada.code(&app),
    });
    patch(change.clone()).await.good(200);
    patch(change).await.is_problem(401, "wrong-code");
    let email = sink.email(OTHER, "Confirm your new email address").await;
    let path = format!("/api/v1/auth/verify-email/{}", email.token());
    app.send(Method::GET, &path, None, None).await.good(200);
    app.try_login(OTHER, PASSWORD)
        .await
        .is_problem(401, "second-factor-required");
    app.advance(30);
    login(&app, OTHER, PASSWORD, &ada.code(&app))
        .await
        .good(200);
}
