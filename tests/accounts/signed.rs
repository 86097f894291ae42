//! Critical requests of programs are signed.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::io::Write as _;

use axum::body::Body;
use axum::http::{Method, header};
use coinsphere::accounts::Role;
use coinsphere::http::serve;
use coinsphere_pipelines::clock::{ManualClock, SystemClock};
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;

use super::app::{Place, eventually_rows};
use super::program::{ALL, KEYS, NOON, Program, Signing, public, refused_for, wanted};
use super::two_factor::verified;

pub(crate) async fn critical_operations_need_a_signature(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let program = Program::make(&app, &ada, "deploy", &ALL, json!({})).await;
    let shown = app.get(KEYS, &ada.access).await.good(200);
    assert_eq!(shown["data"][0]["public_key"], public(7));
    let body = wanted("made");
    let answer = app
        .send(Method::POST, KEYS, Some(&program.secret), Some(&body))
        .await;
    answer.is_problem(401, "signature-required");
    let accepts = answer.headers["accept-signature"].to_str().unwrap();
    assert!(accepts.contains(&program.id), "{accepts}");
    let signing = program.signing("first");
    let made = program
        .send(&app, Method::POST, KEYS, Some(&body), &signing)
        .await
        .good(201);
    app.get("/api/v1/tokens", made["secret"].as_str().unwrap())
        .await
        .good(200);

    // Each in another way not what was registered, now, whole.
    let post = |signing: Signing| {
        let (app, program) = (&app, &program);
        async move {
            program
                .send(app, Method::POST, KEYS, Some(&wanted("never")), &signing)
                .await
        }
    };
    refused_for(&post(signing.clone()).await, "nonce was used");
    for created in [NOON - 61, NOON + 61] {
        let signing = Signing {
            created,
            ..program.signing("time")
        };
        refused_for(&post(signing).await, "`created`");
    }
    let stranger = Signing {
        seed: 8,
        ..program.signing("stranger")
    };
    refused_for(&post(stranger).await, "registered key");
    refused_for(
        &post(Signing {
            nonce: "short".to_owned(),
            ..signing.clone()
        })
        .await,
        "`nonce`",
    );
    let method = Method::POST;
    let (body, fresh) = (wanted("never"), program.signing("changed"));
    let other = json!({"name": "never", "scopes": ["market:read"], "expires_in_days": 9});
    let changed = program.request(&method, KEYS, Some(&body), &fresh);
    let changed = changed.body(Body::from(other.to_string())).unwrap();
    refused_for(&app.send_request(changed).await, "`content-digest`");
    let mut moved = program
        .request(&method, KEYS, Some(&body), &fresh)
        .body(Body::from(body.to_string()))
        .unwrap();
    *moved.uri_mut() = format!("{KEYS}?x=1").parse().unwrap();
    refused_for(&app.send_request(moved).await, "registered key");
    // Nothing of that has used the nonce up, or made a key.
    let names = app
        .rows("SELECT name FROM api_keys WHERE name = 'never'")
        .await;
    assert!(names.is_empty());

    // The owner replaces the public key, and removes it.
    let path = format!("{KEYS}/{}/public-key", program.id);
    let put = |token: String, key: String| {
        let (app, path) = (&app, &path);
        async move {
            let body = json!({"public_key": key});
            app.send(Method::PUT, path, Some(&token), Some(&body)).await
        }
    };
    put(program.secret.clone(), public(8))
        .await
        .is_problem(403, "forbidden");
    put(ada.access.clone(), "AAAA".to_owned())
        .await
        .is_problem(400, "invalid-request");
    let eve = verified(&app, "eve@example.org", Role::User).await;
    put(eve.access, public(8))
        .await
        .is_problem(404, "not-found");
    let replaced = put(ada.access.clone(), public(8)).await.good(200);
    assert_eq!(replaced["public_key"], public(8));
    refused_for(&post(program.signing("before")).await, "registered key");
    let after = Signing {
        seed: 8,
        ..program.signing("after")
    };
    post(after).await.good(201);
    app.send(Method::DELETE, &path, Some(&ada.access), None)
        .await
        .good(204);
    let gone = Signing {
        seed: 8,
        ..program.signing("gone")
    };
    post(gone).await.is_problem(401, "signature-required");

    let last = "SELECT FROM audit_log WHERE event = 'api_key.public_key_removed'";
    eventually_rows(&app, last).await;
    let log = app
        .rows("SELECT event FROM audit_log WHERE subject IS NOT NULL ORDER BY seq")
        .await;
    let events: Vec<&str> = log.iter().map(|row| row.get(0)).collect();
    for event in [
        "api_key.made",
        "api_key.signed_request",
        "api_key.signature_refused",
        "api_key.public_key_set",
        "api_key.public_key_removed",
    ] {
        assert!(events.contains(&event), "{event}: {events:?}");
    }
}

