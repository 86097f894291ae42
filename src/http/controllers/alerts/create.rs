//! `POST /api/v1/alerts`

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::{AlertBody, AlertView, PreviewView};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// The alert, and when it would have fired.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedAlert)]
pub(in crate::http) struct CreatedView {
    #[serde(flatten)]
    alert: AlertView,
    /// When it would have fired over the last 30 days; null if that cannot be said now.
    preview: Option<PreviewView>,
}

/// Creates an alert. Every trade after the answer is judged by it.
#[utoipa::path(
    post, path = "/api/v1/alerts", tag = "alerts",
    request_body = AlertBody,
    responses(
        (status = 201, description = "The alert, armed", body = CreatedView),
        (status = 409, description = "`conflict`: there are as many alerts as one may have"),
        (status = 503, description = "`unavailable`: alerts are not evaluated at the moment; nothing was created")
    )
)]
pub(in crate::http) async fn create_alert(
    State(state): State<AlertState>,
    principal: Principal,
    params: Params,
    JsonBody(body): JsonBody<AlertBody>,
) -> Result<(StatusCode, NoStore<CreatedView>), Problem> {
    params.finish()?;
    let made = state.alerts.create(principal.user.0, body.into()).await?;
    let preview = match state.alerts.preview(&made.rule).await {
        Ok(preview) => Some(preview.into()),
        Err(error) => {
            tracing::warn!(%error, "cannot preview an alert");
            None
        }
    };
    let alert = made.into();
    Ok((StatusCode::CREATED, NoStore(CreatedView { alert, preview })))
}
