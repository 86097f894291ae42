//! Cost of admitting a request: verifying its access token (RS256) and counting it towards its
//! user's limit, in this process and on Redis over loopback, 500 times a second from 8 callers: with the
//! caches as cold as they are in a server that has little to do. Back to back, for comparison. The
//! floors of the same run: the clock's resolution, and reading a value on Redis. Redis must be installed
//! (`scripts/setup.sh test`).
//!
//! `cargo bench --bench admission`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

#[path = "../pipelines/tests/shared_state/redis_server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the crate's own tests"
)]
mod redis_server;
#[allow(dead_code, reason = "shared by the benches")]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use coinsphere::accounts::AuditTrail;
use coinsphere::accounts::{Accounts, Client, Login, Registration, Role};
use coinsphere::app::accounts::{keep, open};
use coinsphere::audit::{AuditLog, ChainSigner};
use coinsphere::config::Config;
use coinsphere::http::{Class, Limits};
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::{SharedClock, SystemClock};
use coinsphere_pipelines::shared_state::{
    InProcess, InProcessLimits, OnRedis, RedisConfig, SharedState,
};
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{Store, StoreConfig};
use redis_server::{PASSWORD, RedisServer};

const CALLERS: usize = 8;
/// Between two calls of a caller.
const PACE: Duration = Duration::from_millis(16);

fn main() {
    support::run_for(10, measure);
}

async fn measure(time: Duration) {
    let place = tempfile::tempdir().unwrap();
    let server = PrivateServer::start(place.path(), Duration::from_secs(120));
    let server = server.await.unwrap();
    let config = StoreConfig::new(server.url());
    Store::migrate(&config).await.unwrap();
    let store = Store::connect(&config).await.unwrap();
    let (accounts, token, _loops) = signed_in(place.path(), &store).await;

    let clock = SystemClock::shared();
    let own = || InProcess::new(clock.clone(), InProcessLimits::default());
    let settings = || {
        let mut settings = Config::with_data_dir(place.path().to_owned()).limits;
        settings.user = 1_000_000;
        settings
    };
    let calls = usize::try_from(time.as_millis() / PACE.as_millis()).unwrap();
    println!("the clock (floor)        {}", run(calls, || async {}).await);
    let verify = || async {
        accounts.authenticate(&token).await.unwrap();
    };
    println!("token, back to back      {}", back_to_back(verify).await);
    println!("token alone              {}", run(calls, verify).await);
    let let_in = async |shared: Arc<dyn SharedState>| {
        let limits = Limits::new(shared, own(), settings());
        let both = || async {
            let access = accounts.authenticate(&token).await.unwrap();
            let subject = access.user.0.to_string();
            assert!(limits.pass(Class::User, &subject).await.unwrap().allowed());
        };
        run(calls, both).await
    };
    println!("token and limit          {}", let_in(own()).await);
    if RedisServer::is_installed() {
        let redis = RedisServer::start();
        let config = RedisConfig {
            url: redis.url().into(),
            password: Some(PASSWORD.to_owned().into()),
            prefix: "bench".to_owned(),
        };
        let shared: Arc<dyn SharedState> = Arc::new(OnRedis::new(&config).unwrap());
        shared.get("warm").await.unwrap();
        let read = || async {
            shared.get("nothing").await.unwrap();
        };
        println!("a read on Redis (floor)  {}", run(calls, read).await);
        println!("token and limit on Redis {}", let_in(shared.clone()).await);
    }
    store.close();
    server.stop().await.unwrap();
}

/// Accounts with somebody signed in, hearing of revocations as a running program does.
async fn signed_in(
    place: &std::path::Path,
    store: &Store,
) -> (Arc<Accounts>, String, Vec<SupervisedLoop>) {
    let clock: SharedClock = SystemClock::shared();
    let config = Config::with_data_dir(place.to_owned());
    let statuses = StatusRegistry::new(clock.clone());
    let seal = ChainSigner::open(place).unwrap();
    let audit = AuditLog::open(store.clone(), clock.clone(), seal, &statuses);
    let events = Arc::new(AuditTrail::new(&audit));
    let accounts = open(&config, Arc::new(store.clone()), clock, events).unwrap();
    let loops = keep(&accounts, &statuses);
    let (email, password) = ("ada@example.org", "correct horse battery staple");
    let registration = Registration {
        email: email.to_owned(),
        password: password.into(),
        display_name: None,
        invitation: None,
    };
    let made = accounts.create_user(registration, Role::User, None).await;
    made.unwrap();
    let login = Login {
        email: email.to_owned(),
        password: password.into(),
        totp_code: None,
    };
    let tokens = accounts.login(login, &Client::default()).await.unwrap();
    while !accounts.hears_revocations() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (accounts, tokens.access_token, loops)
}

/// The callers' calls, each timed.
async fn run<F: Future<Output = ()>>(calls: usize, call: impl Fn() -> F) -> String {
    let caller = async |number: usize| {
        let mut pace = tokio::time::interval(PACE);
        pace.reset_after(PACE * u32::try_from(number).unwrap() / u32::try_from(CALLERS).unwrap());
        let mut took = Vec::with_capacity(calls);
        for _ in 0..calls {
            pace.tick().await;
            let begun = Instant::now();
            call().await;
            took.push(begun.elapsed());
        }
        took
    };
    let all = futures_util::future::join_all((0..CALLERS).map(caller)).await;
    summary(all.concat())
}

/// So many calls, one after another: code and data are in the caches.
async fn back_to_back<F: Future<Output = ()>>(call: impl Fn() -> F) -> String {
    let mut all = Vec::new();
    for _ in 0..20_000 {
        let begun = Instant::now();
        call().await;
        all.push(begun.elapsed());
    }
    summary(all)
}

fn summary(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    format!(
        "p50 {:?}, p99 {:?}, most {:?} ({} calls)",
        at(0.5),
        at(0.99),
        at(1.0),
        all.len()
    )
}
