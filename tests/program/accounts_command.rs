//! The operator's commands next to the running program: the first admin, a user's emails, new keys.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::program::{Program, command, complaint, ready, run};

const PASSWORD: &str = "correct horse battery staple";

/// Asks with a JSON body and a token.
fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let body = body.to_string();
    let token = token.map_or(String::new(), |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\n{token}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn login(address: SocketAddr, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let (status, answer) = ask(address, "POST", "/api/v1/auth/login", None, &body);
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

pub(crate) fn the_operator_works_beside_the_running_program() {
    let place = crate::support::Place::new();
    let data_dir = place.path().join("data");
    let dir = data_dir.to_str().unwrap();
    let serve = || {
        Program::serve_with(&data_dir, ["up", "--roles", "api"], |command| {
            // The default, which other tests change.
            command.env_remove("COINSPHERE_PUBLIC_MARKET_DATA");
        })
    };
    let (program, address) = serve();
    ready(address);
    let nothing = Value::Null;
    let (status, problem) = ask(address, "GET", "/api/v1/tokens", None, &nothing);
    assert_eq!(
        (status, &problem["type"]),
        (401, &json!("/problems/not-signed-in"))
    );

    // The one-time token of a server without an admin.
    let setup = crate::support::eventually("it prints a token", Duration::from_secs(30), || {
        let log = program.log();
        let mut lines = log
            .split_inclusive('\n')
            .skip_while(|line| !line.contains("there is no admin yet"));
        lines.next();
        // A line may be read before all of it is written.
        let token = lines.next().filter(|line| line.ends_with('\n'));
        let token = token.map(|line| line.trim().to_owned());
        token.ok_or_else(|| "not yet".to_owned())
    });
    let body = json!({"email": "root@example.org", "password": PASSWORD, "invitation": setup});
    let (status, root) = ask(address, "POST", "/api/v1/auth/register", None, &body);
    assert_eq!((status, &root["role"]), (201, &json!("admin")), "{root}");

    // A user made by command, with a password on standard input.
    let mut create = command(&data_dir)
        .args([
            "user",
            "create",
            "--email",
            "ada@example.org",
            "--admin",
            "--password-stdin",
        ])
        .args(["--data-dir", dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(create.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let created = create.wait_with_output().unwrap();
    assert!(created.status.success(), "{}", complaint(&created));
    assert!(!complaint(&created).contains("horse"));
    let token = login(address, "ada@example.org", PASSWORD);
    let (_, me) = ask(address, "GET", "/api/v1/auth/me", Some(&token), &nothing);
    assert_eq!(
        (&me["role"], &me["email_verified"]),
        (&json!("admin"), &json!(true))
    );
    assert_eq!(
        ask(address, "GET", "/api/v1/tokens", Some(&token), &nothing).0,
        200
    );
    let again = run(
        &data_dir,
        [
            "user",
            "create",
            "--email",
            "ada@example.org",
            "--data-dir",
            dir,
        ],
    );
    assert!(
        complaint(&again).contains("registered already"),
        "{}",
        complaint(&again)
    );

    // A password made by the command.
    let made = run(
        &data_dir,
        [
            "user",
            "create",
            "--email",
            "eve@example.org",
            "--data-dir",
            dir,
        ],
    );
    let password = String::from_utf8(made.stdout).unwrap();
    login(address, "eve@example.org", password.trim());

    // New keys, while tokens of the old ones hold.
    let rotated = run(&data_dir, ["keys", "rotate", "--data-dir", dir]);
    assert!(rotated.status.success(), "{}", complaint(&rotated));
    assert_eq!(
        ask(address, "GET", "/api/v1/auth/me", Some(&token), &nothing).0,
        200
    );
    let sealed = run(&data_dir, ["keys", "rotate", "--totp", "--data-dir", dir]);
    assert!(sealed.status.success(), "{}", complaint(&sealed));

    // The email to the one who registered, in a file.
    let listed =
        crate::support::eventually("the email is written", Duration::from_secs(30), || {
            let output = run(&data_dir, ["outbox", "--data-dir", dir]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if text.contains(".eml") {
                Ok(text)
            } else {
                Err(text)
            }
        });
    assert!(
        listed.contains("root@example.org") && listed.contains("verify_email"),
        "{listed}"
    );

    // Ended here, ended after a restart.
    let (status, _) = ask(
        address,
        "POST",
        "/api/v1/auth/logout",
        Some(&token),
        &nothing,
    );
    assert_eq!(status, 204);
    assert!(program.stop(Signal::SIGTERM).success());
    let (program, address) = serve();
    ready(address);
    let (status, problem) = ask(address, "GET", "/api/v1/auth/me", Some(&token), &nothing);
    assert_eq!(
        (status, &problem["type"]),
        (401, &json!("/problems/invalid-token"))
    );
    assert!(!program.log().contains(PASSWORD) && !program.log().contains(&token));
}
