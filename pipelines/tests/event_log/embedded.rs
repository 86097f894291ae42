//! Features of the embedded log alone: it survives being killed and a torn write, finds damage,
//! gives disk space back, and is alone in its directory.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::log::{
    EmbeddedConfig, EmbeddedLog, EventLog, LogError, Offset, OpenError,
};
use libtest_mimic::Trial;

use crate::fixture::{Embedded, Place, block_on, number, trade, trades};

const VICTIM: &str = "EVENT_LOG_TEST_VICTIM";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("survives_sigkill", survives_sigkill),
        trial("cuts_a_torn_write", cuts_a_torn_write),
        trial("refuses_a_damaged_journal", refuses_a_damaged_journal),
        trial("finds_a_damaged_record", finds_a_damaged_record),
        trial("is_alone_in_its_directory", is_alone_in_its_directory),
        trial("keeps_its_partitions", keeps_its_partitions),
        trial("refuses_settings_that_cannot_work", refuses_settings),
        trial("remembers_what_consumers_released", remembers_releases),
        trial("gives_disk_space_back", gives_space_back),
        trial("goes_on_after_its_writer_panics", goes_on_after_a_panic),
    ]
}

pub(crate) fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(format!("embedded::{name}"), move || {
        test();
        Ok(())
    })
}

/// If this process was started to be killed: appends until then, saying what is durable.
pub(crate) fn run_as_victim() -> bool {
    let Some(dir) = std::env::var_os(VICTIM) else {
        return false;
    };
    block_on(async {
        let config = EmbeddedConfig {
            commit_interval_ms: 1,
            ..EmbeddedConfig::at(dir)
        };
        let log = Arc::new(EmbeddedLog::open(config, SystemClock::shared()).unwrap());
        for partition in 0..log.partitions() {
            let mut progress = log.progress(partition);
            tokio::spawn(async move {
                while progress.changed().await.is_ok() {
                    let synced = progress.borrow_and_update().synced;
                    println!("{partition} {}", synced.0);
                }
            });
        }
        // Trade numbers are offsets, so that the survivors can be checked.
        let mut next: Vec<u64> = (0..log.partitions())
            .map(|p| log.progress(p).borrow().head.0)
            .collect();
        loop {
            for (partition, next) in (0..).zip(&mut next) {
                let batch: Vec<_> = (*next..*next + 5).map(trade).collect();
                *next += 5;
                log.append(partition, batch).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    })
}

fn survives_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    // Killed at several moments, each time going on where the last one was cut off.
    for reports in [1, 40, 150, 400] {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut synced = [0_u64; 4];
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut note = |line: io::Result<String>| {
            let line = line.unwrap();
            // The last line may be cut off, which only makes its number smaller.
            if let Some((partition, offset)) = line.split_once(' ')
                && let Ok(offset) = offset.parse::<u64>()
            {
                let slot = &mut synced[partition.parse::<usize>().unwrap()];
                *slot = offset.max(*slot);
            }
        };
        lines.by_ref().take(reports).for_each(&mut note);
        victim.kill().unwrap();
        victim.wait().unwrap();
        lines.for_each(&mut note);
        block_on(async {
            let log = EmbeddedLog::open(EmbeddedConfig::at(&path), SystemClock::shared()).unwrap();
            for (partition, synced) in (0..).zip(synced) {
                let head = log.progress(partition).borrow().head.0;
                assert!(
                    head >= synced,
                    "durable records of partition {partition} are gone"
                );
                assert_eq!(
                    numbers(&log, partition, 0).await,
                    (0..head).collect::<Vec<_>>()
                );
            }
            log.close().await.unwrap();
        });
    }
}

pub(crate) async fn numbers(log: &dyn EventLog, partition: u32, from: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let at = Offset(from + numbers.len() as u64);
        let records = log.read(partition, at, 1_000).await.unwrap();
        if records.is_empty() {
            return numbers;
        }
        numbers.extend(records.iter().map(|(_, record)| number(record)));
    }
}

