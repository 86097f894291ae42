//! The table of jobs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::store::{PooledConnection, StoreError, StoreSource, execute, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Attempt, ClaimedJob, Enqueued, JobError, JobFailure, JobQuery, JobState, JobView, Lease, NewJob,
};

/// Unfinished jobs at most.
const MOST_UNFINISHED: i64 = 10_000;

/// The time for which finished jobs are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// The longest texts of progress and errors, in characters.
const LONGEST_PROGRESS: usize = 200;
const LONGEST_ERROR: usize = 2_000;

/// Reads as many entries of the index of waiting jobs as there are, and no more than may be.
const ENQUEUE: &str = "INSERT INTO jobs \
     (id, kind, arguments, priority, deduplication_key, user_id, max_attempts, created_at, run_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8 \
     WHERE NOT EXISTS (SELECT FROM jobs WHERE finished_at IS NULL \
       ORDER BY priority DESC, run_at OFFSET $9::bigint - 1 LIMIT 1) \
     ON CONFLICT (kind, deduplication_key) WHERE finished_at IS NULL DO NOTHING RETURNING id";

const UNFINISHED: &str = "SELECT id FROM jobs \
     WHERE kind = $1 AND deduplication_key = $2 AND finished_at IS NULL";

/// Ends jobs whose last worker is gone and that are not to be tried again.
const BURY: &str = "UPDATE jobs SET finished_at = $1, claim = NULL, lease_until = NULL, \
     outcome = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'failed' END, \
     last_error = CASE WHEN cancel_requested THEN last_error ELSE 'its worker is gone' END \
     WHERE finished_at IS NULL AND (lease_until IS NULL OR lease_until < $1) \
       AND (cancel_requested OR (lease_until IS NOT NULL AND attempts >= max_attempts))";

const CLAIM: &str = "UPDATE jobs SET claim = $1, lease_until = $2, attempts = attempts + 1, \
     progress = NULL \
     WHERE id = (SELECT id FROM jobs WHERE finished_at IS NULL AND kind = ANY($3) \
       AND run_at <= $4 AND (lease_until IS NULL OR lease_until < $4) AND NOT cancel_requested \
       ORDER BY priority DESC, run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) \
     RETURNING id, kind, arguments, attempts";

const HEARTBEAT: &str = "UPDATE jobs SET lease_until = $3, progress = coalesce($4, progress) \
     WHERE id = $1 AND claim = $2 RETURNING cancel_requested";

const FINISH: &str = "UPDATE jobs SET finished_at = $3, outcome = $4, last_error = $5, \
     claim = NULL, lease_until = NULL WHERE id = $1 AND claim = $2";

/// An attempt failed: another follows after a wait that doubles up to an hour, as long as there are any.
const FAIL: &str = "UPDATE jobs SET claim = NULL, lease_until = NULL, last_error = $4, \
     finished_at = CASE WHEN attempts < max_attempts THEN NULL ELSE $3::timestamptz END, \
     outcome = CASE WHEN attempts < max_attempts THEN NULL ELSE 'failed' END, \
     run_at = $3::timestamptz \
       + least(30 * power(2, least(attempts - 1, 20)), 3600) * interval '1 second' \
     WHERE id = $1 AND claim = $2";

const GIVE_BACK: &str = "UPDATE jobs SET claim = NULL, lease_until = NULL, \
     attempts = attempts - 1 WHERE id = $1 AND claim = $2";

/// A job that nobody has ends now; a worker ends its own with the next heartbeat.
const CANCEL: &str = "UPDATE jobs SET cancel_requested = true, \
     finished_at = CASE WHEN claim IS NULL THEN $2::timestamptz END, \
     outcome = CASE WHEN claim IS NULL THEN 'cancelled' END \
     WHERE id = $1 AND finished_at IS NULL";

