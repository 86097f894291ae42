//! Candles of one log partition: pulls records as the log advances, shows what changed at once and
//! keeps what the store must write until the store pulls it.
//!
//! Flow control: the log's progress arrives coalesced; what waits for the store is merged by candle
//! and bounded by [`CandleConfig::max_pending`], at which this actor stops pulling from the log (the
//! log keeps the rest) until the store has caught up.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture,
    StreamHandler, WrapFuture,
};
use coinsphere_pipelines::candles::{
    CandlePipeline, Commit, EngineCounts, PipelineError, Rules, Step,
};
use coinsphere_pipelines::log::{EventLog, Offset};
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::signal::Signal;
use futures_util::stream;
use serde::Serialize;

use crate::market::candle_store::CandleStore;
use crate::market::messages::{Advanced, CatchUp, Committed, Reload, Show, TakeCommit};
use crate::push::pusher::PushActor;
use crate::supervision::ActorAddress;
use crate::supervision::Quit;
use crate::supervision::{ExitNotice, ExitReason};
use crate::supervision::{PartStatus, StatusRegistry};

/// The name under which this consumer holds the log's retention.
pub const CONSUMER: &str = "candles";

/// Messages a candle actor's mailbox holds: commands of one store actor, and little else.
const MAILBOX: usize = 32;

/// Configuration of the actor.
#[derive(Debug, Clone, Copy)]
pub struct CandleConfig {
    /// Rules by which candles are built.
    pub rules: Rules,
    /// Records applied between two looks at the mailbox.
    pub records_per_step: usize,
    /// Candles and gaps that may wait for the store.
    pub max_pending: usize,
    /// The time to wait before trying again what failed for now.
    pub retry: Duration,
}

impl Default for CandleConfig {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            records_per_step: 256,
            max_pending: 50_000,
            retry: Duration::from_millis(500),
        }
    }
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CandleState {
    /// The next record to apply.
    pub next_offset: Offset,
    /// The head of the log as last heard.
    pub head: Offset,
    /// Everything below is in the store.
    pub committed: Offset,
    /// Candles and gaps waiting for the store.
    pub pending: usize,
    /// Receive time of the newest record applied.
    pub newest_record: Option<Timestamp>,
    /// Counters since the pipeline was (re)loaded.
    pub counts: EngineCounts,
    /// Shows that were dropped because the push actor's mailbox was full.
    pub shows_dropped: u64,
}

/// Dependencies of a candle actor.
#[derive(Clone)]
pub struct CandleDeps {
    /// Its name on the statuses.
    pub name: String,
    /// The partition.
    pub partition: u32,
    /// Configuration of the actor.
    pub config: CandleConfig,
    /// Where records come from.
    pub log: Arc<dyn EventLog>,
    /// Where the state to go on from is.
    pub store: Arc<dyn CandleStore>,
    /// Where its state is published.
    pub statuses: StatusRegistry,
    /// Who is shown what changed.
    pub push: Option<ActorAddress<PushActor>>,
    /// Notified when there is something to commit.
    pub committer: Signal,
}

/// The actor.
pub struct CandleActor {
    parts: CandleDeps,
    exit: ExitNotice,
    /// Absent while it is being loaded or is at work.
    pipeline: Option<CandlePipeline>,
    /// Counts loads, so that one that was overtaken by a reload is not used.
    generation: u64,
    state: CandleState,
}

impl CandleActor {
    /// A part to be started.
    #[must_use]
    pub fn new(parts: CandleDeps, exit: ExitNotice) -> Self {
        Self {
            parts,
            exit,
            pipeline: None,
            generation: 0,
            state: CandleState::default(),
        }
    }

    /// Loads the stored state, again and again until the store answers.
    fn load(&mut self, ctx: &mut Context<Self>) {
        self.generation += 1;
        self.pipeline = None;
        self.try_load(self.generation, ctx);
    }

    fn try_load(&mut self, generation: u64, ctx: &mut Context<Self>) {
        if generation != self.generation {
            return;
        }
        let parts = self.parts.clone();
        let load = async move { parts.store.load(parts.log.as_ref(), parts.partition).await };
        let then = load.into_actor(self).map(move |loaded, actor, ctx| {
            if generation != actor.generation {
                return;
            }
            match loaded {
                Ok((offset, checkpoints)) => actor.begin(offset, checkpoints, ctx),
                Err(fault) => actor.retry_load(generation, fault, ctx),
            }
        });
        ctx.spawn(then);
    }

