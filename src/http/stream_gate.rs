//! The open streams, counted so that stopping can wait for them.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the open streams, so that stopping can wait for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StreamGate(Arc<watch::Sender<usize>>);

impl Default for StreamGate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl StreamGate {
    /// Counts a stream in; it is counted out when the pass is dropped.
    pub(in crate::http) fn enter(&self) -> Pass {
        self.0.send_modify(|open| *open += 1);
        Pass(self.clone())
    }

    /// Waits until no stream is open.
    pub async fn empty(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open == 0).await;
    }
}

/// One open stream.
#[derive(Debug)]
pub(in crate::http) struct Pass(StreamGate);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}
