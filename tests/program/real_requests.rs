//! Requests to the real program: each is finished when the program is stopped, found in the
//! log by its id, works as hard for an unknown account, and a stream ends with its session.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::program::{Program, metric};
use crate::support::{Place, eventually, http};
use futures_util::StreamExt as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::net::TcpStream as Connection;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a quiet river at dawn";
const JSON: &str = "content-type: application/json\r\n";

fn start(place: &Place, change: impl FnOnce(&mut Command)) -> (Program, SocketAddr) {
    Program::serve_with(&place.path().join("d"), ["up", "--roles", "api"], change)
}

fn credentials(email: &str, password: &str) -> String {
    json!({"email": email, "password": password}).to_string()
}

fn post(address: SocketAddr, path: &str, headers: &str, body: &str) -> http::Answer {
    let headers = format!("{JSON}{headers}");
    http::ask_with(address, "POST", path, &headers, body).unwrap()
}

/// Registers, once the program has its database.
fn register(address: SocketAddr, email: &str) {
    let body = credentials(email, PASSWORD);
    eventually("somebody registers", SOON, || {
        let answer = post(address, "/api/v1/auth/register", "", &body);
        (answer.status == 201).then_some(()).ok_or(answer.body)
    });
}

/// An access token.
fn login(address: SocketAddr, email: &str) -> String {
    let body = credentials(email, PASSWORD);
    let answer = post(address, "/api/v1/auth/login", "", &body).json();
    let token = answer["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub(crate) fn a_login_in_flight_is_finished_before_the_program_ends() {
    let place = Place::new();
    let (mut program, address) = start(&place, |_| {});
    register(address, "ada@example.org");
    let body = credentials("ada@example.org", PASSWORD);
    let (first, rest) = body.split_at(10);
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{JSON}\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    // The server says that it reads the body now.
    let mut continued = [0; 25];
    socket.read_exact(&mut continued).unwrap();
    assert_eq!(&continued, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(first.as_bytes()).unwrap();

    let pid = Pid::from_raw(i32::try_from(program.pid()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    eventually(
        "it takes no more connections",
        SOON,
        || match TcpStream::connect(address) {
            Ok(_) => Err("it does".to_owned()),
            Err(_) => Ok(()),
        },
    );
    assert!(program.is_running(), "it waits for the request");
    socket.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (_, tokens) = answer.split_once("\r\n\r\n").unwrap();
    let tokens: Value = serde_json::from_str(tokens).unwrap();
    assert!(tokens["access_token"].is_string(), "{tokens}");
    assert_eq!(program.wait(SOON).code(), Some(0));
    let log = program.log();
    assert!(!log.contains("were cut off"), "{log}");
}

pub(crate) fn a_refused_request_is_found_in_the_log_by_its_id() {
    let place = Place::new();
    let (program, address) = start(&place, |command| {
        command.env("COINSPHERE_LOGGING__FORMAT", "json");
    });
    register(address, "ada@example.org");
    let headers = "x-request-id: some-id-1\r\nauthorization: Bearer a-secret-that-is-none\r\n";
    let answer = http::ask_with(address, "GET", "/api/v1/auth/me", headers, "").unwrap();
    assert_eq!(answer.status, 401);
    let body = credentials("ada@example.org", "not this one");
    let answer = post(
        address,
        "/api/v1/auth/login",
        "x-request-id: some-id-2\r\n",
        &body,
    );
    assert_eq!(answer.status, 401);
    for (id, method, path) in [
        ("some-id-1", "GET", "/api/v1/auth/me"),
        ("some-id-2", "POST", "/api/v1/auth/login"),
    ] {
        let line = eventually("the refusal is in the log", SOON, || {
            let log = program.log();
            let mut lines = log.lines().filter_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                Some(line).filter(|line| line["fields"]["status"] == 401)
            });
            let found = lines.find(|line| line["span"]["id"] == id);
            found.ok_or_else(|| "it is not".to_owned())
        });
        let span = &line["span"];
        assert_eq!(
            (&span["method"], &span["path"]),
            (&json!(method), &json!(path))
        );
        assert_eq!(line["level"], "INFO", "shown without being asked for");
        assert!(line["timestamp"].is_string(), "{line}");
    }
    let log = program.log();
    // The tests note next to the program where it began, and the program prints the first admin's
    // token in two lines for whoever watches: neither is the log's.
    let mut lines = log.lines().filter(|line| !line.starts_with("--- "));
    while let Some(line) = lines.next() {
        if line.starts_with("there is no admin yet") {
            lines.next();
            continue;
        }
        let parsed = serde_json::from_str::<Value>(line);
        assert!(parsed.is_ok_and(|line| line.is_object()), "{line}");
    }
    for secret in ["a-secret-that-is-none", "not this one", PASSWORD] {
        assert!(!log.contains(secret), "{secret}");
    }
}

pub(crate) fn an_unknown_account_is_as_much_work_as_a_wrong_password() {
    let place = Place::new();
    let (_program, address) = start(&place, |_| {});
    register(address, "ada@example.org");
    let checks = || metric(address, "coinsphere_password_checks_total", &[]);
    let long = "x".repeat(500);
    let mut done = 0.0;
    for path in ["/api/v1/auth/login", "/api/v1/auth/browser/login"] {
        for email in ["ada@example.org", "nobody@example.org"] {
            for password in ["not this one", &long] {
                let answer = post(address, path, "", &credentials(email, password));
                let problem = answer.json();
                assert_eq!(problem["type"], "/problems/wrong-credentials", "{problem}");
                done += 1.0;
                assert_eq!(checks(), done, "{path} {email}: {} bytes", password.len());
            }
        }
    }
    login(address, "ada@example.org");
    assert_eq!(checks(), done + 1.0, "a good password is checked once too");
}

type Socket = WebSocketStream<MaybeTlsStream<Connection>>;

async fn open(api: SocketAddr, token: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{api}/api/v1/stream").into_client_request()?;
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    Ok(socket)
}

/// Reads until a message of this type.
async fn hears(socket: &mut Socket, wanted: &str) {
    let waiting = async {
        loop {
            let message = socket.next().await.unwrap().unwrap();
            assert!(!message.is_close(), "{message}");
            let Message::Text(text) = message else {
                continue;
            };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["type"] == wanted {
                break;
            }
        }
    };
    let heard = tokio::time::timeout(SOON, waiting).await;
    heard.unwrap_or_else(|_| panic!("no {wanted}"));
}

async fn close_code(socket: &mut Socket) -> u16 {
    let waiting = async {
        loop {
            if let Message::Close(close) = socket.next().await.unwrap().unwrap() {
                return close.unwrap().code.into();
            }
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("a close")
}

pub(crate) fn a_stream_ends_with_the_session_that_opened_it() {
    let place = Place::new();
    let (_program, address) = start(&place, |command| {
        command
            .env("COINSPHERE_PUBLIC_MARKET_DATA", "false")
            .env("COINSPHERE_STREAM__HEARTBEAT_SECONDS", "1");
    });
    register(address, "ada@example.org");
    register(address, "eve@example.org");
    let (first, second) = (
        login(address, "ada@example.org"),
        login(address, "ada@example.org"),
    );
    let eve = login(address, "eve@example.org");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut ended = Vec::new();
        for token in [&first, &second] {
            let mut socket = open(address, token).await.unwrap();
            hears(&mut socket, "welcome").await;
            // A heartbeat that finds nothing wrong.
            hears(&mut socket, "ping").await;
            ended.push(socket);
        }
        let mut other = open(address, &eve).await.unwrap();
        hears(&mut other, "welcome").await;

        let bearer = format!("authorization: Bearer {first}\r\n");
        let answer = post(address, "/api/v1/auth/logout-all", &bearer, "");
        assert_eq!(answer.status, 204, "{}", answer.body);
        for socket in &mut ended {
            assert_eq!(close_code(socket).await, 4003);
        }
        hears(&mut other, "ping").await;
        let refused = open(address, &first).await;
        let Err(Error::Http(answer)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(answer.status(), 401);
    });
}
