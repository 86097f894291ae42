//! The running server against its own description: schemathesis makes requests from the OpenAPI
//! document, right and wrong ones, and compares the answers with what is documented.

mod support;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Trial};
use support::Place;
use support::program::{Program, ready};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let name = "the_server_keeps_to_its_description";
    let trial = match schemathesis() {
        Some(program) => Trial::test(name, move || {
            the_server_keeps_to_its_description(&program);
            Ok(())
        }),
        None => support::ignored(name, "schemathesis is not installed: scripts/setup.sh test"),
    };
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

/// Where `scripts/install-test-python.sh` puts it.
fn schemathesis() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let directory = variable("COINSPHERE_TEST_PYTHON_DIR").or_else(|| {
        let cache =
            variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(cache.join("coinsphere/python"))
    })?;
    Some(directory.join("bin/schemathesis")).filter(|program| program.is_file())
}

fn the_server_keeps_to_its_description(schemathesis: &std::path::Path) {
    let place = Place::new();
    // As many requests as schemathesis makes: `support::program` raises the limit.
    let (_program, address) = Program::serve(&place.path().join("d"), ["demo"]);
    ready(address);
    let seed = std::env::var("COINSPHERE_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    println!("COINSPHERE_TEST_SEED={seed}");
    let output = Command::new(schemathesis)
        .arg("run")
        .arg(format!("http://{address}/openapi.json"))
        .args(["--seed", &seed, "--max-examples", "40"])
        // An upgrade to a WebSocket, which schemathesis does not speak; tested elsewhere.
        .args(["--exclude-path", "/api/v1/stream"])
        // That two parameters exclude each other, or that a cursor is one that we gave, cannot be
        // described; such requests are refused, and rightly.
        .args([
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",
        ])
        .current_dir(place.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("schemathesis can be started");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