/// The body is signed as it is sent.
pub(crate) async fn a_compressed_body_is_signed_as_it_is_sent(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let program = Program::make(&app, &ada, "deploy", &ALL, json!({})).await;
    let body = wanted("compressed");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let send = |nonce: &str, digested: &[u8]| {
        let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(digested)));
        let signing = program.signing(nonce);
        let request = program.request_with(&Method::POST, KEYS, &digest, &signing);
        let request = request.header(header::CONTENT_ENCODING, "gzip");
        app.send_request(request.body(Body::from(packed.clone())).unwrap())
    };
    refused_for(
        &send("plain", body.to_string().as_bytes()).await,
        "`content-digest`",
    );
    send("packed", &packed).await.good(201);
    let huge = vec![b' '; 3 << 20];
    let signing = program.signing("huge");
    let request = program.request_with(&Method::POST, KEYS, "sha-256=:AAAA:", &signing);
    app.send_request(request.body(Body::from(huge)).unwrap())
        .await
        .is_problem(413, "payload-too-large");
}

pub(crate) async fn a_signature_counts_once_in_every_process(place: Place) {
    let (app, elsewhere) = (place.app().await, place.app().await);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let program = Program::make(&app, &ada, "deploy", &ALL, json!({})).await;
    let signing = program.signing("one");
    let crossed = (0..8).map(|at| {
        let (process, program, signing) = (
            if at % 2 == 0 { &app } else { &elsewhere },
            &program,
            &signing,
        );
        async move {
            let body = wanted("one");
            program
                .send(process, Method::POST, KEYS, Some(&body), signing)
                .await
        }
    });
    let answers = futures_util::future::join_all(crossed).await;
    let done = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(done, 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        refused_for(answer, "nonce was used");
    }
    // A minute later its time is what is wrong, and it still is no use.
    app.advance(61);
    let body = wanted("one");
    let late = program.send(&elsewhere, Method::POST, KEYS, Some(&body), &signing);
    refused_for(&late.await, "`created`");
}

/// The commands of docs/accounts.md, run as they stand there, against a server on a socket.
pub(crate) async fn the_documented_example_works(place: Place) {
    let place = Place {
        clock: ManualClock::at(SystemClock::shared().now()),
        ..place
    };
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let page = include_str!("../../docs/accounts.md");
    let (_, rest) = page.split_once("```sh\n# Sign a request").unwrap();
    let (script, _) = rest.split_once("```").unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let (state, statuses) = (app.state.clone(), app.statuses.clone());
    let serving = tokio::spawn(async move {
        // Dropped when a test fails: that stops it too.
        let stopping = async move { drop(stopped.await) };
        serve(listener, state, &statuses, stopping).await
    });
    let program = Program::make(
        &app,
        &ada,
        "shell",
        &["keys:manage", "market:read"],
        json!({}),
    )
    .await;
    let directory = tempfile::tempdir().unwrap();
    let run = |script: String, directory: std::path::PathBuf, program: Program| {
        let server = server.clone();
        async move {
            let mut shell = Command::new("sh");
            shell
                .args(["-euc", &script])
                .current_dir(directory)
                .env("SERVER", server)
                .env("KEY", &program.secret)
                .env("KEY_ID", &program.id);
            let output = shell.output().await.unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        }
    };
    let at = directory.path().to_owned();
    let (_, rest) = page.split_once("```sh\n# Make a pair of keys").unwrap();
    let (generating, _) = rest.split_once("```").unwrap();
    let printed = run(format!("#{generating}"), at.clone(), program.clone()).await;
    let path = format!("{KEYS}/{}/public-key", program.id);
    let body = json!({"public_key": printed});
    app.send(Method::PUT, &path, Some(&ada.access), Some(&body))
        .await
        .good(200);
    let answer = run(format!("#{script}"), at, program).await;
    let made: Value = serde_json::from_str(answer.trim()).unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(made["name"], "made-by-a-program", "{made}");
    let _ = stop.send(());
    serving.await.unwrap().unwrap();
}
