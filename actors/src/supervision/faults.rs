//! Faults that a test injects into supervised parts. Nothing in the program calls [`Faults::inject`].

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

/// The parts that are to panic. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<watch::Sender<BTreeSet<String>>>);

impl Faults {
    /// Has a part panic once, wherever it is waiting.
    pub fn inject(&self, part: &str) {
        self.0.send_modify(|parts| {
            parts.insert(part.to_owned());
        });
    }

    /// Panics if the part is to: for one that is no task and asks as it works.
    pub fn strike_now(&self, part: &str) {
        if self.0.borrow().contains(part) {
            self.take(part);
        }
    }

    /// Waits until the part is to panic, and does.
    pub(super) async fn strike(&self, part: &str) {
        let mut parts = self.0.subscribe();
        loop {
            // The sender lives as long as this.
            let _ = parts.wait_for(|parts| parts.contains(part)).await;
            self.take(part);
        }
    }

    fn take(&self, part: &str) {
        assert!(
            !self.0.send_if_modified(|parts| parts.remove(part)),
            "injected fault in {part}"
        );
    }
}
