//! "Something happened": signalled to any number of waiters, each of which sees it once.

use tokio::sync::watch;

/// Raises a signal. Clones raise the same one.
#[derive(Debug, Clone, Default)]
pub struct Signal(watch::Sender<u64>);

/// Waits for a signal; each waiter has its own.
#[derive(Debug)]
pub struct Waiter(watch::Receiver<u64>);

impl Signal {
    /// A signal that nobody has raised yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes every waiter, now or when it waits next.
    pub fn raise(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A waiter. It is woken once at first, because what was raised before is not known.
    #[must_use]
    pub fn waiter(&self) -> Waiter {
        let mut receiver = self.0.subscribe();
        receiver.mark_changed();
        Waiter(receiver)
    }
}

impl Waiter {
    /// Completes when the signal was raised since the last time, however often. Without anybody left to
    /// raise it, never.
    pub async fn raised(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn each_of_two_waiters_sees_what_was_raised() {
        let signal = Signal::new();
        let (mut one, mut other) = (signal.waiter(), signal.waiter());
        assert!(one.raised().now_or_never().is_some(), "at first");
        assert!(other.raised().now_or_never().is_some(), "at first");
        assert!(one.raised().now_or_never().is_none());
        signal.raise();
        signal.raise();
        for waiter in [&mut one, &mut other] {
            assert!(waiter.raised().now_or_never().is_some());
            assert!(waiter.raised().now_or_never().is_none(), "seen");
        }
        drop(signal);
        assert!(one.raised().now_or_never().is_none(), "nobody raises it");
    }
}
