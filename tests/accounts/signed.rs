//! Programs: what their keys may do, and that critical requests are signed.

use std::io::Write as _;
use std::net::IpAddr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::{Method, Request, header};
use coinsphere::accounts::Role;
use coinsphere::http::{Peer, serve};
use coinsphere_pipelines::clock::{ManualClock, SystemClock};
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;

use super::app::{Answer, App, PASSWORD, Pair, Place, eventually_rows};
use super::two_factor::verified;

const KEYS: &str = "/api/v1/auth/api-keys";

/// The tests' clock, in seconds.
const NOON: i64 = 1_772_366_400;

const ALL: [&str; 5] = [
    "market:read",
    "account:read",
    "account:write",
    "account:critical",
    "keys:manage",
];

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(seed: u8) -> String {
    BASE64.encode(pair(seed).public_key().as_ref())
}

/// A program with a key.
#[derive(Debug, Clone)]
struct Program {
    id: String,
    secret: String,
    seed: u8,
}

/// What a request is signed with.
#[derive(Debug, Clone)]
struct Signing {
    created: i64,
    nonce: String,
    seed: u8,
}

impl Program {
    async fn make(app: &App, owner: &Pair, name: &str, scopes: &[&str], more: Value) -> Self {
        let mut body = json!({"name": name, "scopes": scopes, "public_key": public(7)});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = app
            .send(Method::POST, KEYS, Some(&owner.access), Some(&body))
            .await
            .good(201);
        Self::read(&made)
    }

    fn read(made: &Value) -> Self {
        Self {
            id: made["id"].as_str().unwrap().to_owned(),
            secret: made["secret"].as_str().unwrap().to_owned(),
            seed: 7,
        }
    }

    fn signing(&self, nonce: &str) -> Signing {
        Signing {
            created: NOON,
            nonce: format!("{nonce:-<16}"),
            seed: self.seed,
        }
    }

    /// Signs, by the words of RFC 9421 and not by our own code.
    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        signing: &Signing,
    ) -> axum::http::request::Builder {
        let text = body.map(Value::to_string).unwrap_or_default();
        let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(&text)));
        self.request_with(method, path, &digest, signing)
    }

    fn request_with(
        &self,
        method: &Method,
        path: &str,
        digest: &str,
        signing: &Signing,
    ) -> axum::http::request::Builder {
        let parameters = format!(
            "(\"@method\" \"@target-uri\" \"content-digest\");created={};nonce=\"{}\";keyid=\"{}\"",
            signing.created, signing.nonce, self.id
        );
        let base = format!(
            "\"@method\": {method}\n\"@target-uri\": http://coins.example{path}\n\
             \"content-digest\": {digest}\n\"@signature-params\": {parameters}"
        );
        let signature = BASE64.encode(pair(signing.seed).sign(base.as_bytes()).as_ref());
        self.bare(method, path)
            .header("content-digest", digest)
            .header("signature-input", format!("sig={parameters}"))
            .header("signature", format!("sig=:{signature}:"))
    }

    fn bare(&self, method: &Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, "coins.example")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.secret))
            .extension(Peer("203.0.113.1".parse::<IpAddr>().unwrap()))
    }

    async fn send(
        &self,
        app: &App,
        method: Method,
        path: &str,
        body: Option<&Value>,
        signing: &Signing,
    ) -> Answer {
        let request = self.request(&method, path, body, signing);
        let body = body.map(Value::to_string).unwrap_or_default();
        app.send_request(request.body(Body::from(body)).unwrap())
            .await
    }
}

#[track_caller]
fn refused_for(answer: &Answer, rule: &str) {
    let problem = answer.is_problem(401, "signature-invalid");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(rule), "{detail}");
}

fn wanted(name: &str) -> Value {
    json!({"name": name, "scopes": ["market:read"]})
}

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

/// What is signed is the body as it is sent.
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

