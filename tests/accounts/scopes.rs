//! Permissions of keys, and mutations that are sent again.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{Method, Request, header};
use coinsphere::accounts::Role;
use coinsphere::http::Peer;
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::app::{PASSWORD, Place};
use super::program::{ALL, KEYS, NOON, Program, pair, wanted};
use super::two_factor::verified;

pub(crate) async fn every_route_says_what_a_key_needs(place: Place) {
    let app = place.app().await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let document = coinsphere::http::openapi();
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
    // A signed one is signed again, and is the same request still; unsigned, it gets no answer.
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
    // So it is with what admins do.
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let me = app.me(&ada.access).await.good(200);
    let path = format!("/api/v1/admin/users/{}", me["id"].as_str().unwrap());
    for (role, replayed) in [("admin", false), ("user", false), ("admin", true)] {
        let body = json!({"role": role});
        let token = root.access.clone();
        let answer = send(token, Method::PATCH, path.clone(), role, body).await;
        assert_eq!(answer.good(200)["role"], role);
        let was = answer.headers.contains_key("idempotency-replayed");
        assert_eq!(was, replayed);
    }
    let stored = app
        .rows("SELECT role FROM users WHERE email_key = 'ada@example.org'")
        .await;
    assert_eq!(stored[0].get::<_, &str>(0), "user");
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
