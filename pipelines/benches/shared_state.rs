//! Cost of counting a request at 500 requests a second from 8 callers: a sliding window in this
//! process and on Redis over loopback, where reading a value is the floor of the same run. Redis must
//! be installed (`scripts/setup.sh test`).
//!
//! `cargo bench -p coinsphere-pipelines --bench shared_state`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

#[path = "../tests/shared_state/redis_server.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod redis_server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::shared_state::{
    InProcess, InProcessLimits, OnRedis, RedisConfig, SharedState, Window,
};
use redis_server::{PASSWORD, RedisServer};

const CALLERS: usize = 8;
const CALLS: usize = 400;
/// Between two calls of a caller.
const PACE: Duration = Duration::from_millis(16);
const WINDOW: Window = Window {
    limit: 5_000,
    length: Duration::from_secs(900),
};

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = InProcess::new(SystemClock::shared(), InProcessLimits::default());
    report("counting in process", runtime.block_on(measure(own, true)));
    if !RedisServer::is_installed() {
        println!("redis-server is not installed");
        return;
    }
    let server = RedisServer::start();
    let config = RedisConfig {
        url: server.url().into(),
        password: Some(PASSWORD.to_owned().into()),
        prefix: "bench".to_owned(),
    };
    let state = runtime.block_on(async { Arc::new(OnRedis::new(&config).unwrap()) });
    let floor = runtime.block_on(measure(state.clone(), false));
    report("reading on Redis (floor)", floor);
    report("counting on Redis", runtime.block_on(measure(state, true)));
}

async fn measure(state: Arc<dyn SharedState>, counting: bool) -> Vec<Duration> {
    state.pass("warm", WINDOW).await.unwrap();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(CALLS);
                let mut pace = tokio::time::interval(PACE);
                for call in 0..CALLS {
                    pace.tick().await;
                    let key = format!("limit:user:{caller}:{}", call % 100);
                    let begun = Instant::now();
                    if counting {
                        state.pass(&key, WINDOW).await.unwrap();
                    } else {
                        state.get(&key).await.unwrap();
                    }
                    took.push(begun.elapsed());
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    all.sort_unstable();
    all
}

fn report(what: &str, took: Vec<Duration>) {
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{what:<24} p50 {:?}, p99 {:?}, max {:?} ({} calls)",
        at(0.5),
        at(0.99),
        at(1.0),
        took.len()
    );
}
