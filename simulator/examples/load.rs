//! Speed at which the simulator starts, serves and computes, on this machine:
//! `cargo run --release -p coinsphere-simulator --example load -- [trades/s] [seconds]`.
//!
//! The client reads every Binance stream over one combined connection; the lag is from a trade's
//! moment to its frame being read, in whole ms since that is what the frames say.

use std::fmt::Write;
use std::sync::Arc;

use coinsphere_simulator::{Clock, Config, SystemClock, market::TOKENS, serve_with};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::connect_async;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default: f64| arguments.next().map_or(Ok(default), |a| a.parse());
    let (rate, seconds) = (argument(10_000.0)?, argument(10.0)?);

    let clock = Arc::new(SystemClock);
    let began = clock.now();
    let config = Config {
        rate,
        steady: true,
        instruments: Some(TOKENS.iter().map(|t| format!("binance:{}", t.id)).collect()),
        epoch: chrono::DateTime::from_timestamp_micros(began),
        ..Config::default()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let running = serve_with(config, clock.clone(), async {
        // Either way it is time to stop.
        let _ = stopped.await;
    })
    .await?;
    println!(
        "started with 2 years of history in {} ms",
        (clock.now() - began) / 1_000
    );

    let mut url = format!("ws://{}/binance/stream?streams=", running.local_addr());
    for token in &TOKENS {
        write!(url, "{}usdt@trade/", token.ticker.to_lowercase())?;
    }
    let (mut socket, _) = connect_async(url).await?;
    let mut lags = Vec::new();
    let from = clock.now();
    while clock.now() - from < (seconds * 1e6) as i64 {
        let Some(message) = socket.next().await else {
            break;
        };
        let message = message?;
        let Ok(text) = message.to_text() else {
            continue;
        };
        let Some((_, rest)) = text.split_once("\"T\":") else {
            continue;
        };
        let time: i64 = rest.split(',').next().unwrap_or_default().parse()?;
        lags.push(clock.now() / 1_000 - time);
    }
    let took = (clock.now() - from) as f64 / 1e6;
    lags.sort_unstable();
    let at = |share: f64| {
        lags.get((lags.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{} trades in {took:.1} s: {:.0} a second; lag p50 {} ms, p99 {} ms, worst {} ms",
        lags.len(),
        lags.len() as f64 / took,
        at(0.5),
        at(0.99),
        at(0.999_999),
    );

    for (what, path) in [
        (
            "1000 1m klines",
            "klines?symbol=BTCUSDT&interval=1m&limit=1000",
        ),
        (
            "1000 1h klines",
            "klines?symbol=BTCUSDT&interval=1h&limit=1000",
        ),
        (
            "1000 1d klines",
            "klines?symbol=BTCUSDT&interval=1d&limit=1000",
        ),
        (
            "1000 old trades",
            "historicalTrades?symbol=BTCUSDT&fromId=1000000&limit=1000",
        ),
    ] {
        let from = clock.now();
        let mut stream = TcpStream::connect(running.local_addr()).await?;
        let request = format!(
            "GET /binance/api/v3/{path} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let took = (clock.now() - from) / 1_000;
        println!("{what}: {took} ms, {} bytes", answer.len());
    }
    drop(stop);
    running.stopped().await?;
    Ok(())
}
