//! Users of the program and their requests.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const CONNECTIONS: u32 = 100;
const RATE: u32 = 500;
const PASSWORD: &str = "a long sentence nobody would guess";

pub(crate) fn email(number: usize) -> String {
    format!("bench{number}@example.org")
}

pub(crate) fn make_user(dir: &Path, number: usize) {
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

pub(crate) async fn connect(api: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(api).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// An access token.
pub(crate) async fn sign_in(stream: &mut TcpStream, number: usize) -> String {
    let body = serde_json::json!({"email": email(number), "password": PASSWORD}).to_string();
    let json = "content-type: application/json\r\n";
    let (status, body) = ask(stream, "POST", "/api/v1/auth/login", json, &body).await;
    assert_eq!(status, 200, "{body}");
    let tokens: serde_json::Value = serde_json::from_str(&body).unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Waits until the program answers.
pub(crate) async fn until_live(api: SocketAddr) {
    let begun = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect(api).await
            && ask(&mut stream, "GET", "/health/live", "", "").await.0 == 200
        {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the program did not start"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks `RATE` times a second over `CONNECTIONS` connections, each for one (path, headers) after the other;
/// how long each answer was due.
pub(crate) async fn load(
    api: SocketAddr,
    requests: Vec<(String, String)>,
    duration: Duration,
) -> Vec<Duration> {
    let requests = Arc::new(requests);
    let every = Duration::from_secs(1) * CONNECTIONS / RATE;
    let begun = Instant::now() + Duration::from_millis(100);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut stream = connect(api).await;
                let mut due = begun + every * number / CONNECTIONS;
                let mut took = Vec::new();
                let mut own = requests
                    .iter()
                    .cycle()
                    .skip(number as usize)
                    .step_by(CONNECTIONS as usize);
                while due < begun + duration {
                    tokio::time::sleep_until(due).await;
                    let (path, headers) = own.next().unwrap();
                    let (status, body) = ask(&mut stream, "GET", path, headers, "").await;
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
pub(crate) async fn ask(
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
