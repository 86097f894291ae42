//! Messages of Coinbase, borrowed from the frame. Unknown fields are tolerated everywhere.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::venues::few::Few;
use crate::venues::scalar::Scalar;

/// Fields that tell the kinds of frame apart: Exchange frames have a `type`, Advanced ones a
/// `channel`.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) channel: Option<Scalar<'a>>,
}

/// Fields that every frame of Advanced has besides its channel, and no other venue's.
#[derive(Deserialize)]
pub(in crate::venues) struct AdvancedMarks {
    events: Option<IgnoredAny>,
    sequence_num: Option<IgnoredAny>,
}

impl AdvancedMarks {
    /// Returns whether the frame has one of them.
    pub(in crate::venues) const fn any(&self) -> bool {
        self.events.is_some() || self.sequence_num.is_some()
    }
}

/// A trade as it is nearly always written: each field of its usual type, no escapes. `I` is the type of
/// its number: Exchange's is a JSON number, Advanced's a string.
#[derive(Deserialize)]
pub(super) struct UsualTrade<'a, I> {
    pub(super) product_id: &'a str,
    pub(super) trade_id: I,
    pub(super) price: &'a str,
    pub(super) size: &'a str,
    pub(super) time: &'a str,
    pub(super) side: &'a str,
}

/// Advanced's `market_trades` with trades as they are nearly always written.
#[derive(Deserialize)]
pub(super) struct UsualMarketTrades<'a> {
    #[serde(borrow)]
    pub(super) events: Few<UsualMarketTradesEvent<'a>>,
}

/// One event of it.
#[derive(Deserialize)]
pub(super) struct UsualMarketTradesEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(borrow)]
    pub(super) trades: Few<UsualTrade<'a, &'a str>>,
}

/// A trade, however its values are written: Exchange's `match`, or one of Advanced's `market_trades`.
#[derive(Deserialize)]
pub(super) struct TradePayload<'a> {
    #[serde(borrow)]
    pub(super) product_id: Scalar<'a>,
    /// A number in Exchange, a string in Advanced.
    #[serde(borrow)]
    pub(super) trade_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) price: Scalar<'a>,
    #[serde(borrow)]
    pub(super) size: Scalar<'a>,
    #[serde(borrow)]
    pub(super) time: Scalar<'a>,
    /// The MAKER's side, in both.
    #[serde(borrow)]
    pub(super) side: Scalar<'a>,
}

/// Exchange's `heartbeat`.
#[derive(Deserialize)]
pub(super) struct Heartbeat<'a> {
    #[serde(borrow)]
    pub(super) product_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) last_trade_id: Option<Scalar<'a>>,
}

/// Exchange's `subscriptions`: all that the connection is subscribed to.
#[derive(Deserialize)]
pub(super) struct Subscriptions<'a> {
    #[serde(borrow)]
    pub(super) channels: Vec<ChannelProducts<'a>>,
}

/// One channel of it.
#[derive(Deserialize)]
pub(super) struct ChannelProducts<'a> {
    #[serde(borrow)]
    pub(super) name: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) product_ids: Vec<Scalar<'a>>,
}

/// `error`.
#[derive(Deserialize)]
pub(super) struct Failure<'a> {
    #[serde(borrow)]
    pub(super) message: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) reason: Option<Scalar<'a>>,
}

/// Advanced's `market_trades`.
#[derive(Deserialize)]
pub(super) struct MarketTrades<'a> {
    #[serde(borrow)]
    pub(super) events: Vec<MarketTradesEvent<'a>>,
}

/// One event of it.
#[derive(Deserialize)]
pub(super) struct MarketTradesEvent<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Scalar<'a>,
    /// Each parsed on its own, so that a bad one does not lose the others.
    #[serde(borrow, default)]
    pub(super) trades: Vec<&'a RawValue>,
}

/// Advanced's `subscriptions`.
#[derive(Deserialize)]
pub(super) struct AdvancedSubscriptions<'a> {
    #[serde(borrow)]
    pub(super) events: Vec<AdvancedSubscriptionsEvent<'a>>,
}

/// One event of it.
#[derive(Deserialize)]
pub(super) struct AdvancedSubscriptionsEvent<'a> {
    #[serde(borrow)]
    pub(super) subscriptions: AdvancedChannels<'a>,
}

/// The products of each channel.
#[derive(Deserialize)]
pub(super) struct AdvancedChannels<'a> {
    #[serde(borrow, default)]
    pub(super) market_trades: Vec<Scalar<'a>>,
}
