//! The log's encoding: Protobuf, described for other programs in `docs/event-log.proto`.
//!
//! Trades are stored in columns, ids and times as differences and decimals as integers at a common
//! scale, which is several times smaller and faster to read than a message a trade. A column whose
//! numbers do not fit is stored as text instead, so no value is ever rounded.

use prost::Message;
use rust_decimal::Decimal;

use super::{Body, ConnectionId, DisconnectReason, InstrumentTrades, Record};
use crate::market::{
    ImpossibleValue, Price, Quantity, Symbol, SymbolError, TakerSide, Timestamp, Trade, TradeId,
    parse_exact,
};
use crate::venues;

/// The version this program writes. Readers refuse a newer one.
const VERSION: u32 = 1;

/// Bytes from the log that are no record.
#[derive(Debug, thiserror::Error)]
pub enum DecodeRecordError {
    /// Not Protobuf of this shape.
    #[error("record is not valid protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Written by a newer program.
    #[error("record has version {0}, this program reads up to {VERSION}: update coinsphere")]
    Version(u32),
    /// Of a venue this program does not have.
    #[error("record is of the unknown venue {0:?}")]
    Venue(String),
    /// A symbol no venue has.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// A price or quantity no trade can have.
    #[error(transparent)]
    Value(#[from] ImpossibleValue),
    /// Columns of different lengths, or a missing part.
    #[error("record is incomplete: {0}")]
    Incomplete(&'static str),
}

#[derive(Clone, PartialEq, Message)]
struct WireRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    venue: String,
    #[prost(fixed64, tag = "3")]
    connection: u64,
    #[prost(sfixed64, tag = "4")]
    received_at_ns: i64,
    #[prost(oneof = "WireBody", tags = "5, 6, 7, 8, 9, 10")]
    body: Option<WireBody>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum WireBody {
    #[prost(message, tag = "5")]
    Trades(WireTrades),
    #[prost(message, tag = "6")]
    Subscribed(WireSubscribed),
    #[prost(message, tag = "7")]
    Disconnected(WireDisconnected),
    #[prost(message, tag = "8")]
    Heartbeat(WireHeartbeat),
    #[prost(message, tag = "9")]
    Tick(WireTick),
    #[prost(message, tag = "10")]
    Refused(WireRefused),
}

#[derive(Clone, PartialEq, Message)]
struct WireTrades {
    #[prost(message, repeated, tag = "1")]
    instruments: Vec<WireInstrumentTrades>,
}

#[derive(Clone, PartialEq, Message)]
struct WireInstrumentTrades {
    #[prost(string, tag = "1")]
    symbol: String,
    /// The first id, then each id less the one before (wrapping).
    #[prost(sint64, repeated, tag = "2")]
    id_steps: Vec<i64>,
    /// The first time in ns since the epoch, then each less the one before (wrapping).
    #[prost(sint64, repeated, tag = "3")]
    time_steps: Vec<i64>,
    #[prost(message, optional, tag = "4")]
    prices: Option<WireDecimals>,
    #[prost(message, optional, tag = "5")]
    quantities: Option<WireDecimals>,
    /// True where the taker bought.
    #[prost(bool, repeated, tag = "6")]
    taker_bought: Vec<bool>,
}

/// `unscaled[i] / 10^scale`, or, where one does not fit, all as text.
#[derive(Clone, PartialEq, Message)]
struct WireDecimals {
    #[prost(uint32, tag = "1")]
    scale: u32,
    #[prost(sint64, repeated, tag = "2")]
    unscaled: Vec<i64>,
    #[prost(string, repeated, tag = "3")]
    text: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct WireSubscribed {
    #[prost(string, repeated, tag = "1")]
    symbols: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct WireDisconnected {
    #[prost(enumeration = "WireReason", tag = "1")]
    reason: i32,
    #[prost(sfixed64, tag = "2")]
    last_frame_at_ns: i64,
}

#[derive(Clone, PartialEq, Message)]
struct WireHeartbeat {
    #[prost(string, tag = "1")]
    symbol: String,
    #[prost(uint64, tag = "2")]
    last_trade_id: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireTick {}

#[derive(Clone, PartialEq, Message)]
struct WireRefused {
    #[prost(string, tag = "1")]
    symbol: String,
    #[prost(string, tag = "2")]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum WireReason {
    Lost = 0,
    Silence = 1,
    Renewed = 2,
    Shutdown = 3,
    LogFull = 4,
    EndOfFile = 5,
}

/// Encodes a record.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let body = match &record.body {
        Body::Trades(batches) => WireBody::Trades(WireTrades {
            instruments: batches.iter().map(encode_trades).collect(),
        }),
        Body::Subscribed(symbols) => WireBody::Subscribed(WireSubscribed {
            symbols: symbols.iter().map(Symbol::to_string).collect(),
        }),
        Body::Disconnected {
            reason,
            last_frame_at,
        } => WireBody::Disconnected(WireDisconnected {
            reason: encode_reason(*reason) as i32,
            last_frame_at_ns: last_frame_at.nanos(),
        }),
        Body::Heartbeat { symbol, last_trade } => WireBody::Heartbeat(WireHeartbeat {
            symbol: symbol.to_string(),
            last_trade_id: last_trade.0,
        }),
        Body::Tick => WireBody::Tick(WireTick {}),
        Body::Refused { symbol, reason } => WireBody::Refused(WireRefused {
            symbol: symbol.to_string(),
            reason: reason.clone(),
        }),
    };
    WireRecord {
        version: VERSION,
        venue: record.venue.name().to_owned(),
        connection: record.connection.0,
        received_at_ns: record.received_at.nanos(),
        body: Some(body),
    }
    .encode_to_vec()
}

/// Decodes a record.
///
/// # Errors
/// When the bytes are no record, or one this program cannot hold.
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeRecordError> {
    let wire = WireRecord::decode(bytes)?;
    if wire.version > VERSION {
        return Err(DecodeRecordError::Version(wire.version));
    }
    let venue =
        venues::named(&wire.venue).ok_or_else(|| DecodeRecordError::Venue(wire.venue.clone()))?;
    let body = match wire.body.ok_or(DecodeRecordError::Incomplete("no body"))? {
        WireBody::Trades(trades) => Body::Trades(
            trades
                .instruments
                .into_iter()
                .map(decode_trades)
                .collect::<Result<_, _>>()?,
        ),
        WireBody::Subscribed(subscribed) => Body::Subscribed(
            subscribed
                .symbols
                .iter()
                .map(|s| Symbol::new(s))
                .collect::<Result<_, _>>()?,
        ),
        WireBody::Disconnected(disconnected) => Body::Disconnected {
            reason: decode_reason(disconnected.reason),
            last_frame_at: Timestamp::from_nanos(disconnected.last_frame_at_ns),
        },
        WireBody::Heartbeat(heartbeat) => Body::Heartbeat {
            symbol: Symbol::new(&heartbeat.symbol)?,
            last_trade: TradeId(heartbeat.last_trade_id),
        },
        WireBody::Tick(WireTick {}) => Body::Tick,
        WireBody::Refused(refused) => Body::Refused {
            symbol: Symbol::new(&refused.symbol)?,
            reason: refused.reason,
        },
    };
    Ok(Record {
        venue,
        connection: ConnectionId(wire.connection),
        received_at: Timestamp::from_nanos(wire.received_at_ns),
        body,
    })
}

fn encode_trades(batch: &InstrumentTrades) -> WireInstrumentTrades {
    let trades = &batch.trades;
    let (mut last_id, mut last_time) = (0_u64, 0_i64);
    let mut id_steps = Vec::with_capacity(trades.len());
    let mut time_steps = Vec::with_capacity(trades.len());
    for trade in trades {
        id_steps.push(trade.id.0.wrapping_sub(last_id).cast_signed());
        time_steps.push(trade.time.nanos().wrapping_sub(last_time));
        last_id = trade.id.0;
        last_time = trade.time.nanos();
    }
    WireInstrumentTrades {
        symbol: batch.symbol.to_string(),
        id_steps,
        time_steps,
        prices: Some(encode_decimals(trades, |trade| trade.price.get())),
        quantities: Some(encode_decimals(trades, |trade| trade.quantity.get())),
        taker_bought: trades
            .iter()
            .map(|trade| trade.taker == TakerSide::Buy)
            .collect(),
    }
}

fn decode_trades(wire: WireInstrumentTrades) -> Result<InstrumentTrades, DecodeRecordError> {
    let count = wire.id_steps.len();
    let prices = wire
        .prices
        .ok_or(DecodeRecordError::Incomplete("no prices"))?;
    let quantities = wire
        .quantities
        .ok_or(DecodeRecordError::Incomplete("no quantities"))?;
    let columns = [
        wire.time_steps.len(),
        prices.len(),
        quantities.len(),
        wire.taker_bought.len(),
    ];
    if columns.iter().any(|&length| length != count) {
        return Err(DecodeRecordError::Incomplete(
            "columns of different lengths",
        ));
    }
    let (mut id, mut time) = (0_u64, 0_i64);
    let mut trades = Vec::with_capacity(count);
    for i in 0..count {
        id = id.wrapping_add(wire.id_steps[i].cast_unsigned());
        time = time.wrapping_add(wire.time_steps[i]);
        trades.push(Trade {
            id: TradeId(id),
            time: Timestamp::from_nanos(time),
            price: prices.get(i).and_then(|value| Ok(Price::new(value)?))?,
            quantity: quantities
                .get(i)
                .and_then(|value| Ok(Quantity::new(value)?))?,
            taker: if wire.taker_bought[i] {
                TakerSide::Buy
            } else {
                TakerSide::Sell
            },
        });
    }
    Ok(InstrumentTrades {
        symbol: Symbol::new(&wire.symbol)?,
        trades,
    })
}

fn encode_decimals(trades: &[Trade], value: impl Fn(&Trade) -> Decimal) -> WireDecimals {
    let scale = trades
        .iter()
        .map(|trade| value(trade).scale())
        .max()
        .unwrap_or(0);
    let unscaled: Option<Vec<i64>> = trades
        .iter()
        .map(|trade| {
            let decimal = value(trade);
            let factor = 10_i128.checked_pow(scale - decimal.scale())?;
            i64::try_from(decimal.mantissa().checked_mul(factor)?).ok()
        })
        .collect();
    match unscaled {
        Some(unscaled) => WireDecimals {
            scale,
            unscaled,
            text: Vec::new(),
        },
        None => WireDecimals {
            scale: 0,
            unscaled: Vec::new(),
            text: trades
                .iter()
                .map(|trade| value(trade).to_string())
                .collect(),
        },
    }
}

impl WireDecimals {
    fn len(&self) -> usize {
        self.unscaled.len().max(self.text.len())
    }

    fn get(&self, i: usize) -> Result<Decimal, DecodeRecordError> {
        if let Some(&unscaled) = self.unscaled.get(i) {
            return Decimal::try_from_i128_with_scale(i128::from(unscaled), self.scale)
                .map_err(|_| DecodeRecordError::Incomplete("a decimal's scale is over 28"));
        }
        self.text
            .get(i)
            .and_then(|text| parse_exact(text))
            .ok_or(DecodeRecordError::Incomplete(
                "a decimal's text is no number",
            ))
    }
}

const fn encode_reason(reason: DisconnectReason) -> WireReason {
    match reason {
        DisconnectReason::Lost => WireReason::Lost,
        DisconnectReason::Silence => WireReason::Silence,
        DisconnectReason::Renewed => WireReason::Renewed,
        DisconnectReason::Shutdown => WireReason::Shutdown,
        DisconnectReason::LogFull => WireReason::LogFull,
        DisconnectReason::EndOfFile => WireReason::EndOfFile,
    }
}

fn decode_reason(reason: i32) -> DisconnectReason {
    // A reason that a newer program invented is a lost connection to this one.
    match WireReason::try_from(reason).unwrap_or(WireReason::Lost) {
        WireReason::Lost => DisconnectReason::Lost,
        WireReason::Silence => DisconnectReason::Silence,
        WireReason::Renewed => DisconnectReason::Renewed,
        WireReason::Shutdown => DisconnectReason::Shutdown,
        WireReason::LogFull => DisconnectReason::LogFull,
        WireReason::EndOfFile => DisconnectReason::EndOfFile,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimals() -> impl Strategy<Value = Decimal> {
        let small = (1_i64..i64::MAX, 0_u32..=18).prop_map(|(m, s)| Decimal::new(m, s));
        let large = (1_i128..79_228_162_514_264_337_593_543_950_335, 0_u32..=28)
            .prop_map(|(m, s)| Decimal::from_i128_with_scale(m, s));
        prop_oneof![8 => small, 1 => large]
    }

    prop_compose! {
        fn trades()(
            id in any::<u64>(), time in any::<i64>(), price in decimals(),
            quantity in decimals(), bought in any::<bool>(),
        ) -> Trade {
            Trade {
                id: TradeId(id),
                time: Timestamp::from_nanos(time),
                price: Price::new(price).unwrap(),
                quantity: Quantity::new(quantity).unwrap(),
                taker: if bought { TakerSide::Buy } else { TakerSide::Sell },
            }
        }
    }

    fn record(body: Body) -> Record {
        Record {
            venue: venues::named("binance").unwrap(),
            connection: ConnectionId(7),
            received_at: Timestamp::from_nanos(1_723_161_254_087_896_568),
            body,
        }
    }

    proptest! {
        #[test]
        fn trades_round_trip_exactly(trades in prop::collection::vec(trades(), 1..50)) {
            let record = record(Body::Trades(vec![InstrumentTrades {
                symbol: Symbol::new("BTCUSDT").unwrap(),
                trades,
            }]));
            prop_assert_eq!(decode(&encode(&record)).unwrap(), record);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_damaged_record_never_panics(
            trades in prop::collection::vec(trades(), 1..5), at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = encode(&record(Body::Trades(vec![InstrumentTrades {
                symbol: Symbol::new("BTCUSDT").unwrap(),
                trades,
            }])));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn control_records_round_trip() {
        let symbol = Symbol::new("BTC/USD").unwrap();
        for body in [
            Body::Subscribed(vec![symbol.clone()]),
            Body::Disconnected {
                reason: DisconnectReason::Silence,
                last_frame_at: Timestamp::from_nanos(5),
            },
            Body::Heartbeat {
                symbol: symbol.clone(),
                last_trade: TradeId(9),
            },
            Body::Tick,
            Body::Refused {
                symbol,
                reason: "Currency pair not supported".into(),
            },
        ] {
            let record = record(body);
            assert_eq!(decode(&encode(&record)).unwrap(), record);
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut wire = WireRecord::decode(&encode(&record(Body::Tick))[..]).unwrap();
        wire.version = VERSION + 1;
        let error = decode(&wire.encode_to_vec()).unwrap_err();
        assert!(matches!(error, DecodeRecordError::Version(2)), "{error}");
    }
}
