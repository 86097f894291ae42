//! The Fluvio log against a real cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coinsphere_pipelines::log::{EventLog, FluvioConfig, FluvioLog};
use libtest_mimic::Trial;

use crate::conformance;
use crate::fixture::Place;

const VARIABLE: &str = "COINSPHERE_TEST_FLUVIO";

pub(crate) fn trials() -> Vec<Trial> {
    let Ok(endpoint) = std::env::var(VARIABLE) else {
        let reason = format!("{VARIABLE} names no cluster, as host:port of its SC");
        return conformance::NAMES
            .iter()
            .map(|name| crate::ignored(&format!("fluvio::{name}"), &reason))
            .collect();
    };
    conformance::trials("fluvio", move || Cluster::new(&endpoint))
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
