//! An administrator adds a token while the program runs: its trades become candles at once,
//! and after a restart.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::program::Program;
use crate::support::series::Series;
use crate::support::venues::Venues;
use crate::support::{Place, eventually, http, now_ns};
use coinsphere_simulator::Config;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);
const TOKEN: &str = "an-administrators-token-for-this-test";
const ADDED: (&str, &str) = ("kraken", "ETH/USD");

fn add(address: SocketAddr, body: &Value) -> http::Answer {
    let headers = format!("authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n");
    http::ask_with(
        address,
        "POST",
        "/api/v1/tokens",
        &headers,
        &body.to_string(),
    )
    .unwrap()
}

/// Waits until an instrument's candles hold more than so many trades, and says how many.
fn grows(address: SocketAddr, instrument: (&str, &str), from: i64, beyond: u64) -> u64 {
    eventually("there are more trades", SOON, || {
        let series = Series::read(address, instrument, "1m", from)?;
        let trades = series.candles.iter().map(|listed| listed.bar.trades).sum();
        (trades > beyond)
            .then_some(trades)
            .ok_or(format!("{trades}"))
    })
}

pub(crate) fn an_added_token_is_followed_at_once_and_after_a_restart() {
    let place = Place::new();
    let venues = Venues::start(Config {
        rate: 200.0,
        instruments: Some(vec![
            "binance:BTCUSDT".to_owned(),
            "kraken:ETH/USD".to_owned(),
        ]),
        ..Config::default()
    });
    // Kraken is enabled, with nothing of it followed but an instrument that the venue does not have.
    let followed: [(&str, &[&str]); 2] = [("binance", &["BTCUSDT"]), ("kraken", &["XRP/USD"])];
    let config = place.file("c.toml", venues.toml(&followed));
    let start = || {
        let line = ["up", "--config", config.to_str().unwrap()];
        Program::serve_with(&place.path().join("d"), line, |command| {
            command.env("COINSPHERE_HTTP__ADMIN_TOKEN", TOKEN);
        })
    };
    let minute = |ns: i64| ns / 60_000_000_000 * 60;
    let begun = minute(now_ns());
    let (program, address) = start();
    grows(address, ("binance", "BTCUSDT"), begun, 0);

    let token = json!({
        "id": "ethereum", "symbol": "ETH", "name": "Ethereum",
        "instruments": [{"venue": "kraken", "symbol": "ETH/USD", "quote": "USD"}],
    });
    let answer = add(address, &token);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let before = grows(address, ADDED, begun, 0);
    // Once more changes nothing; another name for the same id, or another owner, is refused.
    assert_eq!(add(address, &token).status, 409);
    let mut renamed = token.clone();
    renamed["name"] = json!("Ether");
    assert_eq!(add(address, &renamed).status, 409);
    let theirs = json!({
        "id": "my-token", "symbol": "MINE", "name": "Mine",
        "instruments": [{"venue": "kraken", "symbol": "ETH/USD", "quote": "USD"}],
    });
    let answer = add(address, &theirs);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("ethereum"), "{}", answer.body);
    let gone = http::ask(address, "GET", "/api/v1/tokens/my-token", "").unwrap();
    assert_eq!(gone.status, 404, "all or nothing");
    // A new token, of a venue's instrument that appears only later.
    let new = json!({
        "id": "my-token", "symbol": "MINE", "name": "Mine",
        "instruments": [{"venue": "kraken", "symbol": "MINE/USD", "quote": "USD"}],
    });
    let answer = add(address, &new);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert!(program.stop(Signal::SIGTERM).success());

    let (_program, address) = start();
    // More than were under way when it stopped.
    grows(address, ADDED, begun, before + 100);
    let found = http::get(address, "/api/v1/tokens/my-token").unwrap();
    assert_eq!(found["instruments"][0]["symbol"], "MINE/USD");
}
