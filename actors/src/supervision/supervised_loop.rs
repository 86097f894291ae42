//! A long-lived loop as a supervised part: started, watched, started again with backoff when it ends
//! without having been asked to, stopped in order. It needs a runtime, no actor system; a loop that
//! starts actors is a [`super::LoopActor`] instead.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::restart_delay::RestartDelay;
use super::{ExitReason, PartStatus, StatusRegistry};

/// The time that stopping waits for a loop to end in order.
const STOP: Duration = Duration::from_secs(30);

/// The loop's view of its own life: progress and stopping.
#[derive(Debug, Clone)]
pub struct LoopContext {
    name: String,
    statuses: StatusRegistry,
    quit: watch::Receiver<bool>,
}

impl LoopContext {
    /// Marks progress: the loop has come round.
    pub fn progressed(&self) {
        self.statuses.progressed(&self.name);
    }

    /// Says that the loop does its work.
    pub fn running(&self) {
        self.statuses.set(&self.name, PartStatus::Running, None);
    }

    /// Says what the loop needs and does not get; it goes on.
    pub fn degraded(&self, why: String) {
        self.statuses
            .set(&self.name, PartStatus::Degraded, Some(why));
    }

    /// Returns whether it was asked to quit.
    #[must_use]
    pub fn is_quitting(&self) -> bool {
        *self.quit.borrow()
    }

    /// Does work that would never end, until asked to quit.
    pub async fn until_quit(mut self, work: impl Future<Output = ()>) -> ExitReason {
        tokio::select! {
            () = work => ExitReason::Finished,
            () = self.quits() => ExitReason::Quit,
        }
    }

    /// Completes when the loop is asked to quit.
    pub async fn quits(&mut self) {
        // A supervisor that is gone wants nothing else.
        let _ = self.quit.wait_for(|quit| *quit).await;
    }
}

/// A supervised loop; dropping it cuts the loop off.
#[derive(Debug)]
pub struct SupervisedLoop {
    quit: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl SupervisedLoop {
    /// Starts a loop and keeps it running: under this name among the statuses, with this limit on the
    /// time between two marks of progress.
    #[must_use]
    pub fn start<F>(
        statuses: &StatusRegistry,
        name: &str,
        limit: Duration,
        run: impl FnMut(LoopContext) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ExitReason> + Send + 'static,
    {
        let (quit, quits) = watch::channel(false);
        let context = LoopContext {
            name: name.to_owned(),
            statuses: statuses.clone(),
            quit: quits,
        };
        statuses.expect_progress(name, limit);
        Self {
            quit,
            task: spawn(keep_running(context, run)),
        }
    }

    /// Tells the loop to quit and waits until it has ended.
    pub async fn stop(mut self) {
        self.quit.send_replace(true);
        if tokio::time::timeout(STOP, &mut self.task).await.is_err() {
            tracing::warn!("a supervised loop did not end in time and was cut off");
        }
    }
}

impl Drop for SupervisedLoop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_running<F>(mut context: LoopContext, mut run: impl FnMut(LoopContext) -> F)
where
    F: Future<Output = ExitReason> + Send + 'static,
{
    let (name, statuses) = (context.name.clone(), context.statuses.clone());
    let mut restart_delay = RestartDelay::new();
    loop {
        let started_at = Instant::now();
        statuses.set(&name, PartStatus::Starting, None);
        let mut running = AbortOnDrop(spawn(with_faults(run(context.clone()), context.clone())));
        let error = match (&mut running.0).await {
            Ok(ExitReason::Finished | ExitReason::Quit) => {
                statuses.set(&name, PartStatus::Stopped, None);
                return;
            }
            Ok(reason) => reason.to_string(),
            Err(_) => ExitReason::Panicked.to_string(),
        };
        let delay = restart_delay.after(started_at.elapsed());
        statuses.note_failure(&name, error, delay);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = context.quits() => {
                statuses.set(&name, PartStatus::Stopped, None);
                return;
            }
        }
    }
}

/// Runs a loop until it ends, or until a test has it panic.
async fn with_faults(
    run: impl Future<Output = ExitReason>,
    LoopContext { name, statuses, .. }: LoopContext,
) -> ExitReason {
    tokio::select! {
        reason = run => reason,
        () = statuses.faults().strike(&name) => unreachable!("a fault that strikes is a panic"),
    }
}

struct AbortOnDrop(JoinHandle<ExitReason>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what is spawned here is supervised"
)]
fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

#[cfg(test)]
mod tests {
    use coinsphere_pipelines::clock::SystemClock;

    use super::*;

    async fn until(
        statuses: &StatusRegistry,
        name: &str,
        is: impl Fn(&super::super::PartState) -> bool,
    ) {
        while !statuses.snapshot().get(name).is_some_and(&is) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_is_started_again_and_says_so_meanwhile() {
        let statuses = StatusRegistry::new(SystemClock::shared());
        let part = SupervisedLoop::start(&statuses, "loop", STOP, |context| {
            context.running();
            context.until_quit(std::future::pending())
        });
        until(&statuses, "loop", |part| part.status == PartStatus::Running).await;
        statuses.faults().inject("loop");
        until(&statuses, "loop", |part| {
            part.status == PartStatus::BackingOff
        })
        .await;
        let failed = statuses.snapshot()["loop"].clone();
        assert_eq!(failed.restarts, 1);
        assert!(failed.last_error.unwrap().starts_with("panicked"));
        until(&statuses, "loop", |part| part.status == PartStatus::Running).await;
        part.stop().await;
        assert_eq!(statuses.snapshot()["loop"].status, PartStatus::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_hangs_is_degraded_and_says_since_when() {
        let statuses = StatusRegistry::new(SystemClock::shared());
        let limit = Duration::from_secs(5);
        let (go_on, goes_on) = watch::channel(0);
        let _part = SupervisedLoop::start(&statuses, "loop", limit, move |context| {
            let mut goes_on = goes_on.clone();
            context.running();
            async move {
                loop {
                    context.progressed();
                    // Ends with the test.
                    if goes_on.changed().await.is_err() {
                        return ExitReason::Finished;
                    }
                }
            }
        });
        until(&statuses, "loop", |part| {
            part.status == PartStatus::Degraded
        })
        .await;
        let hangs = statuses.snapshot()["loop"].clone();
        let said = hangs.last_error.unwrap();
        assert!(said.starts_with("no progress since "), "{said}");
        assert!(said.contains(&hangs.since.to_string()), "{said}");
        go_on.send_replace(1);
        until(&statuses, "loop", |part| part.status == PartStatus::Running).await;
    }
}
