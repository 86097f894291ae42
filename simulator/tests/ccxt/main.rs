//! The simulator before a client library that others wrote: ccxt, from PyPI, unchanged but for its base URLs.
//! Where that is not installed, the test is reported as ignored.

#[allow(dead_code, reason = "the client has more to it than this test uses")]
#[path = "../simulator/client.rs"]
mod client;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coinsphere_simulator::Config;
use libtest_mimic::{Arguments, Trial};

use client::{NOON, Sim, config};

fn main() {
    let name = "ccxt_reads_every_venue";
    let trial = match python_with_ccxt() {
        Some(python) => Trial::test(name, move || {
            ccxt_reads_every_venue(&python);
            Ok(())
        }),
        None => {
            let name = format!("{name} (ccxt is not installed: scripts/setup.sh test)");
            Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    };
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

/// Python where `scripts/install-test-python.sh` has put ccxt.
fn python_with_ccxt() -> Option<PathBuf> {
    let path = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let directory = path("COINSPHERE_TEST_PYTHON_DIR").or_else(|| {
        let cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))?;
        Some(cache.join("coinsphere/python"))
    })?;
    let installed = std::fs::read_to_string(directory.join("installed.txt")).ok()?;
    let python = directory.join("bin/python");
    (installed.contains("ccxt==") && python.is_file()).then_some(python)
}

fn ccxt_reads_every_venue(python: &Path) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            // As many trades as it takes for one in every minute, nearly; days of them are added up.
            let sim = Sim::start(Config {
                rate: 60.0,
                ..config()
            })
            .await;
            let output = Command::new(python)
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ccxt/reads.py"))
                .arg(format!("http://{}", sim.address()))
                .arg((NOON / 1_000).to_string())
                .stdin(Stdio::null())
                .output()
                .expect("Python can be started");
            assert!(
                output.status.success(),
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            sim.stop().await;
        });
}
