//! The simulator's only source of time; everything else is given one of these.
//!
//! Times are µs since the Unix epoch. A test drives [`ManualClock`] and waits for nothing.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// A future that ends at a moment.
pub type Moment = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Source of time and of timers.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Now, µs since the Unix epoch.
    fn now(&self) -> i64;

    /// Ends when [`Clock::now`] has reached `time`; at once if it already has.
    fn until(&self, time: i64) -> Moment;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place where the simulator reads the machine's clock"
    )]
    fn now(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn until(&self, time: i64) -> Moment {
        let wait = u64::try_from(time.saturating_sub(self.now())).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_micros(wait)))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<i64>,
}

impl ManualClock {
    /// A clock that shows `now`, µs since the Unix epoch.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.now.send_modify(|now| *now = now.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        *self.now.borrow()
    }

    fn until(&self, time: i64) -> Moment {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // An error means that the clock is gone, and with it any reason to wait.
            let _ = now.wait_for(|&now| now >= time).await;
        })
    }
}
