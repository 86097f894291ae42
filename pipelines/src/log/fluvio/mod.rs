//! The event log as a topic of a Fluvio cluster, for many machines.
//!
//! Fluvio's client loses, doubles and hangs unless configured otherwise; the six traps that are known are
//! each named where they are handled. See `docs/event-log.md` for what this log promises, which is
//! less than the embedded one.

mod client;
mod config;
#[cfg(test)]
mod fake;
mod identity;
mod outbox;
mod partition;
mod readers;
mod stream;
#[cfg(test)]
mod tests;
mod transport;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::watch;
use uuid::Uuid;

pub use config::FluvioConfig;

use self::client::Client;
use self::outbox::Receipt;
use self::partition::Partition;
use self::readers::Readers;
use self::transport::{Bounds, Transport};
use super::{EventLog, LogError, LogStatus, Offset, Progress};
use crate::events::{Record, encode};
use crate::market::Timestamp;
use crate::net::Backoff;

/// Waits before a thread's work that has panicked is begun again.
const FIRST_RESTART: Duration = Duration::from_millis(100);
const LAST_RESTART: Duration = Duration::from_secs(30);
/// The time for which closing waits for what is on its way.
const CLOSING: Duration = Duration::from_secs(10);
/// The interval at which it is asked where the partitions begin.
const BOUNDS_INTERVAL: Duration = Duration::from_secs(30);

/// The event log on Fluvio.
pub struct FluvioLog {
    identity: Uuid,
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Notes the heads when the log is closed; absent in tests.
    notes: Option<Client>,
}

struct Inner {
    config: FluvioConfig,
    transport: Arc<dyn Transport>,
    partitions: Vec<Partition>,
    readers: Readers,
    reopened: Arc<AtomicU64>,
    closed: AtomicBool,
    /// The number of times a thread's work has panicked.
    restarts: AtomicU64,
    /// Work that has panicked and waits to be begun again.
    panicked: Mutex<Option<&'static str>>,
    /// Ends the threads.
    stop: watch::Sender<bool>,
}

impl FluvioLog {
    /// Connects to the cluster and creates the topic if it is absent.
    ///
    /// # Errors
    /// When the cluster cannot be reached or refuses; the same call may succeed later.
    pub async fn connect(config: FluvioConfig) -> Result<Self, LogError> {
        let unavailable = |error: transport::TransportError| {
            LogError::Unavailable(format!(
                "fluvio at {} did not open topic {}: {error}; check the address and that an SPU runs",
                config.endpoint, config.topic
            ))
        };
        let client = Client::open(&config).await.map_err(unavailable)?;
        let count = client.partitions();
        let mut bounds = Vec::new();
        for partition in 0..count {
            bounds.push(client.bounds(partition).await.map_err(unavailable)?);
        }
        let notes = Client::open_notes(&config).await.map_err(unavailable)?;
        let identity = client::identify(&notes, &bounds)
            .await
            .map_err(unavailable)?;
        let mut log =
            Self::start(config.clone(), Arc::new(client), identity, &bounds).map_err(|error| {
                LogError::Unavailable(format!("could not start the log's threads: {error}"))
            })?;
        log.notes = Some(notes);
        Ok(log)
    }

    fn start(
        config: FluvioConfig,
        transport: Arc<dyn Transport>,
        identity: Uuid,
        bounds: &[Bounds],
    ) -> io::Result<Self> {
        let reopened = Arc::new(AtomicU64::new(0));
        let partitions = (0..)
            .zip(bounds)
            .map(|(number, &bounds)| Partition::new(number, &config, bounds))
            .collect();
        let readers = Readers::new(
            Arc::clone(&transport),
            Arc::clone(&reopened),
            config.readers,
        );
        let inner = Arc::new(Inner {
            config,
            transport,
            partitions,
            readers,
            reopened,
            closed: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
            panicked: Mutex::new(None),
            stop: watch::Sender::new(false),
        });
        // FLUVIO.md, trap 3: the producer has a thread and a runtime of its own, so that nothing
        // else stands still if the client ever spins in `send`.
        let threads = vec![
            spawn(
                "fluvio-send",
                &inner,
                |inner| async move { inner.send().await },
            )?,
            spawn("fluvio-receive", &inner, |inner| async move {
                inner.receive().await;
            })?,
        ];
        Ok(Self {
            identity,
            inner,
            threads: Mutex::new(threads),
            notes: None,
        })
    }

    /// Records sent more than once since the start: each may be in the log twice.
    #[must_use]
    pub fn resent(&self) -> u64 {
        let partitions = self.inner.partitions.iter();
        partitions.map(|partition| partition.outbox.resent()).sum()
    }

