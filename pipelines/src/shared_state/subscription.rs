//! A subscriber's view: a bounded queue, and the promise that a hole in it is reported.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Messages that may wait for a subscriber; older ones are dropped, which it learns as a hole.
pub(super) const QUEUE: usize = 4_096;

/// One item of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Bytes),
    /// Messages were or may have been missed here: the subscriber was slow, or the state was away.
    Hole,
}

/// Task that receives from a channel and fills the queue.
pub(super) type Hearing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A subscription to one channel; ends when it is dropped. It listens while [`Subscription::next`] is
/// awaited, in the caller's task: no task of its own could end unseen.
pub struct Subscription {
    queue: broadcast::Receiver<Heard>,
    /// Absent where the publisher fills the queue, and at the end.
    hearing: Option<Hearing>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) const fn new(queue: broadcast::Receiver<Heard>, hearing: Option<Hearing>) -> Self {
        Self { queue, hearing }
    }

    /// The next message or hole; `None` when there will be none any more. A call may be given up: nothing
    /// is lost by that.
    pub async fn next(&mut self) -> Option<Heard> {
        if let Some(hearing) = &mut self.hearing {
            // First, so that what is published faster than it is taken is a hole, and not a queue without
            // bounds in the client.
            tokio::select! {
                biased;
                () = hearing => {}
                heard = self.queue.recv() => return Self::heard(heard),
            }
            self.hearing = None;
        }
        Self::heard(self.queue.recv().await)
    }

    fn heard(heard: Result<Heard, RecvError>) -> Option<Heard> {
        match heard {
            Ok(heard) => Some(heard),
            Err(RecvError::Lagged(_)) => Some(Heard::Hole),
            Err(RecvError::Closed) => None,
        }
    }
}
