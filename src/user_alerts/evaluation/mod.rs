//! The evaluation: reads the event log from where it was left, judges each trade by the armed rules, and
//! records what fired together with how far it has got. Starting is recovering: whatever goes wrong, it begins
//! with what is stored.
//!
//! Stored offsets never run ahead of what the log would still have after a crash: before each commit the log
//! is asked to make what was read durable.

mod commit;
mod judge;
mod load;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::supervision::{ExitReason, LoopContext};
use coinsphere_pipelines::log::{EventLog, LogError, Offset, Progress};
use coinsphere_pipelines::net::Backoff;
use coinsphere_pipelines::store::{Listener, PooledConnection, Store, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::{CHANNEL, UserAlerts};
use crate::alerts::{EventTime, Instrument, Phase, RuleId};
use commit::{Commit, RuleWrite};
use judge::Judge;
use load::{Change, StoredRule};

/// The part's name.
pub const NAME: &str = "alerts";

/// The longest time without a mark of progress.
pub const PROGRESS: Duration = Duration::from_secs(30);

/// The lock that the evaluator has in the database, as long as its connection lasts.
pub(super) const LOCK: &str = "coinsphere.alerts";

/// The name under which this consumer keeps the log from removing records.
const CONSUMER: &str = "alerts";

/// Records of a partition that are judged between two looks at what else there is to do.
const RECORDS: usize = 256;

/// Events that are recorded in one transaction, and those that one more record causes.
const MOST_FIRED: usize = 10_000;

/// The time between two commits while nothing fires.
const LAZY: Duration = Duration::from_secs(2);

/// Interval between attempts to get the lock.
const LOCKED: Duration = Duration::from_secs(1);

/// Age of the records from which a log is read when there are no alerts yet, to know the newest prices.
const LOOK_BACK: Duration = Duration::from_secs(600);

/// Dependencies of the evaluation.
#[derive(Clone)]
pub struct EvaluationDeps {
    /// The alerts.
    pub alerts: UserAlerts,
    /// Where trades come from.
    pub log: Arc<dyn EventLog>,
}

/// Why the evaluation has to begin again from what is stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum EvaluationError {
    #[error("the database is unavailable")]
    Unavailable,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("alerts could not read the log: {0}")]
    Log(#[from] LogError),
    #[error("another process judges this log by alerts")]
    Overtaken,
    #[error("the database connection that listens for changed alerts has ended")]
    ListenerClosed,
    #[error("the event log has ended")]
    LogEnded,
}

/// Judges until asked to quit.
pub async fn run(deps: EvaluationDeps, mut context: LoopContext) -> ExitReason {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        let begun = Instant::now();
        context.progressed();
        let error = match judge_until_broken(&deps, &context).await {
            Ok(()) => return ExitReason::Quit,
            Err(error) => error,
        };
        if matches!(error, EvaluationError::Overtaken) {
            metrics::counter!("coinsphere_alerts_overtaken_total").increment(1);
        }
        tracing::warn!(%error, "alerts begin again from what is stored");
        context.degraded(error.to_string());
        if begun.elapsed() > PROGRESS {
            backoff.reset();
        }
        tokio::select! {
            () = sleep(backoff.next_wait()) => {}
            () = context.quits() => return ExitReason::Quit,
        }
    }
}

/// Judges until asked to quit, or until something breaks.
async fn judge_until_broken(
    deps: &EvaluationDeps,
    context: &LoopContext,
) -> Result<(), EvaluationError> {
    let store = deps.alerts.0.source.store();
    let store = store.ok_or(EvaluationError::Unavailable)?;
    let listener = store.listen(CHANNEL).await?;
    let mut waits = Backoff::new(Duration::from_millis(20), LOCKED);
    while !listener.try_lock(LOCK).await? {
        if context.is_quitting() {
            return Ok(());
        }
        // Another process judges: this one is ready to.
        context.running();
        context.progressed();
        sleep(waits.next_wait()).await;
    }
    let mut evaluation = Evaluation::load(deps, store, listener).await?;
    evaluation.observe();
    context.running();
    evaluation.go_on(context).await
}

/// What of the instruments a commit stores.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// Those that have traded, without what candles tell of them.
    Changed,
    /// All of them, with windows and candles.
    Whole,
}

