//! Serves the application on a socket, and stops it without cutting anyone off.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::router::{ApiState, router};

/// Serves until `stop` completes; then takes in no more, finishes the requests in flight, closes
/// the streams with 1001 (going away), and returns. What is not finished within
/// `http.shutdown_timeout_ms` is cut off.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let patience = Duration::from_millis(state.http.shutdown_timeout_ms);
    let (hub, streams) = (state.hub.clone(), state.streams.clone());
    let app: Router = router(state);
    let (stopping, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.await;
        hub.close();
        // The receiver lives as long as this call; if it is gone there is nobody to tell.
        let _ = stopping.send(());
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        // Ends by itself only when the socket fails.
        ended = &mut server => return ended.map_err(io::Error::other)?,
        _ = stopped => {}
    }
    let finished = timeout(patience, async {
        let ended = (&mut server).await;
        streams.empty().await;
        ended
    });
    match finished.await {
        Ok(ended) => ended.map_err(io::Error::other)?,
        Err(_) => {
            tracing::warn!(?patience, "requests in flight were cut off");
            server.abort();
            Ok(())
        }
    }
}
