//! Emails, and what their links and codes do.

use axum::http::Method;
use serde_json::json;

use super::app::{App, PASSWORD, Place};
use super::smtp::{AUTHORITY, Encryption, Sink};

const NEW: &str = "a quiet river at dawn";

async fn verify(app: &App, token: &str) -> super::app::Answer {
    let path = format!("/api/v1/auth/verify-email/{token}");
    app.send(Method::GET, &path, None, None).await
}

async fn ask_for_reset(app: &App, email: &str) {
    let answer = app
        .post("/api/v1/auth/password-reset", json!({"email": email}))
        .await;
    assert_eq!((answer.status, &answer.body[..]), (202, ""));
}

async fn confirm_reset(app: &App, token: &str, password: &str) -> super::app::Answer {
    let body = json!({"token": token, "password": password});
    app.post("/api/v1/auth/password-reset/confirm", body).await
}

pub(crate) async fn an_address_is_verified_by_the_emails_link(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "display_name": "<Ada>"});
    app.post("/api/v1/auth/register", body).await.good(201);
    let email = sink
        .email("ada@example.org", "Verify your email address")
        .await;
    assert!(
        email
            .source
            .contains("From: Coinsphere <coinsphere@localhost>\r\n"),
        "{email:?}"
    );
    assert!(email.part("text/html").contains("Hello &lt;Ada&gt;,"));
    assert!(
        email
            .part("text/plain")
            .contains("https://coins.example/api/v1/auth/verify-email/")
    );
    let tokens = app.login("ada@example.org").await;
    let enrol = json!({"password": PASSWORD});
    let path = "/api/v1/auth/two-factor/enrol";
    app.send(Method::POST, path, Some(&tokens.access), Some(&enrol))
        .await
        .is_problem(403, "email-not-verified");

    verify(&app, "junk").await.is_problem(404, "invalid-link");
    let stored = app.rows("SELECT encode(hash, 'hex') FROM mail_links").await;
    verify(&app, stored[0].get(0))
        .await
        .is_problem(404, "invalid-link");
    let opened = verify(&app, &email.token()).await.good(200);
    assert_eq!(
        opened,
        json!({"email": "ada@example.org", "email_verified": true})
    );
    verify(&app, &email.token()).await.good(200);
    assert_eq!(app.me(&tokens.access).await.json()["email_verified"], true);
    app.send(Method::POST, path, Some(&tokens.access), Some(&enrol))
        .await
        .good(200);
    let resend = "/api/v1/auth/resend-verification";
    app.send(Method::POST, resend, Some(&tokens.access), None)
        .await
        .is_problem(409, "conflict");

    app.register("eve@example.org").await;
    let eve = app.login("eve@example.org").await;
    let first = sink
        .email("eve@example.org", "Verify your email address")
        .await;
    app.send(Method::POST, resend, Some(&eve.access), None)
        .await
        .good(202);
    let second = sink
        .email("eve@example.org", "Verify your email address")
        .await;
    app.advance(86_400);
    for email in [first, second] {
        verify(&app, &email.token())
            .await
            .is_problem(404, "invalid-link");
    }
}

pub(crate) async fn a_forgotten_password_is_reset_by_the_emails_code(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    let tokens = app.login("ada@example.org").await;
    ask_for_reset(&app, "ADA@example.org").await;
    ask_for_reset(&app, "nobody@example.org").await;
    let email = sink.email("ada@example.org", "Reset your password").await;
    let code = email.token();
    confirm_reset(&app, &code, "password")
        .await
        .is_problem(400, "invalid-request");
    confirm_reset(&app, "junk", NEW)
        .await
        .is_problem(404, "invalid-link");
    confirm_reset(&app, &code, NEW).await.good(204);
    confirm_reset(&app, &code, PASSWORD)
        .await
        .is_problem(404, "invalid-link");
    app.me(&tokens.access)
        .await
        .is_problem(401, "invalid-token");
    app.refresh(&tokens.refresh)
        .await
        .is_problem(401, "invalid-refresh-token");
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "wrong-credentials");
    let tokens = app.try_login("ada@example.org", NEW).await.pair();
    assert_eq!(
        app.me(&tokens.access).await.json()["email_verified"],
        true,
        "the code came there"
    );
    sink.email("ada@example.org", "Your password was changed")
        .await;
    ask_for_reset(&app, "ada@example.org").await;
    let late = sink
        .email("ada@example.org", "Reset your password")
        .await
        .token();
    app.advance(3_600);
    confirm_reset(&app, &late, PASSWORD)
        .await
        .is_problem(404, "invalid-link");
    let nobody = app
        .rows("SELECT last_error FROM outbox WHERE recipient = 'nobody@example.org'")
        .await;
    assert_eq!(nobody[0].get::<_, &str>(0), "there is nobody to write to");
}

