//! `GET /api/v1/instruments`

use axum::Json;
use axum::extract::State;
use coinsphere_pipelines::market::AssetId;

use super::views::InstrumentView;
use crate::http::extract::cursor::{decode_name, encode_name};
use crate::http::extract::params::{Params, limit, venue};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::page::Page;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;
use crate::market::InstrumentFilter;

/// Which instruments.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what the handler reads; a test compares the two"
)]
pub(in crate::http) struct FilterParams {
    /// Only instruments of this venue: `binance`, `coinbase` or `kraken`.
    #[param(pattern = "^(binance|coinbase|kraken)$")]
    venue: Option<String>,
    /// Only instruments that trade the token with this CoinGecko id.
    #[param(pattern = "^[a-z0-9._-]{1,128}$")]
    token: Option<String>,
    /// Maximum number of items: 1 to 500, by default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next_cursor` from an answer to the same request.
    cursor: Option<String>,
}

/// Lists instruments, by venue and symbol.
#[utoipa::path(
    get, path = "/api/v1/instruments", tag = "market", params(FilterParams),
    responses(
        (status = 200, description = "A page of instruments", body = Page<InstrumentView>)
    )
)]
pub(in crate::http) async fn list_instruments(
    State(state): State<MarketState>,
    _: MarketAccess,
    mut params: Params,
) -> Result<Json<Page<InstrumentView>>, Problem> {
    let filter = InstrumentFilter {
        venue: params.take("venue", venue),
        token: params.take("token", |text| {
            AssetId::new(text).map_err(|_| "use a CoinGecko id, e.g. bitcoin".to_owned())
        }),
    };
    let limit = params.take("limit", limit(500)).unwrap_or(100);
    let after = params.take("cursor", decode_name);
    params.finish()?;
    // One more than asked for shows whether there is another page.
    let mut found = state
        .market
        .instruments(&filter, after.as_deref(), limit + 1)
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    Ok(Json(Page {
        next_cursor: last.map(|instrument| encode_name(&instrument.key.to_string())),
        data: found.iter().map(Into::into).collect(),
    }))
}
