//! Builds the chain from the event log to stored and shown candles: the push actor, a candle actor for
//! each partition and the committer, each supervised.

use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, MailboxError};
use coinsphere_pipelines::candles::Rules;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::signal::Signal;

use super::candle::{CandleActor, CandleConfig, CandleDeps};
use super::candle_store::CandleStore;
use super::committer::{CommitterActor, CommitterConfig, CommitterDeps};
use crate::push::PushHub;
use crate::push::pusher::{CandleHistory, PushActor, PusherDeps};
use crate::supervision::{
    ActorAddress, ExitNotice, Quit, Started, StatusRegistry, Supervise, Supervisor,
};

/// Threads that the candle actors share.
const CANDLE_THREADS: usize = 2;

/// Dependencies of the chain.
pub struct PipelineDeps {
    /// Where records come from.
    pub log: Arc<dyn EventLog>,
    /// Where candles are written.
    pub store: Arc<dyn CandleStore>,
    /// Where closed candles are read that are shown.
    pub history: Arc<dyn CandleHistory>,
    /// Who shows them.
    pub hub: Arc<PushHub>,
    /// Rules by which candles are built.
    pub rules: Rules,
    /// Raised when candles have been committed.
    pub committed: Signal,
    /// Where the parts' states are published.
    pub statuses: StatusRegistry,
}

/// Starts the chain, in the order in which data needs its parts. Returns the address of the push actor.
///
/// # Errors
/// When the supervisor is gone.
pub async fn start(
    deps: PipelineDeps,
    supervisor: &Addr<Supervisor>,
) -> Result<ActorAddress<PushActor>, MailboxError> {
    let push = ActorAddress::default();
    let pusher = PusherDeps {
        name: "push".to_owned(),
        hub: deps.hub,
        history: deps.history,
        statuses: deps.statuses.clone(),
    };
    let arbiter = Arbiter::new().handle();
    let supervise = part(pusher.name.clone(), arbiter, push.clone(), move |exit| {
        PushActor::new(pusher.clone(), exit)
    });
    supervisor.send(supervise).await?;

    let committer = Signal::new();
    let threads: Vec<_> = (0..CANDLE_THREADS)
        .map(|_| Arbiter::new().handle())
        .collect();
    let candles: Vec<ActorAddress<CandleActor>> = (0..deps.log.partitions())
        .map(|_| ActorAddress::default())
        .collect();
    for (partition, address) in (0..deps.log.partitions()).zip(&candles) {
        let candle = CandleDeps {
            name: format!("candles_{partition}"),
            partition,
            config: CandleConfig {
                rules: deps.rules,
                ..CandleConfig::default()
            },
            log: Arc::clone(&deps.log),
            store: Arc::clone(&deps.store),
            statuses: deps.statuses.clone(),
            push: Some(push.clone()),
            committer: committer.clone(),
        };
        let arbiter = threads[partition as usize % CANDLE_THREADS].clone();
        let supervise = part(candle.name.clone(), arbiter, address.clone(), move |exit| {
            CandleActor::new(candle.clone(), exit)
        });
        supervisor.send(supervise).await?;
    }

    let writer = CommitterDeps {
        name: "store".to_owned(),
        config: CommitterConfig::default(),
        log: deps.log,
        store: deps.store,
        statuses: deps.statuses,
        candles,
        committer,
        committed: deps.committed,
        push: Some(push.clone()),
    };
    let (arbiter, address) = (Arbiter::new().handle(), ActorAddress::default());
    let supervise = part(writer.name.clone(), arbiter, address, move |exit| {
        CommitterActor::new(writer.clone(), exit)
    });
    supervisor.send(supervise).await?;
    Ok(push)
}

/// A part that is one actor on this arbiter, found at this address.
fn part<A>(
    name: String,
    arbiter: ArbiterHandle,
    address: ActorAddress<A>,
    make: impl Fn(ExitNotice) -> A + Clone + Send + 'static,
) -> Supervise
where
    A: Actor<Context = actix::Context<A>> + actix::Handler<Quit>,
{
    let factory = move |exit| {
        let make = make.clone();
        let started = A::start_in_arbiter(&arbiter, move |_| make(exit));
        address.set(started.clone());
        Started {
            quit: started.recipient(),
        }
    };
    Supervise {
        name,
        factory: Box::new(factory),
    }
}