    /// Number of times that a stream was opened again since the start, because it ended, failed or
    /// left records out.
    #[must_use]
    pub fn reopened(&self) -> u64 {
        self.inner.reopened.load(Ordering::Relaxed)
    }
}

/// Runs `work` on a thread and runtime of its own until it ends or the log stops. It is begun again after a
/// panic: what is to be sent is in the outbox, and what was received in the partition.
#[allow(
    clippy::disallowed_methods,
    reason = "it is the part `event_log`: it goes on after a panic, and `status` says so"
)]
fn spawn<F: Future<Output = ()>>(
    name: &'static str,
    inner: &Arc<Inner>,
    work: impl Fn(Arc<Inner>) -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let inner = Arc::clone(inner);
    thread::Builder::new().name(name.into()).spawn(move || {
        let mut stop = inner.stop.subscribe();
        runtime.block_on(async move {
            let working = async {
                let mut backoff = Backoff::new(FIRST_RESTART, LAST_RESTART);
                let begin = || AssertUnwindSafe(work(Arc::clone(&inner))).catch_unwind();
                while begin().await.is_err() {
                    inner.restarts.fetch_add(1, Ordering::Relaxed);
                    inner.show_panic(Some(name));
                    tokio::time::sleep(backoff.next_wait()).await;
                    inner.show_panic(None);
                }
            };
            tokio::select! {
                () = working => {}
                _ = stop.wait_for(|&stop| stop) => {}
            }
        });
    })
}

impl Inner {
    fn partition(&self, partition: u32) -> Result<&Partition, LogError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(LogError::Closed);
        }
        self.partitions
            .get(partition as usize)
            .ok_or(LogError::NoPartition(partition))
    }

    fn show_panic(&self, thread: Option<&'static str>) {
        *self.panicked.lock().unwrap_or_else(PoisonError::into_inner) = thread;
    }

    async fn send(&self) {
        let transport = &*self.transport;
        let sending = self.partitions.iter();
        join_all(sending.map(|p| p.outbox.run(transport, p.number))).await;
        // FLUVIO.md, trap 6: what the client still queues is lost unless flushed. Everything has
        // been acknowledged by now; this is for what it queued again by itself.
        transport.flush().await;
    }

    async fn receive(&self) {
        let following = self.partitions.iter();
        let following = join_all(following.map(|p| p.follow(&self.transport, &self.reopened)));
        let watching = async {
            loop {
                tokio::time::sleep(BOUNDS_INTERVAL).await;
                for partition in &self.partitions {
                    if let Ok(bounds) = self.transport.bounds(partition.number).await {
                        partition.note_bounds(bounds);
                    }
                }
            }
        };
        tokio::select! {
            _ = following => {}
            () = watching => {}
        }
    }

    /// Puts the records into the outbox as soon as it has room, and waits until they can be read.
    async fn append(
        &self,
        partition: &Partition,
        records: &[Arc<Record>],
        encoded: &[Bytes],
    ) -> Result<Offset, LogError> {
        let receipt = loop {
            let moved = partition.outbox.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if let Some(receipt) = partition.outbox.push(encoded)? {
                break receipt;
            }
            moved.await;
        };
        let Receipt { first, last } = receipt;
        // A sender goes only when the log is closed.
        let first = first.await.map_err(|_| LogError::Closed)?;
        let last = last.await.map_err(|_| LogError::Closed)?;
        let mut progress = partition.progress.subscribe();
        let mut stop = self.stop.subscribe();
        loop {
            progress.borrow_and_update();
            if partition.accept(first, last, records) {
                return Ok(first);
            }
            // Others have appended before: their records come through the stream.
            tokio::select! {
                _ = progress.changed() => {}
                // It is in the log, though nobody will read it here any more.
                _ = stop.wait_for(|&stop| stop) => return Ok(first),
            }
        }
    }
}

