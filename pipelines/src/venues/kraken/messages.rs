//! Messages of Kraken v2, borrowed from the frame. Unknown fields are tolerated everywhere.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::market::TradeId;
use crate::venues::few::Few;
use crate::venues::scalar::Scalar;

/// Every v2 frame: an update has a `channel`, an answer a `method`.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) channel: Option<Scalar<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) method: Option<Scalar<'a>>,
    pub(super) success: Option<bool>,
    #[serde(borrow)]
    pub(super) error: Option<Scalar<'a>>,
    /// The instrument of a refused subscription.
    #[serde(borrow)]
    pub(super) symbol: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) req_id: Option<Scalar<'a>>,
}

/// Subscription that was accepted: one symbol an answer.
#[derive(Deserialize)]
pub(super) struct Accepted<'a> {
    #[serde(borrow)]
    pub(super) channel: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) symbol: Option<Scalar<'a>>,
}

/// A frame of trades as it is nearly always written: each field of its usual type, no escapes.
#[derive(Deserialize)]
pub(super) struct UsualTrades<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(borrow)]
    pub(super) data: Few<UsualTrade<'a>>,
}

/// One trade of it.
#[derive(Deserialize)]
pub(super) struct UsualTrade<'a> {
    pub(super) symbol: &'a str,
    pub(super) side: &'a str,
    #[serde(borrow)]
    pub(super) price: Scalar<'a>,
    #[serde(borrow)]
    pub(super) qty: Scalar<'a>,
    pub(super) trade_id: TradeId,
    pub(super) timestamp: &'a str,
}

/// One trade, however its values are written.
#[derive(Deserialize)]
pub(super) struct TradePayload<'a> {
    #[serde(borrow)]
    pub(super) symbol: Scalar<'a>,
    /// The TAKER's side.
    #[serde(borrow)]
    pub(super) side: Scalar<'a>,
    /// A JSON number; its digits count.
    #[serde(borrow)]
    pub(super) price: Scalar<'a>,
    /// A JSON number; its digits count.
    #[serde(borrow)]
    pub(super) qty: Scalar<'a>,
    #[serde(borrow)]
    pub(super) trade_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Scalar<'a>,
}
