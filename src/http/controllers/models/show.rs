//! `GET /api/v1/models/{id}`

use axum::Json;
use axum::extract::{Path, State};

use super::unknown;
use crate::http::controllers::predictions::views::ModelDetailBody;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketReader;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// A version with its card: architecture, features, training span, evaluation and verdict.
#[utoipa::path(
    get, path = "/api/v1/models/{id}", tag = "forecasts",
    params(("id" = String, Path, description = "The version")),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The version", body = ModelDetailBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`: market data is not public here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-model`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    _: MarketReader,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<ModelDetailBody>, Problem> {
    params.finish()?;
    let found = state.forecasts.model(&id).await?;
    found
        .map(|version| Json(ModelDetailBody::from(&version)))
        .ok_or_else(|| unknown(&id))
}
