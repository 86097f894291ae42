//! `/health`, `/health/live` and `/metrics`.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::*;

#[tokio::test]
async fn ready_with_the_state_of_each_part() {
    let app = App::new();
    let mut report = HealthReport::default();
    report.set(
        "event_log",
        ServiceHealth::new(ServiceStatus::Ok).with_state(&json!({"bytes": 12})),
    );
    report.set(
        "database",
        ServiceHealth::new(ServiceStatus::Degraded).with_message("plain PostgreSQL"),
    );
    report.set("feed_kraken", ServiceHealth::new(ServiceStatus::Off));
    app.health.send_replace(Arc::new(report));
    app.get("/health").await.is(
        200,
        json!({
            "status": "ok",
            "timestamp": "2024-08-09T00:00:30Z",
            "services": {
                "database": {"status": "degraded", "message": "plain PostgreSQL"},
                "event_log": {"status": "ok", "state": {"bytes": 12}},
                "feed_kraken": {"status": "off"},
            }
        }),
    );
}

#[tokio::test]
async fn not_ready_before_anything_runs_or_when_a_part_is_down() {
    let app = App::new();
    app.health.send_replace(Arc::default());
    let body = json!({"status": "unavailable", "timestamp": NOW, "services": {}});
    app.get("/health").await.is(503, body);
    for (status, name) in [
        (ServiceStatus::Starting, "starting"),
        (ServiceStatus::Down, "down"),
    ] {
        let mut report = HealthReport::default();
        report.set("database", ServiceHealth::new(status));
        app.health.send_replace(Arc::new(report));
        let services = json!({"database": {"status": name}});
        let body = json!({"status": "unavailable", "timestamp": NOW, "services": services});
        app.get("/health").await.is(503, body);
    }
    app.get("/health/live")
        .await
        .is(200, json!({"status": "ok"}));
}

#[tokio::test]
async fn health_needs_no_database() {
    let app = App::new();
    app.market.hanging.store(true, Ordering::SeqCst);
    app.market.panicking.store(true, Ordering::SeqCst);
    assert_eq!(app.get("/health").await.status, 200);
}

#[tokio::test]
async fn metrics_are_prometheus_text_with_the_routes_as_labels() {
    let recorder = recorder().unwrap().build_recorder();
    let mut app = App::new();
    app.state.metrics = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    app.get("/api/v1/tokens/bitcoin").await;
    app.get("/nowhere/at/all").await;
    let answer = app.get("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in [
        r#"coinsphere_http_requests_total{method="GET",route="/api/v1/tokens/{id}",status="200"} 1"#,
        r#"coinsphere_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"coinsphere_http_request_duration_seconds_bucket{method="GET",route="/api/v1/tokens/{id}",le="0.0005"}"#,
    ] {
        assert!(answer.body.contains(line), "no {line} in:\n{}", answer.body);
    }
}
