//! The dashboard's page and files.

use axum::body::Body;
use axum::http::Request;

use super::{Answer, App};

impl App {
    /// A browser's request for a page.
    async fn browse(&self, path: &str) -> Answer {
        let request =
            Request::get(path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn the_page_runs_its_own_scripts_only_and_is_asked_about_each_time() {
    let app = App::new();
    for answer in [app.get("/").await, app.browse("/").await] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert!(answer.body.contains("<title>Coinsphere"));
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(policy.contains("style-src 'self';"), "{policy}");
        assert!(policy.ends_with("trusted-types worker"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!answer.body.contains("style="), "no inline styles");
        let known = Request::get("/").header("if-none-match", answer.header("etag"));
        let again = app.send(known.body(Body::empty()).unwrap()).await;
        assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""));
    }
}

#[tokio::test]
async fn client_side_routes_are_the_page_and_the_api_is_not() {
    let app = App::new();
    let page = app.get("/").await.body;
    for path in [
        "/tokens/bitcoin",
        "/portfolios",
        "/sign-in?return_to=%2F",
        "/apis",
    ] {
        let answer = app.browse(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body, page, "{path}");
        // A program that mistypes an address learns so.
        app.get(path).await.is_problem(404, "not-found");
    }
    for path in [
        "/api",
        "/api/v1/nothing",
        "/health/nothing",
        "/assets/nothing.js",
        "/.well-known/x",
    ] {
        app.browse(path).await.is_problem(404, "not-found");
    }
    app.browse("/api/v1/alerts")
        .await
        .is_problem(401, "not-signed-in");
    assert!(app.browse("/docs/").await.body.contains("swagger-ui"));
    let posted = Request::post("/tokens/bitcoin").header("accept", "text/html");
    let refused = app.send(posted.body(Body::empty()).unwrap()).await;
    refused.is_problem(404, "not-found");
}

#[tokio::test]
async fn every_file_is_served_as_it_was_built_and_hashed_ones_are_kept() {
    let app = App::new();
    for file in coinsphere_dashboard::files() {
        if file.path() == "index.html" {
            continue;
        }
        let path = format!("/{}", file.path());
        let request = Request::head(&path).header("accept-encoding", "gzip, br");
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: has no route");
        assert_eq!(answer.header("content-type"), file.media_type(), "{path}");
        let immutable = answer.header("cache-control").contains("immutable");
        assert_eq!(immutable, path.starts_with("/assets/"), "{path}");
        if let Some(encoding) = file.variant("gzip, br").encoding {
            assert_eq!(answer.header("content-encoding"), encoding, "{path}");
        }
    }
}

#[tokio::test]
async fn pages_and_files_are_not_counted() {
    let config = crate::config::Config::with_data_dir("nowhere".into());
    let app = App::with(config.stream.push_limits(), |config| {
        config.limits.anonymous = 1
    });
    for _ in 0..3 {
        for path in ["/", "/portfolios"] {
            let answer = app.browse(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.headers.contains_key("ratelimit-limit"), "{path}");
        }
    }
    // What is no page counts as ever.
    assert_eq!(app.get("/portfolios").await.status, 404);
    assert_eq!(app.get("/portfolios").await.status, 429);
}

#[tokio::test]
async fn a_browser_that_opens_a_link_of_an_email_is_sent_to_its_page() {
    let app = App::new();
    let link = "/api/v1/auth/verify-email/T0k-en_";
    let opened = app.browse(link).await;
    let asked = app.get(link).await;
    // What is no code is not put into an address.
    let odd = app.browse("/api/v1/auth/verify-email/a%2F..%2Fb").await;
    assert_ne!(asked.status, 303);
    assert_ne!(odd.status, 303);
    if coinsphere_dashboard::is_built() {
        assert_eq!(opened.status, 303);
        assert_eq!(opened.header("location"), "/verify-email/T0k-en_");
        assert_eq!(opened.header("cache-control"), "no-store");
    } else {
        assert_ne!(opened.status, 303);
    }
}
