//! Cost that signing in has for others, with the real program on its private PostgreSQL: requests of 100
//! connections, 500 a second, each measured from the moment it was due (so that a stall is not hidden by
//! requests that were not sent during it):
//! - `GET /health/live`, the floor: the same server without anybody signed in;
//! - `GET /api/v1/auth/me` with an access token;
//! - the same while 16 clients sign in as fast as they are answered.
//!
//! `cargo bench --bench accounts [-- SECONDS]`. With `REDIS_URL` the limits are counted there.

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use support::{Stopped, summary};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const CONNECTIONS: u32 = 100;
const RATE: u32 = 500;
const STORMING: usize = 16;
const PASSWORD: &str = "a long sentence nobody would guess";

fn main() {
    support::run_for(15, run);
}

async fn run(duration: Duration) {
    let dir = tempfile::Builder::new()
        .prefix("cb")
        .tempdir_in("/tmp")
        .unwrap();
    let (_program, api) = start(dir.path()).await;
    // One for each client: attempts on one account at the same time are answered later and later.
    for number in 0..STORMING {
        make_user(dir.path(), number);
    }
    let token = sign_in(&mut connect(api).await, 0).await;
    let authorization = format!("authorization: Bearer {token}\r\n");

    let live = load(api, "/health/live", "", duration).await;
    println!("GET /health/live (floor):   {}", summary(live));
    let me = load(api, "/api/v1/auth/me", &authorization, duration).await;
    println!("GET /api/v1/auth/me:        {}", summary(me));

    let (storming, logins) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..STORMING)
        .map(|number| {
            let (storming, logins) = (Arc::clone(&storming), Arc::clone(&logins));
            tokio::spawn(async move {
                let mut stream = connect(api).await;
                while storming.load(Ordering::Relaxed) {
                    sign_in(&mut stream, number).await;
                    logins.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let me = load(api, "/api/v1/auth/me", &authorization, duration).await;
    storming.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    println!(
        "GET /api/v1/auth/me, next to {:.0} logins a second: {}",
        logins.load(Ordering::Relaxed) as f64 / duration.as_secs_f64(),
        summary(me)
    );
}

async fn start(dir: &Path) -> (Stopped, SocketAddr) {
    let api = StdListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinsphere"));
    // As many requests as the bench makes, not as a stranger or a user may.
    for limit in ["ANONYMOUS", "USER", "AUTHENTICATION", "STRICT"] {
        command.env(format!("COINSPHERE_LIMITS__{limit}"), "100000000");
    }
    let program = command
        .env("COINSPHERE_LOGGING__FILTER", "warn")
        .args(["up", "--roles", "api", "--listen", &api.to_string()])
        .arg("--data-dir")
        .arg(dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = Stopped(program);
    let begun = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect(api).await
            && ask(&mut stream, "GET", "/health/live", "", "").await.0 == 200
        {
            return (program, api);
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the program did not start"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn email(number: usize) -> String {
    format!("bench{number}@example.org")
}

fn make_user(dir: &Path, number: usize) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinsphere"))
        .args(["user", "create", "--email", &email(number)])
        .arg("--password-stdin")
        .arg("--data-dir")
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(command.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(command.wait().unwrap().success());
}

async fn connect(api: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(api).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// An access token.
async fn sign_in(stream: &mut TcpStream, number: usize) -> String {
    let body = serde_json::json!({"email": email(number), "password": PASSWORD}).to_string();
    let json = "content-type: application/json\r\n";
    let (status, body) = ask(stream, "POST", "/api/v1/auth/login", json, &body).await;
    assert_eq!(status, 200, "{body}");
    let tokens: serde_json::Value = serde_json::from_str(&body).unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Asks `RATE` times a second over `CONNECTIONS` connections; how long each answer was due.
async fn load(api: SocketAddr, path: &str, headers: &str, duration: Duration) -> Vec<Duration> {
    let every = Duration::from_secs(1) * CONNECTIONS / RATE;
    let begun = Instant::now() + Duration::from_millis(100);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (path, headers) = (path.to_owned(), headers.to_owned());
            tokio::spawn(async move {
                let mut stream = connect(api).await;
                let mut due = begun + every * number / CONNECTIONS;
                let mut took = Vec::new();
                while due < begun + duration {
                    tokio::time::sleep_until(due).await;
                    let (status, body) = ask(&mut stream, "GET", &path, &headers, "").await;
                    assert_eq!(status, 200, "{body}");
                    took.push(due.elapsed());
                    due += every;
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.unwrap());
    }
    all
}

/// One request on a connection that stays open: status and body.
async fn ask(
    stream: &mut TcpStream,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "cut off");
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().unwrap());
        if answer.len() >= end + 4 + length {
            let body = String::from_utf8_lossy(&answer[end + 4..]).into_owned();
            return (head[9..12].parse().unwrap(), body);
        }
    }
}
