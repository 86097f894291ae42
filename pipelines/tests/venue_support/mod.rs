//! A venue and a log for tests of live listening, in memory and on tokio's own clock, so that
//! minutes pass in milliseconds.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coinsphere_pipelines::clock::Clock;
use coinsphere_pipelines::events::{Body, Record};
use coinsphere_pipelines::log::{EventLog, LogError, LogStatus, Offset, Progress};
use coinsphere_pipelines::market::{Symbol, Timestamp};
use coinsphere_pipelines::venues::binance::Binance;
use coinsphere_pipelines::venues::connection::{ByteStream, Dial, FeedError, FeedState, LiveFeed};
use coinsphere_pipelines::venues::{
    FrameDecoder, Limits, SessionPlan, VenueProtocol, WrongSpelling,
};
use futures_util::{SinkExt, StreamExt};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A wall clock that follows tokio's.
#[derive(Debug)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) const START: i64 = 1_723_161_240_000_000_000;
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(Self::START) + self.0.elapsed()
    }
}

/// A log in memory that can be full.
pub(crate) struct MemoryLog {
    records: Mutex<Vec<Arc<Record>>>,
    progress: watch::Sender<Progress>,
    pub(crate) full: AtomicBool,
}

impl MemoryLog {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            records: Mutex::default(),
            progress: watch::Sender::new(Progress::default()),
            full: AtomicBool::new(false),
        })
    }

    /// The records appended, as `ms body`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        records.iter().map(|record| line(record)).collect()
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.records.lock().unwrap().clone()
    }

    /// Waits until `holds` of the appended records.
    pub(crate) async fn wait_for(&self, what: &str, holds: impl Fn(&[Arc<Record>]) -> bool) {
        let mut progress = self.progress.subscribe();
        let reached = async {
            while !holds(&self.records()) {
                progress.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(3_600), reached)
            .await
            .is_err()
        {
            panic!("{what} never happened: {:#?}", self.lines());
        }
    }

    /// Waits until a line contains `text`.
    pub(crate) async fn wait_for_line(&self, text: &str) {
        self.wait_for(text, |records| {
            records.iter().any(|record| line(record).contains(text))
        })
        .await;
    }
}

pub(crate) fn line(record: &Record) -> String {
    let millis = record
        .received_at
        .since(Timestamp::from_nanos(TokioClock::START))
        .as_millis();
    let body = match &record.body {
        Body::Trades(batches) => batches
            .iter()
            .flat_map(|batch| {
                let name = batch.symbol.as_str();
                batch
                    .trades
                    .iter()
                    .map(move |t| format!("{name}#{}", t.id.0))
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    };
    format!("{millis} {body}")
}

#[async_trait]
impl EventLog for MemoryLog {
    fn identity(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    fn partitions(&self) -> u32 {
        1
    }

    async fn append(&self, _: u32, new: Vec<Arc<Record>>) -> Result<Offset, LogError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(LogError::Full("no space left on device".into()));
        }
        let mut records = self.records.lock().unwrap();
        let first = Offset(records.len() as u64);
        records.extend(new);
        let head = Offset(records.len() as u64);
        drop(records);
        self.progress.send_replace(Progress { head, synced: head });
        Ok(first)
    }

    async fn read(
        &self,
        _: u32,
        _: Offset,
        _: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        Err(LogError::Closed)
    }

    fn earliest(&self, _: u32) -> Offset {
        Offset(0)
    }

    fn progress(&self, _: u32) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    async fn seek(&self, _: u32, _: Timestamp) -> Result<Offset, LogError> {
        Err(LogError::Closed)
    }

    fn release(&self, _: &str, _: u32, _: Offset) {}

    async fn sync(&self) -> Result<(), LogError> {
        Ok(())
    }

    fn status(&self) -> LogStatus {
        LogStatus {
            kind: "memory",
            bytes: None,
            byte_limit: None,
            failing: None,
            restarts: 0,
        }
    }

    async fn close(&self) -> Result<(), LogError> {
        Ok(())
    }
}

struct MemoryDial(mpsc::Sender<DuplexStream>);

#[async_trait]
impl Dial for MemoryDial {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn ByteStream>> {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        self.0
            .send(theirs)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(Box::new(ours))
    }
}

/// A feed under test, its log, and the venue's side of its connections.
pub(crate) struct Stage {
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) state: watch::Receiver<FeedState>,
    pub(crate) streams: mpsc::Receiver<DuplexStream>,
    shutdown: watch::Sender<bool>,
    running: JoinHandle<Result<(), FeedError>>,
    started: Instant,
}

