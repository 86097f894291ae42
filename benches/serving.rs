//! Latency and throughput for clients, with the real program:
//! - from a frame leaving the venue to the trade reaching a WebSocket client, at 10,000 trades/s;
//! - a history of 1,440 1-minute candles over HTTP, with a million stored and a year imported;
//! - pages of candles a second over 50 connections.
//!
//! The venue is a socket of this bench that speaks Binance's protocol. The floor of the first in the
//! same run is a frame sent over a WebSocket on loopback without the program in between.
//!
//! `cargo bench --bench serving [-- SECONDS]`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

#[allow(dead_code, reason = "no bench uses all of it")]
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coinsphere_pipelines::candles::{CandleWrite, Commit};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp};
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{ImportTarget, ImportedCandle, Store, StoreConfig};
use coinsphere_pipelines::venues;
use futures_util::{SinkExt, StreamExt};
use rust_decimal::Decimal;
use support::program::{data_directory, one_venue, start};
use support::summary;
use support::venue::{INSTRUMENTS, send, serve_venue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

const STORED: i64 = 1_000_000;

fn main() {
    support::run_for(20, run);
}

async fn run(duration: Duration) {
    let dir = data_directory();
    fill(dir.path()).await;
    let venue = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = venue.local_addr().unwrap();
    let floor = latency(Duration::from_secs(5)).await;
    let (go, started) = oneshot::channel();
    let venue = tokio::spawn(serve_venue(venue, started, duration));
    let (_program, api) = start(dir.path(), &one_venue(endpoint)).await;
    until_stored(api).await;

    history(api).await;
    for interval in ["1m", "1h"] {
        for limit in [10, 500] {
            throughput(api, interval, limit).await;
        }
    }

    let url = format!("ws://{api}/api/v1/stream");
    let (mut client, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let topics: Vec<_> = INSTRUMENTS
        .iter()
        .map(|symbol| format!("trades:binance:{symbol}"))
        .collect();
    let subscribe = serde_json::json!({"type": "subscribe", "topics": topics}).to_string();
    client.send(Message::text(subscribe)).await.unwrap();
    let through =
        tokio::spawn(async move { receive(&mut client, duration + Duration::from_secs(2)).await });
    go.send(()).unwrap();
    venue.await.unwrap();
    let through = through.await.unwrap();
    println!("frame over a WebSocket (floor):    {}", summary(floor));
    println!("frame in > log > WebSocket client: {}", summary(through));
}

/// Puts a million closed minutes into the database.
async fn fill(dir: &Path) {
    let server = PrivateServer::start(dir, Duration::from_secs(60))
        .await
        .unwrap();
    let store = Store::open(&StoreConfig::new(server.url())).await.unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    let newest = now / 60 - 10;
    let per_instrument = STORED / INSTRUMENTS.len() as i64;
    let begun = Instant::now();
    let log = uuid::Uuid::new_v4();
    let mut offset = 0;
    for symbol in INSTRUMENTS {
        let key = InstrumentKey::new(
            venues::named("binance").unwrap(),
            Symbol::new(symbol).unwrap(),
        );
        let minutes: Vec<i64> = (newest - per_instrument..newest).collect();
        for chunk in minutes.chunks(20_000) {
            offset += 1;
            let closed = chunk.iter().map(|minute| CandleWrite {
                instrument: key.clone(),
                candle: candle(*minute),
            });
            let commit = Commit {
                next_offset: Offset(offset),
                closed: closed.collect(),
                ..Commit::default()
            };
            store.commit(log, &commit).await.unwrap();
        }
    }
    println!(
        "{STORED} candles stored at {:.0} a second",
        STORED as f64 / begun.elapsed().as_secs_f64()
    );
    for (interval, minutes) in [(Interval::Minute1, 1), (Interval::Hour1, 60)] {
        let key = InstrumentKey::new(
            venues::named("binance").unwrap(),
            Symbol::new(INSTRUMENTS[0]).unwrap(),
        );
        let id = store.instrument(&key).await.unwrap().unwrap().id;
        let last = newest / minutes * minutes;
        let year: Vec<ImportedCandle> = (1..=365 * 1_440 / minutes)
            .map(|back| ImportedCandle {
                candle: candle(last - back * minutes),
                interval,
                source: "bench".to_owned(),
            })
            .collect();
        store
            .import(&ImportTarget::Instrument(id), &year)
            .await
            .unwrap();
    }
    let now = Timestamp::from_seconds(now).unwrap();
    while store.keep_up(now).await.unwrap().more {}
    store.close();
    server.stop().await.unwrap();
}

fn candle(minute: i64) -> Candle {
    let price = Decimal::new(6_000_000 + minute % 10_007, 2);
    Candle {
        open_time: Timestamp::from_seconds(minute * 60).unwrap(),
        open: price,
        high: price + Decimal::ONE,
        low: price - Decimal::ONE,
        close: price,
        volume: Decimal::new(minute % 997 + 1, 5),
        quote_volume: Decimal::new(minute % 99_991 + 1, 4),
        trades: 10,
        taker_buy_volume: Decimal::new(minute % 499 + 1, 5),
        complete: true,
    }
}

/// Waits until what is stored is answered.
async fn until_stored(api: SocketAddr) {
    let path = "/api/v1/instruments/binance/BTCUSDT/candles?interval=1m&limit=1";
    let begun = Instant::now();
    while get(api, path).await.1 <= 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the program did not start"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A GET on a connection of its own: status and bytes.
async fn get(api: SocketAddr, path: &str) -> (u16, usize) {
    let mut stream = TcpStream::connect(api).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer.len())
}

async fn history(api: SocketAddr) {
    let mut took = Vec::new();
    for i in 0..1_000_usize {
        let symbol = INSTRUMENTS[i % INSTRUMENTS.len()];
        let path = format!("/api/v1/instruments/binance/{symbol}/candles?interval=1m&limit=1440");
        let begun = Instant::now();
        let (status, bytes) = get(api, &path).await;
        took.push(begun.elapsed());
        assert!(status == 200 && bytes > 100_000, "{status}, {bytes} bytes");
    }
    println!("history of 1,440 minutes over HTTP: {}", summary(took));
}

/// Measures the requests a second that connections that stay open are answered, each asking again
/// at once.
async fn throughput(api: SocketAddr, interval: &str, limit: usize) {
    const CONNECTIONS: usize = 50;
    const LASTS: Duration = Duration::from_secs(5);
    let path = format!(
        "/api/v1/instruments/binance/{}/candles?interval={interval}&limit={limit}",
        INSTRUMENTS[0]
    );
    let request = format!("GET {path} HTTP/1.1\r\nhost: {api}\r\n\r\n");
    let begun = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = request.clone();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(api).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut answer, mut answered) = (Vec::new(), 0_u64);
                while begun.elapsed() < LASTS {
                    stream.write_all(request.as_bytes()).await.unwrap();
                    answer.clear();
                    while !is_whole(&answer) {
                        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
                    }
                    assert!(answer.starts_with(b"HTTP/1.1 200"));
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    println!(
        "newest {limit} of {interval} over HTTP, {CONNECTIONS} connections: {:.0} requests/s",
        answered as f64 / begun.elapsed().as_secs_f64()
    );
}

/// Tells whether an answer with `content-length` has come to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    answer.len() >= end + 4 + length.parse::<usize>().unwrap()
}

/// Receives trades and measures the time that each was on its way.
async fn receive<S>(
    client: &mut tokio_tungstenite::WebSocketStream<S>,
    duration: Duration,
) -> Vec<Duration>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let deadline = tokio::time::Instant::now() + duration;
    let mut took = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout_at(deadline, client.next()).await {
        let Message::Text(text) = message else {
            continue;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros() as u64;
        let mut rest = text.as_str();
        // "price":"…" in the program's messages, "p":"…" in the venue's.
        while let Some(at) = rest
            .find("\"price\":\"")
            .map(|at| at + 9)
            .or_else(|| rest.find("\"p\":\"").map(|at| at + 5))
        {
            rest = &rest[at..];
            let end = rest.find('"').unwrap();
            let sent: u64 = rest[..end].parse().unwrap();
            took.push(Duration::from_micros(now.saturating_sub(sent)));
            rest = &rest[end..];
        }
    }
    took
}

/// A venue and a client without the program in between.
async fn latency(duration: Duration) -> Vec<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let venue = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut venue = tokio_tungstenite::accept_async(stream).await.unwrap();
        send(&mut venue, duration).await;
    });
    let (mut client, _) = tokio_tungstenite::connect_async(format!("ws://{address}"))
        .await
        .unwrap();
    let took = receive(&mut client, duration + Duration::from_secs(1)).await;
    venue.await.unwrap();
    took
}