    fn retry_load(
        &mut self,
        generation: u64,
        fault: crate::market::candle_store::StoreFault,
        ctx: &mut Context<Self>,
    ) {
        if !fault.is_retriable() {
            self.fail(fault.to_string(), ctx);
            return;
        }
        self.parts.statuses.set(
            &self.parts.name,
            PartStatus::Starting,
            Some(fault.to_string()),
        );
        ctx.run_later(self.parts.config.retry, move |actor, ctx| {
            actor.try_load(generation, ctx)
        });
    }

    fn begin(
        &mut self,
        offset: Option<Offset>,
        checkpoints: Vec<coinsphere_pipelines::candles::Checkpoint>,
        ctx: &mut Context<Self>,
    ) {
        let pipeline = CandlePipeline::resume(
            self.parts.log.clone(),
            self.parts.partition,
            self.parts.config.rules,
            offset,
            checkpoints,
        );
        match pipeline {
            Ok(pipeline) if self.parts.push.is_some() => {
                self.pipeline = Some(pipeline.watching_live());
            }
            Ok(pipeline) => self.pipeline = Some(pipeline),
            Err(error) => return self.fail(error.to_string(), ctx),
        }
        self.parts
            .statuses
            .set(&self.parts.name, PartStatus::Running, None);
        self.observe();
        self.work(ctx);
    }

    /// Takes one step; more follow as long as there are records.
    fn work(&mut self, ctx: &mut Context<Self>) {
        let max_pending = self.parts.config.max_pending;
        let Some(mut pipeline) = self.pipeline.take_if(|p| p.pending() < max_pending) else {
            return;
        };
        let records = self.parts.config.records_per_step;
        let step = async move {
            let outcome = pipeline.step(records).await;
            (pipeline, outcome)
        };
        let then = step
            .into_actor(self)
            .map(|(pipeline, outcome), actor: &mut Self, ctx| {
                actor.pipeline = Some(pipeline);
                actor.stepped(outcome, ctx);
            });
        // The mailbox rests meanwhile, so that every command finds the pipeline in its place.
        ctx.wait(then);
    }

    fn stepped(&mut self, outcome: Result<Step, PipelineError>, ctx: &mut Context<Self>) {
        self.show();
        match outcome {
            Ok(step) => {
                self.state.newest_record = step.newest.or(self.state.newest_record);
                if step.records > 0 || step.rebuilt > 0 {
                    self.parts.committer.raise();
                    ctx.notify(Advanced(
                        *self.parts.log.progress(self.parts.partition).borrow(),
                    ));
                } else {
                    self.parts
                        .statuses
                        .set(&self.parts.name, PartStatus::Running, None);
                }
            }
            Err(error) if error.is_retriable() => {
                let text = Some(error.to_string());
                self.parts
                    .statuses
                    .set(&self.parts.name, PartStatus::Degraded, text);
                ctx.run_later(self.parts.config.retry, |actor, ctx| actor.work(ctx));
            }
            Err(error) => self.fail(error.to_string(), ctx),
        }
    }