const SHOW: &str = "SELECT id, kind, arguments, \
     coalesce(outcome, CASE WHEN claim IS NULL THEN 'waiting' ELSE 'running' END) AS state, \
     cancel_requested, progress, attempts, max_attempts, last_error, user_id, created_at, run_at, \
     finished_at FROM jobs";

const TIDY: &str = "DELETE FROM jobs WHERE finished_at < $1";

/// The jobs of this database.
#[derive(Clone)]
pub struct Jobs {
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
}

impl Jobs {
    /// In the database of this source, which may be away.
    #[must_use]
    pub fn new(source: Arc<dyn StoreSource>, clock: SharedClock) -> Self {
        Self { source, clock }
    }

    async fn session(&self) -> Result<PooledConnection, JobError> {
        let store = self.source.store().ok_or(JobError::Unavailable)?;
        Ok(store.session().await?)
    }

    /// The time by which jobs are scheduled.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.clock.now()
    }

    fn now(&self) -> DateTime<Utc> {
        self.time().to_utc()
    }

    /// Enqueues a job, unless one with its key is unfinished.
    ///
    /// # Errors
    /// When the database is away, or too many jobs are unfinished.
    pub async fn enqueue(&self, job: &NewJob) -> Result<Enqueued, JobError> {
        let session = self.session().await?;
        // Between the two statements the other job can end: then this one is added in the next turn.
        for _ in 0..3 {
            let added = query(
                &session,
                "enqueue a job",
                ENQUEUE,
                &[
                    &Uuid::new_v4(),
                    &job.kind,
                    &job.arguments,
                    &job.priority,
                    &job.deduplication_key,
                    &job.requested_by,
                    &i32::from(job.max_attempts.max(1)),
                    &self.now(),
                    &MOST_UNFINISHED,
                ],
            )
            .await?;
            if let Some(row) = added.first() {
                return Ok(Enqueued::Added(row.get(0)));
            }
            let key = &[&job.kind as _, &job.deduplication_key as _];
            let found = query(&session, "look for a job", UNFINISHED, key).await?;
            if let Some(row) = found.first() {
                return Ok(Enqueued::Unfinished(row.get(0)));
            }
        }
        Err(JobError::Full)
    }

    /// Claims the next job of these kinds for so long; of several workers that claim at once, each gets
    /// another. A job whose worker is gone is claimed again once its lease has ended.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn claim(
        &self,
        kinds: &[&str],
        lease: Duration,
    ) -> Result<Option<ClaimedJob>, JobError> {
        let (session, now) = (self.session().await?, self.now());
        execute(&session, "end abandoned jobs", BURY, &[&now]).await?;
        let claim = Uuid::new_v4();
        let until = now + lease;
        let claimed = query(
            &session,
            "claim a job",
            CLAIM,
            &[&claim, &until, &kinds, &now],
        )
        .await?;
        Ok(claimed.first().map(|row| ClaimedJob {
            id: row.get(0),
            kind: row.get(1),
            arguments: row.get(2),
            attempt: row.get(3),
            claim,
        }))
    }

    /// Says that a worker goes on, and what with.
    ///
    /// # Errors
    /// When the database is away; the lease ends at its time.
    pub async fn heartbeat(
        &self,
        job: &ClaimedJob,
        lease: Duration,
        progress: Option<&str>,
    ) -> Result<Lease, JobError> {
        let session = self.session().await?;
        let until = self.now() + lease;
        let progress = progress.map(|text| shortened(text, LONGEST_PROGRESS));
        let given = &[&job.id as _, &job.claim as _, &until as _, &progress as _];
        let rows = query(&session, "keep a job", HEARTBEAT, given).await?;
        Ok(match rows.first().map(|row| row.get(0)) {
            None => Lease::Lost,
            Some(true) => Lease::CancelRequested,
            Some(false) => Lease::Held,
        })
    }

    /// Notes how a worker's attempt ended. False: another worker has the job meanwhile.
    ///
    /// # Errors
    /// When the database is away; the lease ends at its time, and the job is tried again.
    pub async fn finish(&self, job: &ClaimedJob, attempt: &Attempt) -> Result<bool, JobError> {
        let (session, now) = (self.session().await?, self.now());
        let (id, claim) = (&job.id, &job.claim);
        let none: Option<String> = None;
        let changed = match attempt {
            Attempt::Done => end(&session, id, claim, now, "done", &none).await?,
            Attempt::Cancelled => end(&session, id, claim, now, "cancelled", &none).await?,
            Attempt::Failed(failure) => {
                let why = shortened(&failure.error, LONGEST_ERROR);
                if failure.is_retriable {
                    let given = &[id as _, claim as _, &now as _, &why as _];
                    execute(&session, "note a failed attempt", FAIL, given).await?
                } else {
                    end(&session, id, claim, now, "failed", &Some(why)).await?
                }
            }
            Attempt::GivenBack => {
                execute(&session, "give a job back", GIVE_BACK, &[id, claim]).await?
            }
        };
        Ok(changed == 1)
    }

    /// Cancels a job: at once if nobody has it, else with its worker's next heartbeat. False: there is no
    /// such unfinished job.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn cancel(&self, id: Uuid) -> Result<bool, JobError> {
        let session = self.session().await?;
        let changed = execute(&session, "cancel a job", CANCEL, &[&id, &self.now()]).await?;
        Ok(changed == 1)
    }

    /// A job; `None` if there is none of this id.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn show(&self, id: Uuid) -> Result<Option<JobView>, JobError> {
        let session = self.session().await?;
        let sql = format!("{SHOW} WHERE id = $1");
        let rows = query(&session, "show a job", &sql, &[&id]).await?;
        Ok(rows.first().map(view))
    }

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, asked: &JobQuery) -> Result<Vec<JobView>, JobError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT * FROM ({SHOW} WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2)) \
             AND ($3::text IS NULL OR kind = $3)) AS job \
             WHERE $4::text IS NULL OR state = $4 \
             ORDER BY created_at DESC, id DESC LIMIT $5"
        );
        let (at, id) = asked.after.unzip();
        let state = asked.state.map(JobState::name);
        let given = &[
            &at as _,
            &id as _,
            &asked.kind as _,
            &state as _,
            &i64::from(asked.limit) as _,
        ];
        let rows = query(&session, "list jobs", &sql, given).await?;
        Ok(rows.iter().map(view).collect())
    }

    /// Removes jobs that finished long ago.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn tidy(&self) -> Result<u64, JobError> {
        let session = self.session().await?;
        let old = self.now() - KEPT;
        Ok(execute(&session, "remove old jobs", TIDY, &[&old]).await?)
    }
}

/// A row of [`SHOW`].
fn view(row: &Row) -> JobView {
    JobView {
        id: row.get(0),
        kind: row.get(1),
        arguments: row.get(2),
        // The table's own check allows no other.
        state: row.get::<_, &str>(3).parse().unwrap_or(JobState::Failed),
        cancel_requested: row.get(4),
        progress: row.get(5),
        attempts: row.get(6),
        max_attempts: row.get(7),
        last_error: row.get(8),
        requested_by: row.get(9),
        created_at: row.get(10),
        run_at: row.get(11),
        finished_at: row.get(12),
    }
}

async fn end(
    session: &PooledConnection,
    id: &Uuid,
    claim: &Uuid,
    now: DateTime<Utc>,
    outcome: &str,
    error: &Option<String>,
) -> Result<u64, StoreError> {
    let given = &[id as _, claim as _, &now as _, &outcome as _, error as _];
    execute(session, "finish a job", FINISH, given).await
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl JobFailure {
    /// A failure after which the job is tried again, later, as long as attempts are left.
    pub fn retriable(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            is_retriable: true,
        }
    }

    /// A failure that trying again would not change.
    pub fn permanent(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            is_retriable: false,
        }
    }
}
