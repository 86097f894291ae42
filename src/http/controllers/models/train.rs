//! `POST /api/v1/models/train`

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::QueuedView;
use crate::http::client_address::ClientAddress;
use crate::http::controllers::predictions::forecast_interval;
use crate::http::controllers::tokens::find;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::params::Params;
use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::http::state::ForecastState;

/// The models to train.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrainRequest)]
pub(in crate::http) struct TrainBody {
    /// CoinGecko id, or a symbol that only one listed token has; all forecast tokens by default.
    #[schema(example = "bitcoin")]
    token: Option<String>,
    /// `1h` or `1d`; both by default.
    #[schema(example = "1h")]
    interval: Option<String>,
}

/// Queues trainings, which run one after another in the background. A new version serves only if it
/// beats the one that serves now. Repeating the request changes nothing. For administrators.
#[utoipa::path(
    post, path = "/api/v1/models/train", tag = "forecasts",
    request_body(content = Option<TrainBody>, description = "Without a body, all models are trained"),
    responses(
        (status = 202, description = "The trainings are queued; `/health` shows their progress", body = QueuedView),
        (status = 400, description = "`invalid-request`: `errors` names each field"),
        (status = 404, description = "`unknown-token`, `no-forecast`")
    )
)]
pub(in crate::http) async fn train_models(
    admin: AdminOrServerToken,
    State(state): State<ForecastState>,
    from: ClientAddress,
    params: Params,
    body: Bytes,
) -> Result<(StatusCode, Json<QueuedView>), Problem> {
    params.finish()?;
    let wrong = |field: &str, detail: String| {
        Problem::invalid(vec![FieldError {
            field: field.to_owned(),
            detail,
        }])
    };
    let asked: TrainBody = match body.is_empty() {
        true => TrainBody::default(),
        false => serde_json::from_slice(&body).map_err(|error| wrong("body", error.to_string()))?,
    };
    let interval = match &asked.interval {
        None => None,
        Some(text) => Some(forecast_interval(text).map_err(|allowed| {
            let shown: String = text.chars().take(60).collect();
            wrong("interval", format!("cannot be {shown:?}: {allowed}"))
        })?),
    };
    let token = match &asked.token {
        None => None,
        Some(token) => Some(find(&*state.market, token).await?.id),
    };
    let queued = state
        .forecasts
        .train(token.as_ref(), interval, admin.user)
        .await?;
    let queued = queued.ok_or_else(|| {
        Problem::new(Kind::Unavailable)
            .with_detail("this process trains nothing: ask one with the role forecasts")
    })?;
    if queued.is_empty() {
        return Err(Problem::new(Kind::NoForecast)
            .with_detail("this token is not forecast; forecasts.tokens lists what is"));
    }
    let act = admin.act("model.training_asked", true, from, queued.join(" "));
    state.admin_audit.note(act);
    Ok((StatusCode::ACCEPTED, Json(QueuedView { queued })))
}
