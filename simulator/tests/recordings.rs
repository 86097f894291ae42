//! Recorded sessions, replayed whole over a real socket. They need the recordings' directory in
//! `COINSPHERE_MARKET_DATA` and are reported as ignored without it.

#[allow(dead_code, reason = "the client has more to it than these tests use")]
#[path = "simulator/client.rs"]
mod client;

use std::path::PathBuf;

use coinsphere_simulator::{Config, Replay, Speed};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use client::{Client, Sim, config};

fn main() {
    let dir = std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from);
    let test = |name: &str, run: fn(PathBuf)| {
        let dir = dir.clone();
        let ignored = dir.is_none();
        let name = if ignored {
            format!("{name} (COINSPHERE_MARKET_DATA is not set)")
        } else {
            name.to_owned()
        };
        Trial::test(name, move || {
            run(dir.ok_or_else(|| Failed::from("COINSPHERE_MARKET_DATA is not set"))?);
            Ok(())
        })
        .with_ignored_flag(ignored)
    };
    let tests = vec![
        test("the_binance_session_is_delivered_whole", |dir| {
            run(binance(dir))
        }),
        test("the_coinbase_matches_are_delivered_whole", |dir| {
            run(coinbase(dir))
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}

async fn replaying(file: PathBuf, path: &str) -> (Sim, Client) {
    let replay = Replay {
        start_delay_ms: 0,
        ..Replay::new(file, Speed::Max)
    };
    let sim = Sim::start(Config {
        replay: Some(replay),
        ..config()
    })
    .await;
    let client = sim.connect(path).await;
    (sim, client)
}

async fn binance(dir: PathBuf) {
    let file = dir.join("ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz");
    let (sim, mut client) = replaying(file, "/binance/ws/btcusdt@trade").await;
    let (texts, close) = client.rest().await;
    assert_eq!(close.map(|c| u16::from(c.code)), Some(1000));
    assert_eq!(texts.len(), 9_757);
    let ids: Vec<u64> = texts
        .iter()
        .filter_map(|t| serde_json::from_str::<Value>(t).ok()?["t"].as_u64())
        .collect();
    assert_eq!((ids[0], ids[9_756]), (3_735_683_259, 3_735_693_015));
    assert!(ids.windows(2).all(|w| w[1] == w[0] + 1));
    sim.stop().await;
}

async fn coinbase(dir: PathBuf) {
    let file = dir.join("ws/coinbase/COINBASE.ws.28.0.gz");
    let (sim, mut client) = replaying(file, "/coinbase").await;
    client
        .send(r#"{"type":"subscribe","product_ids":["SKL-USD","SKL-BTC","BAND-GBP","NMR-EUR","BAND-BTC","YFI-BTC","DASH-BTC","NU-GBP","CRV-EUR","SKL-GBP"],"channels":["matches"]}"#)
        .await;
    let (texts, _) = client.rest().await;
    let matches = texts
        .iter()
        .filter(|t| t.starts_with(r#"{"type":"match""#))
        .count();
    assert_eq!(matches, 97);
    sim.stop().await;
}
