//! SIGKILL within an import into a portfolio: afterwards there is nothing of it, and the next one brings all.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::postgres::Postgres;
use crate::support::program::{Program, command, complaint, ready};
use crate::support::{Place, eventually, http};

const PASSWORD: &str = "correct horse battery staple";

const ROWS: usize = 2_000;

const SOON: Duration = Duration::from_secs(60);

fn ask(address: SocketAddr, line: (&str, &str), token: &str, body: &Value) -> Value {
    let (method, path) = line;
    let headers = format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
    let answer = http::ask_with(address, method, path, &headers, &body.to_string()).unwrap();
    assert!(answer.status < 300, "{line:?}: {answer:?}");
    answer.json()
}

fn login(address: SocketAddr) -> String {
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = ask(address, ("POST", "/api/v1/auth/login"), "none", &body);
    answer["access_token"].as_str().unwrap().to_owned()
}

pub(crate) fn an_import_that_is_killed_leaves_nothing_and_is_done_whole_later() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let postgres = Postgres::start();
    let data_dir = place.path().join("data");
    let serve = || {
        Program::serve_with(&data_dir, ["up", "--roles", "api"], |command| {
            command
                .env("DATABASE_URL", postgres.url())
                .env("COINSPHERE_HTTP__REQUEST_TIMEOUT_MS", "300000");
        })
    };
    let (program, address) = serve();
    ready(address);
    let mut create = command(&data_dir)
        .args([
            "user",
            "create",
            "--email",
            "ada@example.org",
            "--password-stdin",
        ])
        .args(["--data-dir", data_dir.to_str().unwrap()])
        .env("DATABASE_URL", postgres.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(create.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let created = create.wait_with_output().unwrap();
    assert!(created.status.success(), "{}", complaint(&created));

    let token = login(address);
    let settings = json!({"name": "a", "currency": "EUR"});
    let made = ask(address, ("POST", "/api/v1/portfolios"), &token, &settings);
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/portfolios/{id}");
    let accounts = format!("{path}/accounts");
    let account = ask(
        address,
        ("POST", &accounts),
        &token,
        &json!({"name": "box"}),
    );
    let account = account["id"].as_str().unwrap().to_owned();

    let rows = (0..ROWS).map(|row| {
        format!(
            "x{row},2024-01-08T07:05:12Z,deposit,box,EUR,{}.50\n",
            row + 1
        )
    });
    let head = "id,time,kind,account,received_asset,received_quantity\n";
    let csv = head.to_owned() + &rows.collect::<String>();
    let files = json!({"files": [{"name": "a.csv", "text": csv}]});
    let import = format!("{path}/import");

    // Another session has the id of the last row, and does not say whether it keeps it.
    let (client, connection) = runtime
        .block_on(tokio_postgres::connect(&postgres.url(), NoTls))
        .unwrap();
    runtime.spawn(connection);
    let taken = format!(
        "BEGIN; INSERT INTO portfolio_transactions (portfolio_id, number, external_id, at_nanos, kind, \
         account_id, assets, tags, body) \
         VALUES ('{id}', -1, 'x{}', 0, 'deposit', '{account}', '{{}}', '{{}}', '{{}}')",
        ROWS - 1
    );
    runtime.block_on(client.batch_execute(&taken)).unwrap();
    let importing = {
        let (token, import, files) = (token.clone(), import.clone(), files.clone());
        thread::spawn(move || {
            let headers =
                format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
            http::ask_with(address, "POST", &import, &headers, &files.to_string())
        })
    };
    // All rows but the last are written.
    eventually("the import is under way", SOON, || {
        let waits = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND query LIKE 'INSERT INTO portfolio_transactions%'";
        // Within a transaction the view would stay as it was first read.
        let again = "SELECT pg_stat_clear_snapshot()";
        runtime.block_on(client.batch_execute(again)).unwrap();
        let found = runtime.block_on(client.query(waits, &[])).unwrap();
        (found.len() == 1)
            .then_some(())
            .ok_or_else(|| "not yet".to_owned())
    });
    program.crash();
    assert!(importing.join().unwrap().is_err(), "it was answered");
    runtime.block_on(client.batch_execute("ROLLBACK")).unwrap();

    let (_program, address) = serve();
    ready(address);
    let token = login(address);
    let get = |path: &str| ask(address, ("GET", path), &token, &Value::Null);
    assert_eq!(get(&path)["transactions"], 0);
    for list in ["transactions", "imports"] {
        assert_eq!(get(&format!("{path}/{list}"))["data"], json!([]), "{list}");
    }
    for added in [ROWS, 0] {
        let done = ask(address, ("POST", &import), &token, &files);
        assert_eq!(done["added"], added);
        assert_eq!(get(&path)["transactions"], ROWS);
    }
}
