//! Protection of the database against accidents and tampering: idempotency keys and the audit log,
//! on a real server.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::support::Place;
use crate::support::postgres::Postgres;
use crate::support::program::{Program, ready, run};
use coinsphere::audit::{AuditEntry, AuditLog, ChainSigner, Fault, Outcome, export, verify};
use coinsphere::idempotency::IdempotencyKeys;
use coinsphere::idempotency::{Begun, IdempotencyKey, IdempotencyStore, KeptAnswer};
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::store::{Store, StoreConfig};
use nix::sys::signal::Signal;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

fn opened(store: &Store, seal: ChainSigner) -> Arc<AuditLog> {
    let clock = SystemClock::shared();
    let statuses = StatusRegistry::new(clock.clone());
    AuditLog::open(store.clone(), clock, seal, &statuses)
}

async fn store(server: &Postgres) -> Store {
    let config = StoreConfig::new(server.url().parse().unwrap());
    Store::open(&config).await.unwrap()
}

/// A session as the owner of the tables: who tampers has at least that.
async fn owner(server: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Runs a statement as one who can switch the triggers off.
async fn tamper(server: &Postgres, statement: &str) {
    let owner = owner(server).await;
    let refused = owner.batch_execute(statement).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{refused:?}"
    );
    let all = format!("SET session_replication_role = replica; {statement}");
    owner.batch_execute(&all).await.unwrap();
}

async fn faults(store: &Store, data_dir: &Path) -> Vec<Fault> {
    let seal = ChainSigner::open(data_dir).unwrap();
    let session = store.session().await.unwrap();
    verify(&session, &seal).await.unwrap().faults
}

async fn lines(store: &Store) -> Vec<serde_json::Value> {
    let mut out = Vec::new();
    export(&store.session().await.unwrap(), &mut out)
        .await
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn entry(user: Uuid, number: u32) -> AuditEntry {
    let address: IpAddr = "2001:db8::7".parse().unwrap();
    AuditEntry::new("session.login", Outcome::Done)
        .by(user)
        .about(Uuid::from_u128(number.into()))
        .from(address)
        .with("number", number.to_string())
}

/// Twenty entries of two users, written by two logs at once, and signed.
async fn filled(store: &Store, data_dir: &Path, users: [Uuid; 2]) {
    let logs = [(); 2].map(|()| {
        let seal = ChainSigner::open(data_dir).unwrap();
        opened(store, seal)
    });
    let mut writing = Vec::new();
    for number in 0..20 {
        let log = Arc::clone(&logs[number as usize % 2]);
        let user = users[number as usize / 10];
        writing.push(tokio::spawn(async move {
            log.append(entry(user, number)).await
        }));
    }
    for written in writing {
        written.await.unwrap().unwrap();
    }
    for log in logs {
        log.close().await;
    }
}

pub(crate) fn tampering_with_the_audit_log_shows() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let data_dir = place.path().join("d");
    let server = Postgres::start();
    let users = [Uuid::new_v4(), Uuid::new_v4()];
    runtime.block_on(async {
        let store = store(&server).await;
        filled(&store, &data_dir, users).await;
        let seal = ChainSigner::open(&data_dir).unwrap();
        let found = verify(&store.session().await.unwrap(), &seal)
            .await
            .unwrap();
        assert_eq!((found.entries, found.head, found.signed), (20, 20, 20));
        assert_eq!(found.faults, []);

        // The program's own role cannot change the past at all.
        let session = store.session().await.unwrap();
        for statement in ["UPDATE audit_log SET event = 'x'", "DELETE FROM audit_log"] {
            let refused = session.batch_execute(statement).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        }
        drop(session);

        let restore = |column: &str| {
            format!("UPDATE audit_log l SET {column} = s.{column} FROM saved s WHERE s.seq = l.seq")
        };
        owner(&server)
            .await
            .batch_execute(
                "CREATE TABLE saved AS TABLE audit_log; CREATE TABLE kept AS TABLE audit_origins",
            )
            .await
            .unwrap();
        for (column, change, seq) in [
            ("outcome", "outcome = 'refused'", 7),
            ("at", "at = at + interval '1 microsecond'", 8),
            ("actor", "actor = NULL", 9),
            ("detail", "detail = '{}'", 20),
        ] {
            tamper(
                &server,
                &format!("UPDATE audit_log SET {change} WHERE seq = {seq}"),
            )
            .await;
            assert_eq!(
                faults(&store, &data_dir).await,
                [Fault::Altered(seq)],
                "{column}"
            );
            tamper(&server, &restore(column)).await;
        }
        assert_eq!(faults(&store, &data_dir).await, []);

        tamper(
            &server,
            "UPDATE audit_log SET hash = sha256('x') WHERE seq = 5",
        )
        .await;
        let mut found = faults(&store, &data_dir).await;
        // Where entries happened to be written so that a head was signed here, it does not fit either.
        found.retain(|fault| *fault != Fault::Rewritten(5));
        assert_eq!(found, [Fault::Altered(5), Fault::Unlinked(6)]);
        tamper(&server, &restore("hash")).await;

        let address = "UPDATE audit_origins SET address = '192.0.2.1' WHERE seq = 3";
        owner(&server).await.batch_execute(address).await.unwrap();
        assert_eq!(faults(&store, &data_dir).await, [Fault::OriginAltered(3)]);
        let back = "UPDATE audit_origins o SET address = k.address FROM kept k WHERE k.seq = o.seq";
        owner(&server).await.batch_execute(back).await.unwrap();

        tamper(&server, "DELETE FROM audit_log WHERE seq IN (11, 12)").await;
        assert_eq!(faults(&store, &data_dir).await, [Fault::Missing(11, 12)]);
        tamper(&server, "DELETE FROM audit_log WHERE seq > 10").await;
        let cut = [Fault::TailCut {
            signed: 20,
            ends: 10,
        }];
        assert_eq!(faults(&store, &data_dir).await, cut);
        // Taking the signatures away as well does not hide it: they lie next to the database, too.
        tamper(&server, "DELETE FROM audit_signatures").await;
        assert_eq!(faults(&store, &data_dir).await, cut);
        store.close();
    });
}

