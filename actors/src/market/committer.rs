//! Writes what the candle actors have found: pulls their commits, waits until the log would survive
//! a crash up to them, and writes each in one transaction with its offset. Nothing is written that
//! the log could still lose.
//!
//! While the database is away the commit at hand is kept and tried again; the candle actors merge
//! what comes meanwhile, within their bound, and the log keeps the rest.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, WrapFuture};
use coinsphere_pipelines::candles::Commit;
use coinsphere_pipelines::log::{EventLog, Offset};
use coinsphere_pipelines::net::Backoff;
use coinsphere_pipelines::signal::Signal;
use futures_util::FutureExt;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::market::candle::CandleActor;
use crate::market::candle_store::{CandleStore, StoreFault};
use crate::market::messages::{CatchUp, Committed, Reload, Stored, TakeCommit};
use crate::push::pusher::PushActor;
use crate::supervision::ActorAddress;
use crate::supervision::Quit;
use crate::supervision::{ExitNotice, ExitReason};
use crate::supervision::{PartStatus, StatusRegistry};

/// Messages the store actor's mailbox holds: commands of the supervisor.
const MAILBOX: usize = 8;

/// The interval at which the actor shows that it goes on while there is nothing to commit.
const TICK: Duration = Duration::from_secs(10);

/// Configuration of the actor.
#[derive(Debug, Clone, Copy)]
pub struct CommitterConfig {
    /// The least time between two rounds of commits: what happens meanwhile is merged.
    pub commit_interval: Duration,
    /// The time to wait before trying again what failed for now: doubled up to `most_retry`.
    pub first_retry: Duration,
    /// The longest such wait.
    pub most_retry: Duration,
    /// The time that stopping may take to write the rest.
    pub drain_within: Duration,
}

impl Default for CommitterConfig {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(200),
            first_retry: Duration::from_millis(100),
            most_retry: Duration::from_secs(2),
            drain_within: Duration::from_secs(10),
        }
    }
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CommitterState {
    /// Commits written.
    pub commits: u64,
    /// Candles written.
    pub candles: u64,
    /// Attempts that failed and were repeated.
    pub retries: u64,
    /// Per partition: everything below is in the store.
    pub committed: Vec<Offset>,
}

/// Dependencies of a store actor.
#[derive(Clone)]
pub struct CommitterDeps {
    /// Its name on the statuses.
    pub name: String,
    /// Configuration of the actor.
    pub config: CommitterConfig,
    /// Whose durability to wait for.
    pub log: Arc<dyn EventLog>,
    /// Where to write.
    pub store: Arc<dyn CandleStore>,
    /// Where its state is published.
    pub statuses: StatusRegistry,
    /// Whose commits to pull.
    pub candles: Vec<ActorAddress<CandleActor>>,
    /// Raised when there is something to commit.
    pub committer: Signal,
    /// Raised when candles or gaps have been committed.
    pub committed: Signal,
    /// Notified of what has been stored.
    pub push: Option<ActorAddress<PushActor>>,
}

/// The actor.
pub struct CommitterActor {
    parts: CommitterDeps,
    exit: ExitNotice,
    quit: watch::Sender<bool>,
}

impl CommitterActor {
    /// A part to be started.
    #[must_use]
    pub fn new(parts: CommitterDeps, exit: ExitNotice) -> Self {
        Self {
            parts,
            exit,
            quit: watch::Sender::new(false),
        }
    }
}

impl Actor for CommitterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.exit.obey_faults(self, ctx);
        let writer = Writer {
            parts: self.parts.clone(),
            quit: self.quit.subscribe(),
            state: CommitterState::default(),
            held: None,
        };
        let run = writer.run().into_actor(self);
        ctx.spawn(actix::ActorFutureExt::map(
            run,
            |reason, actor: &mut Self, ctx| {
                actor.exit.because(reason);
                ctx.stop();
            },
        ));
    }
}

impl Handler<Quit> for CommitterActor {
    type Result = ();

    fn handle(&mut self, _: Quit, _: &mut Self::Context) {
        self.quit.send_replace(true);
    }
}

/// The loop inside the actor.
struct Writer {
    parts: CommitterDeps,
    quit: watch::Receiver<bool>,
    state: CommitterState,
    /// Pulled and not yet written: nothing of its partition may be written before it.
    held: Option<(Addr<CandleActor>, Commit)>,
}

impl Writer {
    async fn run(mut self) -> ExitReason {
        // What an earlier store actor had pulled and not written is found again in the log.
        for actor in self.candle_actors() {
            actor.do_send(Reload);
        }
        self.parts
            .statuses
            .set(&self.parts.name, PartStatus::Running, None);
        let mut something = self.parts.committer.waiter();
        loop {
            let quit = async {
                // The sender lives as long as the actor, which this loop is a part of.
                let _ = self.quit.wait_for(|quit| *quit).await;
            };
            tokio::select! {
                () = something.raised() => {}
                () = tokio::time::sleep(TICK) => {
                    self.parts.statuses.progressed(&self.parts.name);
                    continue;
                }
                () = quit => return self.drain().await,
            }
            let begun = Instant::now();
            if let Err(fault) = self.round(None).await {
                return ExitReason::Failed(fault.to_string());
            }
            tokio::select! {
                () = tokio::time::sleep_until(begun + self.parts.config.commit_interval) => {}
                _ = self.quit.wait_for(|quit| *quit) => {}
            }
        }
    }

    fn candle_actors(&self) -> Vec<Addr<CandleActor>> {
        self.parts
            .candles
            .iter()
            .filter_map(ActorAddress::get)
            .collect()
    }