struct Evaluation<'a> {
    deps: &'a EvaluationDeps,
    store: Store,
    listener: Listener,
    judge: Judge,
    progress: Vec<watch::Receiver<Progress>>,
    /// Of each partition, the next record to judge, and where that is stored to be.
    next: Vec<Offset>,
    stored: Vec<Offset>,
    /// The versions by which alerts are judged.
    versions: HashMap<RuleId, i64>,
    /// Changes that were taken up since the last commit.
    taken_up: BTreeMap<Uuid, RuleWrite>,
    deleted: Vec<Uuid>,
    /// The history, in seconds, that the rules armed last need of an instrument.
    history: BTreeMap<Instrument, u32>,
    /// Alerts have changed: those changes count from here on, or later.
    changes_from: Option<Vec<Offset>>,
    committed_at: Instant,
}

impl<'a> Evaluation<'a> {
    /// Where it was left.
    async fn load(
        deps: &'a EvaluationDeps,
        store: Store,
        listener: Listener,
    ) -> Result<Self, EvaluationError> {
        let log = &deps.log;
        let session = store.session().await?;
        let mut judge = Judge::new();
        for market in load::markets(&session).await? {
            judge.resume(market);
        }
        let known: HashMap<u32, Offset> = load::offsets(&session, log.identity())
            .await?
            .into_iter()
            .collect();
        let misses_nothing = load::any_applied(&session).await?;
        let mut next = Vec::new();
        for partition in 0..log.partitions() {
            let offset = match known.get(&partition) {
                Some(offset) => *offset,
                None => {
                    let earliest = log.earliest(partition);
                    let since = deps.alerts.0.clock.now() - LOOK_BACK;
                    let begin = match misses_nothing {
                        true => earliest,
                        false => log.seek(partition, since).await?.max(earliest),
                    };
                    load::begin_partition(&session, log.identity(), partition, begin).await?;
                    begin
                }
            };
            log.release(CONSUMER, partition, offset);
            next.push(offset);
        }
        let mut evaluation = Self {
            deps,
            judge,
            progress: (0..log.partitions()).map(|it| log.progress(it)).collect(),
            stored: next.clone(),
            next,
            versions: HashMap::new(),
            taken_up: BTreeMap::new(),
            deleted: Vec::new(),
            history: BTreeMap::new(),
            changes_from: None,
            committed_at: Instant::now(),
            listener,
            store,
        };
        for stored in load::armed(&session).await? {
            let state = stored.state.clone();
            evaluation.arm(stored, state.is_some());
        }
        evaluation.warm(&session).await?;
        drop(session);
        evaluation.note_changes();
        Ok(evaluation)
    }

    /// Judges what is in the log and what comes, until asked to quit: what it knows then is stored whole. What
    /// is left of the log is judged after the next start.
    async fn go_on(&mut self, context: &LoopContext) -> Result<(), EvaluationError> {
        let mut pinged_at = Instant::now();
        loop {
            context.progressed();
            if context.is_quitting() {
                return self.commit(Extent::Whole).await;
            }
            let read = self.step().await?;
            let reached = |from: &mut Vec<Offset>| {
                let mut places = self.next.iter().zip(from.iter());
                places.all(|(next, from)| next >= from)
            };
            if self.changes_from.take_if(reached).is_some() {
                self.take_up_changes().await?;
            }
            let is_due = self.judge.fired() > 0 || !self.taken_up.is_empty();
            let is_behind = self.next != self.stored;
            if is_due || (is_behind && self.committed_at.elapsed() >= LAZY) {
                self.commit(Extent::Changed).await?;
            }
            while let Some(heard) = self.listener.next().now_or_never() {
                self.on_notification(heard)?;
            }
            if read == 0 && self.changes_from.is_none() {
                self.rest(context.clone()).await?;
            }
            // A backlog must not keep its thread from others.
            tokio::task::yield_now().await;
            if pinged_at.elapsed() >= LOCKED {
                pinged_at = Instant::now();
                self.listener.ping(PROGRESS / 2).await?;
                self.observe();
            }
        }
    }

    /// Waits until there is something to do.
    async fn rest(&mut self, mut context: LoopContext) -> Result<(), EvaluationError> {
        let changes = self.progress.iter_mut().map(|it| Box::pin(it.changed()));
        let heard = tokio::select! {
            (changed, ..) = select_all(changes) => {
                return changed.map_err(|_| EvaluationError::LogEnded);
            }
            heard = self.listener.next() => heard,
            () = sleep_until(Instant::now() + LOCKED) => return Ok(()),
            () = context.quits() => return Ok(()),
        };
        self.on_notification(heard)
    }

