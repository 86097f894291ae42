//! The messages' JSON, as `docs/stream.md` specifies it.

use std::fmt::Display;

use bytes::Bytes;
use coinsphere_pipelines::market::{Candle, CandleJson, TakerSide, Timestamp, Trade};
use serde::{Serialize, Serializer};

use super::Topic;
use super::forecast::{LEVELS, LiveForecast, horizon_name};

/// Trades of one message at most, so that a burst does not become one enormous message.
pub(super) const TRADES_PER_MESSAGE: usize = 256;

#[derive(Serialize)]
struct TradesMessage<'a> {
    r#type: &'static str,
    topic: &'a Topic,
    data: Vec<TradeBody>,
}

#[derive(Serialize)]
struct TradeBody {
    id: u64,
    time: Timestamp,
    #[serde(serialize_with = "text")]
    price: coinsphere_pipelines::market::Price,
    #[serde(serialize_with = "text")]
    quantity: coinsphere_pipelines::market::Quantity,
    taker_side: TakerSide,
}

#[derive(Serialize)]
struct CandleMessage<'a> {
    r#type: &'static str,
    topic: &'a Topic,
    closed: bool,
    data: CandleJson<'a>,
}

#[derive(Serialize)]
struct ForecastMessage<'a> {
    r#type: &'static str,
    topic: &'a Topic,
    data: &'a [ForecastBody<'a>],
}

#[derive(Serialize)]
struct ForecastBody<'a> {
    token: &'a str,
    horizon: String,
    open_time: Timestamp,
    target_time: Timestamp,
    made_at: Timestamp,
    model: &'a str,
    method: &'a str,
    base_price: String,
    price: String,
    expected_return: f64,
    intervals: Vec<IntervalBody>,
    has_skill: bool,
}

#[derive(Serialize)]
struct IntervalBody {
    level: u8,
    low: String,
    high: String,
}

#[derive(Serialize)]
struct SkippedMessage<'a> {
    r#type: &'static str,
    topic: &'a Topic,
    skipped: u64,
}

#[derive(Serialize)]
struct PortfolioMessage<'a, D> {
    r#type: &'static str,
    topic: &'a Topic,
    data: &'a D,
}

#[derive(Serialize)]
struct AlertMessage<'a, D> {
    r#type: &'static str,
    topic: &'a Topic,
    data: &'a D,
}

#[derive(Serialize)]
struct EndedMessage<'a> {
    r#type: &'static str,
    topic: &'a Topic,
}

fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn trades(topic: &Topic, trades: &[Trade]) -> Bytes {
    let data = trades.iter().map(|trade| TradeBody {
        id: trade.id.0,
        time: trade.time,
        price: trade.price,
        quantity: trade.quantity,
        taker_side: trade.taker,
    });
    json(&TradesMessage {
        r#type: "trades",
        topic,
        data: data.collect(),
    })
}

pub(super) fn candle(topic: &Topic, candle: &Candle, revision: u32, closed: bool) -> Bytes {
    json(&CandleMessage {
        r#type: "candle",
        topic,
        closed,
        data: CandleJson {
            candle,
            revision,
            closed,
        },
    })
}

pub(super) fn forecasts(topic: &Topic, forecasts: &[LiveForecast]) -> Bytes {
    let data: Vec<ForecastBody<'_>> = forecasts
        .iter()
        .map(|live| {
            let forecast = &live.forecast;
            let ranges = forecast.ranges.iter().flatten();
            let price = |price: rust_decimal::Decimal| price.normalize().to_string();
            ForecastBody {
                token: &live.token,
                horizon: horizon_name(forecast.target_time.since(live.close_time)),
                open_time: forecast.open_time,
                target_time: forecast.target_time,
                made_at: forecast.made_at,
                model: &forecast.model,
                method: &forecast.method,
                base_price: price(forecast.base_price),
                price: price(forecast.price),
                expected_return: forecast.expected_return,
                intervals: LEVELS
                    .into_iter()
                    .zip(ranges)
                    .map(|(level, range)| IntervalBody {
                        level,
                        low: price(range.low),
                        high: price(range.high),
                    })
                    .collect(),
                has_skill: live.has_skill,
            }
        })
        .collect();
    json(&ForecastMessage {
        r#type: "forecasts",
        topic,
        data: &data,
    })
}

pub(super) fn skipped(topic: &Topic, skipped: u64) -> Bytes {
    json(&SkippedMessage {
        r#type: "skipped",
        topic,
        skipped,
    })
}

/// `data` holds strings, numbers and booleans under string keys.
pub(super) fn alert(topic: &Topic, data: &impl Serialize) -> Bytes {
    json(&AlertMessage {
        r#type: "alert",
        topic,
        data,
    })
}

pub(super) fn portfolio(topic: &Topic, data: &impl Serialize) -> Bytes {
    json(&PortfolioMessage {
        r#type: "portfolio",
        topic,
        data,
    })
}

pub(super) fn ended(topic: &Topic) -> Bytes {
    json(&EndedMessage {
        r#type: "ended",
        topic,
    })
}

fn json(message: &impl Serialize) -> Bytes {
    // These types hold only strings, numbers and booleans under string keys: always JSON.
    serde_json::to_vec(message)
        .expect("a message of strings and numbers is always JSON")
        .into()
}
