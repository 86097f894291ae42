//! Promises of every implementation.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coinsphere_pipelines::clock::ManualClock;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::shared_state::{
    Heard, InProcess, InProcessLimits, SharedState, SharedStateError, Window,
};

use crate::Fixture;

type Case = fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[(&str, Case)] =
            &[$((stringify!($name), |fixture| Box::pin($name(fixture)))),*];
    };
}

cases![
    a_value_lives_as_long_as_it_was_given,
    the_first_of_many_wins,
    a_counter_counts_within_its_lifetime,
    a_window_slides,
    a_window_is_exact_under_concurrency,
    keys_do_not_disturb_one_another,
    subscribers_hear_what_is_published_after,
    what_is_too_long_is_refused,
];

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

async fn a_value_lives_as_long_as_it_was_given(on: Fixture) {
    let state = &on.state;
    assert_eq!(state.get("a").await.unwrap(), None);
    state
        .put("a", Bytes::from_static(b"\x00\xff"), SHORT)
        .await
        .unwrap();
    state
        .put("b", Bytes::from_static(b"b"), LONG)
        .await
        .unwrap();
    assert_eq!(state.get("a").await.unwrap().unwrap(), &b"\x00\xff"[..]);
    state
        .put("b", Bytes::from_static(b"c"), LONG)
        .await
        .unwrap();
    on.let_pass(SHORT * 2).await;
    assert_eq!(state.get("a").await.unwrap(), None);
    assert_eq!(state.get("b").await.unwrap().unwrap(), "c");
    assert!(!state.remove("a").await.unwrap());
    assert!(state.remove("b").await.unwrap());
    assert_eq!(state.get("b").await.unwrap(), None);
}

async fn the_first_of_many_wins(on: Fixture) {
    let tries = (0..32u8).map(|number| {
        let state = Arc::clone(&on.state);
        tokio::spawn(async move {
            let value = Bytes::copy_from_slice(&[number]);
            let won = state.put_if_absent("one", value, SHORT).await.unwrap();
            won.then_some(number)
        })
    });
    let mut winners = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        winners.extend(attempt.await.unwrap());
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(on.state.get("one").await.unwrap().unwrap(), &winners[..]);
    on.let_pass(SHORT * 2).await;
    assert!(
        on.state
            .put_if_absent("one", Bytes::new(), SHORT)
            .await
            .unwrap()
    );
}

async fn a_counter_counts_within_its_lifetime(on: Fixture) {
    let state = &on.state;
    assert_eq!(state.add("n", 2, SHORT * 2).await.unwrap(), 2);
    on.let_pass(SHORT).await;
    assert_eq!(state.add("n", 40, LONG).await.unwrap(), 42);
    assert_eq!(state.get("n").await.unwrap().unwrap(), "42");
    on.let_pass(SHORT * 2).await;
    assert_eq!(
        state.add("n", 1, SHORT).await.unwrap(),
        1,
        "the first addition's lifetime"
    );
    state
        .put("text", Bytes::from_static(b"x"), LONG)
        .await
        .unwrap();
    let error = state.add("text", 1, LONG).await.unwrap_err();
    assert!(matches!(error, SharedStateError::Refused { .. }), "{error}");
    assert!(!error.is_retriable());
    assert!(state.is_up());
}

async fn a_window_slides(on: Fixture) {
    let window = Window {
        limit: 3,
        length: SHORT * 4,
    };
    let pass = async || on.state.pass("w", window).await.unwrap();
    let first = pass().await;
    assert!(first.allowed);
    assert_eq!(first.remaining, 2);
    assert!(
        first.frees_in <= window.length && first.frees_in > SHORT * 3,
        "{first:?}"
    );
    on.let_pass(SHORT * 2).await;
    assert_eq!(pass().await.remaining, 1);
    assert_eq!(pass().await.remaining, 0);
    let refused = pass().await;
    assert!(!refused.allowed && refused.remaining == 0, "{refused:?}");
    assert!(
        refused.frees_in <= SHORT * 2 && !refused.frees_in.is_zero(),
        "{refused:?}"
    );
    on.let_pass(refused.frees_in + Duration::from_millis(2))
        .await;
    // The first has left the window; what was refused never entered it.
    assert!(pass().await.allowed);
    assert!(!pass().await.allowed);
}

