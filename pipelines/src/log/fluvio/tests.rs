//! The log over a cluster that misbehaves: FLUVIO.md's traps, as far as a fake can set them.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::fake::{Fake, Fate};
use super::transport::{Bounds, Transport};
use super::{FluvioConfig, FluvioLog};
use crate::events::{Body, ConnectionId, Record, decode, encode};
use crate::log::{EventLog, LogError, Offset};
use crate::market::Timestamp;

const PATIENCE: Duration = Duration::from_secs(30);

fn record(n: i64) -> Arc<Record> {
    Arc::new(Record {
        venue: crate::venues::named("binance").unwrap(),
        connection: ConnectionId(1),
        received_at: Timestamp::from_nanos(n),
        body: Body::Tick,
    })
}

fn records(numbers: std::ops::Range<i64>) -> Vec<Arc<Record>> {
    numbers.map(record).collect()
}

fn config() -> FluvioConfig {
    FluvioConfig {
        append_timeout_ms: 20_000,
        ..FluvioConfig::at("test")
    }
}

async fn log(fake: &Arc<Fake>, partitions: u32, config: FluvioConfig) -> FluvioLog {
    let transport = Arc::clone(fake) as Arc<dyn Transport>;
    let mut bounds: Vec<Bounds> = Vec::new();
    for partition in 0..partitions {
        bounds.push(transport.bounds(partition).await.unwrap());
    }
    FluvioLog::start(config, transport, Uuid::new_v4(), &bounds).unwrap()
}

/// All numbers from `from` to the head, which must come without holes.
async fn numbers(log: &FluvioLog, from: u64) -> Vec<i64> {
    let mut at = from;
    let mut numbers = Vec::new();
    while at < log.progress(0).borrow().head.0 {
        for (offset, record) in log.read(0, Offset(at), 7).await.unwrap() {
            assert_eq!(offset, Offset(at));
            numbers.push(record.received_at.nanos());
            at += 1;
        }
    }
    numbers
}

async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

