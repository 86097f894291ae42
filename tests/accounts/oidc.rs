//! Signing in by an identity provider.

use axum::http::{Method, header};
use coinsphere::accounts::RegistrationMode;
use coinsphere::accounts::Role;
use coinsphere::config::Config;
use serde_json::json;

use super::app::{Answer, App, PASSWORD, Place, eventually_rows};
use super::browser::Browser;
use super::identity_provider::{CLIENT, IdentityProvider, Lie, Person, SECRET};
use super::two_factor::{code, now, post, verified};

const ME: &str = "/api/v1/auth/me";
const LOGIN: &str = "/api/v1/auth/oidc/login";
const CODE: &str = "/api/v1/auth/oidc/second-factor";

const ADA: Person = Person {
    subject: "248289761001",
    email: Some("ada@example.org"),
    verified: true,
};

async fn app_with(
    place: &Place,
    provider: &IdentityProvider,
    change: impl FnOnce(&mut Config),
) -> App {
    let issuer = provider.issuer.clone();
    place
        .app_with(|config| {
            config.accounts.oidc.issuer = Some(issuer);
            config.accounts.oidc.client_id = Some(CLIENT.to_owned());
            config.accounts.oidc.client_secret = Some(SECRET.into());
            change(config);
        })
        .await
}

async fn app(place: &Place, provider: &IdentityProvider) -> App {
    app_with(place, provider, |_| {}).await
}

