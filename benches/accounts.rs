//! Cost that signing in has for others, with the real program on its private PostgreSQL: requests of 100
//! connections, 500 a second, each measured from the moment it was due (so that a stall is not hidden by
//! requests that were not sent during it):
//! - `GET /health/live`, the floor: the same server without anybody signed in;
//! - `GET /api/v1/auth/me` with an access token;
//! - the same while 16 clients sign in as fast as they are answered.
//!
//! `cargo bench --bench accounts [-- SECONDS]`. With `REDIS_URL` the limits are counted there.

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

#[allow(dead_code, reason = "no bench uses all of it")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use support::client::{connect, load, make_user, sign_in};
use support::program::{data_directory, start};
use support::summary;

const STORMING: usize = 16;

fn main() {
    support::run_for(15, run);
}

async fn run(duration: Duration) {
    let dir = data_directory();
    let (_program, api) = start(dir.path(), "roles = [\"api\"]").await;
    // One for each client: attempts on one account at the same time are answered later and later.
    for number in 0..STORMING {
        make_user(dir.path(), number);
    }
    let token = sign_in(&mut connect(api).await, 0).await;
    let authorization = format!("authorization: Bearer {token}\r\n");
    let me_requests = vec![("/api/v1/auth/me".to_owned(), authorization)];

    let live = load(
        api,
        vec![("/health/live".to_owned(), String::new())],
        duration,
    )
    .await;
    println!("GET /health/live (floor):   {}", summary(live));
    let me = load(api, me_requests.clone(), duration).await;
    println!("GET /api/v1/auth/me:        {}", summary(me));

    let (storming, logins) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..STORMING)
        .map(|number| {
            let (storming, logins) = (Arc::clone(&storming), Arc::clone(&logins));
            tokio::spawn(async move {
                let mut stream = connect(api).await;
                while storming.load(Ordering::Relaxed) {
                    sign_in(&mut stream, number).await;
                    logins.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let me = load(api, me_requests.clone(), duration).await;
    storming.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    println!(
        "GET /api/v1/auth/me, next to {:.0} logins a second: {}",
        logins.load(Ordering::Relaxed) as f64 / duration.as_secs_f64(),
        summary(me)
    );
}