pub(crate) async fn an_address_changes_once_the_new_one_answers(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    app.register("eve@example.org").await;
    let tokens = app.login("ada@example.org").await;
    let patch = |body: serde_json::Value| {
        let (app, token) = (&app, tokens.access.clone());
        async move {
            let path = "/api/v1/auth/me";
            app.send(Method::PATCH, path, Some(&token), Some(&body))
                .await
        }
    };
    let named = patch(json!({"display_name": "Countess"})).await.good(200);
    assert_eq!(named["display_name"], "Countess");
    assert_eq!(patch(json!({})).await.good(200), named);
    assert_eq!(
        patch(json!({"display_name": ""})).await.good(200)["display_name"],
        json!(null)
    );
    let problem = patch(json!({"email": "ada@example.net"})).await;
    let problem = problem.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "current_password");
    patch(json!({"email": "ada@example.net", "current_password": "not this one"}))
        .await
        .is_problem(400, "invalid-request");
    patch(json!({"email": "EVE@example.org", "current_password": PASSWORD}))
        .await
        .is_problem(409, "email-taken");
    patch(json!({"role": "admin"}))
        .await
        .is_problem(400, "invalid-request");
    let change = json!({"email": "ada@example.net", "current_password": PASSWORD});
    let unchanged = patch(change.clone()).await.good(200);
    assert_eq!(unchanged["email"], "ada@example.org");
    let email = sink
        .email("ada@example.net", "Confirm your new email address")
        .await;
    verify(&app, &email.token()).await.good(200);
    let notice = sink
        .email("ada@example.org", "Your email address was changed")
        .await;
    assert!(notice.part("text/plain").contains("ada@example.net"));
    app.try_login("ada@example.org", PASSWORD)
        .await
        .is_problem(401, "wrong-credentials");
    let tokens = app.login("ada@example.net").await;
    assert_eq!(app.me(&tokens.access).await.json()["email_verified"], true);

    // A thief's link must not outlive the password the thief knew.
    let theft = json!({"email": "thief@example.org", "current_password": PASSWORD});
    let path = "/api/v1/auth/me";
    app.send(Method::PATCH, path, Some(&tokens.access), Some(&theft))
        .await
        .good(200);
    let stolen = sink
        .email("thief@example.org", "Confirm your new email address")
        .await;
    ask_for_reset(&app, "ada@example.net").await;
    let code = sink
        .email("ada@example.net", "Reset your password")
        .await
        .token();
    confirm_reset(&app, &code, NEW).await.good(204);
    verify(&app, &stolen.token())
        .await
        .is_problem(404, "invalid-link");
}

pub(crate) async fn an_email_is_sent_again_until_it_arrives(place: Place) {
    let sink = Sink::start().await;
    sink.refuse(true);
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    super::app::eventually_rows(&app, "SELECT FROM outbox WHERE last_error IS NOT NULL").await;
    let row = &app.rows("SELECT last_error, attempts FROM outbox").await[0];
    let (error, attempts): (&str, i32) = (row.get(0), row.get(1));
    assert!(error.contains("later, please"), "{error}");
    assert_eq!(attempts, 1);
    assert_eq!(app.accounts.send_due().await.unwrap(), 0, "not yet");
    sink.refuse(false);
    app.advance(61);
    assert_eq!(app.accounts.send_due().await.unwrap(), 1);
    sink.email("ada@example.org", "Verify your email address")
        .await;
    assert_eq!(app.accounts.send_due().await.unwrap(), 0);
    assert_eq!(sink.count(), 0);
    let leaked = app
        .rows("SELECT FROM outbox WHERE facts <> 'null' OR recipient LIKE '%/%'")
        .await;
    assert!(leaked.is_empty(), "no secret waits in the outbox");
}

pub(crate) async fn a_long_outage_loses_no_email(place: Place) {
    let sink = Sink::start().await;
    sink.refuse(true);
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    super::app::eventually_rows(&app, "SELECT FROM outbox WHERE attempts = 1").await;
    // More attempts than there may be links: all of them share one.
    for attempt in 2..=9 {
        app.advance(14_400);
        app.accounts.send_due().await.unwrap();
        let tried = format!("SELECT FROM outbox WHERE attempts = {attempt} AND dropped_at IS NULL");
        super::app::eventually_rows(&app, &tried).await;
    }
    super::app::eventually_rows(&app, "SELECT 1 WHERE (SELECT count(*) FROM mail_links) = 1").await;
    sink.refuse(false);
    app.advance(14_400);
    app.accounts.send_due().await.unwrap();
    let email = sink
        .email("ada@example.org", "Verify your email address")
        .await;
    verify(&app, &email.token()).await.good(200);
}