/// A deletion that was cut short is finished: whoever has no account any more is forgotten.
pub(crate) fn whoever_is_gone_is_forgotten_in_the_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let data_dir = place.path().join("d");
    let server = Postgres::start();
    let users = [Uuid::new_v4(), Uuid::new_v4()];
    runtime.block_on(async {
        let store = store(&server).await;
        filled(&store, &data_dir, users).await;
        let owner = owner(&server).await;
        owner
            .execute(
                "INSERT INTO users (id, email, email_key, password_changed_at, role, created_at) \
                 VALUES ($1, 'ada@example.org', 'ada@example.org', now(), 'user', now())",
                &[&users[1]],
            )
            .await
            .unwrap();
        let seal = ChainSigner::open(&data_dir).unwrap();
        let log = opened(&store, seal);
        assert_eq!(log.forget_the_gone().await.unwrap(), 1);
        assert_eq!(log.forget_the_gone().await.unwrap(), 0);
        log.close().await;
        let named = |lines: &[serde_json::Value], user: Uuid| {
            let user = user.to_string();
            lines
                .iter()
                .filter(|line| line["actor_user"] == user)
                .count()
        };
        let after = lines(&store).await;
        assert_eq!((named(&after, users[0]), named(&after, users[1])), (0, 10));
        assert_eq!(faults(&store, &data_dir).await, []);
        store.close();
    });
}

pub(crate) fn a_deleted_account_is_forgotten_without_breaking_the_chain() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let data_dir = place.path().join("d");
    let server = Postgres::start();
    let users = [Uuid::new_v4(), Uuid::new_v4()];
    runtime.block_on(async {
        let store = store(&server).await;
        filled(&store, &data_dir, users).await;
        let before = lines(&store).await;
        assert!(before.iter().all(|line| line["address"] == "2001:db8::7"));
        let of = |lines: &[serde_json::Value], user: Uuid| {
            let mine = lines
                .iter()
                .filter(|line| line["actor_user"] == user.to_string());
            mine.count()
        };
        assert_eq!((of(&before, users[0]), of(&before, users[1])), (10, 10));

        let seal = ChainSigner::open(&data_dir).unwrap();
        let log = opened(&store, seal);
        log.append(AuditEntry::new("account.deleted", Outcome::Done).to(users[0]))
            .await
            .unwrap();
        log.forget(users[0]).await.unwrap();
        log.close().await;

        let after = lines(&store).await;
        assert_eq!((of(&after, users[0]), of(&after, users[1])), (0, 10));
        assert_eq!(
            after
                .iter()
                .filter(|line| line["address"].is_string())
                .count(),
            10
        );
        assert_eq!(faults(&store, &data_dir).await, []);
        // What happened can still be attributed to a person.
        let pseudonym =
            |line: &serde_json::Value, field: &str| line[field].as_str().unwrap().to_owned();
        let deleted = pseudonym(&after[20], "target");
        let acts = after[..20]
            .iter()
            .filter(|line| pseudonym(line, "actor") == deleted);
        assert_eq!(acts.count(), 10);
        assert_ne!(deleted, users[0].to_string());
        // Nothing of the user is left in any table.
        let owner = owner(&server).await;
        for table in [
            "audit_log",
            "audit_people",
            "audit_origins",
            "audit_signatures",
        ] {
            let sql = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE $1");
            let like = format!("%{}%", users[0]);
            let left: i64 = owner.query_one(&sql, &[&like]).await.unwrap().get(0);
            assert_eq!(left, 0, "{table}");
        }
        store.close();
    });
}

