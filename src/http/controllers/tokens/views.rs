//! The shapes of tokens.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::controllers::instruments::views::InstrumentView;
use crate::market::Token;

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(in crate::http) struct AssetView {
    /// The CoinGecko id.
    #[schema(example = "bitcoin")]
    id: String,
    /// The ticker; several tokens may share one.
    #[schema(example = "BTC")]
    symbol: String,
    /// The name.
    #[schema(example = "Bitcoin")]
    name: String,
    /// Rank by market capitalisation, if known.
    rank: Option<u32>,
}

/// A token with its instruments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TokenDetail)]
pub(in crate::http) struct AssetDetailView {
    #[serde(flatten)]
    pub(in crate::http) token: AssetView,
    /// The instruments that trade it, the primary one first: a token's history uses it unless the
    /// request names a venue.
    pub(in crate::http) instruments: Vec<InstrumentView>,
}

impl From<Token> for AssetView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            symbol: token.symbol,
            name: token.name,
            rank: token.rank,
        }
    }
}
