//! Serves the application on a socket: a bounded number of connections, none of which may dawdle,
//! and an end that cuts nobody off.

pub(in crate::http) mod tls;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use coinsphere_actors::supervision::StatusRegistry;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::http::client_address::Peer;
use crate::http::router::router;
use crate::http::server::tls::Tls;
use crate::http::state::ApiState;

/// The time a client may take to send a request's head, and how long a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// Serves until `stop` completes; then takes in no more, finishes the requests in flight, closes
/// the streams with 1001 (going away), and returns. What is not finished within
/// `http.shutdown_timeout_ms` is cut off. Where a certificate is configured, the part that looks for
/// its renewal is among the statuses.
///
/// # Errors
/// When the socket cannot accept any more.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    statuses: &StatusRegistry,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let patience = Duration::from_millis(state.http.shutdown_timeout_ms);
    let tls = Tls::open(&state.http, statuses).map_err(io::Error::other)?;
    let greet = tls.as_ref().map(Tls::newest);
    let (hub, streams) = (state.hub.clone(), state.streams.clone());
    let connections = Arc::new(Semaphore::new(state.http.max_connections as usize));
    let stopping = watch::Sender::new(false);
    let mut tasks = JoinSet::new();
    let app = router(state);
    let mut stop = pin!(stop);
    let outcome = loop {
        tokio::select! {
            () = &mut stop => break Ok(()),
            accepted = accept(&listener, &connections) => match accepted {
                Ok((socket, place)) => {
                    let (app, stopping) = (app.clone(), stopping.subscribe());
                    #[allow(
                        clippy::disallowed_methods,
                        reason = "a connection ends by itself"
                    )]
                    tasks.spawn(meet(socket, place, greet.clone(), app, stopping));
                }
                Err(error) => break Err(error),
            },
            // Forgets connections that have ended.
            Some(_) = tasks.join_next() => {}
        }
    };
    drop(listener);
    hub.close();
    let ended = timeout(patience, async {
        stopping.send_replace(true);
        while tasks.join_next().await.is_some() {}
        streams.empty().await;
    });
    if ended.await.is_err() {
        tracing::warn!(?patience, "requests in flight were cut off");
    }
    outcome
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(connections).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                // Messages are small and each matters now: no waiting for more to send (Nagle).
                // A socket that refuses is gone already, which the first read will show.
                let _ = socket.set_nodelay(true);
                return Ok((socket, place));
            }
            // The client gave up while waiting.
            Err(error) if gave_up(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            // Most likely out of file descriptors: others will be given back.
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection, trying again in a second");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn gave_up(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Shakes hands where the server speaks HTTPS, then serves the connection.
async fn meet(
    socket: TcpStream,
    place: OwnedSemaphorePermit,
    greet: Option<watch::Receiver<Arc<rustls::ServerConfig>>>,
    app: Router,
    stopping: watch::Receiver<bool>,
) {
    let peer = socket.peer_addr().ok().map(|address| address.ip());
    match greet {
        None => converse(socket, peer, place, app, stopping).await,
        Some(newest) => {
            if let Some(socket) = Tls::greet(newest, socket).await {
                converse(socket, peer, place, app, stopping).await;
            }
        }
    }
}

/// Serves one connection; once stopping, to the end of the request in flight. An upgraded one gives
/// its place back: streams have their own limit.
async fn converse(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<IpAddr>,
    _place: OwnedSemaphorePermit,
    app: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(Peer(peer));
        }
        app.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The one change there is; an error means that the server is gone, which is the same.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
