//! Starts parts from factories and starts them again when they end without having been asked to.
//!
//! actix's own supervisor restarts the same value, whose state may be what failed; ours makes a new
//! actor, which finds its state in the log and the store: the start-up path is the recovery path.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use tokio::sync::oneshot;

use super::restart_delay::RestartDelay;
use super::{Faults, PartStatus, StatusRegistry};

/// The time for which a part may go without a mark of progress before it counts as degraded: each marks some
/// several times a minute, the trainer with each step of a training.
const PROGRESS: Duration = Duration::from_secs(60);

/// Supervisor → any part, command: end, in order.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Quit;

/// Reason that a part ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExitReason {
    /// It had no more to do.
    #[error("finished")]
    Finished,
    /// It was asked to quit.
    #[error("asked to quit")]
    Quit,
    /// A part that it cannot work without is gone.
    #[error("{0} is gone")]
    DependencyGone(&'static str),
    /// It failed, and said why.
    #[error("{0}")]
    Failed(String),
    /// It ended without a word: it panicked, or its thread is gone.
    #[error("panicked (see the log above)")]
    Panicked,
}

/// Held by a running part; dropping it tells the supervisor that the part ended. A part that ends in
/// order says how first; one that panics cannot.
#[derive(Debug)]
pub struct ExitNotice {
    name: String,
    supervisor: Recipient<Exited>,
    reason: ExitReason,
    faults: Faults,
}

impl ExitNotice {
    /// Says how the part is about to end.
    pub fn because(&mut self, reason: ExitReason) {
        self.reason = reason;
    }

    /// Has the actor that holds this panic when a test wants it to. Every supervised actor calls it as
    /// it starts.
    pub fn obey_faults<A>(&self, actor: &A, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>>,
    {
        let (faults, name) = (self.faults.clone(), self.name.clone());
        ctx.spawn(async move { faults.strike(&name).await }.into_actor(actor));
    }
}

impl Drop for ExitNotice {
    fn drop(&mut self) {
        let reason = std::mem::replace(&mut self.reason, ExitReason::Panicked);
        // One message for each time a part was started: bounded by the restarts' backoff.
        self.supervisor.do_send(Exited {
            name: self.name.clone(),
            reason,
        });
    }
}

/// A part that is running.
pub struct Started {
    /// Where to send [`Quit`].
    pub quit: Recipient<Quit>,
}

/// Makes a part again each time it is called.
pub type Factory = Box<dyn FnMut(ExitNotice) -> Started + Send>;

/// Adds a part and starts it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Supervise {
    /// Its name on the statuses.
    pub name: String,
    /// Makes it.
    pub factory: Factory,
}

