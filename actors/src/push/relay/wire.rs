//! The messages of the relay: JSON, with every number exact.

use bytes::Bytes;
use coinsphere_pipelines::market::{
    Candle, InstrumentKey, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
};
use coinsphere_pipelines::store::{Forecast, PriceRange};
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Piece;
use crate::push::LiveForecast;

/// The form of the messages; others are not understood.
const VERSION: u32 = 3;

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
    Forecasts(String, String, Vec<WireForecast>),
}

/// Id, time in nanoseconds, price, quantity, whether the taker bought.
#[derive(Serialize, Deserialize)]
struct WireTrade(u64, i64, Decimal, Decimal, bool);

#[derive(Serialize, Deserialize)]
struct WireCandle {
    interval: String,
    candle: Candle,
    revision: u32,
    closed: bool,
}

#[derive(Serialize, Deserialize)]
struct WireForecast {
    token: String,
    close_time: i64,
    horizon: u32,
    open_time: i64,
    target_time: i64,
    model: String,
    method: String,
    base_price: Decimal,
    expected_return: f64,
    price: Decimal,
    ranges: Option<[(Decimal, Decimal); 3]>,
    made_at: i64,
    has_skill: bool,
}

pub(super) fn encode(origin: Uuid, number: u64, pieces: &[Piece]) -> Bytes {
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

pub(super) fn decode(message: &[u8]) -> Option<(Uuid, u64, Vec<Piece>)> {
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
                    candle: candle.clone(),
                    revision: *revision,
                    closed: *closed,
                },
            ),
            Piece::Forecasts(instrument, interval, forecasts) => Self::Forecasts(
                instrument.to_string(),
                interval.to_string(),
                forecasts.iter().map(WireForecast::from).collect(),
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
            Self::Candle(instrument, wire) => Piece::Candle {
                instrument: key(&instrument)?,
                interval: wire.interval.parse().ok()?,
                candle: wire.candle,
                revision: wire.revision,
                closed: wire.closed,
            },
            Self::Forecasts(instrument, interval, forecasts) => Piece::Forecasts(
                key(&instrument)?,
                interval.parse().ok()?,
                forecasts.into_iter().map(WireForecast::read).collect(),
            ),
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

impl From<&LiveForecast> for WireForecast {
    fn from(live: &LiveForecast) -> Self {
        let forecast = &live.forecast;
        Self {
            token: live.token.clone(),
            close_time: live.close_time.nanos(),
            horizon: forecast.horizon,
            open_time: forecast.open_time.nanos(),
            target_time: forecast.target_time.nanos(),
            model: forecast.model.clone(),
            method: forecast.method.clone(),
            base_price: forecast.base_price,
            expected_return: forecast.expected_return,
            price: forecast.price,
            ranges: forecast
                .ranges
                .map(|ranges| ranges.map(|range| (range.low, range.high))),
            made_at: forecast.made_at.nanos(),
            has_skill: live.has_skill,
        }
    }
}

impl WireForecast {
    fn read(self) -> LiveForecast {
        LiveForecast {
            token: self.token,
            close_time: Timestamp::from_nanos(self.close_time),
            forecast: Forecast {
                horizon: self.horizon,
                open_time: Timestamp::from_nanos(self.open_time),
                target_time: Timestamp::from_nanos(self.target_time),
                model: self.model,
                method: self.method,
                base_price: self.base_price,
                expected_return: self.expected_return,
                price: self.price,
                ranges: self
                    .ranges
                    .map(|ranges| ranges.map(|(low, high)| PriceRange { low, high })),
                made_at: Timestamp::from_nanos(self.made_at),
            },
            has_skill: self.has_skill,
        }
    }
}

/// `venue:symbol`, of a venue that this program knows.
pub(super) fn key(text: &str) -> Option<InstrumentKey> {
    let (venue, symbol) = text.split_once(':')?;
    Some(InstrumentKey::new(
        venues::named(venue)?,
        Symbol::new(symbol).ok()?,
    ))
}
