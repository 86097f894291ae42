//! Backfills that administrators ask for, as durable jobs: one that was asked for is done though the program stops
//! before. Each part is proven with its candles, so that another attempt goes on where the last one was.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coinsphere_pipelines::backfill::{HistoryBackfill, HistoryRequest};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::{InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::StoreSource;
use coinsphere_pipelines::venues::{self, RestClient};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::VenueSettings;
use crate::jobs::{ClaimedJob, JobContext, JobFailure, JobHandler, NewJob};

/// The kind of these jobs.
const KIND: &str = "market.backfill";

/// The number of times a backfill is begun: again where the program stopped in it or the venue was away.
const ATTEMPTS: u16 = 20;

/// Which history is to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackfillOrder {
    pub(crate) venue: Venue,
    pub(crate) instruments: Vec<Symbol>,
    pub(crate) interval: Interval,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// The same in the table of jobs.
#[derive(Debug, Serialize, Deserialize)]
struct Arguments {
    venue: String,
    instruments: Vec<String>,
    interval: String,
    from: String,
    to: String,
}

impl BackfillOrder {
    /// The job that loads it. While one of the same order is unfinished, there is no second.
    pub(crate) fn job(&self, requested_by: Option<Uuid>) -> NewJob {
        let arguments = Arguments {
            venue: self.venue.to_string(),
            instruments: self.instruments.iter().map(ToString::to_string).collect(),
            interval: self.interval.to_string(),
            from: self.from.to_string(),
            to: self.to.to_string(),
        };
        let arguments = json!(arguments);
        NewJob {
            kind: KIND,
            deduplication_key: Some(arguments.to_string()),
            arguments,
            priority: 0,
            requested_by,
            max_attempts: ATTEMPTS,
        }
    }

    /// The order in a job's arguments.
    fn of(job: &ClaimedJob) -> Option<Self> {
        let given: Arguments = serde_json::from_value(job.arguments.clone()).ok()?;
        let symbols = given.instruments.iter().map(|text| Symbol::new(text).ok());
        Some(Self {
            venue: venues::named(&given.venue)?,
            instruments: symbols.collect::<Option<_>>()?,
            interval: given.interval.parse().ok()?,
            from: Timestamp::parse_rfc3339(&given.from).ok()?,
            to: Timestamp::parse_rfc3339(&given.to).ok()?,
        })
    }
}

/// Loads history from the venues.
pub(crate) struct BackfillHandler {
    pub(crate) store: Arc<dyn StoreSource>,
    pub(crate) venues: BTreeMap<String, VenueSettings>,
    pub(crate) clock: SharedClock,
}

#[async_trait]
impl JobHandler for BackfillHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &ClaimedJob, context: &JobContext) -> Result<(), JobFailure> {
        let order = BackfillOrder::of(job);
        let order =
            order.ok_or_else(|| JobFailure::permanent("the job's arguments are no order"))?;
        let store = self.store.store();
        let store = store.ok_or_else(|| JobFailure::retriable("the database is away"))?;
        let name = order.venue.name();
        let history = venues::history(name)
            .ok_or_else(|| JobFailure::permanent(format!("{name} has no history")))?;
        let endpoint = self.venues.get(name);
        let endpoint = endpoint.and_then(|venue| venue.endpoint.as_deref());
        let rest = RestClient::new(history, endpoint, self.clock.clone())
            .map_err(|error| JobFailure::permanent(error.to_string()))?;
        let backfill = HistoryBackfill::new(rest);
        let (count, mut failed) = (order.instruments.len(), Vec::new());
        for (place, symbol) in order.instruments.iter().enumerate() {
            let request = HistoryRequest {
                instrument: InstrumentKey::new(order.venue, symbol.clone()),
                interval: order.interval,
                from: order.from,
                to: order.to,
            };
            let loaded = backfill
                .run(&store, &request, |said| {
                    context.progress(format!(
                        "{symbol}, {} of {count}: {} of {} candles, {} new or changed",
                        place + 1,
                        said.done,
                        said.wanted,
                        said.changed
                    ));
                })
                .await;
            match loaded {
                Ok(_) => {}
                Err(error) if error.is_retriable() => {
                    return Err(JobFailure::retriable(error.to_string()));
                }
                // The others are loaded all the same.
                Err(error) => failed.push(error.to_string()),
            }
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(JobFailure::permanent(failed.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_outlives_the_table_of_jobs() {
        let order = BackfillOrder {
            venue: venues::named("kraken").unwrap(),
            instruments: vec![Symbol::new("BTC/USD").unwrap()],
            interval: Interval::Hour1,
            from: Timestamp::from_seconds(0).unwrap(),
            to: Timestamp::from_seconds(86_400).unwrap(),
        };
        let job = order.job(None);
        assert!(job.deduplication_key.is_some());
        let claimed = |arguments| ClaimedJob {
            id: Uuid::nil(),
            kind: job.kind.to_owned(),
            arguments,
            attempt: 1,
            claim: Uuid::nil(),
        };
        let read = BackfillOrder::of(&claimed(job.arguments.clone()));
        assert_eq!(read, Some(order));
        assert_eq!(
            BackfillOrder::of(&claimed(json!({"venue": "kraken"}))),
            None
        );
    }
}
