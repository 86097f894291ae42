//! Shared state: what both implementations promise, and Redis that dies and comes back.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "shared_state/conformance.rs"]
mod conformance;
#[path = "shared_state/outage.rs"]
mod outage;
#[path = "shared_state/redis_server.rs"]
mod redis_server;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::clock::ManualClock;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::shared_state::{
    InProcess, InProcessLimits, OnRedis, RedisConfig, SharedState,
};
use libtest_mimic::{Arguments, Failed, Trial};
use redis_server::RedisServer;

/// Shared state under test, and how its time passes.
pub(crate) struct Fixture {
    pub(crate) state: Arc<dyn SharedState>,
    clock: Option<Arc<ManualClock>>,
}

impl Fixture {
    fn in_process(limits: InProcessLimits) -> Self {
        let clock = ManualClock::at(Timestamp::from_seconds(1_700_000_000).unwrap());
        Self {
            state: InProcess::new(clock.clone(), limits),
            clock: Some(clock),
        }
    }

    fn on_redis(server: &RedisServer, prefix: &str) -> Self {
        Self {
            state: Arc::new(server.state(prefix)),
            clock: None,
        }
    }

    /// Redis has a clock of its own, for which one must wait.
    pub(crate) async fn let_pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }
}

pub(crate) fn redis_config(url: &str, password: Option<&str>, prefix: &str) -> RedisConfig {
    RedisConfig {
        url: url.to_owned().into(),
        password: password.map(|text| text.to_owned().into()),
        prefix: prefix.to_owned(),
    }
}

impl RedisServer {
    fn state(&self, prefix: &str) -> OnRedis {
        OnRedis::new(&redis_config(
            &self.url(),
            Some(redis_server::PASSWORD),
            prefix,
        ))
        .unwrap()
    }
}

fn ignored(name: String) -> Trial {
    Trial::test(
        format!("{name} (ignored: redis-server is not installed)"),
        || {
            Err(Failed::from(
                "cannot run here: redis-server is not installed",
            ))
        },
    )
    .with_ignored_flag(true)
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let server =
        (!arguments.list && RedisServer::is_installed()).then(|| Arc::new(RedisServer::start()));
    let mut trials = Vec::new();
    for (name, case) in conformance::CASES {
        let on = runtime.clone();
        trials.push(Trial::test(format!("in_process::{name}"), move || {
            on.block_on(case(Fixture::in_process(InProcessLimits::default())));
            Ok(())
        }));
        let full = format!("redis::{name}");
        trials.push(match &server {
            Some(server) => {
                let (on, server) = (runtime.clone(), server.clone());
                Trial::test(full.clone(), move || {
                    on.block_on(async { case(Fixture::on_redis(&server, &full)).await });
                    Ok(())
                })
            }
            None => ignored(full),
        });
    }
    let on = runtime.clone();
    trials.push(Trial::test("in_process::maps_are_bounded", move || {
        on.block_on(conformance::maps_are_bounded());
        Ok(())
    }));
    for (name, case) in outage::CASES {
        let (on, name) = (runtime.clone(), format!("redis::{name}"));
        trials.push(if server.is_some() {
            Trial::test(name, move || {
                on.block_on(case());
                Ok(())
            })
        } else {
            ignored(name)
        });
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(server);
    conclusion.exit_code()
}
