//! A simulator under test and its clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coinsphere_simulator::{Config, ManualClock, Running, serve_with};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Waiting longer than this for something that should happen at once is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// 2026-03-02T12:00:00Z, µs: a Monday noon, where the tests begin.
pub(crate) const NOON: i64 = 1_772_452_800_000_000;

pub(crate) struct Sim {
    pub(crate) clock: Arc<ManualClock>,
    running: Running,
    stop: oneshot::Sender<()>,
}

/// A market that went live an hour before noon, with a day of history.
pub(crate) fn config() -> Config {
    Config {
        seed: 7,
        rate: 400.0,
        epoch: DateTime::<Utc>::from_timestamp_micros(NOON - 3_600_000_000),
        history_days: 1,
        ..Config::default()
    }
}

impl Sim {
    pub(crate) async fn start(config: Config) -> Self {
        Self::start_at(config, NOON).await
    }

    pub(crate) async fn start_at(config: Config, now: i64) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let running = serve_with(config, clock.clone(), shutdown)
            .await
            .expect("it starts");
        Self {
            clock,
            running,
            stop,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.running.stopped().await.expect("it stops cleanly");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.local_addr()
    }

    pub(crate) fn seconds(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    pub(crate) async fn connect(&self, path: &str) -> Client {
        self.try_connect(path).await.expect("connected")
    }

    pub(crate) async fn try_connect(
        &self,
        path: &str,
    ) -> Result<Client, tokio_tungstenite::tungstenite::Error> {
        let url = format!("ws://{}{path}", self.address());
        let (socket, _) = connect_async(url).await?;
        Ok(Client { socket, pings: 0 })
    }

    /// (status, headers, body).
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String, Value) {
        let mut stream = TcpStream::connect(self.address()).await.expect("connected");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        read.expect("in time").expect("read");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .expect("a status");
        let body = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
        (status, head.to_lowercase(), body)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.request("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) async fn fault(&self, fault: &str) {
        let body = serde_json::json!({ "faults": [fault] }).to_string();
        let (status, _, answer) = self.request("POST", "/admin/faults", &body).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The ids that faults with this mark struck, of one symbol.
    pub(crate) async fn struck(&self, mark: &str, symbol: &str) -> Vec<u64> {
        let state = self.get("/admin/state").await;
        state["struck"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|s| s["mark"] == mark && s["symbol"] == symbol)
            .flat_map(|s| {
                s["ids"]
                    .as_array()
                    .expect("ids")
                    .iter()
                    .filter_map(Value::as_u64)
            })
            .collect()
    }

    /// Waits until a counter has reached `n`.
    pub(crate) async fn counted(&self, counter: &str, n: u64) {
        let reached = async {
            loop {
                let state = self.get("/admin/state").await;
                if state["counters"][counter].as_u64().expect("a counter") >= n {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("{counter} < {n}"));
    }
}

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) pings: usize,
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
    }

    /// The next text message, or how the connection ended.
    pub(crate) async fn next(&mut self) -> Result<String, Option<CloseFrame>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Ping(_))) => self.pings += 1,
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        self.next().await.expect("a message, not the end")
    }

    pub(crate) async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Reads until the connection ends; the texts and the close frame.
    pub(crate) async fn rest(&mut self) -> (Vec<String>, Option<CloseFrame>) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Ok(text) => texts.push(text),
                Err(frame) => return (texts, frame),
            }
        }
    }

    /// The next `n` messages for which `f` has a value.
    pub(crate) async fn take<T>(
        &mut self,
        n: usize,
        mut f: impl FnMut(&Value) -> Option<T>,
    ) -> Vec<T> {
        let mut taken = Vec::new();
        while taken.len() < n {
            taken.extend(f(&self.json().await));
        }
        taken
    }

    /// Nothing may be waiting to be read.
    pub(crate) async fn silent(&mut self) {
        let message = tokio::time::timeout(Duration::from_millis(100), self.next()).await;
        assert!(message.is_err(), "{message:?}");
    }
}