/// Ends every part, the last added first, and answers when all have ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll(pub oneshot::Sender<()>);

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Exited {
    name: String,
    reason: ExitReason,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Start(String);

struct Child {
    factory: Factory,
    quit: Option<Recipient<Quit>>,
    restart_delay: RestartDelay,
    started_at: tokio::time::Instant,
}

/// The supervisor.
pub struct Supervisor {
    statuses: StatusRegistry,
    children: BTreeMap<String, Child>,
    /// In the order they were added.
    order: Vec<String>,
    stopping: Option<oneshot::Sender<()>>,
    alive: BTreeSet<String>,
}

impl Supervisor {
    /// A supervisor of nothing yet.
    #[must_use]
    pub fn new(statuses: StatusRegistry) -> Self {
        Self {
            statuses,
            children: BTreeMap::new(),
            order: Vec::new(),
            stopping: None,
            alive: BTreeSet::new(),
        }
    }

    fn start(&mut self, name: &str, ctx: &Context<Self>) {
        if self.stopping.is_some() {
            return;
        }
        let Some(child) = self.children.get_mut(name) else {
            return;
        };
        let notice = ExitNotice {
            name: name.to_owned(),
            supervisor: ctx.address().recipient(),
            reason: ExitReason::Panicked,
            faults: self.statuses.faults().clone(),
        };
        child.started_at = tokio::time::Instant::now();
        self.alive.insert(name.to_owned());
        self.statuses.set(name, PartStatus::Starting, None);
        child.quit = Some((child.factory)(notice).quit);
    }

    /// Asks the last added part that is still alive to end; answers if none is.
    fn stop_next(&mut self) {
        if self.stopping.is_none() {
            return;
        }
        while let Some(name) = self.order.last() {
            if self.alive.contains(name) {
                if let Some(quit) = self
                    .children
                    .get_mut(name)
                    .and_then(|child| child.quit.take())
                {
                    quit.do_send(Quit);
                }
                return;
            }
            self.order.pop();
        }
        if let Some(done) = self.stopping.take() {
            // Nobody may be waiting.
            let _ = done.send(());
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;
}

impl Handler<Supervise> for Supervisor {
    type Result = ();

    fn handle(&mut self, message: Supervise, ctx: &mut Self::Context) {
        let Supervise { name, factory } = message;
        let child = Child {
            factory,
            quit: None,
            restart_delay: RestartDelay::new(),
            started_at: tokio::time::Instant::now(),
        };
        self.statuses.expect_progress(&name, PROGRESS);
        self.children.insert(name.clone(), child);
        self.order.push(name.clone());
        self.start(&name, ctx);
    }
}

impl Handler<Start> for Supervisor {
    type Result = ();

    fn handle(&mut self, Start(name): Start, ctx: &mut Self::Context) {
        self.start(&name, ctx);
    }
}

impl Handler<Exited> for Supervisor {
    type Result = ();

    fn handle(&mut self, Exited { name, reason }: Exited, ctx: &mut Self::Context) {
        self.alive.remove(&name);
        let Some(child) = self.children.get_mut(&name) else {
            return;
        };
        child.quit = None;
        if matches!(reason, ExitReason::Finished | ExitReason::Quit) {
            self.statuses.set(&name, PartStatus::Stopped, None);
            self.stop_next();
            return;
        }
        let error = reason.to_string();
        let delay = child.restart_delay.after(child.started_at.elapsed());
        if self.stopping.is_some() {
            self.statuses.set(&name, PartStatus::Failed, Some(error));
            self.stop_next();
            return;
        }
        self.statuses.note_failure(&name, error, delay);
        ctx.notify_later(Start(name), delay);
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = ();

    fn handle(&mut self, StopAll(done): StopAll, _: &mut Self::Context) {
        self.stopping = Some(done);
        self.stop_next();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix::ActorContext;
    use coinsphere_pipelines::clock::SystemClock;
    use tokio::sync::mpsc;

    use super::*;

    /// Ends as it was asked to, right after it was started, or waits to be asked to quit.
    struct Part {
        exit: ExitNotice,
        fate: Fate,
        events: mpsc::UnboundedSender<String>,
        name: &'static str,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fate {
        Fail,
        Panic,
        Live,
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Meet;

    impl Actor for Part {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Self::Context) {
            let _ = self.events.send(format!("{} started", self.name));
            ctx.notify(Meet);
        }
    }

    impl Handler<Meet> for Part {
        type Result = ();

        fn handle(&mut self, _: Meet, ctx: &mut Self::Context) {
            match self.fate {
                Fate::Fail => {
                    self.exit.because(ExitReason::Failed("no luck".into()));
                    ctx.stop();
                }
                Fate::Panic => panic!("as planned by the test"),
                Fate::Live => {}
            }
        }
    }

    impl Handler<Quit> for Part {
        type Result = ();

        fn handle(&mut self, _: Quit, ctx: &mut Self::Context) {
            let _ = self.events.send(format!("{} quits", self.name));
            self.exit.because(ExitReason::Quit);
            ctx.stop();
        }
    }

    fn part(
        name: &'static str,
        fates: Vec<Fate>,
        events: mpsc::UnboundedSender<String>,
    ) -> Supervise {
        let starts = Arc::new(AtomicUsize::new(0));
        Supervise {
            name: name.to_owned(),
            factory: Box::new(move |exit| {
                let fate = fates[starts.fetch_add(1, Ordering::SeqCst).min(fates.len() - 1)];
                let address = Part {
                    exit,
                    fate,
                    events: events.clone(),
                    name,
                }
                .start();
                Started {
                    quit: address.recipient(),
                }
            }),
        }
    }

    /// Runs on actix's runtime with time that jumps ahead whenever nothing else is to do.
    fn with_paused_time(test: impl Future<Output = ()> + 'static) {
        actix::System::with_tokio_rt(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap()
        })
        .block_on(test);
    }

    #[test]
    fn a_failed_or_panicked_part_is_made_anew_with_growing_delays() {
        with_paused_time(async {
            let statuses = StatusRegistry::new(SystemClock::shared());
            let (events, mut seen) = mpsc::unbounded_channel();
            let supervisor = Supervisor::new(statuses.clone()).start();
            let begun = tokio::time::Instant::now();
            let fates = vec![Fate::Fail, Fate::Panic, Fate::Fail, Fate::Live];
            supervisor
                .send(part("fragile", fates, events))
                .await
                .unwrap();
            for _ in 0..4 {
                assert_eq!(seen.recv().await.unwrap(), "fragile started");
            }
            let delays = begun.elapsed();
            assert!(
                delays >= Duration::from_millis(700),
                "100 + 200 + 400 ms, was {delays:?}"
            );
            let state = &statuses.snapshot()["fragile"];
            assert_eq!(state.restarts, 3);
            assert_eq!(state.last_error.as_deref(), Some("no luck"));
        });
    }

    #[test]
    fn parts_stop_in_reverse_order_and_are_not_started_again() {
        with_paused_time(async {
            let statuses = StatusRegistry::new(SystemClock::shared());
            let (events, mut seen) = mpsc::unbounded_channel();
            let supervisor = Supervisor::new(statuses.clone()).start();
            for name in ["first", "second"] {
                supervisor
                    .send(part(name, vec![Fate::Live], events.clone()))
                    .await
                    .unwrap();
                assert_eq!(seen.recv().await.unwrap(), format!("{name} started"));
            }
            let (done, stopped) = oneshot::channel();
            supervisor.send(StopAll(done)).await.unwrap();
            stopped.await.unwrap();
            assert_eq!(seen.recv().await.unwrap(), "second quits");
            assert_eq!(seen.recv().await.unwrap(), "first quits");
            assert_eq!(statuses.snapshot()["first"].status, PartStatus::Stopped);
        });
    }
}
