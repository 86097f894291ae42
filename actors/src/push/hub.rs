//! The hub: who is subscribed to what. Publishing never waits and never blocks on a client.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp, Trade};
use serde::Serialize;
use tokio::time::Instant;

use super::alerts::AlertTopics;
use super::client::Client;
use super::forecast::LiveForecast;
use super::mailbox::{Closed, Frame, Mailbox, Put};
use super::message;
use super::portfolios::PortfolioTopics;
use super::relay::{Outlet, Piece, RelayChannel};
use super::subscribers::{InstrumentTopics, Subscribers, place};
use super::topic::{Channel, Topic};
use super::traded::{LastTrade, Traded};

const SHARDS: usize = 16;

/// Limits of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushLimits {
    /// Clients at a time.
    pub clients: usize,
    /// Topics of one client.
    pub topics: usize,
    /// Trade messages waiting for one client.
    pub queue: usize,
    /// Bytes of trade messages waiting for one client.
    pub queue_bytes: usize,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            clients: 1_000,
            topics: 200,
            queue: 1_024,
            queue_bytes: 4 << 20,
        }
    }
}

/// The newest state of a candle, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCandle {
    /// The candle.
    pub candle: Candle,
    /// The number of times it was replaced by a correction.
    pub revision: u32,
    /// True if its interval has closed.
    pub closed: bool,
}

/// State of the hub, for `/health`, metrics and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PushState {
    /// Clients connected.
    pub clients: u64,
    /// Subscriptions held by them together.
    pub subscriptions: u64,
    /// Trades published, whether anyone listened or not.
    pub trades: u64,
    /// Candles published, whether anyone listened or not.
    pub candles: u64,
    /// Forecasts published, whether anyone listened or not.
    pub forecasts: u64,
    /// Messages put into clients' mailboxes.
    pub messages: u64,
    /// Messages that replaced an older one of their topic.
    pub coalesced: u64,
    /// Clients closed because they were too slow.
    pub too_slow: u64,
    /// Clients refused because there were too many.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct Counters {
    clients: AtomicU64,
    subscriptions: AtomicU64,
    trades: AtomicU64,
    candles: AtomicU64,
    forecasts: AtomicU64,
    messages: AtomicU64,
    coalesced: AtomicU64,
    too_slow: AtomicU64,
    refused: AtomicU64,
}

type Shard = HashMap<InstrumentKey, InstrumentTopics>;

/// The hub. Shared by all who publish and all clients.
#[derive(Debug)]
pub struct PushHub {
    limits: PushLimits,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    traded: Traded,
    portfolios: PortfolioTopics,
    alerts: AlertTopics,
    /// The instruments there are; `None` until someone says: then any may be subscribed to.
    listed: RwLock<Option<HashSet<InstrumentKey>>>,
    clients: Mutex<HashMap<u64, Arc<Mailbox>>>,
    /// Where other processes are reached on each channel that is made here, if there are any.
    others: [OnceLock<Outlet>; 2],
    next_id: AtomicU64,
    closing: AtomicBool,
    counters: Counters,
}

