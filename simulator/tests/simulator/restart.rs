//! The same id is the same trade before and after a restart, and an outage is a gap that REST can
//! fill.

use coinsphere_simulator::{Config, ConfigError, SimulatorError, SystemClock, serve_with};
use serde_json::Value;

use crate::client::{NOON, Sim, config};

#[tokio::test]
async fn a_stored_epoch_makes_an_outage_a_gap_that_rest_repairs() {
    let dir = tempfile::tempdir().expect("a directory");
    let stored = Config {
        data_dir: Some(dir.path().into()),
        epoch: None,
        rate: 40.0,
        ..config()
    };
    let sim = Sim::start(stored.clone()).await;
    let mut client = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 1).await;
    sim.seconds(10.0);
    let before: Vec<Value> = client.take(20, |m| Some(m.clone())).await;
    sim.stop().await;

    // Another seed does not matter: the directory remembers.
    let later = Config { seed: 99, ..stored };
    let sim = Sim::start_at(later, NOON + 60_000_000).await;
    let mut client = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 1).await;
    sim.seconds(10.0);
    let after = client.take(1, |m| m["t"].as_u64()).await[0];
    let last = before[19]["t"].as_u64().expect("an id");
    assert!(after > last + 20, "an outage is a gap");
    let path = format!(
        "/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=1000",
        before[0]["t"]
    );
    let repaired = sim.get(&path).await;
    for (old, now) in before.iter().zip(repaired.as_array().expect("rows")) {
        assert_eq!(
            (&old["t"], &old["p"], &old["q"], &old["T"]),
            (&now["id"], &now["price"], &now["qty"], &now["time"])
        );
    }
    let ids: Vec<u64> = repaired
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|t| t["id"].as_u64())
        .collect();
    assert!(ids.windows(2).all(|w| w[1] == w[0] + 1));
    assert!(
        ids.contains(&(after - 1)),
        "{} after {}..{}",
        after,
        ids[0],
        ids[ids.len() - 1]
    );
    sim.stop().await;
}

#[tokio::test]
async fn only_chosen_instruments_are_listed_and_carry_the_whole_rate() {
    let chosen = Config {
        instruments: Some(vec!["binance:bitcoin".into(), "ETH/USD".into()]),
        rate: 50.0,
        ..config()
    };
    let sim = Sim::start(chosen).await;
    let all = sim.get("/admin/instruments").await;
    let symbols: Vec<&str> = all["instruments"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|i| i["symbol"].as_str())
        .collect();
    assert_eq!(symbols, ["BTCUSDT", "ETH/USD"]);
    let count = async || {
        let all = sim.get("/admin/instruments").await;
        all["instruments"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|i| i["last_trade_id"].as_u64())
            .sum::<u64>()
    };
    let before = count().await;
    sim.seconds(3_600.0);
    let rate = (count().await - before) as f64 / 3_600.0;
    assert!((30.0..80.0).contains(&rate), "{rate} trades a second");
    sim.stop().await;
}

#[tokio::test]
async fn wrong_configurations_are_refused_with_the_reason() {
    let refused = async |config: Config| {
        let clock = std::sync::Arc::new(SystemClock);
        serve_with(config, clock, async {})
            .await
            .map(|_| ())
            .expect_err("refused")
    };
    let error = refused(Config {
        instruments: Some(vec!["DOGGO".into()]),
        ..config()
    })
    .await;
    assert!(
        matches!(&error, SimulatorError::Config(ConfigError::Instrument(name)) if name == "DOGGO")
    );
    let error = refused(Config {
        rate: 0.0,
        ..config()
    })
    .await;
    assert!(error.to_string().contains("rate"), "{error}");
    let sim = Sim::start(config()).await;
    sim.stop().await;
}
