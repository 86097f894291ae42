//! Messages of Binance, borrowed from the frame. Unknown fields are tolerated everywhere: older
//! frames have `a` and `b`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::venues::scalar::Scalar;

/// The `trade` event, however its values are written. `web-socket-streams.md`, "Trade Streams".
#[derive(Deserialize)]
pub(super) struct TradePayload<'a> {
    /// Symbol, upper case.
    #[serde(borrow)]
    pub(super) s: Scalar<'a>,
    /// Trade id.
    #[serde(borrow)]
    pub(super) t: Scalar<'a>,
    /// Price.
    #[serde(borrow)]
    pub(super) p: Scalar<'a>,
    /// Quantity.
    #[serde(borrow)]
    pub(super) q: Scalar<'a>,
    /// Trade time: milliseconds, or microseconds with `timeUnit=MICROSECOND`.
    #[serde(borrow, rename = "T")]
    pub(super) time: Scalar<'a>,
    /// "Is the buyer the market maker?"
    pub(super) m: bool,
    /// `MARKET`, `INSURANCE_FUND`, `ADL` or `NA`: futures have it and spot does not.
    #[serde(borrow, rename = "X")]
    pub(super) order_type: Option<Scalar<'a>>,
}

/// Fields that tell the kinds of frame apart.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    /// Event type of a raw stream's frame.
    #[serde(borrow)]
    pub(super) e: Option<Scalar<'a>>,
    /// Name of the combined stream.
    #[serde(borrow)]
    pub(super) stream: Option<Scalar<'a>>,
    /// Payload of a combined stream's frame.
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    /// Number of the request that is answered.
    #[serde(borrow)]
    pub(super) id: Option<Scalar<'a>>,
    /// A refused request, nested.
    #[serde(borrow)]
    pub(super) error: Option<Failure<'a>>,
    /// A refused request, flat.
    #[serde(borrow)]
    pub(super) code: Option<Scalar<'a>>,
    /// Its words.
    #[serde(borrow)]
    pub(super) msg: Option<Scalar<'a>>,
}

/// Why a request was refused.
#[derive(Deserialize)]
pub(super) struct Failure<'a> {
    #[serde(borrow)]
    pub(super) code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) msg: Option<Scalar<'a>>,
}

/// The event type alone.
#[derive(Deserialize)]
pub(super) struct EventKind<'a> {
    #[serde(borrow)]
    pub(super) e: Option<Scalar<'a>>,
}
