//! `GET /api/v1/predictions/{token}/history`

use axum::Json;
use axum::extract::{Path, State};

use super::{Asked, SeriesParams};
use crate::forecasts::PastQuery;
use crate::http::controllers::predictions::views::PastView;
use crate::http::controllers::tokens::find;
use crate::http::extract::cursor::SeriesCursor;
use crate::http::extract::params::{Params, limit};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::page::Page;
use crate::http::respond::problem::Problem;
use crate::http::state::ForecastState;

/// Where in the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct PastParams {
    /// Only forecasts of this version.
    model: Option<String>,
    /// Maximum number of items: 1 to 1000, by default 100.
    limit: Option<u32>,
    /// The `next_cursor` from an answer to the same request.
    cursor: Option<String>,
}

/// Past forecasts of a token for one horizon (by default the shortest) with their outcomes, newest
/// first.
#[utoipa::path(
    get, path = "/api/v1/predictions/{token}/history", tag = "forecasts",
    params(
        ("token" = String, Path, description = "CoinGecko id, or a symbol that only one listed token has", example = "bitcoin"),
        SeriesParams, PastParams
    ),
    responses(
        (status = 200, description = "A page of forecasts", body = Page<PastView>),
        (status = 404, description = "`unknown-token`")
    )
)]
pub(in crate::http) async fn list_past_predictions(
    _: MarketAccess,
    State(state): State<ForecastState>,
    Path(token): Path<String>,
    mut params: Params,
) -> Result<Json<Page<PastView>>, Problem> {
    let asked = Asked::read(&mut params);
    let model = params.take("model", version);
    let limit = params.take("limit", limit(1_000)).unwrap_or(100);
    let before = params.take("cursor", |text| match SeriesCursor::decode(text)? {
        SeriesCursor::To(time) => Ok(time),
        SeriesCursor::From(_) => {
            Err("use a next_cursor from an answer to the same request".to_owned())
        }
    });
    params.finish()?;
    let token = find(&*state.market, &token).await?.id;
    let query = PastQuery {
        token,
        interval: asked.interval,
        horizon: asked.one_horizon(),
        model,
        before,
        // One more than asked for shows whether there is another page.
        limit: limit + 1,
    };
    let mut found = state.forecasts.past(&query).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    Ok(Json(Page {
        next_cursor: last.map(|last| SeriesCursor::To(last.forecast.open_time).encode()),
        data: found
            .iter()
            .map(|stored| PastView::new(asked.interval, stored))
            .collect(),
    }))
}

/// A version's id.
pub(super) fn version(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err("use the id of a model; /api/v1/models lists them".to_owned());
    }
    Ok(text.to_owned())
}