async fn a_window_is_exact_under_concurrency(on: Fixture) {
    let window = Window {
        limit: 20,
        length: LONG,
    };
    let tries = (0..64).map(|_| {
        let state = Arc::clone(&on.state);
        tokio::spawn(async move { state.pass("many", window).await.unwrap().allowed })
    });
    let mut allowed = 0;
    for attempt in tries.collect::<Vec<_>>() {
        allowed += u32::from(attempt.await.unwrap());
    }
    assert_eq!(allowed, 20);
}

async fn keys_do_not_disturb_one_another(on: Fixture) {
    let state = &on.state;
    let window = Window {
        limit: 1,
        length: LONG,
    };
    state
        .put("k", Bytes::from_static(b"v"), LONG)
        .await
        .unwrap();
    assert!(
        state.pass("k", window).await.unwrap().allowed,
        "windows are apart from values"
    );
    assert!(state.pass("l", window).await.unwrap().allowed);
    assert!(!state.pass("k", window).await.unwrap().allowed);
    assert_eq!(state.get("k").await.unwrap().unwrap(), "v");
}

async fn subscribers_hear_what_is_published_after(on: Fixture) {
    let state = &on.state;
    state
        .publish("news", Bytes::from_static(b"nobody"))
        .await
        .unwrap();
    let mut one = state.subscribe("news").await.unwrap();
    let mut two = state.subscribe("news").await.unwrap();
    let mut other = state.subscribe("other").await.unwrap();
    for number in 0..100u8 {
        state
            .publish("news", Bytes::copy_from_slice(&[number]))
            .await
            .unwrap();
    }
    state
        .publish("other", Bytes::from_static(b"o"))
        .await
        .unwrap();
    for number in 0..100u8 {
        let expected = Some(Heard::Message(Bytes::copy_from_slice(&[number])));
        assert_eq!(one.next().await, expected);
        assert_eq!(two.next().await, expected);
    }
    assert_eq!(
        other.next().await,
        Some(Heard::Message(Bytes::from_static(b"o")))
    );
    drop((one, two));
    state
        .publish("news", Bytes::from_static(b"gone"))
        .await
        .unwrap();
}

async fn what_is_too_long_is_refused(on: Fixture) {
    let long = "k".repeat(513);
    let error = on.state.put(&long, Bytes::new(), LONG).await.unwrap_err();
    assert!(
        matches!(error, SharedStateError::TooLong { what: "key", .. }),
        "{error}"
    );
    let value = Bytes::from(vec![0; (1 << 20) + 1]);
    let error = on.state.publish("c", value).await.unwrap_err();
    assert!(
        matches!(error, SharedStateError::TooLong { what: "value", .. }),
        "{error}"
    );
}

/// In one process, what has ended or would end first makes room.
pub(crate) async fn maps_are_bounded() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_700_000_000).unwrap());
    let limits = InProcessLimits {
        values: 100,
        value_bytes: 1_000,
        windows: 50,
        passages: 200,
    };
    let state = InProcess::new(clock.clone(), limits);
    for number in 0..1_000u64 {
        let lifetime = Duration::from_secs(1_000 + number);
        let value = Bytes::from(vec![0; 40]);
        state
            .put(&number.to_string(), value, lifetime)
            .await
            .unwrap();
        let window = Window {
            limit: 10,
            length: LONG,
        };
        for _ in 0..12 {
            let _ = state.pass_now(&number.to_string(), window);
        }
        clock.advance(Duration::from_millis(1));
        let (values, windows) = state.held();
        assert!(values <= 25 && windows <= 50, "{values} {windows}");
    }
    assert!(
        state.get("999").await.unwrap().is_some(),
        "the newest is kept"
    );
    assert!(state.get("0").await.unwrap().is_none());
    assert!(
        !state
            .pass_now(
                "999",
                Window {
                    limit: 10,
                    length: LONG
                }
            )
            .allowed
    );
}