    fn on_notification(&mut self, payload: Option<String>) -> Result<(), EvaluationError> {
        let payload = payload.ok_or(EvaluationError::ListenerClosed)?;
        if payload == "changed" {
            self.note_changes();
        } else if let Some(id) = payload.strip_prefix("gone ")
            && let Ok(id) = id.parse::<Uuid>()
        {
            let rule = RuleId(id.into_bytes());
            self.judge.disarm(rule);
            self.versions.remove(&rule);
        }
        Ok(())
    }

    /// Notes that alerts have changed. What was in the log before is judged by them as they were.
    fn note_changes(&mut self) {
        let heads = self.progress.iter().map(|it| it.borrow().head);
        self.changes_from = Some(heads.collect());
    }

    /// Judges some records of each partition; how many there were.
    async fn step(&mut self) -> Result<usize, EvaluationError> {
        let log = Arc::clone(&self.deps.log);
        let mut read = 0;
        for partition in 0..log.partitions() {
            let place = partition as usize;
            if self.progress[place].borrow_and_update().head <= self.next[place] {
                continue;
            }
            let records = match log.read(partition, self.next[place], RECORDS).await {
                Err(LogError::Truncated { earliest, .. }) => {
                    tracing::warn!(
                        partition,
                        "records were removed from the log before alerts had judged them"
                    );
                    self.next[place] = earliest;
                    log.read(partition, earliest, RECORDS).await?
                }
                other => other?,
            };
            for (offset, record) in records {
                self.judge.apply(&record);
                self.next[place] = Offset(offset.0 + 1);
                read += 1;
                if self.judge.fired() >= MOST_FIRED {
                    return Ok(read);
                }
            }
        }
        Ok(read)
    }

    /// Judges by an alert from now on; `goes_on`: as before.
    fn arm(&mut self, stored: StoredRule, goes_on: bool) {
        let id = RuleId(stored.id.into_bytes());
        let state = stored.state.filter(|_| goes_on);
        let blocked = |why: String| {
            tracing::warn!(alert = %stored.id, why, "an alert is blocked");
            RuleWrite {
                id: stored.id,
                version: stored.version,
                evaluator_state: None,
                state: Some("blocked"),
                is_armed: false,
                armed_price: None,
            }
        };
        let rule = match stored.rule {
            Ok(rule) => rule,
            Err(error) => {
                self.taken_up.insert(stored.id, blocked(error.to_string()));
                return;
            }
        };
        let revision = stored.revision.cast_unsigned();
        let armed = self.judge.arm(id, revision, &rule, state.as_ref());
        if let Err(error) = armed {
            self.taken_up.insert(stored.id, blocked(error.to_string()));
            return;
        }
        self.versions.insert(id, stored.version);
        let seconds = rule.seconds_of_history();
        if seconds > 0 {
            for instrument in rule.condition.instruments() {
                let back = self.history.entry(instrument).or_default();
                *back = seconds.max(*back);
            }
        }
        if !goes_on {
            let mut instruments = rule.condition.instruments().into_iter();
            let price = match (instruments.next(), instruments.next()) {
                (Some(one), None) => self.judge.evaluator.last_trade(&one).map(|it| it.price),
                _ => None,
            };
            let write = RuleWrite {
                is_armed: true,
                armed_price: price,
                ..self.state_of(id, stored.version)
            };
            self.taken_up.insert(stored.id, write);
        }
    }

    /// The state of a rule as it is to be stored.
    fn state_of(&self, id: RuleId, version: i64) -> RuleWrite {
        let state = self.judge.evaluator.state(id);
        RuleWrite {
            id: Uuid::from_bytes(id.0),
            version,
            state: state.as_ref().map(|state| match state.phase {
                Phase::Fired => "fired",
                Phase::Expired => "expired",
                _ => "armed",
            }),
            evaluator_state: state.and_then(|state| serde_json::to_value(state).ok()),
            is_armed: false,
            armed_price: None,
        }
    }

    /// Takes up the alerts that have changed: what is judged from here on is judged by them.
    async fn take_up_changes(&mut self) -> Result<(), EvaluationError> {
        let session = self.store.session().await?;
        let changes = load::changes(&session).await?;
        if changes.len() >= load::CHANGES {
            self.note_changes();
        }
        for change in changes {
            let Change {
                stored,
                is_armed,
                is_deleted,
            } = change;
            if is_armed {
                self.arm(stored, false);
                continue;
            }
            let id = RuleId(stored.id.into_bytes());
            self.judge.disarm(id);
            self.versions.remove(&id);
            if is_deleted {
                self.deleted.push(stored.id);
            }
            let write = RuleWrite {
                id: stored.id,
                version: stored.version,
                evaluator_state: None,
                state: None,
                is_armed: false,
                armed_price: None,
            };
            self.taken_up.insert(stored.id, write);
        }
        self.warm(&session).await
    }

