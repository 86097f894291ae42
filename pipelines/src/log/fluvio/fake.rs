//! A cluster for tests, which misbehaves as the real one has been seen to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::transport::{Bounds, RecordStream, Sent, Transport, TransportError};

/// Fate of a batch that is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// So many of its records are written, so many of these acknowledged, and then it fails.
    Fails { written: usize, acked: usize },
    /// The SPU does not answer until [`Fake::resume`].
    Hangs,
    /// The client panics.
    Panics,
}

pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    written: watch::Sender<u64>,
    running: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    partitions: Vec<Vec<Bytes>>,
    earliest: u64,
    fates: VecDeque<Fate>,
    /// Offsets that the next stream to pass them leaves out, each once.
    holes: Vec<u64>,
    /// Offsets that are never handed out.
    lost: Vec<u64>,
    refusals: u32,
    opened: Vec<(u32, u64)>,
    flushes: u32,
    sizes: Vec<usize>,
}

impl Fake {
    pub(super) fn new(partitions: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Arc::new(Mutex::new(State {
                partitions: vec![Vec::new(); partitions],
                ..State::default()
            })),
            written: watch::Sender::new(0),
            running: watch::Sender::new(true),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.state().fates.extend(fates);
    }

    pub(super) fn holes(&self, offsets: impl IntoIterator<Item = u64>) {
        self.state().holes.extend(offsets);
    }

    pub(super) fn lose(&self, offset: u64) {
        self.state().lost.push(offset);
    }

    /// Answers "not the leader" to that many attempts to open a stream.
    pub(super) fn refuse(&self, times: u32) {
        self.state().refusals = times;
    }

    pub(super) fn remove_below(&self, offset: u64) {
        self.state().earliest = offset;
    }

    pub(super) fn hang(&self) {
        self.running.send_replace(false);
    }

    /// Waits until a batch has met [`Fate::Hangs`].
    pub(super) async fn hanging(&self) {
        let _ = self.running.subscribe().wait_for(|running| !running).await;
    }

    pub(super) fn resume(&self) {
        self.running.send_replace(true);
    }

    pub(super) fn put(&self, partition: u32, record: Bytes) {
        self.state().partitions[partition as usize].push(record);
        self.written.send_modify(|written| *written += 1);
    }

    pub(super) fn content(&self, partition: u32) -> Vec<Bytes> {
        self.state().partitions[partition as usize].clone()
    }

    pub(super) fn opened(&self) -> Vec<(u32, u64)> {
        self.state().opened.clone()
    }

    pub(super) fn flushes(&self) -> u32 {
        self.state().flushes
    }

    /// The largest request so far, in bytes.
    pub(super) fn largest_request(&self) -> usize {
        self.state().sizes.iter().copied().max().unwrap_or(0)
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, partition: u32, records: &[Bytes]) -> Sent {
        let fate = self.state().fates.pop_front();
        match fate {
            Some(Fate::Hangs) => self.hang(),
            Some(Fate::Panics) => panic!("injected fault in the client"),
            _ => {}
        }
        let _ = self.running.subscribe().wait_for(|running| *running).await;
        let (written, acked, fails) = match fate {
            Some(Fate::Fails { written, acked }) => (written, acked, true),
            _ => (records.len(), records.len(), false),
        };
        let first = {
            let mut state = self.state();
            state.sizes.push(records.iter().map(Bytes::len).sum());
            let log = &mut state.partitions[partition as usize];
            let first = log.len() as u64;
            log.extend(records.iter().take(written).cloned());
            first
        };
        self.written.send_modify(|count| *count += 1);
        Sent {
            acked: (first..).take(acked.min(records.len())).collect(),
            error: fails.then(|| TransportError("not the leader".into())),
        }
    }

    async fn flush(&self) {
        self.state().flushes += 1;
    }

    async fn open(
        &self,
        partition: u32,
        from: u64,
        _fetch_bytes: u32,
    ) -> Result<Box<dyn RecordStream>, TransportError> {
        let mut state = self.state();
        state.opened.push((partition, from));
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(TransportError("partition not leader".into()));
        }
        if from < state.earliest {
            return Err(TransportError("offset out of range".into()));
        }
        Ok(Box::new(FakeStream {
            next: from,
            partition,
            state: Arc::clone(&self.state),
            written: self.written.subscribe(),
        }))
    }

    async fn bounds(&self, partition: u32) -> Result<Bounds, TransportError> {
        let state = self.state();
        Ok(Bounds {
            earliest: state.earliest,
            head: state.partitions[partition as usize].len() as u64,
        })
    }
}

struct FakeStream {
    next: u64,
    partition: u32,
    state: Arc<Mutex<State>>,
    written: watch::Receiver<u64>,
}

impl FakeStream {
    fn ready(&mut self) -> Option<(u64, Bytes)> {
        let mut state = self.state.lock().unwrap();
        loop {
            let record = state.partitions[self.partition as usize]
                .get(usize::try_from(self.next).unwrap())?
                .clone();
            let offset = self.next;
            self.next += 1;
            if let Some(at) = state.holes.iter().position(|&hole| hole == offset) {
                state.holes.remove(at);
            } else if !state.lost.contains(&offset) {
                return Some((offset, record));
            }
        }
    }
}

#[async_trait]
impl RecordStream for FakeStream {
    async fn next(&mut self) -> Option<Result<(u64, Bytes), TransportError>> {
        loop {
            if let Some(record) = self.ready() {
                return Some(Ok(record));
            }
            self.written.changed().await.ok()?;
        }
    }
}
