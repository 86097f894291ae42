//! Lists of tokens and instruments, and tokens by name, kept for a while in shared state: they are asked
//! for with nearly every request and change when an administrator adds a token. Candles are never kept:
//! what the database has of them may be corrected at any moment.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Symbol, Venue};
use coinsphere_pipelines::shared_state::SharedState;
use coinsphere_pipelines::venues;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::market::{
    Candles, CandlesQuery, Instrument, InstrumentFilter, MarketData, ReadError, Token, TokenLookup,
};

/// How long an answer is kept. So long may what was added be missing when shared state was away at that
/// moment, or when the program itself added it.
const KEPT: Duration = Duration::from_secs(10);

/// The generation of answers that are valid. It is kept for longer than any answer, so that none
/// of an earlier one is left when it has gone.
const GENERATION: &str = "listing:generation";
const GENERATION_KEPT: Duration = Duration::from_secs(60);

/// What is kept of listings.
#[derive(Debug)]
pub(crate) struct ListingCache(Arc<dyn SharedState>);

impl ListingCache {
    pub(crate) fn new(shared: Arc<dyn SharedState>) -> Arc<Self> {
        Arc::new(Self(shared))
    }

    /// The listings have changed: every process reads them again.
    pub(crate) async fn forget(&self) {
        let generation = Bytes::from(Uuid::new_v4().to_string());
        if let Err(error) = self.0.put(GENERATION, generation, GENERATION_KEPT).await {
            tracing::warn!(%error, "what was added may be missing from lists for {} s", KEPT.as_secs());
        }
    }

    /// What was answered before, if it is kept, else what `read` answers, which is kept if `to_wire`
    /// makes something of it.
    async fn through<T, W: Serialize + DeserializeOwned>(
        &self,
        what: &str,
        read: impl Future<Output = Result<T, ReadError>>,
        to_wire: impl FnOnce(&T) -> Option<W>,
        from_wire: impl FnOnce(W) -> Option<T>,
    ) -> Result<T, ReadError> {
        let count = |outcome: &'static str| {
            metrics::counter!("coinsphere_cache_requests_total", "outcome" => outcome).increment(1);
        };
        let Ok(generation) = self.0.get(GENERATION).await else {
            count("away");
            return read.await;
        };
        let generation = generation.as_deref().unwrap_or(b"first");
        let key = format!("listing:{}:{what}", String::from_utf8_lossy(generation));
        let kept = self.0.get(&key).await.ok().flatten();
        let kept = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        if let Some(kept) = kept.and_then(from_wire) {
            count("hit");
            return Ok(kept);
        }
        count("miss");
        let answer = read.await?;
        if let Some(wire) = to_wire(&answer)
            && let Ok(value) = serde_json::to_vec(&wire)
        {
            // Too long, or away again: then it is read again next time.
            let _ = self.0.put(&key, value.into(), KEPT).await;
        }
        Ok(answer)
    }
}

/// A reader whose lists are kept.
pub(crate) struct CachedReader<R> {
    inner: R,
    cache: Arc<ListingCache>,
}

impl<R> CachedReader<R> {
    pub(crate) const fn new(inner: R, cache: Arc<ListingCache>) -> Self {
        Self { inner, cache }
    }
}

#[async_trait]
impl<R: MarketData> MarketData for CachedReader<R> {
    async fn tokens(&self, after: Option<&str>, limit: usize) -> Result<Vec<Token>, ReadError> {
        let what = format!("tokens:{limit}:{}", after.unwrap_or_default());
        let read = self.inner.tokens(after, limit);
        let to_wire = |tokens: &Vec<Token>| unless_empty(tokens.iter().map(WireToken::from));
        let from_wire = |wire: Vec<WireToken>| wire.into_iter().map(WireToken::read).collect();
        self.cache.through(&what, read, to_wire, from_wire).await
    }

