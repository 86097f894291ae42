//! Takes entries, writes them in order and in batches, and signs the head now and then.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coinsphere_actors::supervision::{ExitReason, LoopContext, StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::PooledConnection;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::chain_signer::ChainSigner;
use super::entry::AuditEntry;
use super::error::AuditError;
use super::table;
use coinsphere_pipelines::store::StoreSource;

/// The name of the part that writes, and how long it may go without having written or signed.
const PART: &str = "audit_log";
const PROGRESS: Duration = Duration::from_secs(180);

/// Entries that may wait to be written.
const QUEUE: usize = 4_096;

/// Entries of one transaction.
const BATCH: usize = 128;

/// The time for which a changed head may stay unsigned.
const SIGN_EVERY: Duration = Duration::from_secs(60);

/// The wait before a batch is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The number of times a batch is tried before its entries are given up.
const TRIES: u32 = 120;

type Waiting = (
    DateTime<Utc>,
    AuditEntry,
    Option<oneshot::Sender<Result<(), AuditError>>>,
);

/// Where the tables are.
type Source = Arc<dyn StoreSource>;

async fn session(source: &Source) -> Result<PooledConnection, AuditError> {
    let store = source.store().ok_or(AuditError::Unreached)?;
    Ok(store.session().await?)
}

/// The audit log. Shared by all who have something to say.
pub struct AuditLog {
    source: Source,
    clock: SharedClock,
    queue: mpsc::Sender<Waiting>,
    /// Entries to write, whichever run of the part does: they outlive its panic.
    writer: Arc<Mutex<Writer>>,
    part: Mutex<Option<SupervisedLoop>>,
}

impl AuditLog {
    /// In the database of this source, which may be away: entries wait for it a minute, within a
    /// bound. What writes them is a part among the statuses.
    #[must_use]
    pub fn open(
        source: impl StoreSource,
        clock: SharedClock,
        seal: ChainSigner,
        statuses: &StatusRegistry,
    ) -> Arc<Self> {
        let source: Source = Arc::new(source);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Arc::new(Mutex::new(Writer {
            source: Arc::clone(&source),
            clock: clock.clone(),
            waiting,
            batch: Vec::with_capacity(BATCH),
            seal,
            signed: None,
            sign_at: Instant::now(),
        }));
        let of_part = Arc::clone(&writer);
        let part = SupervisedLoop::start(statuses, PART, PROGRESS, move |context| {
            let writer = Arc::clone(&of_part);
            async move { writer.lock().await.run(context).await }
        });
        Arc::new(Self {
            source,
            clock,
            queue,
            writer,
            part: Mutex::new(Some(part)),
        })
    }

    /// Adds an entry and waits until it is stored: for what must not be done unrecorded.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn append(&self, entry: AuditEntry) -> Result<(), AuditError> {
        let (done, stored) = oneshot::channel();
        let waiting = (now(&self.clock), entry, Some(done));
        self.queue
            .try_send(waiting)
            .map_err(|_| AuditError::Full("too many wait to be written, or it is closed"))?;
        stored
            .await
            .unwrap_or(Err(AuditError::Full("the program is stopping")))
    }

    /// Adds an entry without waiting. What cannot be taken is in the program's own log, and counted.
    pub fn note(&self, entry: AuditEntry) {
        if let Err(refused) = self.queue.try_send((now(&self.clock), entry, None)) {
            let (_, entry, _) = refused.into_inner();
            lost(&entry, "too many entries wait, or the log is closed");
        }
    }

    /// Removes what identifies a user who is being deleted: pseudonym and addresses. The chain
    /// stays whole. Say first that the account is deleted, so that the entry is pseudonymous too.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn forget(&self, user: Uuid) -> Result<(), AuditError> {
        let mut session = session(&self.source).await?;
        Ok(table::forget(&mut session, user).await?)
    }

    /// Removes what identifies those behind the entries of accounts that are gone: of whom
    /// [`Self::forget`] did not reach. Answers how many there were.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn forget_the_gone(&self) -> Result<usize, AuditError> {
        let mut session = session(&self.source).await?;
        let gone = table::gone(&session).await?;
        for user in &gone {
            table::forget(&mut session, *user).await?;
        }
        Ok(gone.len())
    }

    /// Writes what waits, signs the head and ends. Later entries are refused.
    pub async fn close(&self) {
        if let Some(part) = self.part.lock().await.take() {
            part.stop().await;
            self.writer.lock().await.finish().await;
        }
    }
}

