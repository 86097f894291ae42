//! What a subscriber holds: a bounded queue, and the promise that a hole in it is said.

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Messages that may wait for a subscriber; older ones are dropped, which it learns as a hole.
pub(super) const QUEUE: usize = 4_096;

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Bytes),
    /// Messages were or may have been missed here: the subscriber was slow, or the state was away.
    Hole,
}

/// A subscription to one channel; ends when it is dropped.
#[derive(Debug)]
pub struct Subscription {
    queue: broadcast::Receiver<Heard>,
    /// Ends what feeds the queue.
    _feed: Option<AbortOnDrop>,
}

impl Subscription {
    pub(super) const fn new(queue: broadcast::Receiver<Heard>, feed: Option<AbortOnDrop>) -> Self {
        Self { queue, _feed: feed }
    }

    /// The next message or hole; `None` when there will be none any more.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.queue.recv().await {
            Ok(heard) => Some(heard),
            Err(RecvError::Lagged(_)) => Some(Heard::Hole),
            Err(RecvError::Closed) => None,
        }
    }
}

/// A task that ends with whoever holds this.
#[derive(Debug)]
pub(super) struct AbortOnDrop(pub(super) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
