//! The running server against its own description: schemathesis makes requests from the OpenAPI
//! document, right and wrong ones, and compares the answers with what is documented.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::program::{Program, complaint, ready, run};
use crate::support::{Place, cache_directory, http, ignored};
use libtest_mimic::Trial;
use serde_json::json;

/// The test, which needs schemathesis.
pub(crate) fn trial() -> Trial {
    let name = "schemathesis::the_server_keeps_to_its_description";
    match python_tool("schemathesis") {
        Some(program) => Trial::test(name, move || {
            the_server_keeps_to_its_description(&program);
            Ok(())
        }),
        None => ignored(name, "schemathesis is not installed: scripts/setup.sh test"),
    }
}

/// A tool that `scripts/install-test-python.sh` installs.
pub(crate) fn python_tool(name: &str) -> Option<PathBuf> {
    let directory = cache_directory("COINSPHERE_TEST_PYTHON_DIR", "python")?;
    Some(directory.join("bin").join(name)).filter(|program| program.is_file())
}

fn the_server_keeps_to_its_description(schemathesis: &Path) {
    let place = Place::new();
    let data = place.path().join("d");
    // As many requests as schemathesis makes: `support::program` raises the limits.
    let (_program, address) = Program::serve(&data, ["demo"]);
    ready(address);
    let seed = std::env::var("COINSPHERE_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    println!("COINSPHERE_TEST_SEED={seed}");
    // Each in a directory of its own: what schemathesis keeps there, it uses again.
    let run = |name: &str, more: &[&str]| {
        let directory = place.path().join(name);
        std::fs::create_dir(&directory).expect("a directory");
        let output = Command::new(schemathesis)
            .arg("run")
            .arg(format!("http://{address}/openapi.json"))
            .args(["--seed", &seed, "--max-examples", "10", "--checks", "all"])
            // An upgrade to a WebSocket, which schemathesis does not speak; tested elsewhere.
            .args(["--exclude-path", "/api/v1/stream"])
            .args(more)
            .current_dir(directory)
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
    };
    let token = admin_token(&data, address);
    std::thread::scope(|both| {
        // That two parameters exclude each other, or that a cursor is one that we gave, cannot be
        // described; such requests are refused, and rightly.
        both.spawn(|| run("nobody", &["--exclude-checks", "positive_data_acceptance"]));
        as_admin(address, &token, &run);
    });
}

fn as_admin(address: SocketAddr, token: &str, run: &dyn Fn(&str, &[&str])) {
    is_signed_in(address, token);
    let header = format!("Authorization: Bearer {token}");
    // With the header on every request, none is without.
    let excluded = "positive_data_acceptance,ignored_auth";
    let signed_in = ["--header", &header, "--exclude-checks", excluded];
    let mut most = signed_in.to_vec();
    // They would end the session that the others need, train or load history for minutes, or make
    // connections to the simulated venues by the dozen.
    for path in [
        "/api/v1/admin/backfills",
        "/api/v1/auth/logout",
        "/api/v1/auth/logout-all",
        "/api/v1/auth/me/delete",
        "/api/v1/models/train",
        "/api/v1/tokens",
    ] {
        most.extend(["--exclude-path", path]);
    }
    // What ends sessions is asked by itself: schemathesis takes the user's id from the token and
    // remembers the ids in lists, and would end its own.
    let apart: [(&str, &[&str]); 3] = [
        ("users", &["/api/v1/admin/users/{id}"]),
        (
            "one-session",
            &[
                "/api/v1/auth/sessions/{id}",
                "/api/v1/admin/users/{id}/sessions/{session}",
            ],
        ),
        ("all-sessions", &["/api/v1/admin/users/{id}/sessions"]),
    ];
    for path in apart.iter().flat_map(|(_, paths)| *paths) {
        most.extend(["--exclude-path", path]);
    }
    run("most", &most);
    for (name, paths) in apart {
        // Or much of it was refused for want of a session, and shows nothing. Only the last may end it.
        is_signed_in(address, token);
        let mut these = signed_in.to_vec();
        these.extend(paths.iter().flat_map(|path| ["--include-path", path]));
        run(name, &these);
    }
}

fn is_signed_in(address: SocketAddr, token: &str) {
    let header = format!("authorization: Bearer {token}\r\n");
    let me = http::ask_with(address, "GET", "/api/v1/auth/me", &header, "").expect("an answer");
    assert_eq!(me.status, 200, "{}", me.body);
    assert_eq!(me.json()["role"], "admin", "{}", me.body);
}

/// An access token of an admin made for this.
pub(crate) fn admin_token(data: &Path, address: SocketAddr) -> String {
    const ADDRESS: &str = "admin@example.org";
    let made = run(
        data,
        [
            OsStr::new("user"),
            "create".as_ref(),
            "--admin".as_ref(),
            "--email".as_ref(),
            ADDRESS.as_ref(),
            "--data-dir".as_ref(),
            data.as_ref(),
        ],
    );
    assert!(made.status.success(), "{}", complaint(&made));
    let printed = String::from_utf8(made.stdout).expect("text");
    let password = printed.lines().last().expect("a password");
    let body = json!({"email": ADDRESS, "password": password}).to_string();
    let json_body = "content-type: application/json\r\n";
    let path = "/api/v1/auth/login";
    let answer = http::ask_with(address, "POST", path, json_body, &body).expect("an answer");
    let answer = answer.json();
    let token = answer["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{answer}")).to_owned()
}
