//! `GET /api/v1/models`

use axum::Json;
use axum::extract::State;

use super::views::ModelView;
use crate::http::controllers::predictions::forecast_interval;
use crate::http::controllers::tokens::find;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::page::Page;
use crate::http::respond::problem::Problem;
use crate::http::state::ForecastState;

/// Which models.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct ModelParams {
    /// Only models of this token: CoinGecko id, or a symbol that only one listed token has.
    token: Option<String>,
    /// Only models of candles of this length: `1h` or `1d`.
    interval: Option<String>,
}

/// Lists the versions of all models, newest first within a token and interval.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "forecasts", params(ModelParams),
    responses(
        (status = 200, description = "The versions; there is always one page", body = Page<ModelView>),
        (status = 404, description = "`unknown-token`")
    )
)]
pub(in crate::http) async fn list_models(
    _: MarketAccess,
    State(state): State<ForecastState>,
    mut params: Params,
) -> Result<Json<Page<ModelView>>, Problem> {
    let token = params.take("token", |text| Ok(text.to_owned()));
    let interval = params.take("interval", forecast_interval);
    params.finish()?;
    let token = match token {
        None => None,
        Some(token) => Some(find(&*state.market, &token).await?.id),
    };
    let mut models = state.forecasts.models().await?;
    models.retain(|model| {
        token
            .as_ref()
            .is_none_or(|token| token.as_str() == model.token)
            && interval.is_none_or(|interval| interval == model.interval)
    });
    Ok(Json(Page {
        data: models.iter().map(ModelView::from).collect(),
        next_cursor: None,
    }))
}