impl PushHub {
    /// A hub without clients.
    #[must_use]
    pub fn new(limits: PushLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            traded: Traded::default(),
            portfolios: PortfolioTopics::default(),
            alerts: AlertTopics::default(),
            listed: RwLock::default(),
            clients: Mutex::default(),
            others: Default::default(),
            next_id: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            counters: Counters::default(),
        })
    }

    /// The limits of one client.
    #[must_use]
    pub const fn limits(&self) -> PushLimits {
        self.limits
    }

    /// Says which instruments there are, replacing what was said before: others are refused to
    /// subscribers unless something was published about them.
    pub fn list(&self, instruments: impl IntoIterator<Item = InstrumentKey>) {
        let listed = instruments.into_iter().collect();
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Some(listed);
    }

    /// Lets these be subscribed to as well, where only some may be.
    pub fn list_more(&self, instruments: impl IntoIterator<Item = InstrumentKey>) {
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(listed) = listed.as_mut() {
            listed.extend(instruments);
        }
    }

    /// Tells the subscribers of an instrument's trades, in order.
    pub fn publish_trades(&self, instrument: &InstrumentKey, trades: &[Trade]) {
        if trades.is_empty() {
            return;
        }
        add(&self.counters.trades, trades.len() as u64);
        metrics::counter!("coinsphere_push_trades_total").increment(trades.len() as u64);
        if let Some(others) = self.others[RelayChannel::Market as usize].get() {
            others.trades(instrument, trades);
        }
        let mut shard = self.shard(instrument);
        let topics = shard.entry(instrument.clone()).or_default();
        if let Some(trade) = topics.newer(trades) {
            self.traded.note(instrument, trade);
        }
        if topics.trades.0.is_empty() {
            return;
        }
        let topic = Topic::Instrument {
            instrument: instrument.clone(),
            channel: Channel::Trades,
        };
        for chunk in trades.chunks(message::TRADES_PER_MESSAGE) {
            let frame = Frame {
                text: message::trades(&topic, chunk),
                published: Instant::now(),
            };
            self.deliver(&mut topics.trades, |mailbox| mailbox.put_trades(&frame));
        }
    }

    /// Tells the subscribers of an instrument's candles of one length about a new state of one:
    /// still open, closed, or (a later `revision` of a closed one) corrected.
    pub fn publish_candle(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        candle: &Candle,
        revision: u32,
        closed: bool,
    ) {
        add(&self.counters.candles, 1);
        metrics::counter!("coinsphere_push_candles_total").increment(1);
        if let Some(others) = self.others[RelayChannel::Market as usize].get() {
            others.put(Piece::Candle {
                instrument: instrument.clone(),
                interval,
                candle: candle.clone(),
                revision,
                closed,
            });
        }
        let mut shard = self.shard(instrument);
        let topics = shard.entry(instrument.clone()).or_default();
        let state = &mut topics.candles[place(interval)];
        let newest = state.newest.as_ref();
        if newest.is_none_or(|newest| newest.candle.open_time <= candle.open_time) {
            state.newest = Some(LiveCandle {
                candle: candle.clone(),
                revision,
                closed,
            });
        }
        if state.subscribers.0.is_empty() {
            return;
        }
        let topic = Topic::Instrument {
            instrument: instrument.clone(),
            channel: Channel::Candles(interval),
        };
        let frame = Frame {
            text: message::candle(&topic, candle, revision, closed),
            published: Instant::now(),
        };
        self.deliver(&mut state.subscribers, |mailbox| {
            mailbox.put_candle(&topic, candle.open_time, closed, &frame)
        });
    }

    /// Tells the subscribers of an instrument's forecasts about those that rest on one candle.
    pub fn publish_forecasts(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        forecasts: &[LiveForecast],
    ) {
        let Some(open_time) = forecasts.first().map(|live| live.forecast.open_time) else {
            return;
        };
        add(&self.counters.forecasts, forecasts.len() as u64);
        metrics::counter!("coinsphere_push_forecasts_total").increment(forecasts.len() as u64);
        if let Some(others) = self.others[RelayChannel::Forecasts as usize].get() {
            others.put(Piece::Forecasts(
                instrument.clone(),
                interval,
                forecasts.to_vec(),
            ));
        }
        let topic = Topic::Instrument {
            instrument: instrument.clone(),
            channel: Channel::Forecasts(interval),
        };
        let frame = Frame {
            text: message::forecasts(&topic, forecasts),
            published: Instant::now(),
        };
        let mut shard = self.shard(instrument);
        let topics = shard.entry(instrument.clone()).or_default();
        let state = &mut topics.forecasts[place(interval)];
        let newer = |(newest, _): &(Timestamp, Frame)| *newest <= open_time;
        if state.newest.as_ref().is_none_or(newer) {
            state.newest = Some((open_time, frame.clone()));
        }
        self.deliver(&mut state.subscribers, |mailbox| {
            mailbox.put_candle(&topic, open_time, true, &frame)
        });
    }

    /// Price and time of the newest trade published of this instrument.
    #[must_use]
    pub fn last_trade(&self, instrument: &InstrumentKey) -> Option<LastTrade> {
        self.shard(instrument).get(instrument)?.last_trade
    }

    pub(super) const fn traded(&self) -> &Traded {
        &self.traded
    }

    pub(super) const fn portfolios(&self) -> &PortfolioTopics {
        &self.portfolios
    }

    pub(super) const fn alerts(&self) -> &AlertTopics {
        &self.alerts
    }

    /// The newest candle published of this instrument and length.
    #[must_use]
    pub fn newest_candle(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
    ) -> Option<LiveCandle> {
        let shard = self.shard(instrument);
        shard.get(instrument)?.candles[place(interval)]
            .newest
            .clone()
    }

    /// Takes in a client; `None` when there are as many as there may be, or the hub is closing.
    #[must_use]
    pub fn connect(self: &Arc<Self>) -> Option<Client> {
        let mut clients = self.clients();
        if clients.len() >= self.limits.clients || self.closing.load(Ordering::SeqCst) {
            drop(clients);
            add(&self.counters.refused, 1);
            metrics::counter!("coinsphere_push_refused_total").increment(1);
            return None;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::new(Mailbox::new(id, self.limits.queue, self.limits.queue_bytes));
        clients.insert(id, Arc::clone(&mailbox));
        self.counters
            .clients
            .store(clients.len() as u64, Ordering::Relaxed);
        metrics::gauge!("coinsphere_push_clients").set(clients.len() as f64);
        Some(Client::new(Arc::clone(self), mailbox))
    }

    /// Closes every client, and takes in no more: the program is stopping.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        for mailbox in self.clients().values() {
            mailbox.close(Closed::GoingAway);
        }
    }

    /// Closes every client: messages were lost on the way to this process. They may connect again.
    pub fn interrupt(&self) {
        metrics::counter!("coinsphere_push_interrupted_total").increment(1);
        for mailbox in self.clients().values() {
            mailbox.close(Closed::Interrupted);
        }
    }

    /// Tells other processes on the channel through this outlet; the first one stays.
    pub(super) fn tell_others(&self, channel: RelayChannel, outlet: Outlet) {
        let _ = self.others[channel as usize].set(outlet);
    }

    /// The hub's state.
    #[must_use]
    pub fn state(&self) -> PushState {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PushState {
            clients: read(&self.counters.clients),
            subscriptions: read(&self.counters.subscriptions),
            trades: read(&self.counters.trades),
            candles: read(&self.counters.candles),
            forecasts: read(&self.counters.forecasts),
            messages: read(&self.counters.messages),
            coalesced: read(&self.counters.coalesced),
            too_slow: read(&self.counters.too_slow),
            refused: read(&self.counters.refused),
        }
    }

    pub(super) fn knows(&self, instrument: &InstrumentKey) -> bool {
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
        let is_listed = listed
            .as_ref()
            .is_none_or(|listed| listed.contains(instrument));
        drop(listed);
        is_listed || {
            let shard = self.shard(instrument);
            let topics = shard.get(instrument);
            topics.is_some_and(|topics| {
                topics.candles.iter().any(|c| c.newest.is_some())
                    || topics.forecasts.iter().any(|f| f.newest.is_some())
            })
        }
    }

    pub(super) fn add(
        &self,
        topic: &Topic,
        (instrument, channel): (&InstrumentKey, Channel),
        mailbox: &Arc<Mailbox>,
    ) {
        let mut shard = self.shard(instrument);
        let topics = shard.entry(instrument.clone()).or_default();
        topics.subscribers(channel).0.push(Arc::clone(mailbox));
        if let Channel::Candles(interval) = channel
            && let Some(newest) = &topics.candles[place(interval)].newest
        {
            let LiveCandle {
                candle,
                revision,
                closed,
            } = newest;
            let frame = Frame {
                text: message::candle(topic, candle, *revision, *closed),
                published: Instant::now(),
            };
            mailbox.put_candle(topic, candle.open_time, *closed, &frame);
            add(&self.counters.messages, 1);
        }
        if let Channel::Forecasts(interval) = channel
            && let Some((open_time, frame)) = &topics.forecasts[place(interval)].newest
        {
            mailbox.put_candle(topic, *open_time, true, frame);
            add(&self.counters.messages, 1);
        }
    }

    /// Counts what clients have subscribed to, or no longer.
    pub(super) fn count_subscriptions(&self, change: i8) {
        let by = u64::from(change.unsigned_abs());
        let gauge = metrics::gauge!("coinsphere_push_subscriptions");
        if change > 0 {
            add(&self.counters.subscriptions, by);
            gauge.increment(f64::from(change));
        } else {
            self.counters.subscriptions.fetch_sub(by, Ordering::Relaxed);
            gauge.decrement(-f64::from(change));
        }
    }

    pub(super) fn remove(&self, topic: &Topic, mailbox: &Mailbox) {
        match topic {
            Topic::Portfolio(id) => self.portfolios.remove(*id, mailbox),
            Topic::Alerts(Some(user)) => self.alerts.remove(*user, mailbox),
            Topic::Alerts(None) => {}
            Topic::Instrument {
                instrument,
                channel,
            } => {
                let mut shard = self.shard(instrument);
                if let Some(topics) = shard.get_mut(instrument) {
                    let subscribers = &mut topics.subscribers(*channel).0;
                    subscribers.retain(|other| other.id != mailbox.id);
                    if topics.is_idle() {
                        shard.remove(instrument);
                    }
                }
            }
        }
        self.count_subscriptions(-1);
    }

    pub(super) fn left(&self, mailbox: &Mailbox) {
        let mut clients = self.clients();
        clients.remove(&mailbox.id);
        self.counters
            .clients
            .store(clients.len() as u64, Ordering::Relaxed);
        metrics::gauge!("coinsphere_push_clients").set(clients.len() as f64);
    }

    /// Puts a message into every subscriber's mailbox and forgets subscribers that were closed.
    pub(super) fn deliver(&self, subscribers: &mut Subscribers, put: impl Fn(&Mailbox) -> Put) {
        let (mut messages, mut coalesced) = (0, 0);
        subscribers.0.retain(|mailbox| match put(mailbox) {
            Put::Queued => {
                messages += 1;
                true
            }
            Put::Coalesced => {
                messages += 1;
                coalesced += 1;
                true
            }
            Put::Overflowed => {
                add(&self.counters.too_slow, 1);
                metrics::counter!("coinsphere_push_too_slow_total").increment(1);
                false
            }
            Put::Closed => false,
        });
        add(&self.counters.messages, messages);
        add(&self.counters.coalesced, coalesced);
        metrics::counter!("coinsphere_push_messages_total").increment(messages);
        metrics::counter!("coinsphere_push_coalesced_total").increment(coalesced);
    }

    fn shard(&self, instrument: &InstrumentKey) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(instrument) as usize % SHARDS;
        // Nothing panics while holding the lock half-way through a change.
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Arc<Mailbox>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
