//! `GET /health/live`: the process answers.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Liveness {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Liveness: restart the process if it does not answer. It says nothing about the parts.
#[utoipa::path(
    get, path = "/health/live", tag = "operation",
    responses((status = 200, description = "The process answers", body = Liveness))
)]
pub(in crate::http) async fn show_liveness() -> Json<Liveness> {
    Json(Liveness { status: "ok" })
}