/// Three synced commits of ten records, closed.
async fn three_commits(place: &Embedded) {
    let log = place.open().await;
    for commit in 0..3 {
        log.append(0, (commit * 10..commit * 10 + 10).map(trade).collect())
            .await
            .unwrap();
        log.sync().await.unwrap();
    }
    log.close().await.unwrap();
}

/// Changes one byte of the `nth` place where record `n`'s key is followed by its value.
fn damage(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).unwrap();
    let key = offset.to_be_bytes();
    let at = bytes
        .windows(8)
        .rposition(|window| window == key)
        .expect("the record is in this file");
    // Inside the value, after the key.
    bytes[at + 8 + 12] ^= 0xff;
    fs::write(path, bytes).unwrap();
}

fn journal(place: &Embedded) -> std::path::PathBuf {
    let mut journals: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jnl"))
        .collect();
    assert_eq!(journals.len(), 1);
    journals.remove(0)
}

fn cuts_a_torn_write() {
    let place = Embedded::new();
    block_on(async {
        three_commits(&place).await;
        damage(&journal(&place), 25);
        let log = place.open().await;
        assert_eq!(log.progress(0).borrow().synced, Offset(20));
        assert_eq!(numbers(&*log, 0, 0).await, (0..20).collect::<Vec<_>>());
        assert_eq!(log.append(0, vec![trade(20)]).await.unwrap(), Offset(20));
        log.close().await.unwrap();
        let log = place.open().await;
        assert_eq!(numbers(&*log, 0, 0).await, (0..21).collect::<Vec<_>>());
        log.close().await.unwrap();
    });
}

fn refuses_a_damaged_journal() {
    let place = Embedded::new();
    block_on(three_commits(&place));
    damage(&journal(&place), 15);
    let before = fs::read(journal(&place)).unwrap();
    let Err(error) = EmbeddedLog::open(place.config(), place.clock()) else {
        panic!("durable records are damaged, and it opened");
    };
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(
        error.to_string().contains(&*place.path().to_string_lossy()),
        "{error}"
    );
    assert_eq!(
        fs::read(journal(&place)).unwrap(),
        before,
        "evidence was lost"
    );
}

fn tables(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tables(&path));
        } else if path.parent().unwrap().ends_with("tables") {
            found.push(path);
        }
    }
    found
}

fn finds_a_damaged_record() {
    let place = Embedded::new();
    block_on(async {
        let log = place.open().await;
        for n in 0..60 {
            log.append(0, (n * 100..n * 100 + 100).map(trade).collect())
                .await
                .unwrap();
            log.sync().await.unwrap();
        }
        log.close().await.unwrap();
        // The largest table is one of the partition's: spoil the middle of its blocks.
        let table = tables(&place.path())
            .into_iter()
            .max_by_key(|path| fs::metadata(path).unwrap().len())
            .expect("something was flushed");
        let mut bytes = fs::read(&table).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0xff;
        fs::write(&table, bytes).unwrap();
        let log = place.open().await;
        let (mut at, mut damaged) = (0, 0);
        while at < 6_000 {
            match log.read(0, Offset(at), 1).await {
                Ok(records) => assert_eq!(number(&records[0].1), at),
                Err(LogError::Damaged { offset, .. }) => {
                    assert_eq!(offset, Offset(at));
                    damaged += 1;
                }
                Err(error) => panic!("{error}"),
            }
            at += 1;
        }
        assert!(
            (1..1_000).contains(&damaged),
            "{damaged} records are damaged"
        );
        log.close().await.unwrap();
    });
}

fn is_alone_in_its_directory() {
    let place = Embedded::new();
    block_on(async {
        let log = place.open().await;
        let Err(error) = EmbeddedLog::open(place.config(), place.clock()) else {
            panic!("opened twice");
        };
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
        assert!(
            error.to_string().contains(&*place.path().to_string_lossy()),
            "{error}"
        );
        log.close().await.unwrap();
        place.open().await.close().await.unwrap();
    });
}

fn keeps_its_partitions() {
    let place = Embedded::new();
    block_on(async {
        place.open().await.close().await.unwrap();
        let config = EmbeddedConfig {
            partitions: 9,
            ..place.config()
        };
        let log = EmbeddedLog::open(config, place.clock()).unwrap();
        assert_eq!(log.partitions(), 3);
        log.close().await.unwrap();
    });
}

