//! Waiting times of people with portfolios, with the real program on its private PostgreSQL: 1,000 portfolios of
//! 20 transactions, all of them followed on streams, while a venue sends 10,000 trades a second of what they
//! hold:
//! - `GET /health/live`, 500 times a second: the floor;
//! - `GET /api/v1/portfolios/{id}`, 500 times a second, each of them in turn;
//! - from a trade leaving the venue to the value of a portfolio reaching its owner's stream;
//! - and without trades: an import of 100,000 rows.
//!
//! Each request is measured from the moment it was due.
//!
//! `cargo bench --bench portfolios [-- SECONDS]`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

#[allow(dead_code, reason = "no bench uses all of it")]
mod support;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::client::{ask, connect, load, make_user, sign_in};
use support::program::{data_directory, one_venue, start};
use support::summary;
use support::venue::serve_venue;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const USERS: usize = 20;
const PORTFOLIOS_EACH: usize = 50;
const ASSETS: [&str; 5] = ["bitcoin", "ethereum", "solana", "ripple", "cardano"];
const IMPORTED_ROWS: usize = 100_000;
const JSON: &str = "content-type: application/json\r\n";

fn main() {
    support::run_for(15, run);
}

async fn run(duration: Duration) {
    let dir = data_directory();
    let venue = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = venue.local_addr().unwrap();
    let (go, started) = oneshot::channel();
    // The two loads follow one another.
    let sending = duration * 2 + Duration::from_secs(2);
    let venue = tokio::spawn(serve_venue(venue, started, sending));
    let (_program, api) = start(dir.path(), &one_venue(endpoint)).await;

    let (mut requests, mut streams) = (Vec::new(), Vec::new());
    let mut first = None;
    for number in 0..USERS {
        make_user(dir.path(), number);
        let mut connection = connect(api).await;
        let token = sign_in(&mut connection, number).await;
        let headers = format!("authorization: Bearer {token}\r\n");
        let mut topics = Vec::new();
        for portfolio in 0..PORTFOLIOS_EACH {
            let id = create(&mut connection, &headers, portfolio).await;
            requests.push((format!("/api/v1/portfolios/{id}"), headers.clone()));
            topics.push(format!("portfolio:{id}"));
        }
        streams.push((token, topics));
        first.get_or_insert(headers);
    }
    import(api, &first.unwrap()).await;

    let streams: Vec<_> = streams
        .into_iter()
        .map(|(token, topics)| tokio::spawn(follow(api, token, topics, sending)))
        .collect();
    go.send(()).unwrap();
    let floor = vec![("/health/live".to_owned(), String::new())];
    let floor = load(api, floor, duration).await;
    let shown = load(api, requests, duration).await;
    let mut values = Vec::new();
    for stream in streams {
        values.extend(stream.await.unwrap());
    }
    venue.await.unwrap();
    println!("GET /health/live (floor):      {}", summary(floor));
    println!("GET /api/v1/portfolios/{{id}}:   {}", summary(shown));
    println!("trade > value on a stream:     {}", summary(values));
}

/// A portfolio that bought each asset four times; its id.
async fn create(connection: &mut TcpStream, headers: &str, number: usize) -> String {
    let headers = format!("{headers}{JSON}");
    let body = json!({"name": format!("Portfolio {number}")}).to_string();
    let created = ask(connection, "POST", "/api/v1/portfolios", &headers, &body).await;
    assert_eq!(created.0, 201, "{}", created.1);
    let created: Value = serde_json::from_str(&created.1).unwrap();
    let id = created["id"].as_str().unwrap();
    let transactions: Vec<Value> = (0..20)
        .map(|n| {
            json!({
                "time": format!("2026-{:02}-{:02}T12:00:00Z", n % 10 + 1, n + 1), "kind": "buy",
                "account": "bench", "sent": {"asset": "USD", "quantity": "100"},
                "received": {"asset": ASSETS[n % ASSETS.len()], "quantity": "0.25"}
            })
        })
        .collect();
    let body = json!({ "transactions": transactions }).to_string();
    let path = format!("/api/v1/portfolios/{id}/transactions/bulk");
    let (status, answer) = ask(connection, "POST", &path, &headers, &body).await;
    assert_eq!(status, 201, "{answer}");
    id.to_owned()
}

/// Imports a file of the documented shape into a portfolio of its own.
async fn import(api: SocketAddr, headers: &str) {
    let mut connection = connect(api).await;
    let id = create(&mut connection, headers, PORTFOLIOS_EACH).await;
    let mut text =
        "id,time,kind,account,received_asset,received_quantity,received_value\n".to_owned();
    for row in 0..IMPORTED_ROWS {
        let (day, hour, minute) = (row / 1_440 % 28 + 1, row / 60 % 24, row % 60);
        let month = row / 40_320 % 12 + 1;
        writeln!(
            text,
            "row-{row},2025-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z,staking,bench,{},0.1{row},1.25",
            ASSETS[row % ASSETS.len()]
        )
        .unwrap();
    }
    let body = json!({"files": [{"name": "bench.csv", "text": text}]}).to_string();
    let path = format!("/api/v1/portfolios/{id}/import");
    let begun = Instant::now();
    let headers = format!("{headers}{JSON}");
    let (status, answer) = ask(&mut connection, "POST", &path, &headers, &body).await;
    assert_eq!(status, 201, "{answer}");
    println!(
        "import of {IMPORTED_ROWS} rows ({:.1} MB): {:.2} s",
        body.len() as f64 / 1e6,
        begun.elapsed().as_secs_f64()
    );
}

/// The age of the newest trade in each value that a user gets.
async fn follow(
    api: SocketAddr,
    token: String,
    topics: Vec<String>,
    duration: Duration,
) -> Vec<Duration> {
    let mut request = format!("ws://{api}/api/v1/stream")
        .into_client_request()
        .unwrap();
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let (mut client, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let subscribe = json!({"type": "subscribe", "topics": topics}).to_string();
    client.send(Message::text(subscribe)).await.unwrap();
    let deadline = tokio::time::Instant::now() + duration;
    let mut took = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout_at(deadline, client.next()).await {
        let Message::Text(text) = message else {
            assert!(!message.is_close(), "{message:?}");
            continue;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros() as u64;
        assert!(!text.contains(r#""type":"error""#), "{text}");
        // The price of a trade is the moment it was sent. Reading all of the message would take a processor that
        // the program is measured on.
        let prices = text.split(r#""price":""#).skip(1);
        let newest = prices
            .filter_map(|rest| rest.split('"').next()?.parse::<u64>().ok())
            .max();
        if let Some(sent) = newest {
            took.push(Duration::from_micros(now.saturating_sub(sent)));
        }
    }
    took
}
