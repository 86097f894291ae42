//! Simulated venues in this process, and the configuration that sends the program to them.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_simulator::{Clock, Config, Moment, Running, SystemClock, serve_with};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::{bars, http};

/// A clock that runs faster than the machine's, so that a test need not wait for whole minutes; a
/// day behind it, so that nothing is in the program's future.
#[derive(Debug)]
pub(crate) struct FastClock {
    started: i64,
    factor: i64,
}

impl FastClock {
    const BEHIND: i64 = 86_400_000_000;

    pub(crate) fn new(factor: i64) -> Arc<Self> {
        Arc::new(Self {
            started: SystemClock.now(),
            factor,
        })
    }
}

impl Clock for FastClock {
    fn now(&self) -> i64 {
        self.started - Self::BEHIND + (SystemClock.now() - self.started) * self.factor
    }

    fn until(&self, time: i64) -> Moment {
        let wait = u64::try_from((time - self.now()) / self.factor).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_micros(wait)))
    }
}

/// A running simulator.
pub(crate) struct Venues {
    runtime: Runtime,
    address: SocketAddr,
    clock: Arc<dyn Clock>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<Running>,
}

impl Venues {
    /// On the machine's clock.
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(config, Arc::new(SystemClock))
    }

    /// On a clock of the test's.
    pub(crate) fn start_with(config: Config, clock: Arc<dyn Clock>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = serve_with(config, Arc::clone(&clock), shutdown);
        let running = runtime.block_on(serving).expect("the simulator starts");
        Self {
            address: running.local_addr(),
            runtime,
            clock,
            stop: Some(stop),
            running: Some(running),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The venues' time, seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().div_euclid(1_000_000)
    }

    /// Sleeps until the venues' time is `seconds`.
    pub(crate) fn wait_until(&self, seconds: i64) {
        let clock = Arc::clone(&self.clock);
        let waiting = async move { clock.until(seconds * 1_000_000).await };
        self.runtime.block_on(waiting);
    }

    /// The simulator's own state.
    pub(crate) fn state(&self) -> Value {
        http::get(self.address, "/admin/state").expect("the simulator's state")
    }

    /// Puts a fault in force.
    pub(crate) fn fault(&self, fault: &str) {
        let body = serde_json::json!({ "faults": [fault] }).to_string();
        let answer = http::ask(self.address, "POST", "/admin/faults", &body);
        assert_eq!(answer.expect("an answer").status, 200, "{fault}");
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        let answer = http::ask(self.address, "DELETE", "/admin/faults", "");
        assert_eq!(answer.expect("an answer").status, 200);
    }

    /// The ids that faults struck.
    pub(crate) fn struck(&self, mark: &str, (venue, symbol): (&str, &str)) -> Vec<u64> {
        let state = self.state();
        assert_eq!(state["struck_unlisted"], 0, "the ledger overflowed");
        let rows = state["struck"].as_array().expect("a list").iter();
        rows.filter(|row| row["mark"] == mark && row["venue"] == venue && row["symbol"] == symbol)
            .flat_map(|row| row["ids"].as_array().expect("a list").clone())
            .map(|id| id.as_u64().expect("an id"))
            .collect()
    }

    /// The venue's own minutes in `[from, to)`.
    pub(crate) fn candles(&self, (venue, symbol): (&str, &str), from: i64, to: i64) -> Vec<Value> {
        let symbol = symbol.replace('/', "%2F");
        let path = format!("/admin/candles?venue={venue}&symbol={symbol}&from={from}&to={to}");
        let body = http::get(self.address, &path).expect("the venue's candles");
        body["candles"].as_array().expect("a list").clone()
    }

    /// A configuration that listens to these instruments here and to nothing else.
    pub(crate) fn toml(&self, listen_to: &[(&str, &[&str])]) -> String {
        toml(self.address, listen_to)
    }
}

impl Drop for Venues {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(running) = self.running.take() {
            let _ = self.runtime.block_on(running.stopped());
        }
    }
}

/// A configuration that listens to these instruments of the simulator and to nothing else.
pub(crate) fn toml(simulator: SocketAddr, listen_to: &[(&str, &[&str])]) -> String {
    let mut text = String::from("[database]\nconnection_limit = 6\n");
    for venue in ["binance", "coinbase", "kraken"] {
        let wanted = listen_to.iter().find(|(name, _)| *name == venue);
        let path = if venue == "kraken" {
            "kraken/v2"
        } else {
            venue
        };
        let _ = writeln!(text, "[venues.{venue}]");
        let _ = match wanted {
            Some((_, symbols)) => writeln!(
                text,
                "endpoint = \"ws://{simulator}/{path}\"\ninstruments = {symbols:?}"
            ),
            None => writeln!(text, "enabled = false"),
        };
    }
    text
}
