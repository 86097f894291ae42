//! Push fan-out between processes: the process that builds candles tells, over shared state, what it
//! hands to its hub; a process that only serves clients hears it and hands it to its own. It knows
//! the hub and shared state, nothing of sockets.
//!
//! Messages are numbered, so that one which was lost on the way is noticed: then clients are closed
//! rather than left with a hole that they cannot see.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use coinsphere_pipelines::market::{
    Candle, InstrumentKey, Interval, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
};
use coinsphere_pipelines::shared_state::{Heard, SharedState};
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::PushHub;

/// The channel of shared state.
const CHANNEL: &str = "push";

/// The form of the messages; others are not understood.
const VERSION: u32 = 1;

/// What may wait to be told; more is dropped and counted, and noticed by who hears the rest.
const QUEUE: usize = 4_096;

/// What goes into one message at most; trades of one piece are split before.
const PIECES: usize = 128;
const TRADES: usize = 512;

/// Processes whose numbering is remembered.
const ORIGINS: usize = 64;

/// What the hub was handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Trades(InstrumentKey, Vec<Trade>),
    Candle {
        instrument: InstrumentKey,
        interval: Interval,
        candle: Candle,
        revision: u32,
        closed: bool,
    },
}

/// Where the hub puts what is to be told to other processes; never waits.
#[derive(Debug)]
pub(super) struct Outlet(mpsc::Sender<Piece>);

impl Outlet {
    pub(super) fn trades(&self, instrument: &InstrumentKey, trades: &[Trade]) {
        for chunk in trades.chunks(TRADES) {
            self.put(Piece::Trades(instrument.clone(), chunk.to_vec()));
        }
    }

    pub(super) fn put(&self, piece: Piece) {
        if self.0.try_send(piece).is_err() {
            lost();
        }
    }
}

fn lost() {
    metrics::counter!("coinsphere_push_dropped_total", "edge" => "relay").increment(1);
}

/// Tells other processes what this hub is handed from now on, until the task is aborted. Once per
/// hub; a second call does nothing but wait.
pub async fn tell(hub: Arc<PushHub>, shared: Arc<dyn SharedState>) {
    let (sender, mut queue) = mpsc::channel(QUEUE);
    hub.tell_others(Outlet(sender));
    drop(hub);
    let origin = Uuid::new_v4();
    let mut number = 0;
    let mut pieces = Vec::with_capacity(PIECES);
    while queue.recv_many(&mut pieces, PIECES).await > 0 {
        // Counted whether it arrives or not: that is how a loss is noticed.
        number += 1;
        let message = encode(origin, number, &pieces);
        pieces.clear();
        if shared.publish(CHANNEL, message).await.is_err() {
            lost();
        }
    }
}

