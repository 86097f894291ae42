//! A budget of requests: one for all of a process that ask the same interface of a venue.
//! It knows no venue: how much there is and what a request costs is said by who asks.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The requests that a venue allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The cost that may be spent at once.
    pub burst: u32,
    /// The cost that may be spent a minute in the long run, at least 1.
    pub per_minute: u32,
}

/// The budget of one interface. Whoever waits first is served first, so that jobs share it fairly.
#[derive(Debug)]
pub struct RequestBudget {
    allowance: Allowance,
    /// When everything spent so far has been regained. The generic cell rate algorithm:
    /// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
    regained: tokio::sync::Mutex<Option<Instant>>,
    /// Nothing is sent before this.
    paused_until: Mutex<Option<Instant>>,
}

impl RequestBudget {
    /// A full budget.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            regained: tokio::sync::Mutex::default(),
            paused_until: Mutex::default(),
        }
    }

    /// The budget of the interface with this name (its URL): one for the whole process.
    #[must_use]
    pub fn shared(interface: &str, allowance: Allowance) -> Arc<Self> {
        static ALL: LazyLock<Mutex<HashMap<String, Arc<RequestBudget>>>> =
            LazyLock::new(Mutex::default);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = all
            .entry(interface.to_owned())
            .or_insert_with(|| Arc::new(Self::new(allowance)));
        Arc::clone(budget)
    }

    /// Waits until a request of this cost may be sent, and spends it.
    ///
    /// # Errors
    /// The time that is left, when the venue wants a pause of more than `patience`.
    pub async fn spend(&self, cost: u32, patience: Duration) -> Result<(), Duration> {
        let mut regained = self.regained.lock().await;
        let unit = Duration::from_secs(60) / self.allowance.per_minute.max(1);
        let whole = unit * self.allowance.burst;
        // What costs more than the whole budget waits for the whole.
        let cost = (unit * cost).min(whole);
        loop {
            let now = Instant::now();
            let pause = self.pause().map(|until| until - now);
            if let Some(left) = pause.filter(|left| *left > patience) {
                return Err(left);
            }
            let spent = regained.map_or(now, |at| at.max(now)) + cost;
            let afforded = spent.checked_sub(whole).unwrap_or(now).max(now);
            let earliest = pause.map_or(afforded, |left| afforded.max(now + left));
            if earliest <= now {
                *regained = Some(spent);
                return Ok(());
            }
            sleep_until(earliest).await;
        }
    }

    /// Sends nothing for this long: the venue says so.
    pub fn pause_for(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut paused = self.paused();
        *paused = Some(paused.map_or(until, |before| before.max(until)));
    }

    /// Until when nothing is sent, if that lies ahead.
    fn pause(&self) -> Option<Instant> {
        self.paused().filter(|until| *until > Instant::now())
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // A panic while a time is held leaves a usable time.
        self.paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_sent_at_once_and_the_rest_at_the_pace() {
        let budget = RequestBudget::new(Allowance {
            burst: 10,
            per_minute: 60,
        });
        let began = Instant::now();
        for _ in 0..5 {
            budget.spend(2, PATIENCE).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        budget.spend(2, PATIENCE).await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(2));
        // Never more than there is, whatever it costs.
        budget.spend(1_000, PATIENCE).await.unwrap();
        assert!(began.elapsed() <= Duration::from_secs(15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_everybodys() {
        let allowance = Allowance {
            burst: 100,
            per_minute: 600,
        };
        let one = RequestBudget::shared("http://a-pause.test", allowance);
        let other = RequestBudget::shared("http://a-pause.test", allowance);
        let began = Instant::now();
        one.pause_for(Duration::from_secs(30));
        one.pause_for(Duration::from_secs(3));
        other.spend(1, PATIENCE).await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(30));
        one.pause_for(Duration::from_secs(600));
        let left = other.spend(1, PATIENCE).await.unwrap_err();
        assert!(left > Duration::from_secs(590), "{left:?}");
    }
}
