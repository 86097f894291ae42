//! `GET /health`: readiness, with the state of each part.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::middleware::layers::OwnBody;
use crate::http::state::OperationState;
use crate::telemetry::ServiceHealth;

/// The state of every part.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Readiness<'a> {
    /// `ok` if every part that should run does, else `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// The parts, by name.
    services: &'a BTreeMap<String, ServiceHealth>,
}

/// Readiness: whether requests should be sent here, and the status of each part. It is always fast,
/// because it asks no part: the parts report by themselves.
#[utoipa::path(
    get, path = "/health", tag = "operation",
    responses(
        (status = 200, description = "Every part that should run does", body = Readiness),
        (status = 503, description = "A part does not run, or not yet", body = Readiness)
    )
)]
pub(in crate::http) async fn show_health(State(state): State<OperationState>) -> Response {
    let report = state.health.report();
    let (code, status) = if report.is_ready() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    let body = Json(Readiness {
        status,
        timestamp: state.clock.now(),
        services: &report.services,
    });
    let mut response = (code, body).into_response();
    response.extensions_mut().insert(OwnBody);
    response
}
