//! `GET /api/v1/predictions/{token}/track-record`

use axum::Json;
use axum::extract::{Path, State};

use super::history::version;
use super::{Asked, SeriesParams};
use crate::forecasts::PastQuery;
use crate::http::controllers::predictions::views::{
    ScoreView, TrackRecordView, horizon_of, statement,
};
use crate::http::controllers::tokens::find;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::ForecastState;

/// The newest realised forecasts that count.
const MOST: usize = 2_000;

/// Which version.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct TrackParams {
    /// Only forecasts of this version; by default, of all that served.
    model: Option<String>,
}

/// The track record of a token's forecasts for one horizon (by default the shortest), from the
/// newest 2000 forecasts that were made before their outcome was known.
#[utoipa::path(
    get, path = "/api/v1/predictions/{token}/track-record", tag = "forecasts",
    params(
        ("token" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin"),
        SeriesParams, TrackParams
    ),
    responses(
        (status = 200, description = "The track record", body = TrackRecordView),
        (status = 404, description = "`unknown-token`")
    )
)]
pub(in crate::http) async fn show_track_record(
    _: MarketAccess,
    State(state): State<ForecastState>,
    Path(token): Path<String>,
    mut params: Params,
) -> Result<Json<TrackRecordView>, Problem> {
    let asked = Asked::read(&mut params);
    let model = params.take("model", version);
    params.finish()?;
    let token = find(&*state.market, &token).await?.id;
    let query = PastQuery {
        token,
        interval: asked.interval,
        horizon: asked.one_horizon(),
        model,
        before: None,
        limit: MOST,
    };
    let skill = state.forecasts.track_record(&query).await?;
    Ok(Json(TrackRecordView {
        token: query.token.to_string(),
        interval: query.interval.name(),
        horizon: horizon_of(query.interval, query.horizon),
        model: query.model,
        has_skill: skill.is_some_and(|skill| skill.has_skill),
        statement: statement(skill.as_ref()),
        score: skill.as_ref().map(ScoreView::from),
    }))
}
