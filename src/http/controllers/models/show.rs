//! `GET /api/v1/models/{id}`

use axum::Json;
use axum::extract::{Path, State};

use super::unknown;
use super::views::ModelDetailView;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::ForecastState;

/// A version with its card: architecture, features, training span, evaluation and verdict.
#[utoipa::path(
    get, path = "/api/v1/models/{id}", tag = "forecasts",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "The version", body = ModelDetailView),
        (status = 404, description = "`unknown-model`")
    )
)]
pub(in crate::http) async fn show_model(
    _: MarketAccess,
    State(state): State<ForecastState>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<ModelDetailView>, Problem> {
    params.finish()?;
    let found = state.forecasts.model(&id).await?;
    found
        .map(|version| Json(ModelDetailView::from(&version)))
        .ok_or_else(|| unknown(&id))
}
