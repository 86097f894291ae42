//! An identity provider that takes connections and never answers: signing in by it ends soon, and
//! whoever signs in otherwise does not notice.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::header;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::app::{App, Place, eventually};
use super::browser::Browser;
use super::identity_provider::{CLIENT, IdentityProvider, Person, SECRET};

const LOGIN: &str = "/api/v1/auth/oidc/login";

/// Time to wait for the provider, three seconds, on a machine that does other things too; less than
/// a request may take, after which the answer would be another one.
const SOON: Duration = Duration::from_secs(9);

/// More than the database has connections for.
const MANY: usize = 12;

/// Takes connections, keeps them, and says nothing.
struct Silent {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Silent {
    async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<AtomicUsize> = Arc::default();
        let count = heard.clone();
        let task = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                kept.push(socket);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    async fn is_asked(&self) {
        eventually("it is asked", || self.heard.load(Ordering::SeqCst) > 0).await;
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn app(place: &Place, issuer: String) -> Arc<App> {
    let app = place.app_with(|config| {
        config.accounts.oidc.issuer = Some(issuer);
        config.accounts.oidc.client_id = Some(CLIENT.to_owned());
        config.accounts.oidc.client_secret = Some(SECRET.into());
    });
    Arc::new(app.await)
}

/// Signs in with the password while all of these wait for the provider; then they are answered, soon
/// and together, not one after the other.
async fn others_sign_in_meanwhile(app: &App, silent: &Silent, mut waiting: JoinSet<()>) {
    silent.is_asked().await;
    app.login("ada@example.org").await;
    assert!(waiting.try_join_next().is_none(), "nobody was answered yet");
    let answered = timeout(SOON, async {
        while let Some(ended) = waiting.join_next().await {
            ended.unwrap();
        }
    });
    answered.await.expect("all are answered soon");
}

pub(crate) async fn a_provider_that_never_answers_hinders_nobody_else(place: Place) {
    let silent = Silent::at("127.0.0.1:0").await;
    let app = app(&place, format!("http://{}", silent.address)).await;
    app.register("ada@example.org").await;
    let mut waiting = JoinSet::new();
    for _ in 0..MANY {
        let app = app.clone();
        waiting.spawn(async move {
            let mut browser = Browser::new();
            let answer = browser.get(&app, LOGIN).await;
            answer.is_problem(503, "identity-provider-unavailable");
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
            assert!(browser.cookies.is_empty());
        });
    }
    others_sign_in_meanwhile(&app, &silent, waiting).await;
    assert_eq!(silent.heard.load(Ordering::SeqCst), 1, "asked once");
}

pub(crate) async fn a_code_that_is_never_exchanged_hinders_nobody_else(place: Place) {
    let mut provider = IdentityProvider::start(&place.clock).await;
    let app = app(&place, provider.issuer.clone()).await;
    app.register("ada@example.org").await;
    let mut browsers = Vec::new();
    for _ in 0..MANY {
        let mut browser = Browser::new();
        let answer = browser.get(&app, LOGIN).await;
        let url = answer.headers[header::LOCATION].to_str().unwrap();
        let person = Person {
            subject: "bob",
            email: Some("bob@example.org"),
            verified: true,
        };
        browsers.push((browser, provider.authorize(url, person)));
    }
    provider.go_away().await;
    let address = provider.issuer.strip_prefix("http://").unwrap();
    let silent = Silent::at(address).await;
    let mut waiting = JoinSet::new();
    for (mut browser, query) in browsers {
        let app = app.clone();
        waiting.spawn(async move {
            let path = format!("/api/v1/auth/oidc/callback?{query}");
            let answer = browser.get(&app, &path).await;
            answer.is_problem(503, "identity-provider-unavailable");
        });
    }
    others_sign_in_meanwhile(&app, &silent, waiting).await;
    let users = "SELECT FROM users WHERE email_key = 'bob@example.org'";
    assert!(app.rows(users).await.is_empty());
}
