//! Tests that every event log passes.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::log::{EventLog, LogError, Offset};
use libtest_mimic::Trial;

use crate::fixture::{Place, block_on, number, start, trade};

/// Long enough for a loaded machine; only reached by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const NAMES: &[&str] = &[
    "keeps_order_and_is_contiguous",
    "is_visible_before_it_is_durable",
    "reads_the_range_asked_for",
    "sync_makes_everything_durable",
    "notifies_of_progress",
    "finds_a_time",
    "takes_concurrent_appenders",
    "serves_a_slow_reader",
    "keeps_what_a_consumer_needs_and_removes_the_rest",
    "answers_closed_when_closed",
    "opens_again_where_it_ended",
    "has_an_identity",
    "refuses_a_partition_it_does_not_have",
];

/// The suite over logs opened in places that `place` makes.
pub(crate) fn trials<P: Place>(
    kind: &str,
    place: impl Fn() -> P + Clone + Send + 'static,
) -> Vec<Trial> {
    NAMES
        .iter()
        .map(|&name| {
            let place = place.clone();
            Trial::test(format!("{kind}::{name}"), move || {
                block_on(run(name, place()));
                Ok(())
            })
        })
        .collect()
}

async fn run<P: Place>(name: &str, place: P) {
    match name {
        "keeps_order_and_is_contiguous" => order(place).await,
        "is_visible_before_it_is_durable" => visible(place).await,
        "reads_the_range_asked_for" => ranges(place).await,
        "sync_makes_everything_durable" => sync(place).await,
        "notifies_of_progress" => progress(place).await,
        "finds_a_time" => seek(place).await,
        "takes_concurrent_appenders" => concurrent(place).await,
        "serves_a_slow_reader" => slow_reader(place).await,
        "keeps_what_a_consumer_needs_and_removes_the_rest" => retention(place).await,
        "answers_closed_when_closed" => closed(place).await,
        "opens_again_where_it_ended" => reopen(place).await,
        "has_an_identity" => identity(place).await,
        "refuses_a_partition_it_does_not_have" => no_partition(place).await,
        name => panic!("no such case: {name}"),
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Reads from `from` to the head, checking that offsets have no holes.
async fn read_all(log: &dyn EventLog, partition: u32, from: u64) -> Vec<u64> {
    let mut at = from;
    let mut numbers = Vec::new();
    loop {
        let records = log.read(partition, Offset(at), 64).await.unwrap();
        if records.is_empty() {
            assert_eq!(log.progress(partition).borrow().head, Offset(at));
            return numbers;
        }
        for (offset, record) in records {
            assert_eq!(offset, Offset(at));
            numbers.push(number(&record));
            at += 1;
        }
    }
}

async fn order<P: Place>(place: P) {
    let log = place.open().await;
    let mut expected = Vec::new();
    for n in 0..50 {
        let batch: Vec<u64> = (n * 10..n * 10 + n % 7 + 1).collect();
        let first = log
            .append(1, batch.iter().map(|&n| trade(n)).collect())
            .await
            .unwrap();
        assert_eq!(first, Offset(expected.len() as u64));
        expected.extend(batch);
    }
    assert_eq!(read_all(&*log, 1, 0).await, expected);
    assert_eq!(read_all(&*log, 0, 0).await, [] as [u64; 0]);
    let head = log.progress(1).borrow().head;
    assert_eq!(log.append(1, Vec::new()).await.unwrap(), head);
    log.close().await.unwrap();
}

async fn visible<P: Place>(place: P) {
    let log = place.open().await;
    for n in 0..100 {
        let offset = log.append(0, vec![trade(n)]).await.unwrap();
        let read = log.read(0, offset, 1).await.unwrap();
        assert_eq!(read.len(), 1, "offset {offset:?} is not visible on return");
        assert_eq!(number(&read[0].1), n);
        let progress = *log.progress(0).borrow();
        assert!(progress.head > offset && progress.synced <= progress.head);
    }
    log.close().await.unwrap();
}

async fn ranges<P: Place>(place: P) {
    let log = place.open().await;
    log.append(2, (0..300).map(trade).collect()).await.unwrap();
    log.sync().await.unwrap();
    for (from, max) in [(0, 1), (0, 10), (150, 20), (199, 2), (290, 100), (299, 1)] {
        let mut numbers = Vec::new();
        // A read may end early at the border of what is in memory, never return too much.
        while numbers.len() < max && from + (numbers.len() as u64) < 300 {
            let at = from + numbers.len() as u64;
            let left = max - numbers.len();
            let read = log.read(2, Offset(at), left).await.unwrap();
            assert!(!read.is_empty() && read.len() <= left);
            assert_eq!(read[0].0, Offset(at));
            numbers.extend(read.iter().map(|(_, record)| number(record)));
        }
        let end = (from + max as u64).min(300);
        assert_eq!(numbers, (from..end).collect::<Vec<_>>());
    }
    assert!(log.read(2, Offset(300), 10).await.unwrap().is_empty());
    assert!(log.read(2, Offset(5), 0).await.unwrap().is_empty());
    let beyond = log.read(2, Offset(301), 10).await.unwrap_err();
    assert!(matches!(beyond, LogError::Damaged { .. }), "{beyond}");
    log.close().await.unwrap();
}

async fn sync<P: Place>(place: P) {
    let log = place.open().await;
    for partition in 0..log.partitions() {
        log.append(partition, (0..20).map(trade).collect())
            .await
            .unwrap();
    }
    soon("sync", log.sync()).await.unwrap();
    for partition in 0..log.partitions() {
        let progress = *log.progress(partition).borrow();
        assert_eq!((progress.head, progress.synced), (Offset(20), Offset(20)));
    }
    log.close().await.unwrap();
}

async fn progress<P: Place>(place: P) {
    let log = place.open().await;
    let mut progress = log.progress(1);
    let appender = Arc::clone(&log);
    let task = tokio::spawn(async move {
        for n in 0..30 {
            appender.append(1, vec![trade(n)]).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut before = *progress.borrow_and_update();
    while before.synced < Offset(30) {
        soon("progress", progress.changed()).await.unwrap();
        let now = *progress.borrow_and_update();
        assert!(now.head >= before.head && now.synced >= before.synced);
        assert!(now.synced <= now.head);
        before = now;
    }
    task.await.unwrap();
    log.close().await.unwrap();
}

async fn seek<P: Place>(place: P) {
    let log = place.open().await;
    assert_eq!(log.seek(0, start()).await.unwrap(), Offset(0));
    // Received at 0, 2, 4, … seconds.
    log.append(0, (0..400).map(|n| trade(n * 2)).collect())
        .await
        .unwrap();
    log.sync().await.unwrap();
    let at = |seconds: u64| start() + Duration::from_secs(seconds);
    for (seconds, offset) in [(0, 0), (1, 1), (2, 1), (399, 200), (798, 399), (799, 400)] {
        assert_eq!(
            log.seek(0, at(seconds)).await.unwrap(),
            Offset(offset),
            "at {seconds} s"
        );
    }
    assert_eq!(
        log.seek(0, start() - Duration::from_secs(9)).await.unwrap(),
        Offset(0)
    );
    log.close().await.unwrap();
}

async fn concurrent<P: Place>(place: P) {
    let log = place.open().await;
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for n in 0..50 {
                    let first = task * 1_000 + n * 2;
                    let batch = vec![trade(first), trade(first + 1)];
                    log.append((task % 2) as u32, batch).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for partition in 0..2 {
        let numbers = read_all(&*log, partition, 0).await;
        assert_eq!(numbers.len(), 400);
        for task in (u64::from(partition)..8).step_by(2) {
            let own: Vec<u64> = numbers
                .iter()
                .copied()
                .filter(|n| n / 1_000 == task)
                .collect();
            let expected: Vec<u64> = (task * 1_000..task * 1_000 + 100).collect();
            assert_eq!(own, expected, "one appender's records are out of order");
        }
    }
    log.close().await.unwrap();
}

async fn slow_reader<P: Place>(place: P) {
    let log = place.open().await;
    let appender = Arc::clone(&log);
    let task = tokio::spawn(async move {
        for n in 0..200 {
            let batch = (n * 10..n * 10 + 10).map(trade).collect();
            appender.append(0, batch).await.unwrap();
        }
    });
    // One record at a time, while ten are appended at a time: it falls behind what is in memory.
    let mut progress = log.progress(0);
    for at in 0..2_000 {
        while progress.borrow_and_update().head <= Offset(at) {
            soon("a record", progress.changed()).await.unwrap();
        }
        let read = log.read(0, Offset(at), 1).await.unwrap();
        assert_eq!((read[0].0, number(&read[0].1)), (Offset(at), at));
    }
    task.await.unwrap();
    log.close().await.unwrap();
}

async fn retention<P: Place>(place: P) {
    let log = place.open().await;
    log.release("fast", 0, Offset(0));
    log.release("slow", 0, Offset(0));
    log.append(0, (0..4_000).map(trade).collect())
        .await
        .unwrap();
    log.sync().await.unwrap();
    log.release("fast", 0, Offset(4_000));
    log.release("slow", 0, Offset(2_500));
    log.append(0, (4_000..6_000).map(trade).collect())
        .await
        .unwrap();
    log.sync().await.unwrap();
    if P::REMOVES {
        let removed = async {
            while log.earliest(0) == Offset(0) {
                tokio::task::yield_now().await;
            }
        };
        soon("removal", removed).await;
        let earliest = log.earliest(0);
        let error = log.read(0, Offset(earliest.0 - 1), 1).await.unwrap_err();
        assert!(
            matches!(error, LogError::Truncated { partition: 0, earliest: e, .. } if e == earliest),
            "{error}"
        );
    }
    let earliest = log.earliest(0);
    assert!(
        earliest <= Offset(2_500),
        "{earliest:?} is needed by the slow consumer"
    );
    let kept = read_all(&*log, 0, earliest.0).await;
    assert_eq!(kept, (earliest.0..6_000).collect::<Vec<_>>());
    assert_eq!(log.earliest(1), Offset(0));
    log.close().await.unwrap();
}

async fn closed<P: Place>(place: P) {
    let log = place.open().await;
    log.append(0, vec![trade(1)]).await.unwrap();
    log.close().await.unwrap();
    let errors = [
        log.append(0, vec![trade(2)]).await.unwrap_err(),
        log.read(0, Offset(0), 1).await.unwrap_err(),
        log.seek(0, start()).await.unwrap_err(),
        log.sync().await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, LogError::Closed), "{error}");
        assert!(!error.is_retriable());
    }
    log.close().await.unwrap();
}

async fn reopen<P: Place>(place: P) {
    if !P::KEEPS {
        return;
    }
    let mut expected = Vec::new();
    for round in 0..3 {
        let log = place.open().await;
        let head = Offset(expected.len() as u64);
        let progress = *log.progress(0).borrow();
        assert_eq!((progress.head, progress.synced), (head, head));
        assert_eq!(read_all(&*log, 0, 0).await, expected);
        let batch: Vec<u64> = (round * 1_000..round * 1_000 + 300).collect();
        let first = log
            .append(0, batch.iter().map(|&n| trade(n)).collect())
            .await
            .unwrap();
        assert_eq!(first, head);
        expected.extend(batch);
        log.close().await.unwrap();
    }
}

async fn identity<P: Place>(place: P) {
    let log = place.open().await;
    let identity = log.identity();
    assert!(!identity.is_nil());
    log.close().await.unwrap();
    let again = place.open().await;
    assert_eq!(again.identity() == identity, P::KEEPS);
    again.close().await.unwrap();
}

async fn no_partition<P: Place>(place: P) {
    let log = place.open().await;
    let missing = log.partitions();
    let errors = [
        log.append(missing, vec![trade(1)]).await.unwrap_err(),
        log.read(missing, Offset(0), 1).await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, LogError::NoPartition(p) if p == missing),
            "{error}"
        );
    }
    log.close().await.unwrap();
}
