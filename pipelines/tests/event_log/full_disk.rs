//! The embedded log on a disk that is full, or that its own limit makes so: nothing is lost, nothing
//! grows without bound, and it goes on by itself.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog, LogError, Offset};
use libtest_mimic::Trial;

use crate::embedded::{numbers, trial};
use crate::fixture::{Embedded, Place, block_on, number, trade};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("recovers_from_a_full_disk", recovers_from_a_full_disk),
        trial("bounds_what_waits_for_a_failing_disk", bounds_the_outbox),
        trial("reports_what_it_could_not_write", reports_lost_records),
        trial("is_full_until_a_consumer_releases", full_until_released),
        small_disk(),
    ]
}

/// A log whose disk is full while the flag is set.
fn with_full_disk(place: &Embedded, config: EmbeddedConfig) -> (EmbeddedLog, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let gate = {
        let full = Arc::clone(&full);
        Arc::new(move || {
            if full.load(Ordering::SeqCst) {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            } else {
                Ok(())
            }
        })
    };
    let log = EmbeddedLog::open_gated(config, place.clock(), gate).unwrap();
    (log, full)
}

async fn append_until_refused(log: &EmbeddedLog, mut next: u64) -> (u64, LogError) {
    loop {
        match log.append(0, vec![trade(next)]).await {
            Ok(offset) => assert_eq!(offset, Offset(next)),
            Err(error) => return (next, error),
        }
        next += 1;
        tokio::task::yield_now().await;
    }
}

