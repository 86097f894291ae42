//! Live trades and candles over WebSocket, as `docs/stream.md` specifies.

pub(in crate::http) mod connect;
mod protocol;
mod session;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

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
    fn enter(&self) -> Pass {
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
struct Pass(StreamGate);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes.add(routes!(connect::connect_stream), Policy::market_data())
}