impl Stage {
    pub(crate) fn new(protocol: &'static dyn VenueProtocol, symbols: &[&str]) -> Self {
        let log = MemoryLog::new();
        let (dial, streams) = mpsc::channel(4);
        let symbols = symbols.iter().map(|s| Symbol::new(s).unwrap()).collect();
        let started = Instant::now();
        let feed = LiveFeed::new(
            protocol,
            symbols,
            Some("ws://venue.test"),
            log.clone(),
            Arc::new(TokioClock(started)),
            StdRng::seed_from_u64(7),
        )
        .unwrap()
        .with_dial(Arc::new(MemoryDial(dial)));
        let state = feed.state();
        let (shutdown, stopped) = watch::channel(false);
        Self {
            log,
            state,
            streams,
            shutdown,
            running: tokio::spawn(feed.run(stopped)),
            started,
        }
    }

    /// The next connection, accepted.
    pub(crate) async fn accept(&mut self) -> Venue {
        let stream = self.streams.recv().await.unwrap();
        Venue(tokio_tungstenite::accept_async(stream).await.unwrap())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until `holds` of the observable state.
    pub(crate) async fn wait_for_state(
        &mut self,
        holds: impl FnMut(&FeedState) -> bool,
    ) -> FeedState {
        let reached = self.state.wait_for(holds);
        if let Ok(state) = tokio::time::timeout(Duration::from_secs(3_600), reached).await {
            return state.unwrap().clone();
        }
        let state = self.state.borrow().clone();
        panic!("never came: {state:#?} {:#?}", self.log.lines());
    }

    pub(crate) async fn shut_down(self) {
        self.shutdown.send_replace(true);
        self.running.await.unwrap().unwrap();
    }
}

/// The venue's side of a connection.
pub(crate) struct Venue(pub(crate) WebSocketStream<DuplexStream>);

impl Venue {
    pub(crate) async fn says(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn sends(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next text it is sent; pings are answered on the way.
    pub(crate) async fn hears(&mut self) -> String {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Goes on answering pings and reading until the other side is gone.
    pub(crate) async fn idles(mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

pub(crate) fn binance_trade(symbol: &str, id: u64) -> String {
    let time = TokioClock::START / 1_000_000;
    format!(
        r#"{{"stream":"x","data":{{"e":"trade","E":1,"s":"{symbol}","t":{id},"p":"1.5","q":"2","T":{time},"m":true}}}}"#
    )
}

/// Binance, if it closed its connections after an hour.
pub(crate) struct HourlyBinance;

impl VenueProtocol for HourlyBinance {
    fn venue(&self) -> coinsphere_pipelines::market::Venue {
        Binance.venue()
    }

    fn default_endpoint(&self) -> &'static str {
        Binance.default_endpoint()
    }

    fn limits(&self) -> Limits {
        Limits {
            max_age: Some(Duration::from_secs(3_600)),
            ..Binance.limits()
        }
    }

    fn major(&self, ticker: &str) -> String {
        Binance.major(ticker)
    }

    fn spelling(&self, symbol: &Symbol) -> Result<Symbol, WrongSpelling> {
        Binance.spelling(symbol)
    }

    fn session(&self, endpoint: &str, symbols: &[Symbol]) -> SessionPlan {
        Binance.session(endpoint, symbols)
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Binance.decoder()
    }

    fn trade_stream(&self) -> &'static str {
        Binance.trade_stream()
    }
}
