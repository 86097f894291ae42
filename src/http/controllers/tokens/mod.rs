//! Tokens, by CoinGecko id or by a symbol that only one of them has.

pub(in crate::http) mod add;
pub(in crate::http) mod history;
pub(in crate::http) mod list;
pub(in crate::http) mod show;

use coinsphere_pipelines::venues;

use crate::http::respond::problem::{Kind, Problem};
use crate::market::{Instrument, InstrumentFilter, MarketReader, Token, TokenLookup};

/// The most instruments that one token is looked for among; seeded tokens have a handful.
const INSTRUMENTS_OF_TOKEN: usize = 500;

/// The quotes that a token's history prefers, best first; of the venues, those first in
/// [`venues::ALL`].
const QUOTES: [&str; 4] = ["USDT", "USD", "USDC", "EUR"];

/// The token that the path names.
pub(in crate::http) async fn find(
    market: &dyn MarketReader,
    id_or_symbol: &str,
) -> Result<Token, Problem> {
    let shown: String = id_or_symbol.chars().take(60).collect();
    let plausible = id_or_symbol.len() <= 128 && id_or_symbol.bytes().all(|b| b.is_ascii_graphic());
    let found = if plausible && !id_or_symbol.is_empty() {
        market.token(id_or_symbol).await?
    } else {
        TokenLookup::Unknown
    };
    match found {
        TokenLookup::Found(token) => Ok(token),
        TokenLookup::Unknown => Err(Problem::new(Kind::UnknownToken).with_detail(format!(
            "no token has the CoinGecko id or symbol {shown:?}; /api/v1/tokens lists them"
        ))),
        TokenLookup::Ambiguous(ids) => Err(Problem::new(Kind::AmbiguousToken)
            .with_detail(format!(
                "{shown:?} is the symbol of several tokens: use an id"
            ))
            .with_candidates(ids.iter().map(ToString::to_string).collect())),
    }
}

/// The instruments that trade a token, the one its history uses first.
async fn instruments_of(
    market: &dyn MarketReader,
    token: &Token,
) -> Result<Vec<Instrument>, Problem> {
    let filter = InstrumentFilter {
        venue: None,
        token: Some(token.id.clone()),
    };
    let mut found = market
        .instruments(&filter, None, INSTRUMENTS_OF_TOKEN)
        .await?;
    found.sort_by_cached_key(|instrument| {
        let venue = instrument.key.venue;
        let quote = instrument.quote.as_deref().unwrap_or_default();
        (
            venues::ALL
                .iter()
                .position(|protocol| protocol.venue() == venue)
                .unwrap_or(venues::ALL.len()),
            QUOTES
                .iter()
                .position(|name| *name == quote)
                .unwrap_or(QUOTES.len()),
            instrument.key.clone(),
        )
    });
    Ok(found)
}