pub(crate) async fn emails_travel_encrypted(place: Place) {
    for (encryption, scheme, query) in [
        (Encryption::FromTheStart, "smtps", ""),
        (Encryption::StartTls, "smtp", "?tls=required"),
    ] {
        let sink = Sink::start_with(encryption).await;
        let url = format!("{scheme}://localhost:{}{query}", sink.address.port());
        let app = |ca_file: Option<&'static str>| {
            let url = url.clone();
            place.app_with(move |config| {
                config.mail.smtp_url = Some(url.into());
                config.mail.ca_file = ca_file.map(Into::into);
            })
        };
        // An authority that nobody has vouched for is not believed.
        let strict = app(None).await;
        let name = format!("{scheme}@example.org");
        strict.register(&name).await;
        strict.accounts.send_due().await.unwrap();
        let rows = strict
            .rows("SELECT last_error FROM outbox WHERE sent_at IS NULL")
            .await;
        let why: &str = rows[0].get(0);
        assert!(why.contains("certificate"), "{why}");
        assert_eq!(sink.count(), 0);
        let trusting = app(Some(AUTHORITY)).await;
        trusting.advance(61);
        trusting.accounts.send_due().await.unwrap();
        let email = sink.email(&name, "Verify your email address").await;
        verify(&trusting, &email.token()).await.good(200);
    }
    // Where the server offers none, required means that nothing is sent.
    let plain = Sink::start().await;
    let url = format!("smtp://localhost:{}?tls=required", plain.address.port());
    let app = place
        .app_with(|config| {
            config.mail.smtp_url = Some(url.into());
            config.mail.ca_file = Some(AUTHORITY.into());
        })
        .await;
    app.register("plain@example.org").await;
    app.accounts.send_due().await.unwrap();
    let rows = app
        .rows("SELECT last_error FROM outbox WHERE sent_at IS NULL")
        .await;
    let why: &str = rows[0].get(0);
    assert!(why.contains("STARTTLS"), "{why}");
    assert_eq!(plain.count(), 0);
}

pub(crate) async fn without_a_server_emails_are_files(place: Place) {
    let app = place.app().await;
    app.register("ada@example.org").await;
    super::app::eventually_rows(&app, "SELECT FROM outbox WHERE sent_at IS NOT NULL").await;
    let view = &app.accounts.outbox(10).await.unwrap()[0];
    assert_eq!(
        (&view.kind[..], &view.recipient[..]),
        ("verify_email", "ada@example.org")
    );
    let files: Vec<_> = std::fs::read_dir(place.data_dir.path().join("outbox"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].extension().unwrap(), "eml");
    let email = std::fs::read_to_string(&files[0]).unwrap();
    assert!(
        email.contains("Subject: Verify your email address\r\n"),
        "{email}"
    );
}

pub(crate) async fn a_sign_in_that_is_new_is_told(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    let login = |address: &'static str, agent: &'static str, password: &'static str| {
        let app = &app;
        async move {
            let body = json!({"email": "ada@example.org", "password": password});
            let request = axum::http::Request::post("/api/v1/auth/login")
                .header("content-type", "application/json")
                .header("user-agent", agent)
                .extension(coinsphere::http::Peer(address.parse().unwrap()))
                .body(axum::body::Body::from(body.to_string()))
                .unwrap();
            app.send_request(request).await
        }
    };
    let notices = || async {
        let sql = "SELECT facts->>'why', facts->>'address', facts->>'user_agent' FROM outbox \
                   WHERE kind = 'new_sign_in' ORDER BY created_at";
        app.rows(sql).await.len()
    };
    let (home, away, browser) = ("203.0.113.1", "198.51.100.7", "a browser");
    // The first sign-in is what makes it known; another address alone is nothing.
    login(home, browser, PASSWORD).await.good(200);
    login(home, browser, PASSWORD).await.good(200);
    login(away, browser, PASSWORD).await.good(200);
    assert_eq!(notices().await, 0);
    login(home, "a <script>", PASSWORD).await.good(200);
    let email = sink
        .email("ada@example.org", "A new sign-in to your account")
        .await;
    let text = email.part("text/plain");
    assert!(text.contains("with a new program"), "{text}");
    assert!(
        text.contains(home) && text.contains("2026-03-01T12:00:00Z"),
        "{text}"
    );
    assert!(email.part("text/html").contains("a &lt;script&gt;"));
    login(home, "a <script>", PASSWORD).await.good(200);
    assert_eq!(notices().await, 1);
    // Guessed at from somewhere, then signed in to from somewhere new.
    for _ in 0..6 {
        login("192.0.2.66", browser, "not this one").await;
        app.advance(2);
    }
    login(home, browser, PASSWORD).await.good(200);
    assert_eq!(notices().await, 1);
    login("192.0.2.67", browser, PASSWORD).await.good(200);
    assert_eq!(notices().await, 2);
    // An account that slept is not one that was never signed in to.
    app.advance(400 * 86_400);
    login(home, "another", PASSWORD).await.good(200);
    assert_eq!(notices().await, 3);
}

pub(crate) async fn an_email_whose_answer_was_lost_keeps_its_link(place: Place) {
    let sink = Sink::start().await;
    sink.lose_answers(true);
    let app = place.app_with_mail(&sink).await;
    app.register("ada@example.org").await;
    let subject = "Verify your email address";
    let first = sink.email("ada@example.org", subject).await.token();
    super::app::eventually_rows(
        &app,
        "SELECT FROM outbox WHERE sent_at IS NULL AND last_error IS NOT NULL",
    )
    .await;
    sink.lose_answers(false);
    app.advance(14_400);
    app.accounts.send_due().await.unwrap();
    let second = sink.email("ada@example.org", subject).await.token();
    assert_eq!(first, second, "whichever of the two is opened");
    verify(&app, &first).await.good(200);
}
