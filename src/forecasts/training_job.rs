//! Trainings that administrators ask for, as durable jobs: a training that was asked for is done though the
//! program stops before.

use std::sync::Arc;

use async_trait::async_trait;
use coinsphere_actors::forecasting::trainer::{Reason, TrainingQueue};
use serde_json::json;
use uuid::Uuid;

use crate::jobs::{ClaimedJob, JobContext, JobFailure, JobHandler, NewJob};

/// The kind of these jobs.
const KIND: &str = "forecasts.train";

/// The number of times a training is begun that never came to an end: each time the program stopped in it.
const ATTEMPTS: u16 = 5;

/// The job that trains a series.
pub(crate) fn training_of(series: &str, requested_by: Option<Uuid>) -> NewJob {
    NewJob {
        kind: KIND,
        arguments: json!({ "series": series }),
        priority: 0,
        deduplication_key: Some(series.to_owned()),
        requested_by,
        max_attempts: ATTEMPTS,
    }
}

/// Has series trained by the trainer of this process.
pub(crate) struct TrainingHandler {
    pub(crate) trainings: Arc<TrainingQueue>,
}

#[async_trait]
impl JobHandler for TrainingHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &ClaimedJob, context: &JobContext) -> Result<(), JobFailure> {
        let series = job.arguments["series"].as_str();
        let series = series.ok_or_else(|| JobFailure::permanent("the job names no series"))?;
        context.progress("the trainer has it: see its state");
        // The trainer tries again by itself, by its own schedule.
        self.trainings
            .done(series, Reason::Request)
            .await
            .map_err(JobFailure::permanent)
    }
}