    async fn token(&self, id_or_symbol: &str) -> Result<TokenLookup, ReadError> {
        let what = format!("token:{id_or_symbol}");
        let read = self.inner.token(id_or_symbol);
        // Anybody can ask for what does not exist: not worth keeping.
        let to_wire = |lookup: &TokenLookup| match lookup {
            TokenLookup::Found(token) => Some(WireToken::from(token)),
            TokenLookup::Ambiguous(_) | TokenLookup::Unknown => None,
        };
        let from_wire = |wire: WireToken| wire.read().map(TokenLookup::Found);
        self.cache.through(&what, read, to_wire, from_wire).await
    }

    async fn instruments(
        &self,
        filter: &InstrumentFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Instrument>, ReadError> {
        let what = format!(
            "instruments:{limit}:{}:{}:{}",
            filter.venue.map(Venue::name).unwrap_or_default(),
            filter
                .token
                .as_ref()
                .map(AssetId::as_str)
                .unwrap_or_default(),
            after.unwrap_or_default()
        );
        let read = self.inner.instruments(filter, after, limit);
        let to_wire =
            |found: &Vec<Instrument>| unless_empty(found.iter().map(WireInstrument::from));
        let from_wire =
            |wire: Vec<WireInstrument>| wire.into_iter().map(WireInstrument::read).collect();
        self.cache.through(&what, read, to_wire, from_wire).await
    }

    async fn instrument(
        &self,
        venue: Venue,
        spellings: &[Symbol],
    ) -> Result<Option<Instrument>, ReadError> {
        self.inner.instrument(venue, spellings).await
    }

    async fn candles(&self, query: &CandlesQuery) -> Result<Candles, ReadError> {
        self.inner.candles(query).await
    }

    async fn instruments_of(&self, token: &AssetId) -> Result<Vec<Instrument>, ReadError> {
        let what = format!("instruments_of:{token}");
        let read = self.inner.instruments_of(token);
        let to_wire =
            |found: &Vec<Instrument>| unless_empty(found.iter().map(WireInstrument::from));
        let from_wire =
            |wire: Vec<WireInstrument>| wire.into_iter().map(WireInstrument::read).collect();
        self.cache.through(&what, read, to_wire, from_wire).await
    }
}

/// Nothing is not kept: it is what a new installation has, for a moment.
fn unless_empty<W>(all: impl Iterator<Item = W>) -> Option<Vec<W>> {
    let all: Vec<W> = all.collect();
    (!all.is_empty()).then_some(all)
}

#[derive(Serialize, Deserialize)]
struct WireToken {
    id: String,
    symbol: String,
    name: String,
    rank: Option<u32>,
}

impl From<&Token> for WireToken {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.as_str().to_owned(),
            symbol: token.symbol.clone(),
            name: token.name.clone(),
            rank: token.rank,
        }
    }
}

impl WireToken {
    fn read(self) -> Option<Token> {
        Some(Token {
            id: AssetId::new(&self.id).ok()?,
            symbol: self.symbol,
            name: self.name,
            rank: self.rank,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct WireInstrument {
    venue: String,
    symbol: String,
    token: Option<String>,
    base: Option<String>,
    quote: Option<String>,
    listed: bool,
}

impl From<&Instrument> for WireInstrument {
    fn from(instrument: &Instrument) -> Self {
        Self {
            venue: instrument.key.venue.name().to_owned(),
            symbol: instrument.key.symbol.as_str().to_owned(),
            token: instrument
                .token
                .as_ref()
                .map(|token| token.as_str().to_owned()),
            base: instrument.base.clone(),
            quote: instrument.quote.clone(),
            listed: instrument.listed,
        }
    }
}

impl WireInstrument {
    fn read(self) -> Option<Instrument> {
        let symbol = Symbol::new(&self.symbol).ok()?;
        Some(Instrument {
            key: InstrumentKey::new(venues::named(&self.venue)?, symbol),
            token: self.token.as_deref().map(AssetId::new).transpose().ok()?,
            base: self.base,
            quote: self.quote,
            listed: self.listed,
        })
    }
}

#[cfg(test)]
mod tests;