pub(crate) async fn every_route_says_what_a_key_needs(place: Place) {
    let app = place.app().await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let document = serde_json::to_value(coinsphere::http::openapi()).unwrap();
    let mut programs = std::collections::BTreeMap::new();
    for scope in ALL {
        // All but this one.
        let others: Vec<&str> = ALL.into_iter().filter(|one| *one != scope).collect();
        let without = Program::make(&app, &root, &format!("no {scope}"), &others, json!({})).await;
        let only = Program::make(&app, &root, scope, &[scope], json!({})).await;
        programs.insert(scope, (only, without));
    }
    let all = Program::make(&app, &root, "all", &ALL, json!({})).await;
    let (mut accepted, mut refused) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(needs) = operation.get("x-api-key") else {
                continue;
            };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path
                .replace("{symbol}", "BTC-USD")
                .replace("{venue}", "kraken");
            let path: String = path
                .split('/')
                .map(|part| {
                    if part.starts_with('{') {
                        "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60"
                    } else {
                        part
                    }
                })
                .collect::<Vec<_>>()
                .join("/");
            let ask = |program: &Program| {
                let request = program.bare(&method, &path).body(Body::from("{}")).unwrap();
                app.send_request(request)
            };
            let Some(scope) = needs["scope"].as_str() else {
                refused += 1;
                ask(&all).await.is_problem(403, "forbidden");
                continue;
            };
            accepted += 1;
            let (only, without) = &programs[scope];
            let problem = ask(without).await.is_problem(403, "forbidden");
            assert!(
                problem["detail"].as_str().unwrap().contains(scope),
                "{problem}"
            );
            let answer = ask(only).await;
            if needs["signed"] == true {
                answer.is_problem(401, "signature-required");
            } else {
                assert!(
                    ![401, 403].contains(&answer.status),
                    "{method} {path}: {answer:?}"
                );
            }
        }
    }
    assert!(accepted >= 20 && refused >= 10, "{accepted} {refused}");
    // Another address decides who has the account.
    let (only, _) = &programs["account:write"];
    let body = json!({"email": "eve@example.org", "current_password": PASSWORD});
    let me = "/api/v1/auth/me";
    let patch = |program: &Program| {
        let request = program.bare(&Method::PATCH, me);
        app.send_request(request.body(Body::from(body.to_string())).unwrap())
    };
    patch(only).await.is_problem(403, "forbidden");
    patch(&all).await.is_problem(401, "signature-required");
    let signing = all.signing("address");
    all.send(&app, Method::PATCH, me, Some(&body), &signing)
        .await
        .good(200);
    let signing = all.signing("leaving");
    let proof = json!({"password": PASSWORD});
    let path = "/api/v1/auth/me/delete";
    all.send(&app, Method::POST, path, Some(&proof), &signing)
        .await
        .is_problem(409, "conflict");
}

pub(crate) async fn a_key_reaches_no_further_than_itself(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let month = json!({"expires_in_days": 30});
    let keeper = Program::make(&app, &ada, "keeper", &["keys:manage", "market:read"], month).await;
    let mighty = Program::make(&app, &ada, "mighty", &ALL, json!({})).await;
    let lasting = Program::make(&app, &ada, "lasting", &["market:read"], json!({})).await;
    for (at, body) in [
        json!({"name": "a", "scopes": ["market:read", "account:critical"], "expires_in_days": 1}),
        json!({"name": "a", "scopes": ["market:read"], "expires_in_days": 31}),
        json!({"name": "a", "scopes": ["market:read"]}),
    ]
    .iter()
    .enumerate()
    {
        let signing = keeper.signing(&format!("make {at}"));
        keeper
            .send(&app, Method::POST, KEYS, Some(body), &signing)
            .await
            .is_problem(403, "forbidden");
    }
    let body = json!({"name": "small", "scopes": ["market:read"], "expires_in_days": 30});
    let signing = keeper.signing("small");
    let small = keeper
        .send(&app, Method::POST, KEYS, Some(&body), &signing)
        .await
        .good(201);
    let small = Program::read(&small);
    for other in [&mighty, &lasting] {
        let rotate = format!("{KEYS}/{}/rotate", other.id);
        let signing = keeper.signing(&format!("rotate {}", &other.id[..4]));
        keeper
            .send(&app, Method::POST, &rotate, Some(&json!({})), &signing)
            .await
            .is_problem(404, "not-found");
        let end = format!("{KEYS}/{}", other.id);
        let signing = keeper.signing(&format!("end {}", &other.id[..4]));
        keeper
            .send(&app, Method::DELETE, &end, None, &signing)
            .await
            .is_problem(404, "not-found");
    }
    // It rotates itself: both secrets hold for a while, and that is shown.
    let rotate = format!("{KEYS}/{}/rotate", keeper.id);
    let body = json!({"overlap_seconds": 120});
    let signing = keeper.signing("self");
    let rotated = keeper
        .send(&app, Method::POST, &rotate, Some(&body), &signing)
        .await
        .good(200);
    assert_eq!(rotated["previous_secret_until"], "2026-03-01T12:02:00Z");
    assert_eq!(rotated["last_used_at"], "2026-03-01T12:00:00Z");
    let renewed = Program::read(&rotated);
    for program in [&keeper, &renewed] {
        app.get("/api/v1/tokens", &program.secret).await.good(200);
    }
    let end = format!("{KEYS}/{}", small.id);
    renewed
        .send(&app, Method::DELETE, &end, None, &renewed.signing("end"))
        .await
        .good(204);
    // A revoked key gives its name back.
    let again = json!({"name": "small", "scopes": ["market:read"]});
    app.send(Method::POST, KEYS, Some(&ada.access), Some(&again))
        .await
        .good(201);
    app.advance(120);
    app.get("/api/v1/tokens", &keeper.secret)
        .await
        .is_problem(401, "invalid-token");
    let used = app.get("/api/v1/tokens", &renewed.secret).await;
    used.good(200);
    let shown = app.get(KEYS, &ada.access).await.good(200);
    let keeper = shown["data"].as_array().unwrap().iter();
    let keeper = keeper.clone().find(|key| key["name"] == "keeper").unwrap();
    assert_eq!(keeper["last_used_at"], "2026-03-01T12:02:00Z");
}

