//! `POST /api/v1/alerts/preview`

use axum::extract::State;

use super::views::{AlertBody, PreviewView};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;
use crate::user_alerts::AlertRequest;

/// Says when an alert would have fired over the last 30 days. Nothing is saved.
#[utoipa::path(
    post, path = "/api/v1/alerts/preview", tag = "alerts",
    request_body = AlertBody,
    responses(
        (status = 200, description = "When it would have fired", body = PreviewView)
    )
)]
pub(in crate::http) async fn preview_alert(
    State(state): State<AlertState>,
    _: Principal,
    params: Params,
    JsonBody(body): JsonBody<AlertBody>,
) -> Result<NoStore<PreviewView>, Problem> {
    params.finish()?;
    let request = AlertRequest::from(body);
    let rule = state.alerts.check(&request, None).await?;
    Ok(NoStore(state.alerts.preview(&rule).await?.into()))
}
