//! `GET /metrics`: for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::http::state::OperationState;

/// All metrics in Prometheus' text format; `docs/metrics.md` describes them.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"))
)]
pub(in crate::http) async fn show_metrics(State(state): State<OperationState>) -> Response {
    // What the report is made of are metrics too: they are as new as it.
    let _ = state.health.report();
    let media = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, media)], state.metrics.render()).into_response()
}
