//! Requests in flight when the server is asked to stop: they get their whole answers.

use std::sync::atomic::Ordering;

use axum::http::header;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::{PATIENCE, Running, answer, ask};
use super::*;

/// Until the server has begun to stop: from then on it takes no streams.
async fn stopping(app: &App) {
    let waiting = async {
        while app.hub.connect().is_some() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it stops");
}

#[tokio::test]
async fn a_request_in_flight_is_finished_with_its_answer() {
    let app = App::new();
    app.market.hanging.store(true, Ordering::SeqCst);
    let running = Running::start(&app).await;
    let address = running.address;
    let waiting = ask(address, "/api/v1/tokens").await;
    while app.market.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let stopped = running.stop();
    stopping(&app).await;
    assert!(!stopped.is_finished(), "it waits for the request");
    assert!(TcpStream::connect(address).await.is_err(), "no new ones");
    app.market.hanging.store(false, Ordering::SeqCst);
    app.market.released.notify_waiters();
    let answer = answer(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(r#""id":"bitcoin""#), "whole: {answer}");
    timeout(PATIENCE, stopped).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_is_still_arriving_is_waited_for() {
    let app = App::new();
    let running = Running::start(&app).await;
    let body = r#"{"email": "nobody", "password": "a quiet river at dawn"}"#;
    let (first, rest) = body.split_at(10);
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    // The server says that it has begun to read (RFC 9110, section 10.1.1).
    let head = format!(
        "POST /api/v1/auth/register HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        header::CONTENT_TYPE,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    timeout(PATIENCE, socket.readable()).await.unwrap().unwrap();
    socket.write_all(first.as_bytes()).await.unwrap();
    let stopped = running.stop();
    stopping(&app).await;
    socket.write_all(rest.as_bytes()).await.unwrap();
    let text = answer(socket).await;
    let (continued, text) = text.split_once("\r\n\r\n").unwrap();
    assert!(continued.starts_with("HTTP/1.1 100"), "{continued}");
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    assert!(text.contains(r#""field":"email""#), "read whole: {text}");
    timeout(PATIENCE, stopped).await.unwrap().unwrap().unwrap();
}