#[tokio::test]
async fn trap_1_records_left_out_by_a_stream_are_read_again() {
    let fake = Fake::new(1);
    fake.holes([0, 5, 6, 19, 40]);
    let log = log(&fake, 1, config()).await;
    // Another process appends: what this one appends itself needs no stream.
    for n in 0..50 {
        fake.put(0, Bytes::from(encode(&record(n))));
    }
    let mut progress = log.progress(0);
    soon("progress", progress.wait_for(|p| p.head == Offset(50)))
        .await
        .unwrap();
    assert_eq!(numbers(&log, 0).await, (0..50).collect::<Vec<_>>());
    let positions: Vec<u64> = fake.opened().iter().map(|(_, from)| *from).collect();
    assert_eq!(
        positions,
        [0, 0, 5, 19, 40],
        "reopened where the hole begins"
    );
    assert_eq!(log.reopened(), 4);
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_1_holes_are_found_when_catching_up_too() {
    let fake = Fake::new(1);
    for n in 0..50 {
        fake.put(0, Bytes::from(encode(&record(n))));
    }
    fake.holes([3, 30]);
    let log = log(&fake, 1, config()).await;
    assert_eq!(log.progress(0).borrow().head, Offset(50));
    assert_eq!(numbers(&log, 0).await, (0..50).collect::<Vec<_>>());
    assert!(log.reopened() >= 2);
    log.close().await.unwrap();
}

#[tokio::test]
async fn a_record_that_never_comes_is_reported_not_skipped() {
    let fake = Fake::new(1);
    for n in 0..10 {
        fake.put(0, Bytes::from(encode(&record(n))));
    }
    fake.lose(4);
    let log = log(&fake, 1, config()).await;
    assert_eq!(log.read(0, Offset(0), 10).await.unwrap().len(), 4);
    let error = log.read(0, Offset(4), 10).await.unwrap_err();
    assert!(
        matches!(
            error,
            LogError::Damaged {
                offset: Offset(4),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(log.read(0, Offset(5), 10).await.unwrap().len(), 5);
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_2_every_stream_is_of_one_partition_at_its_own_offset() {
    let fake = Fake::new(3);
    for n in 0..9 {
        fake.put(1, Bytes::from(encode(&record(n))));
    }
    let log = log(&fake, 3, config()).await;
    soon("the append", log.append(2, records(0..2)))
        .await
        .unwrap();
    soon("the append", log.append(1, records(9..10)))
        .await
        .unwrap();
    let mut opened = fake.opened();
    opened.sort_unstable();
    opened.dedup();
    assert!(
        opened
            .iter()
            // At the head when it was opened: before or after the appends.
            .all(|at| [(0, 0), (1, 9), (1, 10), (2, 0), (2, 2)].contains(at)),
        "{opened:?}"
    );
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_3_a_hanging_cluster_neither_blocks_callers_nor_fills_memory() {
    let fake = Fake::new(1);
    fake.fates([Fate::Hangs]);
    let config = FluvioConfig {
        append_timeout_ms: 50,
        outbox_bytes: 4_096,
        ..config()
    };
    let log = log(&fake, 1, config).await;
    // The first is on its way when it hangs; the others are taken back when their time is up.
    for n in 0..5 {
        let error = soon("an answer", log.append(0, records(n..n + 1)))
            .await
            .unwrap_err();
        assert!(error.is_retriable(), "{error}");
    }
    let many = records(5..200);
    assert!(log.append(0, many).await.unwrap_err().is_retriable());
    fake.resume();
    soon("the append", async {
        while log.append(0, records(200..201)).await.is_err() {}
    })
    .await;
    let numbers = numbers(&log, 0).await;
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&200)));
    assert!(
        numbers.iter().all(|n| *n == 0 || *n == 200),
        "{numbers:?} was taken back"
    );
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_3_requests_stay_far_below_the_clients_queue() {
    let fake = Fake::new(1);
    let log = log(&fake, 1, config()).await;
    let large = |n| {
        Arc::new(Record {
            body: Body::Refused {
                symbol: crate::market::Symbol::new("BTCUSDT").unwrap(),
                reason: "x".repeat(100_000),
            },
            ..(*record(n)).clone()
        })
    };
    soon("the append", log.append(0, (0..40).map(large).collect()))
        .await
        .unwrap();
    assert!(
        fake.largest_request() <= 1 << 20,
        "{}",
        fake.largest_request()
    );
    assert_eq!(fake.content(0).len(), 40);
    let too_large = Arc::new(Record {
        body: Body::Refused {
            symbol: crate::market::Symbol::new("BTCUSDT").unwrap(),
            reason: "x".repeat(2 << 20),
        },
        ..(*record(0)).clone()
    });
    let error = log.append(0, vec![record(1), too_large]).await.unwrap_err();
    assert!(
        matches!(error, LogError::TooLarge { .. }) && !error.is_retriable(),
        "{error}"
    );
    assert_eq!(fake.content(0).len(), 40, "nothing of it was appended");
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_4_unacknowledged_records_are_sent_again_in_order() {
    let fake = Fake::new(1);
    fake.fates([
        // Not written at all; written in part, with the acknowledgement of some lost.
        Fate::Fails {
            written: 0,
            acked: 0,
        },
        Fate::Fails {
            written: 6,
            acked: 3,
        },
        Fate::Fails {
            written: 0,
            acked: 0,
        },
    ]);
    let log = log(&fake, 1, config()).await;
    let first = soon("the append", log.append(0, records(0..10)))
        .await
        .unwrap();
    assert_eq!(first, Offset(0));
    let written = numbers(&log, 0).await;
    assert_eq!(
        written,
        [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8, 9],
        "doubled, not lost or swapped"
    );
    assert_eq!(log.resent(), 10 + 7 + 7);
    soon("sync", log.sync()).await.unwrap();
    assert_eq!(log.progress(0).borrow().synced, Offset(13));
    assert_eq!(log.status().failing, None);
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_4_nothing_is_durable_before_it_is_committed() {
    let fake = Fake::new(1);
    fake.fates([Fate::Hangs]);
    let log = Arc::new(log(&fake, 1, config()).await);
    let appending = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.append(0, records(0..3)).await }
    });
    soon("the request", fake.hanging()).await;
    assert_eq!(log.progress(0).borrow().synced, Offset(0));
    fake.resume();
    soon("the append", appending).await.unwrap().unwrap();
    assert_eq!(log.progress(0).borrow().synced, Offset(3));
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_5_opening_is_tried_again_after_a_restart() {
    let fake = Fake::new(1);
    for n in 0..5 {
        fake.put(0, Bytes::from(encode(&record(n))));
    }
    fake.refuse(4);
    let log = log(&fake, 1, config()).await;
    assert_eq!(numbers(&log, 0).await, (0..5).collect::<Vec<_>>());
    soon("the append", log.append(0, records(5..6)))
        .await
        .unwrap();
    log.close().await.unwrap();
}

#[tokio::test]
async fn trap_6_closing_sends_and_flushes_everything() {
    let fake = Fake::new(2);
    let log = Arc::new(log(&fake, 2, config()).await);
    fake.hang();
    let appending: Vec<_> = (0..2)
        .map(|partition| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(partition, records(0..100)).await })
        })
        .collect();
    // Both appends are under way when the log is closed.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let closing = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.close().await }
    });
    tokio::task::yield_now().await;
    fake.resume();
    soon("close", closing).await.unwrap().unwrap();
    assert_eq!((fake.content(0).len(), fake.content(1).len()), (100, 100));
    assert_eq!(fake.flushes(), 1);
    for append in appending {
        soon("an answer", append).await.unwrap().unwrap();
    }
    assert!(matches!(
        log.append(0, records(0..1)).await,
        Err(LogError::Closed)
    ));
}

