//! The Fluvio log against a real cluster.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coinsphere_pipelines::log::{EventLog, FluvioConfig, FluvioLog, Offset};
use libtest_mimic::Trial;

use crate::conformance;
use crate::fixture::{Place, block_on, number, trade};

const VARIABLE: &str = "COINSPHERE_TEST_FLUVIO";
/// A command that kills the cluster's SPU and starts it again.
const RESTART: &str = "COINSPHERE_TEST_FLUVIO_RESTART";
const RESTART_TEST: &str = "fluvio::loses_nothing_when_its_spu_is_killed";

pub(crate) fn trials() -> Vec<Trial> {
    let Ok(endpoint) = std::env::var(VARIABLE) else {
        let reason = format!("{VARIABLE} names no cluster, as host:port of its SC");
        let names = conformance::NAMES.iter();
        return names
            .map(|name| format!("fluvio::{name}"))
            .chain([RESTART_TEST.to_owned()])
            .map(|name| crate::ignored(&name, &reason))
            .collect();
    };
    let restart = std::env::var(RESTART).map_or_else(
        |_| crate::ignored(RESTART_TEST, &format!("{RESTART} names no command")),
        |command| {
            let endpoint = endpoint.clone();
            Trial::test(RESTART_TEST, move || {
                block_on(restarts(&Cluster::new(&endpoint), command));
                Ok(())
            })
        },
    );
    let mut trials = conformance::trials("fluvio", move || Cluster::new(&endpoint));
    trials.push(restart);
    trials
}

/// Appends while the SPU is killed and started again, twice.
async fn restarts(cluster: &Cluster, command: String) {
    let log = Arc::new(FluvioLog::connect(cluster.config.clone()).await.unwrap());
    let appender = Arc::clone(&log);
    let appending = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for n in 0..3_000 {
            match appender.append(0, vec![trade(n)]).await {
                Ok(_) => acknowledged.push(n),
                Err(error) => assert!(error.is_retriable(), "{error}"),
            }
        }
        acknowledged
    });
    for _ in 0..2 {
        let mut progress = log.progress(0);
        let more = Offset(progress.borrow().head.0 + 300);
        progress.wait_for(|now| now.head >= more).await.unwrap();
        let command = command.clone();
        let status = tokio::task::spawn_blocking(move || Command::new(command).status());
        assert!(status.await.unwrap().unwrap().success());
    }
    let acknowledged = tokio::time::timeout(Duration::from_secs(300), appending)
        .await
        .expect("the log goes on after a restart")
        .unwrap();
    // A log opened afresh reads everything from the cluster.
    log.close().await.unwrap();
    let again = FluvioLog::connect(cluster.config.clone()).await.unwrap();
    assert_eq!(again.identity(), log.identity());
    let (mut numbers, mut at) = (Vec::new(), 0);
    while at < again.progress(0).borrow().head.0 {
        for (offset, record) in again.read(0, Offset(at), 500).await.unwrap() {
            assert_eq!(offset, Offset(at));
            numbers.push(number(&record));
            at += 1;
        }
    }
    let mut first_seen = numbers.clone();
    first_seen.sort_unstable();
    first_seen.dedup();
    let lost = acknowledged
        .iter()
        .filter(|n| !first_seen.contains(n))
        .count();
    assert_eq!(lost, 0, "of {} acknowledged", acknowledged.len());
    eprintln!(
        "{} acknowledged, {} in the log, {} sent again, {} streams opened again",
        acknowledged.len(),
        numbers.len(),
        log.resent(),
        log.reopened(),
    );
    again.close().await.unwrap();
}

/// A topic of this test's own in a running cluster.
struct Cluster {
    config: FluvioConfig,
}

impl Cluster {
    fn new(endpoint: &str) -> Self {
        static TOPICS: AtomicU32 = AtomicU32::new(0);
        let topic = format!(
            "coinsphere-test-{}-{}",
            std::process::id(),
            TOPICS.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            config: FluvioConfig {
                topic,
                partitions: 3,
                tail_records: 100,
                append_timeout_ms: 60_000,
                ..FluvioConfig::at(endpoint)
            },
        }
    }
}

#[async_trait::async_trait]
impl Place for Cluster {
    async fn open(&self) -> Arc<dyn EventLog> {
        Arc::new(FluvioLog::connect(self.config.clone()).await.unwrap())
    }
    const KEEPS: bool = true;
    const REMOVES: bool = false;
}
