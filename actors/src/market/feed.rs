//! Listens to one venue and appends what it says to the event log. The sockets, their retries and
//! their limits are [`LiveFeed`]'s; this actor gives it a life among the others: started again when
//! it fails, asked to quit, observed. Nothing flows through its mailbox.

use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use coinsphere_pipelines::venues::{FeedState, LiveFeed};
use tokio::sync::watch;

use crate::supervision::Quit;
use crate::supervision::{ExitNotice, ExitReason};
use crate::supervision::{PartStatus, StatusRegistry};

/// Messages the mailbox holds: commands of the supervisor.
const MAILBOX: usize = 8;

/// The interval at which the feed's state is published.
const OBSERVE: Duration = Duration::from_millis(250);

/// The actor.
pub struct FeedActor {
    name: String,
    statuses: StatusRegistry,
    exit: ExitNotice,
    feed: Option<LiveFeed>,
    state: watch::Receiver<FeedState>,
    quit: watch::Sender<bool>,
    was_live: bool,
}

impl FeedActor {
    /// A part to be started.
    #[must_use]
    pub fn new(name: String, statuses: StatusRegistry, feed: LiveFeed, exit: ExitNotice) -> Self {
        let state = feed.state();
        Self {
            name,
            statuses,
            exit,
            feed: Some(feed),
            state,
            quit: watch::Sender::new(false),
            was_live: false,
        }
    }

    fn observe(&mut self) {
        let state = self.state.borrow_and_update().clone();
        let trouble = || state.connections.iter().find_map(|c| c.last_error.clone());
        if let Some(trouble) = state.subscription_trouble() {
            self.was_live |= state.is_live();
            self.statuses
                .set(&self.name, PartStatus::Degraded, Some(trouble));
        } else if state.is_live() {
            self.was_live = true;
            self.statuses.set(&self.name, PartStatus::Running, None);
        } else if self.was_live {
            self.statuses
                .set(&self.name, PartStatus::Degraded, trouble());
        } else {
            self.statuses
                .set(&self.name, PartStatus::Starting, trouble());
        }
        self.statuses.observe(&self.name, &state);
    }
}

impl Actor for FeedActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.exit.obey_faults(self, ctx);
        let Some(feed) = self.feed.take() else {
            return;
        };
        let run = feed.run(self.quit.subscribe()).into_actor(self);
        ctx.spawn(run.map(|ended, actor: &mut Self, ctx| {
            actor.observe();
            let quit = *actor.quit.borrow();
            actor.exit.because(match ended {
                Ok(()) if quit => ExitReason::Quit,
                Ok(()) => ExitReason::Finished,
                Err(error) => ExitReason::Failed(error.to_string()),
            });
            ctx.stop();
        }));
        ctx.run_interval(OBSERVE, |actor, _| actor.observe());
    }
}

impl Handler<Quit> for FeedActor {
    type Result = ();

    fn handle(&mut self, _: Quit, _: &mut Self::Context) {
        self.quit.send_replace(true);
    }
}