async fn append_until_taken(log: &EmbeddedLog, n: u64) {
    let taking = async {
        while let Err(error) = log.append(0, vec![trade(n)]).await {
            assert!(error.is_retriable(), "{error}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taking)
        .await
        .expect("the log recovers by itself");
}

fn recovers_from_a_full_disk() {
    let place = Embedded::new();
    block_on(async {
        let (log, full) = with_full_disk(&place, place.config());
        let mut next = 0;
        for _ in 0..3 {
            for _ in 0..150 {
                log.append(0, vec![trade(next)]).await.unwrap();
                next += 1;
            }
            log.sync().await.unwrap();
            let synced = log.progress(0).borrow().synced;
            full.store(true, Ordering::SeqCst);
            let (refused, error) = append_until_refused(&log, next).await;
            next = refused;
            assert!(matches!(error, LogError::Full(_)), "{error}");
            assert!(log.status().failing.is_some());
            assert!(matches!(log.sync().await, Err(LogError::Full(_))));
            // What was appended stays readable, and is not called durable.
            let last = log.read(0, Offset(next - 1), 1).await.unwrap();
            assert_eq!(number(&last[0].1), next - 1);
            assert_eq!(log.progress(0).borrow().synced, synced);
            full.store(false, Ordering::SeqCst);
            append_until_taken(&log, next).await;
            next += 1;
            log.sync().await.unwrap();
            assert_eq!(log.status().failing, None);
            assert_eq!(numbers(&log, 0, 0).await, (0..next).collect::<Vec<_>>());
        }
        log.close().await.unwrap();
        let log = place.open().await;
        assert_eq!(numbers(&*log, 0, 0).await, (0..next).collect::<Vec<_>>());
        log.close().await.unwrap();
    });
}

fn bounds_the_outbox() {
    let place = Embedded::new();
    block_on(async {
        // A disk that takes nothing for a while, without failing.
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let opened = std::sync::Mutex::new(opened);
        let gate = Arc::new(move || {
            // Blocks the writer until the test lets go of the other end.
            let _ = opened.lock().unwrap().recv();
            Ok(())
        });
        let config = EmbeddedConfig {
            outbox_bytes: 64 << 10,
            append_timeout_ms: 50,
            ..place.config()
        };
        let log = EmbeddedLog::open_gated(config, place.clock(), gate).unwrap();
        let (appended, error) = append_until_refused(&log, 0).await;
        assert!(matches!(error, LogError::Unavailable(_)), "{error}");
        assert!(
            (50..2_000).contains(&appended),
            "{appended} records in 64 KiB"
        );
        assert_eq!(log.progress(0).borrow().head, Offset(appended));
        drop(open);
        append_until_taken(&log, appended).await;
        log.sync().await.unwrap();
        assert_eq!(
            numbers(&log, 0, 0).await,
            (0..=appended).collect::<Vec<_>>()
        );
        log.close().await.unwrap();
    });
}

fn reports_lost_records() {
    let place = Embedded::new();
    block_on(async {
        let (log, full) = with_full_disk(&place, place.config());
        full.store(true, Ordering::SeqCst);
        let (appended, _) = append_until_refused(&log, 0).await;
        let error = log.close().await.unwrap_err();
        assert!(
            error.to_string().contains(&format!("{appended} records")),
            "{error}"
        );
    });
}

fn full_until_released() {
    let place = Embedded::new();
    block_on(async {
        let config = EmbeddedConfig {
            max_bytes: 256 << 10,
            ..place.config()
        };
        place.clock.set(crate::fixture::start());
        let log = EmbeddedLog::open(config, place.clock()).unwrap();
        log.release("store", 0, Offset(0));
        let (full_at, error) = append_until_refused(&log, 0).await;
        assert!(matches!(error, LogError::Full(_)), "{error}");
        assert!(error.to_string().contains("store"), "{error}");
        let status = log.status();
        assert!(status.bytes.unwrap() <= status.byte_limit.unwrap() + 1_000);
        assert!(status.failing.is_some());
        log.sync().await.unwrap();
        assert_eq!(
            log.progress(0).borrow().head,
            Offset(full_at),
            "nothing of it was appended"
        );
        log.release("store", 0, Offset(full_at / 2));
        append_until_taken(&log, full_at).await;
        assert!(log.earliest(0) > Offset(0));
        assert_eq!(log.status().failing, None);
        log.close().await.unwrap();
    });
}

/// A real full disk, where this process may mount a small one.
fn small_disk() -> Trial {
    let name = "embedded::recovers_from_a_really_full_disk";
    let dir = tempfile::tempdir().unwrap();
    let mounted = mount(dir.path());
    match mounted {
        Ok(mount) => Trial::test(name, move || {
            really_full(mount, dir);
            Ok(())
        }),
        Err(reason) => crate::ignored(name, &format!("cannot mount a tmpfs: {reason}")),
    }
}

struct Mount(std::path::PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(dir: &Path) -> Result<Mount, String> {
    let output = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "none"])
        .arg(dir)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(Mount(dir.to_owned()))
    } else {
        Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', " "))
    }
}

fn really_full(mount: Mount, _dir: tempfile::TempDir) {
    let place = Embedded::new();
    block_on(async {
        let config = EmbeddedConfig {
            dir: mount.0.join("log"),
            outbox_bytes: 4 << 20,
            ..place.config()
        };
        let log = EmbeddedLog::open(config.clone(), place.clock()).unwrap();
        let ballast = mount.0.join("ballast");
        let mut next = 0;
        for _ in 0..2 {
            // Leaves a little, so that writing fails in the middle of something.
            let written = fs::write(&ballast, vec![1; 25 << 20]);
            assert!(written.is_err(), "the disk is not full");
            fs::OpenOptions::new()
                .write(true)
                .open(&ballast)
                .unwrap()
                .set_len(
                    fs::metadata(&ballast)
                        .unwrap()
                        .len()
                        .saturating_sub(512 << 10),
                )
                .unwrap();
            let (refused, error) = append_until_refused(&log, next).await;
            next = refused;
            assert!(matches!(error, LogError::Full(_)), "{error}");
            fs::remove_file(&ballast).unwrap();
            append_until_taken(&log, next).await;
            next += 1;
            log.sync().await.unwrap();
            assert_eq!(numbers(&log, 0, 0).await, (0..next).collect::<Vec<_>>());
        }
        log.close().await.unwrap();
        let log = EmbeddedLog::open(config, place.clock()).unwrap();
        assert_eq!(numbers(&log, 0, 0).await, (0..next).collect::<Vec<_>>());
        log.close().await.unwrap();
    });
    drop(mount);
}