/// To the microsecond, which is what the database keeps.
fn now(clock: &SharedClock) -> DateTime<Utc> {
    let now = clock.now().to_utc();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

fn lost(entry: &AuditEntry, why: &str) {
    metrics::counter!("coinsphere_audit_lost_total").increment(1);
    tracing::error!(
        event = entry.event,
        outcome = entry.outcome.name(),
        actor = entry.actor.map(tracing::field::display),
        target = entry.target.map(tracing::field::display),
        subject = entry.subject.map(tracing::field::display),
        why,
        "an audit entry was not stored"
    );
}

struct Writer {
    source: Source,
    clock: SharedClock,
    waiting: mpsc::Receiver<Waiting>,
    /// Taken, and not known to be stored.
    batch: Vec<Waiting>,
    seal: ChainSigner,
    /// The newest head that was signed.
    signed: Option<i64>,
    sign_at: Instant,
}

impl Writer {
    /// Writes until asked to quit. What an earlier run had taken is written first: again, if that run
    /// panicked between writing and knowing of it.
    async fn run(&mut self, mut context: LoopContext) -> ExitReason {
        context.running();
        self.write(TRIES, Some(&context)).await;
        while !context.is_quitting() {
            tokio::select! {
                count = self.waiting.recv_many(&mut self.batch, BATCH) => {
                    if count == 0 {
                        return ExitReason::Finished;
                    }
                    self.write(TRIES, Some(&context)).await;
                }
                () = sleep_until(self.sign_at) => self.sign().await,
                () = context.quits() => {}
            }
            context.progressed();
        }
        ExitReason::Quit
    }

    /// Takes in no more, writes what waits and signs the head.
    async fn finish(&mut self) {
        self.waiting.close();
        self.write(1, None).await;
        while self.waiting.recv_many(&mut self.batch, BATCH).await > 0 {
            self.write(1, None).await;
        }
        self.sign().await;
    }

    /// Writes the batch, if there is something in it.
    async fn write(&mut self, tries: u32, context: Option<&LoopContext>) {
        if self.batch.is_empty() {
            return;
        }
        let entries: Vec<_> = self
            .batch
            .iter()
            .map(|(at, entry, _)| (*at, entry.clone()))
            .collect();
        let mut outcome = Ok(());
        for attempt in 1..=tries {
            outcome = self.try_write(&entries).await;
            match &outcome {
                Err(error) if error.is_retriable() && attempt < tries => {
                    metrics::counter!("coinsphere_audit_retries_total").increment(1);
                    tracing::warn!(%error, entries = entries.len(), "audit entries wait");
                    if let Some(context) = context {
                        context.degraded(format!("{} entries wait: {error}", entries.len()));
                        // Stopping while the database is away: they are tried once more.
                        if context.is_quitting() {
                            return;
                        }
                    }
                    sleep(RETRY).await;
                }
                _ => break,
            }
        }
        if let Some(context) = context {
            match &outcome {
                Err(error) if error.is_retriable() => {
                    context.degraded(format!("{} entries were lost: {error}", entries.len()));
                }
                _ => context.running(),
            }
        }
        // One entry that cannot be stored must not take the others with it.
        if entries.len() > 1 && outcome.as_ref().is_err_and(|error| !error.is_retriable()) {
            for (at, entry) in entries {
                let outcome = self.try_write(&[(at, entry.clone())]).await;
                let (_, _, done) = self.batch.remove(0);
                tell(&entry, done, outcome);
            }
            return;
        }
        let error = outcome.err();
        for (_, entry, done) in self.batch.drain(..) {
            let outcome = match &error {
                None => Ok(()),
                Some(AuditError::TooLarge { event }) => Err(AuditError::TooLarge {
                    event: event.clone(),
                }),
                Some(error) => {
                    tracing::debug!(%error, "an audit entry was not stored");
                    Err(AuditError::Full("the database did not take it"))
                }
            };
            tell(&entry, done, outcome);
        }
    }

    async fn try_write(&self, entries: &[(DateTime<Utc>, AuditEntry)]) -> Result<(), AuditError> {
        let mut session = session(&self.source).await?;
        table::append(&mut session, entries).await?;
        metrics::counter!("coinsphere_audit_entries_total").increment(entries.len() as u64);
        Ok(())
    }

    async fn sign(&mut self) {
        self.sign_at = Instant::now() + SIGN_EVERY;
        if let Err(error) = self.try_sign().await {
            tracing::debug!(%error, "the audit log's head is not signed yet");
        }
    }

    async fn try_sign(&mut self) -> Result<(), AuditError> {
        let session = session(&self.source).await?;
        let Some((seq, hash)) = table::head(&session).await? else {
            return Ok(());
        };
        if self.signed == Some(seq) {
            return Ok(());
        }
        let head = self.seal.sign(seq, hash, now(&self.clock))?;
        table::sign(&session, &head).await?;
        self.signed = Some(seq);
        Ok(())
    }
}

fn tell(
    entry: &AuditEntry,
    done: Option<oneshot::Sender<Result<(), AuditError>>>,
    outcome: Result<(), AuditError>,
) {
    if let Err(error) = &outcome {
        lost(entry, &error.to_string());
    }
    if let Some(done) = done {
        // Who asked may have left.
        let _ = done.send(outcome);
    }
}