pub(crate) fn entries_that_do_not_fit_are_refused_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let data_dir = place.path().join("d");
    let server = Postgres::start();
    runtime.block_on(async {
        let store = store(&server).await;
        let seal = ChainSigner::open(&data_dir).unwrap();
        let log = opened(&store, seal);
        let large = AuditEntry::new("x.large", Outcome::Failed).with("text", "x".repeat(5_000));
        let small = AuditEntry::new("x.small", Outcome::Failed);
        let (refused, kept) = tokio::join!(log.append(large), log.append(small));
        assert!(refused.unwrap_err().to_string().contains("x.large"));
        kept.unwrap();
        log.close().await;
        assert!(
            log.append(AuditEntry::new("x.late", Outcome::Done))
                .await
                .is_err()
        );
        assert_eq!(lines(&store).await.len(), 1);
        assert_eq!(faults(&store, &data_dir).await, []);
        store.close();
    });
}

pub(crate) fn the_program_records_and_the_command_verifies() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let (program, address) = Program::serve(&data_dir, ["up", "--roles", "api"]);
    ready(address);
    let audit = |verb: &str| {
        let dir = data_dir.to_str().unwrap();
        let output = run(&data_dir, ["audit", verb, "--data-dir", dir]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(
            output.status.success(),
            "{text} {}",
            crate::support::program::complaint(&output)
        );
        text
    };
    crate::support::eventually("it is recorded", std::time::Duration::from_secs(30), || {
        let text = audit("verify");
        (!text.contains("0 entries")).then_some(()).ok_or(text)
    });
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
    let events: Vec<String> = audit("export")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(events, ["program.started", "program.stopped"]);
    assert!(audit("verify").contains("signed up to 2"));
    let key = data_dir.join("audit/ed25519.pk8");
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

pub(crate) fn idempotency_keys_outlive_everything_but_their_day() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Postgres::start();
    runtime.block_on(async {
        let store = store(&server).await;
        let keys = Arc::new(IdempotencyKeys::open(store.clone()));
        let key = |subject: &str| IdempotencyKey {
            subject: subject.into(),
            key: "k".to_owned(),
        };
        let tries: Vec<_> = (0..16)
            .map(|_| {
                let keys = Arc::clone(&keys);
                tokio::spawn(async move { keys.begin(&key("a"), [1; 32]).await.unwrap() })
            })
            .collect();
        let mut first = 0;
        for attempt in tries {
            match attempt.await.unwrap() {
                Begun::First => first += 1,
                other => assert_eq!(other, Begun::InProgress),
            }
        }
        assert_eq!(first, 1, "of many at once one is the first");
        assert_eq!(keys.begin(&key("b"), [1; 32]).await.unwrap(), Begun::First);
        let answer = KeptAnswer {
            status: 201,
            headers: vec![("location".to_owned(), "/x".to_owned())],
            body: bytes::Bytes::from_static(b"\x00made\xff"),
        };
        keys.finish(&key("a"), &answer).await.unwrap();
        // Another process.
        let other = IdempotencyKeys::open(store.clone());
        assert_eq!(
            other.begin(&key("a"), [1; 32]).await.unwrap(),
            Begun::Answered(answer)
        );
        assert_eq!(
            other.begin(&key("a"), [2; 32]).await.unwrap(),
            Begun::OtherRequest
        );
        keys.give_back(&key("b")).await.unwrap();
        assert_eq!(keys.begin(&key("b"), [2; 32]).await.unwrap(), Begun::First);
        let owner = owner(&server).await;
        let age = "UPDATE idempotency_keys SET expires_at = now() WHERE subject = 'a'";
        owner.batch_execute(age).await.unwrap();
        assert_eq!(keys.begin(&key("c"), [3; 32]).await.unwrap(), Begun::First);
        assert_eq!(keys.begin(&key("a"), [2; 32]).await.unwrap(), Begun::First);
        let count = "SELECT count(*) FROM idempotency_keys";
        let left: i64 = owner.query_one(count, &[]).await.unwrap().get(0);
        assert_eq!(left, 3);
        store.close();
    });
}