pub(crate) async fn a_mutation_sent_again_is_not_done_again(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let writer = Program::make(&app, &ada, "writer", &ALL, json!({})).await;
    let reader = Program::make(&app, &ada, "reader", &["account:read"], json!({})).await;
    let me = "/api/v1/auth/me";
    let send = |secret: String, method: Method, path: String, key: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {secret}"))
            .header("idempotency-key", key)
            .extension(Peer("203.0.113.1".parse::<IpAddr>().unwrap()));
        app.send_request(request.body(Body::from(body.to_string())).unwrap())
    };
    let rename = |secret: &str| {
        let body = json!({"display_name": "Ada"});
        send(
            secret.to_owned(),
            Method::PATCH,
            me.to_owned(),
            "rename",
            body,
        )
    };
    rename(&ada.access).await.good(200);
    let again = rename(&writer.secret).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.good(200)["display_name"], "Ada");
    // Nobody gets from memory what they would not get else.
    rename(&reader.secret).await.is_problem(403, "forbidden");
    let other = json!({"display_name": "Eve"});
    send(
        ada.access.clone(),
        Method::PATCH,
        me.to_owned(),
        "rename",
        other,
    )
    .await
    .is_problem(422, "idempotency-key-reused");
    // Of a request with a password nothing stays, not even a hash.
    for _ in 0..2 {
        let body = json!({"email": "new@example.org", "current_password": PASSWORD});
        let answer = send(
            ada.access.clone(),
            Method::PATCH,
            me.to_owned(),
            "address",
            body,
        )
        .await;
        answer.good(200);
        assert!(!answer.headers.contains_key("idempotency-replayed"));
    }
    let end = format!("{KEYS}/{}", reader.id);
    for replayed in [false, true] {
        let answer = send(
            ada.access.clone(),
            Method::DELETE,
            end.clone(),
            "end",
            json!({}),
        )
        .await;
        answer.good(204);
        assert_eq!(
            answer.headers.contains_key("idempotency-replayed"),
            replayed
        );
    }
    // A signed one is signed anew, and is the same request still; unsigned, it gets no answer.
    let lasting = Program::make(&app, &ada, "lasting", &ALL, json!({})).await;
    let end = format!("{KEYS}/{}", lasting.id);
    for (nonce, replayed) in [("first", false), ("second", true)] {
        let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest("")));
        let parameters = format!(
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"idempotency-key\" \"content-digest\");created={NOON};nonce=\"{nonce:-<16}\";keyid=\"{}\"",
            writer.id
        );
        let base = format!(
            "\"@method\": DELETE\n\"@authority\": coins.example\n\"@path\": {end}\n\"@query\": ?\n\
             \"idempotency-key\": end-it\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
        );
        let signature = BASE64.encode(pair(7).sign(base.as_bytes()).as_ref());
        let request = writer
            .bare(&Method::DELETE, &end)
            .header("idempotency-key", "end-it")
            .header("content-digest", digest)
            .header("signature-input", format!("sig={parameters}"))
            .header("signature", format!("sig=:{signature}:"));
        let answer = app.send_request(request.body(Body::empty()).unwrap()).await;
        answer.good(204);
        assert_eq!(
            answer.headers.contains_key("idempotency-replayed"),
            replayed
        );
    }
    let bare = writer
        .bare(&Method::DELETE, &end)
        .header("idempotency-key", "end-it");
    app.send_request(bare.body(Body::empty()).unwrap())
        .await
        .is_problem(401, "signature-required");
    // A secret is never kept.
    let made = send(
        ada.access.clone(),
        Method::POST,
        KEYS.to_owned(),
        "make",
        wanted("new"),
    );
    made.await.good(201);
    let kept = app
        .rows("SELECT key FROM idempotency_keys WHERE key IN ('make', 'address')")
        .await;
    assert!(kept.is_empty());
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
    let serving = tokio::spawn(serve(listener, app.state.clone(), async {
        // Dropped when a test fails: that stops it too.
        let _ = stopped.await;
    }));
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
