//! Serving on a real socket, and stopping.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Long enough that only a fault reaches it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a free port.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(super) async fn start(app: &App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopping = async {
            let _ = stopped.await;
        };
        let served = {
            let (state, statuses) = (app.state.clone(), app.statuses.clone());
            tokio::spawn(async move { serve(listener, state, &statuses, stopping).await })
        };
        Self {
            address,
            stop,
            served,
        }
    }

    /// Asks the server to stop; the task ends when it has.
    pub(super) fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }
}

pub(super) async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

pub(super) async fn answer(mut socket: TcpStream) -> String {
    let mut text = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    text
}

#[tokio::test]
async fn serves_and_stops() {
    let app = App::new();
    let running = Running::start(&app).await;
    let answer = answer(ask(running.address, "/health/live").await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    timeout(PATIENCE, running.stop())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.request_timeout_ms = 300;
    });
    app.market.hanging.store(true, Ordering::SeqCst);
    let running = Running::start(&app).await;
    let waiting = ask(running.address, "/api/v1/tokens").await;
    while app.market.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = running.stop();
    let answer = answer(waiting).await;
    assert!(
        answer.starts_with("HTTP/1.1 504"),
        "answered, if late: {answer}"
    );
    timeout(PATIENCE, stopped).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.shutdown_timeout_ms = 50;
    });
    app.market.hanging.store(true, Ordering::SeqCst);
    let running = Running::start(&app).await;
    let _waiting = ask(running.address, "/api/v1/tokens").await;
    while app.market.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    timeout(Duration::from_secs(5), running.stop())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn connections_are_bounded_and_those_over_the_bound_wait() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.max_connections = 1;
    });
    let running = Running::start(&app).await;
    let idle = TcpStream::connect(running.address).await.unwrap();
    let waiting = ask(running.address, "/health/live").await;
    let early = timeout(Duration::from_millis(50), waiting.readable()).await;
    assert!(early.is_err(), "answered although the only place is taken");
    drop(idle);
    let answer = answer(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let app = App::new();
    let running = Running::start(&app).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    idle.readable().await.unwrap();
    timeout(Duration::from_secs(5), running.stop())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
