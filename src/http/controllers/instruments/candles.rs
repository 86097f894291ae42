//! `GET /api/v1/instruments/{venue}/{symbol}/candles`

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use coinsphere_pipelines::market::{CandleRow, Timestamp};
use futures_util::{StreamExt as _, stream};

use super::find::instrument;
use super::views::CandleSeriesView;
use crate::http::extract::params::Params;
use crate::http::extract::series::{SeriesParams, series_request};
use crate::http::middleware::identity::MarketAccess;
use crate::http::respond::problem::Problem;
use crate::http::state::MarketState;
use crate::market::series::{self, MAX_CANDLES, SeriesRequest};
use crate::market::{Instrument, ReadError};

/// What candles are answered as.
enum Format {
    Json,
    Csv,
}

/// The candles of an instrument.
#[utoipa::path(
    get, path = "/api/v1/instruments/{venue}/{symbol}/candles", tag = "market",
    params(
        ("venue" = String, Path, description = "The venue", example = "kraken"),
        ("symbol" = String, Path, description = "The venue's own symbol; write a slash as `%2F` or `-`", example = "BTC-USD"),
        SeriesParams,
        ("format" = Option<String>, Query, description = "`json` (by default); or `csv`: every closed candle from `from`, or of the `range`, in one answer of any length, without coverage. Not with `limit` and `cursor`")
    ),
    responses(
        (status = 200, description = "The candles, ascending", content(
            (CandleSeriesView = "application/json"),
            (String = "text/csv")
        )),
        (status = 404, description = "`unknown-venue`, `unknown-instrument`")
    )
)]
pub(in crate::http) async fn list_candles(
    State(state): State<MarketState>,
    _: MarketAccess,
    Path((venue, symbol)): Path<(String, String)>,
    mut params: Params,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    let is_paged = params.has("limit") || params.has("cursor");
    let request = series_request(&mut params, now);
    let format = params.take("format", |text| match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        _ => Err("use json or csv".to_owned()),
    });
    let format = format.unwrap_or(Format::Json);
    if matches!(format, Format::Csv) && (is_paged || request.from.is_none()) {
        params.refuse(
            "format",
            "csv needs from or range, and takes no limit or cursor",
        );
    }
    params.finish()?;
    let instrument = instrument(&state, &venue, &symbol).await?;
    if matches!(format, Format::Csv) {
        return csv(state, instrument, request, now).await;
    }
    let page = series::read(&*state.market, &state.hub, now, &instrument, None, &request).await?;
    let body = CandleSeriesView::new(page, &instrument, request.interval);
    Ok(Json(body).into_response())
}

/// Candles as a CSV file that is read while it is sent, a page at a time.
async fn csv(
    state: MarketState,
    instrument: Instrument,
    request: SeriesRequest,
    now: Timestamp,
) -> Result<Response, Problem> {
    let name = format!(
        "{}-{}-{}.csv",
        instrument.key.venue, instrument.key.symbol, request.interval
    );
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let mut pages = Pages {
        request: SeriesRequest {
            limit: MAX_CANDLES,
            ..request
        },
        state,
        instrument,
        now,
    };
    // What is wrong with the first page is still an answer of its own.
    let header = format!("{}\n", CandleRow::COLUMNS.join(","));
    let first = header + &pages.next().await?.unwrap_or_default();
    let rest = stream::try_unfold(pages, |mut pages| async move {
        let rows = pages.next().await?;
        Ok::<_, ReadError>(rows.map(|rows| (Bytes::from(rows), pages)))
    });
    let first = stream::iter([Ok(Bytes::from(first))]);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(first.chain(rest))).into_response())
}

/// The pages of a series, as rows of a CSV file.
struct Pages {
    state: MarketState,
    instrument: Instrument,
    /// Without `from` there is nothing left.
    request: SeriesRequest,
    now: Timestamp,
}

impl Pages {
    /// The rows of the next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<String>, ReadError> {
        if self.request.from.is_none() {
            return Ok(None);
        }
        let (market, hub) = (&*self.state.market, &self.state.hub);
        let (instrument, request) = (&self.instrument, &self.request);
        let page = series::read(market, hub, self.now, instrument, None, request).await?;
        self.request.from = page.next;
        let mut rows = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        let failed = |error: &dyn std::fmt::Display| ReadError::Failed(error.to_string());
        // The open candle is still changing.
        for row in page.candles.iter().filter(|row| !row.open) {
            let row = CandleRow {
                instrument: &self.instrument.key,
                candle: &row.candle,
            };
            rows.serialize(row).map_err(|error| failed(&error))?;
        }
        let rows = rows.into_inner().map_err(|error| failed(&error))?;
        // What is written are numbers, times and names.
        let text = String::from_utf8(rows).map_err(|error| failed(&error))?;
        Ok(Some(text))
    }
}
