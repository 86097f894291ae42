//! Two real processes on one database, with one directory of keys and no Redis to be reached: a
//! browser's session begun by the one counts for the other, and so does its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::{Place, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

/// Status, head and body of an answer to JSON.
fn send(address: SocketAddr, line: &str, headers: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // HTTP/1.0: the answer ends with the connection.
    let request = format!(
        "{line} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, head.to_owned(), body)
}

/// The value that an answer's cookie has.
fn cookie(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.starts_with("set-cookie: "))?;
    let value = line.split_once("coinsphere-session=")?.1;
    Some(value.split(';').next()?.to_owned())
}

pub(crate) fn a_session_counts_in_every_process_without_redis() {
    let place = Place::new();
    let postgres = Postgres::start();
    // A port where nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let start = |name: &str| {
        let line = ["up", "--roles", "api"];
        Program::serve_with(&place.path().join(name), line, |command| {
            command
                .env("DATABASE_URL", postgres.url())
                .env("REDIS_URL", format!("redis://{nobody}"))
                .env("COINSPHERE_ACCOUNTS__KEYS_DIR", place.path().join("keys"));
        })
    };
    let (_one, first) = start("a");
    let (_two, second) = start("b");
    let who = json!({"email": "ada@example.org", "password": "a quiet river at dawn"}).to_string();
    eventually("somebody registers", SOON, || {
        let (status, _, body) = send(first, "POST /api/v1/auth/register", "", &who);
        (status == 201).then_some(()).ok_or(body.to_string())
    });
    let login = "POST /api/v1/auth/browser/login";
    let (status, head, body) = send(first, login, "", &who);
    assert_eq!(status, 200, "{body}");
    let token = body["csrf_token"].as_str().unwrap();
    let session = format!("cookie: coinsphere-session={}\r\n", cookie(&head).unwrap());
    let whole = format!("{session}x-csrf-token: {token}\r\norigin: http://{second}\r\n");
    let rename = |headers: &str| {
        let body = json!({"display_name": "Ada"}).to_string();
        send(second, "PATCH /api/v1/auth/me", headers, &body)
    };
    let (mut status, mut me) = (0, Value::Null);
    eventually("the other process has its database", SOON, || {
        (status, _, me) = rename(&whole);
        (status != 503).then_some(()).ok_or(me.to_string())
    });
    assert_eq!((status, &me["display_name"]), (200, &json!("Ada")), "{me}");
    let (status, _, problem) = rename(&session);
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/csrf")));
    let (status, _, problem) = rename(&whole.replace("http://127", "http://128"));
    let other = json!("/problems/forbidden-origin");
    assert_eq!((status, &problem["type"]), (403, &other));

    let (status, head, _) = send(second, "POST /api/v1/auth/logout", &whole, "");
    assert_eq!((status, cookie(&head).as_deref()), (204, Some("")));
    let (status, head, _) = send(first, "GET /api/v1/auth/me", &session, "");
    assert_eq!((status, cookie(&head).as_deref()), (401, Some("")));
}
