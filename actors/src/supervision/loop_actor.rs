//! An actor that is one loop: it runs until it is asked to quit or ends by itself, and says why.

use actix::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, Context, Handler, WrapFuture,
};
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use crate::supervision::{ExitNotice, ExitReason, Quit, Started, Supervise};

/// Messages the mailbox holds: commands of the supervisor.
const MAILBOX: usize = 8;

type Run = Box<dyn FnOnce(watch::Receiver<bool>) -> LocalBoxFuture<'static, ExitReason> + Send>;

/// A part that is one loop.
pub struct LoopActor {
    run: Option<Run>,
    exit: ExitNotice,
    quit: watch::Sender<bool>,
}

impl LoopActor {
    /// A part to be started. The loop ends soon after what it is handed shows `true`.
    #[must_use]
    pub fn new<F>(
        exit: ExitNotice,
        run: impl FnOnce(watch::Receiver<bool>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ExitReason> + 'static,
    {
        Self {
            run: Some(Box::new(move |quit| Box::pin(run(quit)))),
            exit,
            quit: watch::Sender::new(false),
        }
    }

    /// A part for the supervisor: the loop, on an arbiter of its own.
    #[must_use]
    pub fn supervised<F>(
        name: String,
        run: impl Fn(watch::Receiver<bool>) -> F + Clone + Send + 'static,
    ) -> Supervise
    where
        F: Future<Output = ExitReason> + 'static,
    {
        let arbiter = Arbiter::new().handle();
        let factory = move |exit: ExitNotice| {
            let run = run.clone();
            let address = Self::start_in_arbiter(&arbiter, move |_| Self::new(exit, run));
            Started {
                quit: address.recipient(),
            }
        };
        Supervise {
            name,
            factory: Box::new(factory),
        }
    }
}

impl Actor for LoopActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.exit.obey_faults(self, ctx);
        // actix starts an actor once.
        let Some(run) = self.run.take() else { return };
        let run = run(self.quit.subscribe()).into_actor(self);
        ctx.spawn(run.map(|reason, actor: &mut Self, ctx| {
            actor.exit.because(reason);
            ctx.stop();
        }));
    }
}

impl Handler<Quit> for LoopActor {
    type Result = ();

    fn handle(&mut self, _: Quit, _: &mut Self::Context) {
        self.quit.send_replace(true);
    }
}