    /// Writes all there is, as far as that is possible within the time allowed.
    async fn drain(&mut self) -> ExitReason {
        let deadline = Instant::now() + self.parts.config.drain_within;
        let drained = tokio::time::timeout_at(deadline, async {
            for actor in self.candle_actors() {
                // An actor that is gone has nothing more to give.
                let _ = actor.send(CatchUp).await;
            }
            self.round(Some(deadline)).await
        })
        .await;
        match drained {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                tracing::warn!(%fault, "not all candles were written before stopping; the log holds them")
            }
            Err(_) => tracing::warn!(
                "not all candles were written in time before stopping; the log holds them"
            ),
        }
        ExitReason::Quit
    }

    /// Pulls and writes one commit of every partition.
    async fn round(&mut self, deadline: Option<Instant>) -> Result<(), StoreFault> {
        if !self.write_held(deadline).await? {
            return Ok(());
        }
        for actor in self.candle_actors() {
            let Ok(Some(commit)) = actor.send(TakeCommit).await else {
                continue;
            };
            self.held = Some((actor, commit));
            if !self.write_held(deadline).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// False: there was no time to write what is held, and it is still held.
    async fn write_held(&mut self, deadline: Option<Instant>) -> Result<bool, StoreFault> {
        let Some((actor, commit)) = self.held.take() else {
            return Ok(true);
        };
        if !self.until_durable(&commit, deadline).await || !self.write(&commit, deadline).await? {
            self.held = Some((actor, commit));
            return Ok(false);
        }
        // Dropped when the mailbox is full: the next one says more.
        let _ = actor.try_send(Committed(commit.next_offset));
        self.note(&commit);
        Ok(true)
    }

    /// Waits until the log would survive a crash up to the commit's offset, for as long as it takes.
    /// False: asked to quit meanwhile.
    async fn until_durable(&mut self, commit: &Commit, deadline: Option<Instant>) -> bool {
        let mut progress = self.parts.log.progress(commit.partition);
        let durable = progress.wait_for(|now| now.synced >= commit.next_offset);
        let durable = durable.map(|waited| waited.is_ok());
        tokio::pin!(durable);
        if let Ok(durable) = tokio::time::timeout(Duration::from_secs(1), &mut durable).await {
            return durable;
        }
        let waiting = "waiting for the event log to become durable".to_owned();
        self.parts
            .statuses
            .set(&self.parts.name, PartStatus::Degraded, Some(waiting));
        let quit = self.quit.wait_for(|quit| *quit);
        tokio::select! {
            durable = durable => durable,
            // While draining there is a deadline around this instead.
            _ = quit, if deadline.is_none() => false,
        }
    }

    /// Writes the commit, again and again while the store is away. False: asked to quit meanwhile.
    async fn write(
        &mut self,
        commit: &Commit,
        deadline: Option<Instant>,
    ) -> Result<bool, StoreFault> {
        let config = &self.parts.config;
        let mut backoff = Backoff::new(config.first_retry, config.most_retry);
        loop {
            let begun = Instant::now();
            match self
                .parts
                .store
                .commit(self.parts.log.as_ref(), commit)
                .await
            {
                Ok(corrected) => {
                    self.show(commit, &corrected);
                    metrics::histogram!("coinsphere_store_commit_seconds").record(begun.elapsed());
                    self.parts
                        .statuses
                        .set(&self.parts.name, PartStatus::Running, None);
                    return Ok(true);
                }
                Err(fault) if fault.is_retriable() => {
                    let wait = backoff.next_wait();
                    self.state.retries += 1;
                    metrics::counter!("coinsphere_store_retries_total").increment(1);
                    tracing::warn!(%fault, retry_in_ms = wait.as_millis() as u64, "commit failed for now");
                    self.parts.statuses.set(
                        &self.parts.name,
                        PartStatus::Degraded,
                        Some(fault.to_string()),
                    );
                    if deadline.is_some_and(|deadline| Instant::now() + wait >= deadline)
                        || (deadline.is_none() && *self.quit.borrow())
                    {
                        return Ok(false);
                    }
                    tokio::time::sleep(wait).await;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn show(&self, commit: &Commit, corrected: &[(usize, u32)]) {
        let Some(push) = self
            .parts
            .push
            .as_ref()
            .filter(|_| !commit.closed.is_empty())
        else {
            return;
        };
        let stored = Stored {
            instruments: commit
                .closed
                .iter()
                .map(|write| write.instrument.clone())
                .collect(),
            corrected: corrected
                .iter()
                .filter_map(|&(at, revision)| Some((commit.closed.get(at)?.clone(), revision)))
                .collect(),
        };
        if push.get().is_none_or(|push| push.try_send(stored).is_err()) {
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "store").increment(1);
        }
    }

    fn note(&mut self, commit: &Commit) {
        self.state.commits += 1;
        self.state.candles += commit.closed.len() as u64;
        metrics::counter!("coinsphere_store_commits_total").increment(1);
        metrics::counter!("coinsphere_store_candles_total").increment(commit.closed.len() as u64);
        let at = commit.partition as usize;
        if self.state.committed.len() <= at {
            self.state.committed.resize(at + 1, Offset(0));
        }
        self.state.committed[at] = commit.next_offset;
        self.parts.statuses.observe(&self.parts.name, &self.state);
        if !(commit.closed.is_empty() && commit.gaps.is_empty()) {
            self.parts.committed.raise();
        }
    }
}