#[tokio::test]
async fn what_others_append_is_seen_and_foreign_bytes_are_reported() {
    let fake = Fake::new(1);
    let log = log(&fake, 1, config()).await;
    let mut progress = log.progress(0);
    fake.put(0, Bytes::from(encode(&record(0))));
    fake.put(0, Bytes::from_static(b"not a record"));
    fake.put(0, Bytes::from(encode(&record(2))));
    soon("progress", progress.wait_for(|p| p.head == Offset(3)))
        .await
        .unwrap();
    let read = log.read(0, Offset(2), 5).await.unwrap();
    assert_eq!(read[0].1, record(2));
    assert_eq!(log.read(0, Offset(0), 5).await.unwrap().len(), 1);
    let error = log.read(0, Offset(1), 5).await.unwrap_err();
    assert!(
        matches!(
            error,
            LogError::Damaged {
                offset: Offset(1),
                ..
            }
        ),
        "{error}"
    );
    log.close().await.unwrap();
}

#[tokio::test]
async fn what_fluvio_has_removed_is_reported_as_removed() {
    let fake = Fake::new(1);
    for n in 0..20 {
        fake.put(0, Bytes::from(encode(&record(n))));
    }
    let log = log(&fake, 1, config()).await;
    fake.remove_below(8);
    let error = log.read(0, Offset(3), 5).await.unwrap_err();
    assert!(
        matches!(
            error,
            LogError::Truncated {
                earliest: Offset(8),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(log.earliest(0), Offset(8));
    assert_eq!(log.read(0, Offset(8), 1).await.unwrap()[0].1, record(8));
    log.close().await.unwrap();
}

#[tokio::test]
async fn memory_is_bounded_and_older_records_come_from_the_cluster() {
    let fake = Fake::new(1);
    let config = FluvioConfig {
        tail_records: 10,
        readers: 2,
        ..config()
    };
    let log = log(&fake, 1, config).await;
    soon("the append", log.append(0, records(0..500)))
        .await
        .unwrap();
    assert_eq!(numbers(&log, 0).await, (0..500).collect::<Vec<_>>());
    let catching_up = fake.opened().len();
    assert!(catching_up <= 3, "one stream reads on: {:?}", fake.opened());
    assert!(fake.content(0).iter().all(|bytes| decode(bytes).is_ok()));
    log.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_of_the_sender_is_shown_and_it_goes_on() {
    let fake = Fake::new(1);
    fake.fates([Fate::Panics]);
    let log = Arc::new(log(&fake, 1, config()).await);
    let appending = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.append(0, records(0..3)).await })
    };
    soon("the panic to show", async {
        while log.status().restarts == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let appended = soon("the append", appending).await.unwrap();
    assert_eq!(appended.unwrap(), Offset(0));
    assert_eq!(numbers(&log, 0).await, [0, 1, 2]);
    let status = log.status();
    assert_eq!((status.failing, status.restarts), (None, 1));
    log.close().await.unwrap();
}