    fn show(&mut self) {
        let (Some(push), Some(pipeline)) = (&self.parts.push, &mut self.pipeline) else {
            return;
        };
        let live = pipeline.take_live();
        let taken = live.is_empty()
            || push
                .get()
                .is_some_and(|push| push.try_send(Show(live)).is_ok());
        if !taken {
            self.state.shows_dropped += 1;
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "candles").increment(1);
        }
    }

    fn observe(&mut self) {
        if let Some(pipeline) = &self.pipeline {
            self.state.next_offset = pipeline.next_offset();
            self.state.pending = pipeline.pending();
            self.publish_counts(pipeline.counts());
        }
        self.state.head = self.parts.log.progress(self.parts.partition).borrow().head;
        let partition = self.parts.partition.to_string();
        let behind = self.state.head.0.saturating_sub(self.state.next_offset.0);
        metrics::gauge!("coinsphere_candles_lag_records", "partition" => partition.clone())
            .set(behind as f64);
        metrics::gauge!("coinsphere_candles_pending", "partition" => partition)
            .set(self.state.pending as f64);
        self.parts.statuses.observe(&self.parts.name, &self.state);
    }

    fn publish_counts(&mut self, now: EngineCounts) {
        let before = std::mem::replace(&mut self.state.counts, now);
        for (outcome, now, before) in [
            ("counted", now.counted, before.counted),
            ("duplicate", now.duplicates, before.duplicates),
            ("late", now.late, before.late),
        ] {
            metrics::counter!("coinsphere_candles_trades_total", "outcome" => outcome)
                .increment(now.saturating_sub(before));
        }
        metrics::counter!("coinsphere_candles_closed_total")
            .increment(now.closed.saturating_sub(before.closed));
        metrics::counter!("coinsphere_candles_corrected_total")
            .increment(now.corrected.saturating_sub(before.corrected));
        metrics::counter!("coinsphere_candles_gaps_total")
            .increment(now.gaps.saturating_sub(before.gaps));
    }

    fn fail(&mut self, error: String, ctx: &mut Context<Self>) {
        self.exit.because(ExitReason::Failed(error));
        ctx.stop();
    }
}

impl Actor for CandleActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.exit.obey_faults(self, ctx);
        let progress = self.parts.log.progress(self.parts.partition);
        ctx.add_stream(stream::unfold(progress, |mut progress| async move {
            progress.changed().await.ok()?;
            let now = *progress.borrow_and_update();
            Some((Advanced(now), progress))
        }));
        ctx.run_interval(Duration::from_secs(1), |actor, _| actor.observe());
        self.load(ctx);
    }
}

impl StreamHandler<Advanced> for CandleActor {
    fn handle(&mut self, _: Advanced, ctx: &mut Self::Context) {
        self.work(ctx);
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.exit.because(ExitReason::DependencyGone("event log"));
        ctx.stop();
    }
}

impl Handler<Advanced> for CandleActor {
    type Result = ();

    fn handle(&mut self, _: Advanced, ctx: &mut Self::Context) {
        self.work(ctx);
    }
}

impl Handler<TakeCommit> for CandleActor {
    type Result = Option<Commit>;

    fn handle(&mut self, _: TakeCommit, ctx: &mut Self::Context) -> Self::Result {
        let commit = self.pipeline.as_mut().and_then(CandlePipeline::take_commit);
        if commit.is_some() {
            // There is room again.
            ctx.notify(Advanced(
                *self.parts.log.progress(self.parts.partition).borrow(),
            ));
        }
        commit
    }
}

impl Handler<CatchUp> for CandleActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: CatchUp, _: &mut Self::Context) -> Self::Result {
        let head = self.parts.log.progress(self.parts.partition).borrow().head;
        let records = self.parts.config.records_per_step;
        let max_pending = self.parts.config.max_pending;
        let pipeline = self.pipeline.take();
        let steps = async move {
            let mut pipeline = pipeline?;
            while pipeline.next_offset() < head && pipeline.pending() < max_pending {
                match pipeline.step(records).await {
                    Ok(step) if step.records > 0 => drop(pipeline.take_live()),
                    _ => break,
                }
            }
            Some(pipeline)
        };
        Box::pin(steps.into_actor(self).map(|pipeline, actor: &mut Self, _| {
            if pipeline.is_some() {
                actor.pipeline = pipeline;
            }
        }))
    }
}

impl Handler<Committed> for CandleActor {
    type Result = ();

    fn handle(&mut self, Committed(offset): Committed, _: &mut Self::Context) {
        self.state.committed = offset;
        self.parts
            .log
            .release(CONSUMER, self.parts.partition, offset);
    }
}

impl Handler<Reload> for CandleActor {
    type Result = ();

    fn handle(&mut self, _: Reload, ctx: &mut Self::Context) {
        self.load(ctx);
    }
}

impl Handler<Quit> for CandleActor {
    type Result = ();

    fn handle(&mut self, _: Quit, ctx: &mut Self::Context) {
        self.exit.because(ExitReason::Quit);
        ctx.stop();
    }
}