    /// Gives the windows of rules that were armed what was traded before.
    async fn warm(&mut self, session: &PooledConnection) -> Result<(), EvaluationError> {
        for (instrument, seconds) in std::mem::take(&mut self.history) {
            let last = self.judge.evaluator.last_trade(&instrument);
            let Some(to) = last.map(|tick| tick.time) else {
                continue;
            };
            let from = EventTime(to.0.saturating_sub(i64::from(seconds) * 1_000_000_000));
            let candles = load::minutes(session, &instrument, from, to).await?;
            self.judge.warm(&instrument, &candles);
        }
        Ok(())
    }

    /// Records what fired, the states of rules and how far the log has been judged.
    async fn commit(&mut self, extent: Extent) -> Result<(), EvaluationError> {
        let begun = Instant::now();
        self.deps.log.sync().await?;
        let applies = !self.taken_up.is_empty();
        let mut writes = std::mem::take(&mut self.taken_up);
        for id in self.judge.take_changed_rules() {
            if let Some(version) = self.versions.get(&id) {
                let write = self.state_of(id, *version);
                let uuid = write.id;
                let taken_up = writes.remove(&uuid);
                let (is_armed, armed_price) =
                    taken_up.map_or((false, None), |it| (it.is_armed, it.armed_price));
                writes.insert(
                    uuid,
                    RuleWrite {
                        is_armed,
                        armed_price,
                        ..write
                    },
                );
            }
        }
        let ended: Vec<Uuid> = writes
            .values()
            .filter(|write| matches!(write.state, Some("fired" | "expired" | "blocked")))
            .map(|write| write.id)
            .collect();
        let fired = self.judge.take_fired();
        let offsets = (0_u32..)
            .zip(self.stored.iter().zip(&self.next))
            .map(|(partition, (stored, next))| (partition, *stored, *next));
        let offsets: Vec<_> = offsets.collect();
        let alerts = &self.deps.alerts.0;
        let commit = Commit {
            log: self.deps.log.identity(),
            offsets: offsets.clone(),
            fired: &fired,
            rules: writes.into_values().collect(),
            deleted: std::mem::take(&mut self.deleted),
            markets: match extent {
                Extent::Changed => self.judge.take_changed_markets(),
                Extent::Whole => self.judge.whole_markets(),
            },
            applies,
            now: self.deps.alerts.now(),
        };
        let mut session = self.store.session().await?;
        let written = commit.write(&mut session, &alerts.randomness).await?;
        drop(session);
        for (partition, _, next) in offsets {
            self.stored[partition as usize] = next;
            self.deps.log.release(CONSUMER, partition, next);
        }
        // What has fired for good is remembered by the database alone.
        for id in ended {
            let rule = RuleId(id.into_bytes());
            self.judge.disarm(rule);
            self.versions.remove(&rule);
        }
        self.committed_at = Instant::now();
        let late = u64::try_from(written.late).unwrap_or(0);
        let events = u64::try_from(written.events).unwrap_or(0);
        metrics::counter!("coinsphere_alerts_events_total", "late" => "true").increment(late);
        metrics::counter!("coinsphere_alerts_events_total", "late" => "false")
            .increment(events.saturating_sub(late));
        if events > 0 {
            metrics::histogram!("coinsphere_alerts_commit_seconds").record(begun.elapsed());
        }
        Ok(())
    }

    /// Shows how far it has got.
    fn observe(&mut self) {
        let behind = self.progress.iter().zip(&self.next);
        let behind = behind.map(|(progress, next)| progress.borrow().head.0.saturating_sub(next.0));
        metrics::gauge!("coinsphere_alerts_lag_records").set(behind.sum::<u64>() as f64);
        metrics::gauge!("coinsphere_alerts_armed").set(self.judge.evaluator.len() as f64);
        let counts = std::mem::take(&mut self.judge.counts);
        for (outcome, count) in [("judged", counts.judged), ("duplicate", counts.duplicates)] {
            metrics::counter!("coinsphere_alerts_trades_total", "outcome" => outcome)
                .increment(count);
        }
    }
}
