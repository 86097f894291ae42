//! `POST /api/v1/models/{id}/promote`

use axum::Json;
use axum::extract::{Path, State};

use super::views::ModelView;
use super::{shortened, unknown};
use crate::forecasts::PromoteError;
use crate::http::client_address::ClientAddress;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::params::Params;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::ForecastState;

/// Makes a version serve, from the next candle at the latest; name an earlier version to roll back.
/// Repeating the request changes nothing. For administrators.
#[utoipa::path(
    post, path = "/api/v1/models/{id}/promote", tag = "forecasts",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "The version serves", body = ModelView),
        (status = 404, description = "`unknown-model`"),
        (status = 409, description = "`unusable-model`: the version is broken; the previous one keeps serving")
    )
)]
pub(in crate::http) async fn promote_model(
    admin: AdminOrServerToken,
    State(state): State<ForecastState>,
    from: ClientAddress,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<ModelView>, Problem> {
    params.finish()?;
    let outcome = state.forecasts.promote(&id).await;
    let act = admin.act("model.promoted", outcome.is_ok(), from, shortened(&id));
    state.admin_audit.note(act);
    match outcome {
        Ok(version) => Ok(Json(ModelView::from(&version))),
        Err(PromoteError::Unknown) => Err(unknown(&id)),
        Err(PromoteError::Unusable(why)) => {
            tracing::warn!(id, why, "a model was not promoted");
            Err(Problem::new(Kind::UnusableModel).with_detail(
                "its files are not as they were written, or of another version of this program; what served goes on serving",
            ))
        }
        Err(PromoteError::Failed(error)) => Err(error.into()),
    }
}
