//! Market data as the database has it at the moment.

use std::sync::Arc;

use async_trait::async_trait;
use coinsphere_pipelines::coverage::Coverage;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Interval, Symbol, Venue};
use coinsphere_pipelines::store::{
    self, AssetLookup, CandleQuery, ListQuery, MAX_PAGE, Store, StoreError, StoreSource,
};
use coinsphere_pipelines::time_ranges::TimeRange;

use crate::market::{
    Candles, CandlesQuery, Gap, Instrument, InstrumentFilter, MarketData, ReadError, SeriesCandle,
    Token, TokenLookup,
};

/// Reads from the database.
pub struct Reader {
    database: Arc<dyn StoreSource>,
}

impl Reader {
    /// A reader of this database.
    #[must_use]
    pub const fn new(database: Arc<dyn StoreSource>) -> Self {
        Self { database }
    }

    fn store(&self) -> Result<Store, ReadError> {
        self.database
            .store()
            .ok_or_else(|| ReadError::Unavailable("it has not been reached yet".to_owned()))
    }
}

pub(crate) fn failure(error: StoreError) -> ReadError {
    if error.is_retriable() {
        ReadError::Unavailable(error.to_string())
    } else {
        ReadError::Failed(error.to_string())
    }
}

fn token(asset: store::Asset) -> Token {
    Token {
        id: asset.id,
        symbol: asset.symbol,
        name: asset.name,
        rank: asset.rank,
    }
}

fn instrument(stored: store::Instrument) -> Instrument {
    Instrument {
        key: stored.key,
        token: stored.base_asset,
        base: stored.base,
        quote: stored.quote,
        listed: stored.listed,
    }
}

fn gap(stored: store::StoredGap) -> Gap {
    Gap {
        reason: stored.reason,
        from: stored.from,
        to: stored.to,
        missing: stored.missing,
    }
}

#[async_trait]
impl MarketData for Reader {
    async fn tokens(&self, after: Option<&str>, limit: usize) -> Result<Vec<Token>, ReadError> {
        let list = ListQuery {
            after: after.map(str::to_owned),
            limit,
            listed_only: true,
        };
        let assets = self.store()?.assets(&list).await.map_err(failure)?;
        Ok(assets.into_iter().map(token).collect())
    }

    async fn token(&self, id_or_symbol: &str) -> Result<TokenLookup, ReadError> {
        Ok(
            match self.store()?.asset(id_or_symbol).await.map_err(failure)? {
                AssetLookup::Found(asset) => TokenLookup::Found(token(asset)),
                AssetLookup::Ambiguous(ids) => TokenLookup::Ambiguous(ids),
                AssetLookup::Unknown => TokenLookup::Unknown,
            },
        )
    }

    async fn instruments(
        &self,
        filter: &InstrumentFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Instrument>, ReadError> {
        let store = self.store()?;
        let matches = |found: &store::Instrument| {
            found.listed
                && filter.venue.is_none_or(|venue| found.key.venue == venue)
                && filter
                    .token
                    .as_ref()
                    .is_none_or(|token| found.base_asset.as_ref() == Some(token))
        };
        if let Some(token) = &filter.token {
            let mut found = store.instruments_of(token).await.map_err(failure)?;
            found.retain(|found| {
                matches(found) && after.is_none_or(|after| found.key.to_string().as_str() > after)
            });
            found.sort_by_key(|found| found.key.to_string());
            found.truncate(limit);
            return Ok(found.into_iter().map(instrument).collect());
        }
        // Few enough to look through: page by page until the answer is full.
        let mut wanted = Vec::new();
        let mut after = after.map(str::to_owned);
        loop {
            let list = ListQuery {
                after: after.take(),
                limit: MAX_PAGE,
                listed_only: true,
            };
            let page = store.instruments(&list).await.map_err(failure)?;
            let last = (page.len() == MAX_PAGE).then(|| page[MAX_PAGE - 1].key.to_string());
            wanted.extend(page.into_iter().filter(matches).map(instrument));
            if wanted.len() >= limit || last.is_none() {
                wanted.truncate(limit);
                return Ok(wanted);
            }
            after = last;
        }
    }

    async fn instrument(
        &self,
        venue: Venue,
        spellings: &[Symbol],
    ) -> Result<Option<Instrument>, ReadError> {
        for symbol in spellings {
            let key = InstrumentKey::new(venue, symbol.clone());
            if let Some(found) = self.store()?.instrument(&key).await.map_err(failure)? {
                return Ok(Some(instrument(found)));
            }
        }
        Ok(None)
    }

    async fn candles(&self, query: &CandlesQuery) -> Result<Candles, ReadError> {
        let store = self.store()?;
        let Some(known) = store.instrument(&query.instrument).await.map_err(failure)? else {
            return Ok(Candles::default());
        };
        let asked = CandleQuery {
            instrument: known.id,
            asset: query.asset.clone(),
            interval: query.interval,
            from: query.from,
            to: query.to,
            limit: query.limit,
        };
        let page = store.candles(&asked).await.map_err(failure)?;
        Ok(Candles {
            candles: page
                .candles
                .into_iter()
                .map(|stored| SeriesCandle {
                    candle: stored.candle,
                    revision: stored.revision,
                    open: stored.open,
                })
                .collect(),
            next: page.next,
            previous: page.previous,
            gaps: page.gaps.into_iter().map(gap).collect(),
        })
    }

    async fn coverage(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        (from, to): TimeRange,
    ) -> Result<Coverage, ReadError> {
        let store = self.store()?;
        match store.instrument(instrument).await.map_err(failure)? {
            Some(known) => {
                let read = store.coverage(known.id, interval, (from, to)).await;
                read.map_err(failure)
            }
            None => Ok(Coverage {
                from,
                to,
                ..Coverage::default()
            }),
        }
    }

    async fn instruments_of(&self, token: &AssetId) -> Result<Vec<Instrument>, ReadError> {
        let found = self.store()?.instruments_of(token).await.map_err(failure)?;
        let listed = found.into_iter().filter(|found| found.listed);
        Ok(listed.map(instrument).collect())
    }
}