fn refuses_settings() {
    let place = Embedded::new();
    let config = EmbeddedConfig {
        partitions: 0,
        ..place.config()
    };
    let Err(error) = EmbeddedLog::open(config, place.clock()) else {
        panic!("opened without partitions");
    };
    assert_eq!(error.to_string(), "log.partitions must be 1 to 256");
}

fn remembers_releases() {
    let place = Embedded::new();
    block_on(async {
        let log = place.open().await;
        log.append(0, (0..3_000).map(trade).collect())
            .await
            .unwrap();
        log.release("slow", 0, Offset(1_000));
        log.release("fast", 0, Offset(3_000));
        log.close().await.unwrap();
        let log = place.open().await;
        // The slow consumer has not come back yet; the fast one must not let its records go.
        log.release("fast", 0, Offset(3_000));
        log.append(0, (3_000..4_000).map(trade).collect())
            .await
            .unwrap();
        log.sync().await.unwrap();
        let earliest = log.earliest(0).0;
        assert!(earliest <= 1_000, "{earliest}");
        assert_eq!(
            numbers(&*log, 0, earliest).await,
            (earliest..4_000).collect::<Vec<_>>()
        );
        log.close().await.unwrap();
    });
}

fn disk_usage(dir: &Path) -> u64 {
    tables(dir)
        .iter()
        .map(|path| fs::metadata(path).map_or(0, |found| found.len()))
        .sum()
}

fn gives_space_back() {
    let place = Embedded::new();
    block_on(async {
        let log = place.open().await;
        log.release("store", 0, Offset(0));
        for n in 0..400 {
            log.append(
                0,
                (0..10).map(|i| trades(n * 1_000 + i * 100, 100)).collect(),
            )
            .await
            .unwrap();
        }
        log.sync().await.unwrap();
        let before = disk_usage(&place.path());
        assert!(before > 1 << 20, "{before}");
        log.release("store", 0, Offset(4_000));
        // Tables go once the last reader has left them, at the latest when more is written.
        let shrinking = async {
            let mut n = 400;
            while disk_usage(&place.path()) > before / 4 {
                log.append(0, vec![trades(n * 1_000, 100)]).await.unwrap();
                log.sync().await.unwrap();
                log.release("store", 0, log.progress(0).borrow().head);
                n += 1;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), shrinking)
            .await
            .unwrap_or_else(|_| panic!("{before} bytes, now {}", disk_usage(&place.path())));
        log.close().await.unwrap();
    });
}

fn goes_on_after_a_panic() {
    let place = Embedded::new();
    block_on(async {
        let panics = Arc::new(AtomicU32::new(0));
        let gate = {
            let panics = Arc::clone(&panics);
            Arc::new(move || {
                let left = panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                });
                assert!(left.is_err(), "injected fault in the writer");
                Ok(())
            })
        };
        let log = EmbeddedLog::open_gated(place.config(), place.clock(), gate).unwrap();
        log.append(0, (0..10).map(trade).collect()).await.unwrap();
        log.sync().await.unwrap();
        // The second time as it opens the database again.
        panics.store(2, Ordering::SeqCst);
        assert_eq!(
            log.append(0, (10..20).map(trade).collect()).await.unwrap(),
            Offset(10)
        );
        let error = log.sync().await.unwrap_err();
        assert!(error.is_retriable(), "{error}");
        assert!(error.to_string().contains("panicked"), "{error}");
        let status = log.status();
        assert!(status.failing.unwrap().starts_with("panicked"));
        assert!(status.restarts > 0);
        let goes_on = async {
            while log.sync().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), goes_on)
            .await
            .expect("the writer is started again");
        let status = log.status();
        assert_eq!((status.failing, status.restarts), (None, 2));
        log.append(0, (20..30).map(trade).collect()).await.unwrap();
        log.close().await.unwrap();
        let log = place.open().await;
        assert_eq!(numbers(&*log, 0, 0).await, (0..30).collect::<Vec<_>>());
        log.close().await.unwrap();
    });
}