#[async_trait]
impl EventLog for FluvioLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    fn partitions(&self) -> u32 {
        u32::try_from(self.inner.partitions.len()).unwrap_or(u32::MAX)
    }

    /// Waits for the cluster. If that takes too long the answer is `Unavailable`; what has been
    /// sent by then may be in the log nevertheless.
    async fn append(&self, partition: u32, records: Vec<Arc<Record>>) -> Result<Offset, LogError> {
        let slot = self.inner.partition(partition)?;
        if records.is_empty() {
            return Ok(slot.progress.borrow().head);
        }
        let encoded: Vec<Bytes> = records.iter().map(|r| Bytes::from(encode(r))).collect();
        let patience = self.inner.config.append_timeout();
        let appended =
            tokio::time::timeout(patience, self.inner.append(slot, &records, &encoded)).await;
        appended.unwrap_or_else(|_| {
            slot.outbox.sweep();
            Err(LogError::Unavailable(format!(
                "fluvio has not acknowledged within {} ms{}",
                patience.as_millis(),
                slot.failing()
                    .map_or_else(String::new, |reason| format!(" ({reason})"))
            )))
        })
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        let slot = self.inner.partition(partition)?;
        if from.0 < slot.earliest() {
            return Err(LogError::Truncated {
                partition,
                asked: from,
                earliest: Offset(slot.earliest()),
            });
        }
        let head = slot.head();
        if from.0 > head {
            return Err(LogError::Damaged {
                partition,
                offset: from,
                reason: format!("the log ends at {head}"),
            });
        }
        let until = match slot.read(from.0, max_records) {
            Ok(records) => return Ok(records),
            Err(until) => until,
        };
        let readers = &self.inner.readers;
        let read = readers.read(partition, from.0, until, max_records).await;
        if let Err(LogError::Truncated { earliest, .. }) = &read {
            slot.note_bounds(Bounds {
                earliest: earliest.0,
                head,
            });
        }
        read
    }

    fn earliest(&self, partition: u32) -> Offset {
        let slot = self.inner.partitions.get(partition as usize);
        Offset(slot.map_or(0, Partition::earliest))
    }

    fn progress(&self, partition: u32) -> watch::Receiver<Progress> {
        self.inner.partitions.get(partition as usize).map_or_else(
            || watch::Sender::new(Progress::default()).subscribe(),
            |slot| slot.progress.subscribe(),
        )
    }

    async fn seek(&self, partition: u32, time: Timestamp) -> Result<Offset, LogError> {
        self.inner.partition(partition)?;
        super::seek_by_reading(self, partition, time).await
    }

    /// Does nothing: Fluvio removes by time and size whatever consumers need. What they have got
    /// to they keep themselves (FLUVIO.md, trap 5: offsets are never left to the client, which
    /// commits a record as it hands it out).
    fn release(&self, _consumer: &str, _partition: u32, _offset: Offset) {}

    async fn sync(&self) -> Result<(), LogError> {
        for slot in &self.inner.partitions {
            loop {
                let moved = slot.outbox.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                self.inner.partition(slot.number)?;
                if slot.outbox.is_empty() {
                    break;
                }
                if let Some(reason) = slot.outbox.failing() {
                    return Err(LogError::Unavailable(reason));
                }
                moved.await;
            }
        }
        Ok(())
    }

    fn status(&self) -> LogStatus {
        let inner = &self.inner;
        let panicked = *inner
            .panicked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let panicked = panicked.map(|thread| format!("panicked: {thread} is started again"));
        LogStatus {
            kind: "fluvio",
            bytes: None,
            byte_limit: None,
            failing: panicked.or_else(|| inner.partitions.iter().find_map(Partition::failing)),
            restarts: inner.restarts.load(Ordering::Relaxed),
        }
    }

    async fn close(&self) -> Result<(), LogError> {
        if self.inner.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        for slot in &self.inner.partitions {
            slot.outbox.close();
        }
        let sent = async {
            for slot in &self.inner.partitions {
                loop {
                    let moved = slot.outbox.moved.notified();
                    tokio::pin!(moved);
                    moved.as_mut().enable();
                    if slot.outbox.is_empty() {
                        break;
                    }
                    moved.await;
                }
            }
        };
        let flushed = tokio::time::timeout(CLOSING, sent).await.is_ok();
        if let (true, Some(notes)) = (flushed, &self.notes) {
            let heads: Vec<u64> = self.inner.partitions.iter().map(Partition::head).collect();
            client::note(notes, self.identity, heads).await;
        }
        self.inner.readers.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let stop = self.inner.stop.clone();
        let joining = tokio::task::spawn_blocking(move || {
            let mut threads = threads.into_iter();
            // The sender ends by itself once everything is sent and flushed.
            if flushed && let Some(sender) = threads.next() {
                let _ = sender.join();
            }
            stop.send_replace(true);
            for thread in threads {
                let _ = thread.join();
            }
        });
        // A thread that hangs in the client is left behind.
        let ended = tokio::time::timeout(CLOSING, joining).await.is_ok();
        self.inner.stop.send_replace(true);
        if flushed && ended {
            return Ok(());
        }
        Err(LogError::Unavailable(
            "closed while records were still on their way to fluvio".into(),
        ))
    }
}

impl Drop for FluvioLog {
    fn drop(&mut self) {
        self.inner.stop.send_replace(true);
    }
}