/// Goes to the provider; answers its address with what we send along.
async fn go(app: &App, browser: &mut Browser) -> String {
    let answer = browser.get(app, LOGIN).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.headers[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

async fn come_back(app: &App, browser: &mut Browser, query: &str) -> Answer {
    let path = format!("/api/v1/auth/oidc/callback?{query}");
    browser.get(app, &path).await
}

/// All the way.
async fn sign_in(
    app: &App,
    provider: &IdentityProvider,
    browser: &mut Browser,
    person: Person,
) -> Answer {
    let url = go(app, browser).await;
    let query = provider.authorize(&url, person);
    come_back(app, browser, &query).await
}

#[track_caller]
fn is_sent_to(answer: &Answer, place: &str) {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.headers[header::LOCATION], place);
}

async fn is_nobody(app: &App, browser: &mut Browser) {
    browser.get(app, ME).await.is_problem(401, "not-signed-in");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
}

pub(crate) async fn a_provider_vouches_for_its_users(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    let shown = app
        .send(Method::GET, "/api/v1/auth/oidc", None, None)
        .await
        .good(200);
    assert_eq!(shown["label"], "SSO");
    let mut browser = Browser::new();
    let answer = browser
        .get(&app, &format!("{LOGIN}?return_to=/docs/%3Fa%3Db"))
        .await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("coinsphere-sign-in="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let url = answer.headers[header::LOCATION].to_str().unwrap();
    assert!(!url.contains(&browser.cookies["coinsphere-sign-in"]));
    let query = provider.authorize(url, ADA);
    let answer = come_back(&app, &mut browser, &query).await;
    is_sent_to(&answer, "/docs/?a=b");
    assert_eq!(
        browser.cookies.keys().collect::<Vec<_>>(),
        ["coinsphere-session"],
        "the sign-in's is removed"
    );
    let me = browser.get(&app, ME).await.good(200);
    assert_eq!(
        (&me["email"], &me["email_verified"], &me["display_name"]),
        (&json!("ada@example.org"), &json!(true), &json!("Ada"))
    );
    assert_eq!(me["role"], "user");
    let body = browser.get(&app, "/api/v1/auth/csrf").await.good(200);
    browser.csrf = body["csrf_token"].as_str().map(str::to_owned);
    let export = browser.get(&app, "/api/v1/auth/me/export").await.good(200);
    assert_eq!(export["identities"][0]["subject"], ADA.subject);
    browser
        .post(&app, "/api/v1/auth/logout", None)
        .await
        .good(204);
    // Again, by subject: the address may have changed there.
    let moved = Person {
        email: Some("ada@elsewhere.example"),
        verified: false,
        ..ADA
    };
    let answer = sign_in(&app, &provider, &mut browser, moved).await;
    is_sent_to(&answer, "/");
    let again = browser.get(&app, ME).await.good(200);
    assert_eq!((&again["id"], &again["email"]), (&me["id"], &me["email"]));
    assert_eq!(provider.discovered(), 1, "remembered");
    app.try_login("ada@example.org", "")
        .await
        .is_problem(401, "wrong-credentials");
    assert!(app.rows("SELECT FROM provider_sign_ins").await.is_empty());
    eventually_rows(
        &app,
        "SELECT FROM audit_log a JOIN sessions s ON s.id = a.subject \
         WHERE a.event = 'login.provider' HAVING count(*) = 2",
    )
    .await;
}

pub(crate) async fn what_the_provider_says_must_hold(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    let mut browser = Browser::new();
    for lie in [
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Audience,
        Lie::MoreAudiences,
        Lie::Issuer,
        Lie::Expired,
        Lie::Old,
        Lie::Key,
        Lie::Hmac,
        Lie::Unsigned,
    ] {
        provider.lie(lie);
        let answer = sign_in(&app, &provider, &mut browser, ADA).await;
        answer.is_problem(401, "sign-in-refused");
        is_nobody(&app, &mut browser).await;
    }
    for lie in [Lie::Missing, Lie::Endless, Lie::Redirect] {
        provider.lie(lie);
        let answer = sign_in(&app, &provider, &mut browser, ADA).await;
        answer.is_problem(503, "identity-provider-unavailable");
        is_nobody(&app, &mut browser).await;
    }
    assert!(app.rows("SELECT FROM users").await.is_empty());
    // A key made since the keys were read.
    provider.lie(Lie::None);
    provider.new_key("two");
    app.advance(10);
    let answer = sign_in(&app, &provider, &mut browser, ADA).await;
    is_sent_to(&answer, "/");
    browser.get(&app, ME).await.good(200);
    assert_eq!(provider.discovered(), 2);
}

pub(crate) async fn a_sign_in_counts_once_and_in_its_browser(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    for tamper in [
        |query: &str| query.replace("state=", "state=x"),
        |query: &str| query.replace("state=", "other="),
        |query: &str| query.replace("code=", "other="),
        |query: &str| query.replace("code=", "error=access_denied&other="),
        |query: &str| format!("{query}&iss=https://id.example"),
    ] {
        let mut browser = Browser::new();
        let url = go(&app, &mut browser).await;
        let query = tamper(&provider.authorize(&url, ADA));
        let answer = come_back(&app, &mut browser, &query).await;
        answer.is_problem(401, "sign-in-refused");
        is_nobody(&app, &mut browser).await;
    }
    let mut browser = Browser::new();
    let url = go(&app, &mut browser).await;
    let query = provider.authorize(&url, ADA);
    let twice = format!("{query}&state=x");
    let mut other = browser.clone();
    let answer = come_back(&app, &mut other, &twice).await;
    answer.is_problem(400, "invalid-request");
    // Somebody else's browser, with a sign-in of its own or none.
    let mut eve = Browser::new();
    let answer = come_back(&app, &mut eve, &query).await;
    answer.is_problem(401, "sign-in-refused");
    let evil = go(&app, &mut eve).await;
    let answer = come_back(&app, &mut eve, &query).await;
    answer.is_problem(401, "sign-in-refused");
    // Ada's counts, once.
    let kept = browser.clone();
    let answer = come_back(&app, &mut browser, &query).await;
    is_sent_to(&answer, "/");
    browser.get(&app, ME).await.good(200);
    let mut replaying = kept;
    let answer = come_back(&app, &mut replaying, &query).await;
    answer.is_problem(401, "sign-in-refused");
    is_nobody(&app, &mut replaying).await;
    // A code that was exchanged, with a new state.
    let mut browser = Browser::new();
    let used = query.split('&').next().unwrap();
    let next = provider.authorize(&go(&app, &mut browser).await, ADA);
    let fresh = next.split('&').next().unwrap();
    let answer = come_back(&app, &mut browser, &next.replace(fresh, used)).await;
    answer.is_problem(401, "sign-in-refused");
    // A code of another browser: PKCE shows it to the provider.
    let mut browser = Browser::new();
    let stolen = provider.authorize(&evil, ADA);
    let stolen = stolen.split('&').next().unwrap();
    let next = provider.authorize(&go(&app, &mut browser).await, ADA);
    let fresh = next.split('&').next().unwrap();
    let answer = come_back(&app, &mut browser, &next.replace(fresh, stolen)).await;
    answer.is_problem(401, "sign-in-refused");
    // Too late.
    let mut browser = Browser::new();
    let query = provider.authorize(&go(&app, &mut browser).await, ADA);
    app.advance(600);
    let answer = come_back(&app, &mut browser, &query).await;
    answer.is_problem(401, "sign-in-refused");
    for path in ["//evil.example", "https://evil.example", "/%5Cevil.example"] {
        let path = format!("{LOGIN}?return_to={path}");
        let answer = Browser::new().get(&app, &path).await;
        answer.is_problem(400, "invalid-request");
    }
    eventually_rows(
        &app,
        "SELECT FROM audit_log WHERE event = 'login.failed' AND outcome = 'refused'",
    )
    .await;
}

pub(crate) async fn an_account_is_linked_if_both_have_proven_its_address(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    let eve = Person {
        subject: "eve",
        email: Some("eve@example.org"),
        verified: true,
    };
    // Not proven here: whoever registered it would share the account.
    app.register("eve@example.org").await;
    let mut browser = Browser::new();
    let answer = sign_in(&app, &provider, &mut browser, eve).await;
    answer.is_problem(409, "identity-not-linked");
    is_nobody(&app, &mut browser).await;
    // Not proven there.
    verified(&app, "ada@example.org", Role::User).await;
    let claims = Person {
        verified: false,
        ..ADA
    };
    let answer = sign_in(&app, &provider, &mut browser, claims).await;
    answer.is_problem(409, "identity-not-linked");
    let nameless = Person { email: None, ..ADA };
    let answer = sign_in(&app, &provider, &mut browser, nameless).await;
    answer.is_problem(401, "sign-in-refused");
    assert!(app.rows("SELECT FROM user_identities").await.is_empty());
    let shouting = Person {
        email: Some("ADA@Example.org"),
        ..ADA
    };
    is_sent_to(&sign_in(&app, &provider, &mut browser, shouting).await, "/");
    let me = browser.get(&app, ME).await.good(200);
    assert_eq!(me["email"], "ada@example.org");
    app.login("ada@example.org").await;
    let emails = app
        .rows("SELECT FROM outbox WHERE kind = 'identity_linked'")
        .await;
    assert_eq!(emails.len(), 1);
    eventually_rows(
        &app,
        "SELECT FROM audit_log WHERE event = 'identity.linked' AND outcome = 'done'",
    )
    .await;
}

pub(crate) async fn accounts_are_made_as_registration_allows(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    for (mode, kind) in [
        (RegistrationMode::Closed, "registration-closed"),
        (RegistrationMode::Invitation, "invitation-needed"),
    ] {
        let app = app_with(&place, &provider, |config| {
            config.accounts.registration = mode;
        })
        .await;
        let mut browser = Browser::new();
        let answer = sign_in(&app, &provider, &mut browser, ADA).await;
        answer.is_problem(403, kind);
        is_nobody(&app, &mut browser).await;
    }
    let app = app_with(&place, &provider, |config| {
        config.accounts.oidc.allowed_domains = vec!["Example.ORG".to_owned()];
    })
    .await;
    let of = |email: &'static str, verified: bool| Person {
        subject: email,
        email: Some(email),
        verified,
    };
    let mut browser = Browser::new();
    for person in [
        of("eve@evil.example", true),
        of("eve@example.org.evil.example", true),
        of("eve@sub.example.org", true),
        of("eve@example.org", false),
    ] {
        let answer = sign_in(&app, &provider, &mut browser, person).await;
        answer.is_problem(403, "forbidden");
    }
    is_nobody(&app, &mut browser).await;
    assert!(app.rows("SELECT FROM users").await.is_empty());
    is_sent_to(&sign_in(&app, &provider, &mut browser, ADA).await, "/");
    // An address that the provider does not vouch for has to be verified here.
    let open = self::app(&place, &provider).await;
    let mut browser = Browser::new();
    let person = of("bob@example.org", false);
    is_sent_to(&sign_in(&open, &provider, &mut browser, person).await, "/");
    let me = browser.get(&open, ME).await.good(200);
    assert_eq!(me["email_verified"], false);
    let emails = open
        .rows("SELECT FROM outbox WHERE kind = 'verify_email'")
        .await;
    assert_eq!(emails.len(), 1);
}

pub(crate) async fn the_second_factor_is_asked_for_all_the_same(place: Place) {
    let provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    let tokens = verified(&app, "ada@example.org", Role::User).await;
    let proof = json!({"password": PASSWORD});
    let enrol = "/api/v1/auth/two-factor/enrol";
    let enrolment = post(&app, enrol, &tokens.access, proof).await.good(200);
    let secret = enrolment["secret"].as_str().unwrap().to_owned();
    let first = json!({"totp_code": code(&secret, now(&app))});
    post(
        &app,
        "/api/v1/auth/two-factor/confirm",
        &tokens.access,
        first.clone(),
    )
    .await
    .good(200);
    let mut browser = Browser::new();
    let answer = sign_in(&app, &provider, &mut browser, ADA).await;
    is_sent_to(&answer, "/?sign_in=second-factor-required");
    browser.get(&app, ME).await.is_problem(401, "not-signed-in");
    assert_eq!(
        browser.cookies.keys().collect::<Vec<_>>(),
        ["coinsphere-second-factor"]
    );
    assert!(
        app.rows("SELECT FROM user_identities").await.is_empty(),
        "nothing is linked without the code"
    );
    let mut thief = Browser::new();
    app.advance(30);
    let good = json!({"totp_code": code(&secret, now(&app))});
    let answer = thief.post(&app, CODE, Some(good.clone())).await;
    answer.is_problem(401, "sign-in-refused");
    let answer = browser.post(&app, CODE, Some(first)).await;
    answer.is_problem(401, "wrong-code");
    let kept = browser.clone();
    browser.post(&app, CODE, Some(good)).await.good(200);
    assert_eq!(
        browser.cookies.keys().collect::<Vec<_>>(),
        ["coinsphere-session"]
    );
    browser.get(&app, ME).await.good(200);
    assert_eq!(app.rows("SELECT FROM user_identities").await.len(), 1);
    let emails = "SELECT FROM outbox WHERE kind = 'identity_linked'";
    assert_eq!(app.rows(emails).await.len(), 1);
    browser
        .post(&app, "/api/v1/auth/logout", None)
        .await
        .good(204);
    // Done once, and not much later.
    let mut replaying = kept;
    app.advance(30);
    let next = json!({"totp_code": code(&secret, now(&app))});
    let answer = replaying.post(&app, CODE, Some(next.clone())).await;
    answer.is_problem(401, "sign-in-refused");
    let mut late = Browser::new();
    sign_in(&app, &provider, &mut late, ADA).await;
    app.advance(300);
    let answer = late.post(&app, CODE, Some(next)).await;
    answer.is_problem(401, "sign-in-refused");
    let trusting = app_with(&place, &provider, |config| {
        config.accounts.oidc.trust_second_factor = true;
    })
    .await;
    let mut browser = Browser::new();
    let answer = sign_in(&trusting, &provider, &mut browser, ADA).await;
    is_sent_to(&answer, "/");
    browser.get(&trusting, ME).await.good(200);
}

pub(crate) async fn a_provider_that_is_away_hinders_nobody_else(place: Place) {
    let mut provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, &provider).await;
    provider.go_away().await;
    let mut browser = Browser::new();
    let answer = browser.get(&app, LOGIN).await;
    answer.is_problem(503, "identity-provider-unavailable");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    assert!(browser.cookies.is_empty());
    app.register("ada@example.org").await;
    app.login("ada@example.org").await;
    provider.come_back().await;
    // Not asked again at once.
    let answer = browser.get(&app, LOGIN).await;
    answer.is_problem(503, "identity-provider-unavailable");
    app.advance(5);
    let person = Person {
        subject: "bob",
        email: Some("bob@example.org"),
        verified: true,
    };
    let url = go(&app, &mut browser).await;
    let query = provider.authorize(&url, person.clone());
    provider.go_away().await;
    let answer = come_back(&app, &mut browser, &query).await;
    answer.is_problem(503, "identity-provider-unavailable");
    // What is known of the provider is enough to go there.
    go(&app, &mut browser).await;
    provider.come_back().await;
    let answer = sign_in(&app, &provider, &mut browser, person).await;
    is_sent_to(&answer, "/");
    // Without one there is nothing.
    let without = place.app_with(|_| {}).await;
    for path in ["/api/v1/auth/oidc", LOGIN, "/api/v1/auth/oidc/callback"] {
        let answer = Browser::new().get(&without, path).await;
        answer.is_problem(404, "not-found");
    }
}
