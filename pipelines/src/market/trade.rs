//! One trade, as every venue reports it once decoded.

use super::{Price, Quantity, Timestamp};

/// The venue's number for a trade: contiguous per instrument on the venues that number theirs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TradeId(pub u64);

/// Who crossed the spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TakerSide {
    /// The taker bought: an uptick in demand.
    Buy,
    /// The taker sold.
    Sell,
}

impl TakerSide {
    /// The other side: some venues report the maker's.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// One trade of an instrument that the context names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The venue's number.
    pub id: TradeId,
    /// When the venue says it happened.
    pub time: Timestamp,
    /// In the quote asset.
    pub price: Price,
    /// In the base asset.
    pub quantity: Quantity,
    /// Who took liquidity.
    pub taker: TakerSide,
}