/// Hands this hub what other processes tell, until the task is aborted.
pub async fn hear(hub: Arc<PushHub>, shared: Arc<dyn SharedState>) {
    let Ok(mut subscription) = shared.subscribe(CHANNEL).await else {
        return;
    };
    let mut newest: HashMap<Uuid, u64> = HashMap::new();
    while let Some(heard) = subscription.next().await {
        let message = match heard {
            Heard::Hole => {
                newest.clear();
                hub.interrupt();
                continue;
            }
            Heard::Message(message) => message,
        };
        let Some((origin, number, pieces)) = decode(&message) else {
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "foreign").increment(1);
            continue;
        };
        if newest.len() >= ORIGINS && !newest.contains_key(&origin) {
            newest.clear();
        }
        let before = newest.insert(origin, number);
        if before.is_some_and(|before| before + 1 != number) {
            hub.interrupt();
        }
        for piece in pieces {
            match piece {
                Piece::Trades(instrument, trades) => hub.publish_trades(&instrument, &trades),
                Piece::Candle {
                    instrument,
                    interval,
                    candle,
                    revision,
                    closed,
                } => hub.publish_candle(&instrument, interval, &candle, revision, closed),
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Message {
    version: u32,
    origin: Uuid,
    number: u64,
    pieces: Vec<WirePiece>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WirePiece {
    Trades(String, Vec<WireTrade>),
    Candle(String, WireCandle),
}

/// Id, time in nanoseconds, price, quantity, whether the taker bought.
#[derive(Serialize, Deserialize)]
struct WireTrade(u64, i64, Decimal, Decimal, bool);

#[derive(Serialize, Deserialize)]
struct WireCandle {
    interval: String,
    open_time: i64,
    prices: [Decimal; 4],
    volumes: [Decimal; 3],
    trades: u64,
    complete: bool,
    revision: u32,
    closed: bool,
}

fn encode(origin: Uuid, number: u64, pieces: &[Piece]) -> Bytes {
    let message = Message {
        version: VERSION,
        origin,
        number,
        pieces: pieces.iter().map(WirePiece::from).collect(),
    };
    // Strings, numbers and lists of them under string keys: always JSON.
    serde_json::to_vec(&message)
        .expect("a message of strings and numbers is always JSON")
        .into()
}

fn decode(message: &[u8]) -> Option<(Uuid, u64, Vec<Piece>)> {
    let message: Message = serde_json::from_slice(message).ok()?;
    let pieces = message.pieces.into_iter().map(WirePiece::read);
    (message.version == VERSION)
        .then(|| pieces.collect::<Option<Vec<_>>>())
        .flatten()
        .map(|pieces| (message.origin, message.number, pieces))
}

impl From<&Piece> for WirePiece {
    fn from(piece: &Piece) -> Self {
        match piece {
            Piece::Trades(instrument, trades) => {
                let trade = |trade: &Trade| {
                    WireTrade(
                        trade.id.0,
                        trade.time.nanos(),
                        trade.price.get(),
                        trade.quantity.get(),
                        trade.taker == TakerSide::Buy,
                    )
                };
                Self::Trades(instrument.to_string(), trades.iter().map(trade).collect())
            }
            Piece::Candle {
                instrument,
                interval,
                candle,
                revision,
                closed,
            } => Self::Candle(
                instrument.to_string(),
                WireCandle {
                    interval: interval.to_string(),
                    open_time: candle.open_time.nanos(),
                    prices: [candle.open, candle.high, candle.low, candle.close],
                    volumes: [candle.volume, candle.quote_volume, candle.taker_buy_volume],
                    trades: candle.trades,
                    complete: candle.complete,
                    revision: *revision,
                    closed: *closed,
                },
            ),
        }
    }
}

impl WirePiece {
    fn read(self) -> Option<Piece> {
        Some(match self {
            Self::Trades(instrument, trades) => {
                let trades = trades.into_iter().map(WireTrade::read);
                Piece::Trades(key(&instrument)?, trades.collect::<Option<_>>()?)
            }
            Self::Candle(instrument, wire) => {
                let [open, high, low, close] = wire.prices;
                let [volume, quote_volume, taker_buy_volume] = wire.volumes;
                Piece::Candle {
                    instrument: key(&instrument)?,
                    interval: wire.interval.parse().ok()?,
                    candle: Candle {
                        open_time: Timestamp::from_nanos(wire.open_time),
                        open,
                        high,
                        low,
                        close,
                        volume,
                        quote_volume,
                        trades: wire.trades,
                        taker_buy_volume,
                        complete: wire.complete,
                    },
                    revision: wire.revision,
                    closed: wire.closed,
                }
            }
        })
    }
}

impl WireTrade {
    fn read(self) -> Option<Trade> {
        let Self(id, time, price, quantity, bought) = self;
        Some(Trade {
            id: TradeId(id),
            time: Timestamp::from_nanos(time),
            price: Price::new(price).ok()?,
            quantity: Quantity::new(quantity).ok()?,
            taker: if bought {
                TakerSide::Buy
            } else {
                TakerSide::Sell
            },
        })
    }
}

/// `venue:symbol`, of a venue that this program knows.
fn key(text: &str) -> Option<InstrumentKey> {
    let (venue, symbol) = text.split_once(':')?;
    Some(InstrumentKey::new(
        venues::named(venue)?,
        Symbol::new(symbol).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use coinsphere_pipelines::clock::SystemClock;
    use coinsphere_pipelines::shared_state::InProcess;

    use super::super::{Closed, Frame, PushLimits};
    use super::*;

    fn btc() -> InstrumentKey {
        key("kraken:BTC/USD").unwrap()
    }

    fn trade(id: u64) -> Trade {
        Trade {
            id: TradeId(id),
            time: Timestamp::from_nanos(1_723_161_255_342_123_456),
            price: Price::parse("0.000000001234567890123456789").unwrap(),
            quantity: Quantity::parse("12345678.9").unwrap(),
            taker: TakerSide::Buy,
        }
    }

    fn candle() -> Candle {
        Candle {
            open_time: Timestamp::from_seconds(1_723_161_240).unwrap(),
            open: "1.10".parse().unwrap(),
            high: "4".parse().unwrap(),
            low: "1".parse().unwrap(),
            close: "3".parse().unwrap(),
            volume: "1.5".parse().unwrap(),
            quote_volume: "2.5".parse().unwrap(),
            trades: 7,
            taker_buy_volume: "0.1".parse().unwrap(),
            complete: true,
        }
    }

    fn shared() -> Arc<dyn SharedState> {
        InProcess::new(SystemClock::shared(), Default::default())
    }

    #[test]
    fn what_is_told_arrives_exactly() {
        let pieces = vec![
            Piece::Trades(btc(), vec![trade(1), trade(u64::MAX)]),
            Piece::Candle {
                instrument: btc(),
                interval: Interval::Hour4,
                candle: candle(),
                revision: 3,
                closed: true,
            },
        ];
        let origin = Uuid::new_v4();
        let message = encode(origin, 9, &pieces);
        assert_eq!(decode(&message), Some((origin, 9, pieces)));
        let other = String::from_utf8(message.to_vec())
            .unwrap()
            .replace("\"version\":1", "\"version\":2");
        assert_eq!(decode(other.as_bytes()), None);
        assert_eq!(decode(b"{}"), None);
    }

    async fn received(client: &super::super::Client) -> Vec<Frame> {
        let mut frames = Vec::new();
        while frames.is_empty() {
            client.changed().await;
            client.take(&mut frames, usize::MAX).unwrap();
        }
        frames
    }

    #[tokio::test]
    async fn clients_of_another_process_hear_the_same() {
        let shared = shared();
        let hubs = [(); 2].map(|()| PushHub::new(PushLimits::default()));
        hubs[1].list([btc()]);
        let hearing = tokio::spawn(hear(Arc::clone(&hubs[1]), Arc::clone(&shared)));
        let telling = tokio::spawn(tell(Arc::clone(&hubs[0]), Arc::clone(&shared)));
        let mut clients = hubs.clone().map(|hub| hub.connect().unwrap());
        for client in &mut clients {
            client
                .subscribe(&"trades:kraken:BTC/USD".parse().unwrap())
                .unwrap();
        }
        // Both tasks are at work once something has come through.
        tokio::time::timeout(std::time::Duration::from_secs(10), async {
            while hubs[1].state().trades == 0 {
                hubs[0].publish_trades(&btc(), &[trade(1)]);
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let [here, there] = [received(&clients[0]).await, received(&clients[1]).await];
        assert_eq!(here[0].text, there[0].text);
        hubs[0].publish_candle(&btc(), Interval::Minute1, &candle(), 0, true);
        tokio::time::timeout(std::time::Duration::from_secs(10), async {
            while hubs[1].newest_candle(&btc(), Interval::Minute1).is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        assert_eq!(
            hubs[1].newest_candle(&btc(), Interval::Minute1),
            hubs[0].newest_candle(&btc(), Interval::Minute1)
        );
        hearing.abort();
        telling.abort();
    }

    #[tokio::test]
    async fn a_lost_message_ends_streams_rather_than_leaving_a_hole() {
        let shared = shared();
        let hub = PushHub::new(PushLimits::default());
        let hearing = tokio::spawn(hear(Arc::clone(&hub), Arc::clone(&shared)));
        let client = hub.connect().unwrap();
        let origin = Uuid::new_v4();
        let piece = [Piece::Trades(btc(), vec![trade(1)])];
        tokio::time::timeout(std::time::Duration::from_secs(10), async {
            let mut number = 0;
            while hub.state().trades < 2 {
                number += 1;
                let message = encode(origin, number, &piece);
                shared.publish(CHANNEL, message).await.unwrap();
                tokio::task::yield_now().await;
            }
            let mut frames = Vec::new();
            assert_eq!(client.take(&mut frames, 1), Ok(()), "nothing was lost yet");
            let message = encode(origin, number + 2, &piece);
            shared.publish(CHANNEL, message).await.unwrap();
            assert_eq!(client.closed().await, Closed::Interrupted);
        })
        .await
        .unwrap();
        hearing.abort();
    }
}
