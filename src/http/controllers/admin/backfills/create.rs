//! `POST /api/v1/admin/backfills`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use coinsphere_pipelines::market::{Interval, Symbol, Timestamp};
use coinsphere_pipelines::venues;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::client_address::ClientAddress;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::{Params, time, venue};
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::http::state::JobsState;
use crate::jobs::{Enqueued, JobView};
use crate::market::BackfillOrder;

/// The most instruments of one backfill.
const MOST_INSTRUMENTS: usize = 500;

/// The history to load.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NewBackfill)]
pub(in crate::http) struct BackfillBody {
    /// The venue.
    #[schema(example = "binance", pattern = "^(binance|coinbase|kraken)$")]
    venue: String,
    /// The venue's own symbols: 1 to 500.
    #[schema(example = json!(["BTCUSDT"]), min_items = 1, max_items = 500)]
    instruments: Vec<String>,
    /// The length of a candle: `1m` by default. Longer candles are made of minutes.
    #[schema(example = "1m", pattern = "^(1m|5m|15m|1h|4h|1d)$")]
    interval: Option<String>,
    /// From when, RFC 3339, inclusive.
    #[schema(example = "2024-01-01T00:00:00Z", format = DateTime)]
    from: String,
    /// Until when, RFC 3339, exclusive; now by default.
    #[schema(format = DateTime)]
    to: Option<String>,
}

/// Loads history of a venue's instruments in the background. What is proven already is not loaded again, so
/// repeating it changes nothing. The job shows its progress and can be cancelled: what was loaded before stays.
/// For administrators.
#[utoipa::path(
    post, path = "/api/v1/admin/backfills", tag = "administration",
    request_body = BackfillBody,
    responses(
        (status = 202, description = "The job, or the unfinished one of the same history", body = JobView),
        (status = 400, description = "`invalid-request`: `errors` names each field")
    )
)]
pub(in crate::http) async fn create_backfill(
    admin: AdminOrServerToken,
    State(state): State<JobsState>,
    from: ClientAddress,
    params: Params,
    JsonBody(body): JsonBody<BackfillBody>,
) -> Result<Response, Problem> {
    params.finish()?;
    let order = body.read(state.jobs.time())?;
    let id = match state.jobs.enqueue(&order.job(admin.user)).await? {
        Enqueued::Added(id) | Enqueued::Unfinished(id) => id,
    };
    let job = state.jobs.show(id).await?;
    let job = job.ok_or_else(|| Problem::new(Kind::Unavailable))?;
    let act = admin.act("job.backfill_asked", true, from, id.to_string());
    state.admin_audit.note(act);
    Ok((StatusCode::ACCEPTED, NoStore(job)).into_response())
}

impl BackfillBody {
    /// The order, or what is wrong with each field.
    fn read(self, now: Timestamp) -> Result<BackfillOrder, Problem> {
        let mut errors = Vec::new();
        let mut wrong = |field: String, detail: String| errors.push(FieldError { field, detail });
        let of_venue = venue(&self.venue).map_err(|error| wrong("venue".to_owned(), error));
        let interval = self.interval.as_deref().unwrap_or("1m").parse::<Interval>();
        let allowed = "use one of 1m, 5m, 15m, 1h, 4h, 1d";
        let interval = interval.map_err(|_| wrong("interval".to_owned(), allowed.to_owned()));
        let begin = time(&self.from).map_err(|error| wrong("from".to_owned(), error));
        let end = match &self.to {
            None => Ok(now),
            Some(text) => time(text).map_err(|error| wrong("to".to_owned(), error)),
        };
        if let (Ok(begin), Ok(end)) = (begin, end)
            && begin >= end
        {
            wrong("to".to_owned(), "must be later than from".to_owned());
        }
        if !(1..=MOST_INSTRUMENTS).contains(&self.instruments.len()) {
            let detail = format!("name 1 to {MOST_INSTRUMENTS} of them");
            wrong("instruments".to_owned(), detail);
        }
        let mut instruments: Vec<Symbol> = Vec::new();
        for (place, text) in self.instruments.iter().take(MOST_INSTRUMENTS).enumerate() {
            let read = Symbol::new(text).map_err(|error| error.to_string());
            let spelled = read.and_then(|symbol| {
                let protocol = of_venue
                    .ok()
                    .and_then(|venue| venues::protocol(venue.name()));
                protocol.map_or(Ok(symbol.clone()), |protocol| {
                    protocol
                        .spelling(&symbol)
                        .map_err(|error| error.to_string())
                })
            });
            match spelled {
                Ok(symbol) if !instruments.contains(&symbol) => instruments.push(symbol),
                Ok(_) => {}
                Err(error) => wrong(format!("instruments[{place}]"), error),
            }
        }
        match (of_venue, interval, begin, end) {
            (Ok(venue), Ok(interval), Ok(from), Ok(to)) if errors.is_empty() => Ok(BackfillOrder {
                venue,
                instruments,
                interval,
                from,
                to,
            }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}
