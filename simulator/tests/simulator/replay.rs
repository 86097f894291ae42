//! Recordings served in the venue's own format, whole and verbatim.

use std::io::Write;
use std::path::{Path, PathBuf};

use coinsphere_simulator::{Config, Replay, SimulatorError, Speed};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::client::{Sim, config};

const BINANCE: [&str; 4] = [
    r#"1000000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":10,"p":"1.00000000","q":"2.00000000","T":1,"m":true,"M":true}}"#,
    r#"1000000500 {"stream":"ethusdt@trade","data":{"e":"trade","E":1,"s":"ETHUSDT","t":77,"p":"1.00000000","q":"2.00000000","T":1,"m":true,"M":true}}"#,
    r#"2000000000 {"result":null,"id":1}"#,
    r#"61000000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":2,"s":"BTCUSDT","t":11,"p":"1.50000000","q":"2.00000000","T":2,"m":false,"M":true}}"#,
];

fn written(dir: &Path, lines: &[&str], gzipped: bool) -> PathBuf {
    let path = dir.join(if gzipped {
        "recording"
    } else {
        "recording.txt"
    });
    let file = std::fs::File::create(&path).expect("created");
    let text = lines.join("\n");
    if gzipped {
        let mut file = GzEncoder::new(file, Compression::fast());
        file.write_all(text.as_bytes()).expect("written");
        file.finish().expect("finished");
    } else {
        (&file).write_all(text.as_bytes()).expect("written");
    }
    path
}

async fn replaying(file: &Path, speed: Speed, change: impl FnOnce(&mut Replay)) -> Sim {
    let mut replay = Replay {
        start_delay_ms: 0,
        ..Replay::new(file, speed)
    };
    change(&mut replay);
    Sim::start(Config {
        replay: Some(replay),
        ..config()
    })
    .await
}

#[tokio::test]
async fn a_combined_connection_gets_the_frames_verbatim_and_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &BINANCE, true);
    let sim = replaying(&file, Speed::Max, |_| {}).await;
    let mut client = sim.connect("/binance/stream?streams=btcusdt@trade").await;
    let (texts, close) = client.rest().await;
    let frames: Vec<&str> = [BINANCE[0], BINANCE[3]]
        .map(|l| l.split_once(' ').expect("a line").1)
        .to_vec();
    assert_eq!(texts, frames);
    let close = close.expect("a close frame");
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1000, "replay finished")
    );
    // It does not start again.
    let mut again = sim.connect("/binance/stream?streams=btcusdt@trade").await;
    let (texts, close) = again.rest().await;
    assert!(texts.is_empty() && close.is_some());
    // Nothing of the market's own is mixed in.
    let rest = sim
        .get("/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1")
        .await;
    assert_eq!(rest, serde_json::json!([]));
    sim.stop().await;
}

#[tokio::test]
async fn a_raw_connection_gets_the_data_at_the_recorded_pace() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &BINANCE, false);
    let sim = replaying(&file, Speed::Scale(2.0), |_| {}).await;
    let mut client = sim.connect("/binance/ws").await;
    client
        .send(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}"#)
        .await;
    assert_eq!(client.text().await, r#"{"result":null,"id":1}"#);
    assert_eq!(client.json().await["t"], 10);
    sim.seconds(0.001);
    assert_eq!(client.json().await["t"], 77);
    sim.seconds(29.0);
    client.silent().await;
    sim.seconds(1.1);
    assert_eq!(client.json().await["t"], 11);
    assert!(client.next().await.is_err());
    sim.stop().await;
}

#[tokio::test]
async fn it_repeats_or_stays_open_when_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &BINANCE, false);
    let sim = replaying(&file, Speed::Max, |r| r.repeat = true).await;
    for round in 0..3 {
        let mut client = sim.connect("/binance/ws/btcusdt@trade").await;
        assert_eq!(client.rest().await.0.len(), 2, "round {round}");
    }
    sim.stop().await;

    let lines = [
        r#"1 {"channel":"trade","type":"update","data":[{"symbol":"ABC/USD","side":"buy","price":1.0,"qty":2.00,"ord_type":"limit","trade_id":5,"timestamp":"2026-01-01T00:00:00.000000Z"}]}"#,
    ];
    let file = written(dir.path(), &lines, false);
    let sim = replaying(&file, Speed::Original, |r| r.close_at_end = false).await;
    let mut client = sim.connect("/kraken/v2").await;
    client.json().await;
    client
        .send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["ABC/USD"]}}"#)
        .await;
    assert_eq!(
        client.json().await["success"],
        true,
        "symbols of a recording need not be listed"
    );
    assert_eq!(client.text().await, &lines[0][2..]);
    sim.seconds(1.0);
    assert_eq!(client.text().await, r#"{"channel":"heartbeat"}"#);
    sim.stop().await;
}

#[tokio::test]
async fn whoever_subscribes_within_the_delay_misses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &BINANCE, false);
    let sim = replaying(&file, Speed::Max, |r| r.start_delay_ms = 500).await;
    let mut early = sim.connect("/binance/ws/ethusdt@trade").await;
    sim.counted("connections", 1).await;
    sim.seconds(0.4);
    let mut late = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 2).await;
    sim.seconds(0.4);
    early.silent().await;
    sim.seconds(0.2);
    assert_eq!(early.rest().await.0.len(), 1);
    assert_eq!(late.rest().await.0.len(), 2);
    sim.stop().await;
}

#[tokio::test]
async fn faults_strike_recorded_trades_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &BINANCE, false);
    let sim = replaying(&file, Speed::Max, |r| r.repeat = true).await;
    sim.fault("reorder:p=1,window=9").await;
    let mut client = sim.connect("/binance/ws/btcusdt@trade").await;
    assert_eq!(
        client.rest().await.0.len(),
        2,
        "late ones come before the end"
    );
    sim.fault("drop:p=1,symbol=BTCUSDT").await;
    let mut client = sim.connect("/binance/ws/btcusdt@trade").await;
    assert!(client.rest().await.0.is_empty());
    assert_eq!(sim.struck("dropped", "BTCUSDT").await, [10, 11]);
    sim.stop().await;
}

#[tokio::test]
async fn a_file_of_no_venue_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = written(dir.path(), &["hello", "1 world"], false);
    let config = Config {
        replay: Some(Replay::new(file, Speed::Max)),
        ..config()
    };
    let error = coinsphere_simulator::serve(config, async {})
        .await
        .map(|_| ())
        .expect_err("refused");
    assert!(matches!(error, SimulatorError::Recording(_)), "{error}");
}
