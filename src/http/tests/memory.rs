//! The market's records in memory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use coinsphere_pipelines::candles::GapReason;
use coinsphere_pipelines::coverage::{Coverage, CoveredSpan, TRADES};
use coinsphere_pipelines::market::{
    AssetId, Candle, InstrumentKey, Interval, Symbol, Timestamp, TradeId, Venue,
};
use coinsphere_pipelines::time_ranges::TimeRange;
use coinsphere_pipelines::venues;

use crate::market::{
    Candles, CandlesQuery, Gap, Instrument, InstrumentFilter, MarketData, ReadError, SeriesCandle,
    Token, TokenLookup,
};
use tokio::sync::Notify;

use crate::idempotency::{Begun, IdempotencyKey, IdempotencyStore, KeptAnswer};

#[derive(Debug)]
pub(super) struct MemoryMarket {
    tokens: Vec<Token>,
    instruments: Vec<Instrument>,
    pub(super) candles: Mutex<Vec<(InstrumentKey, Interval, SeriesCandle)>>,
    pub(super) gaps: Mutex<Vec<(InstrumentKey, Gap)>>,
    /// The newest query for candles.
    pub(super) queried: Mutex<Option<CandlesQuery>>,
    pub(super) away: AtomicBool,
    pub(super) broken: AtomicBool,
    pub(super) hanging: AtomicBool,
    /// Lets those who hang go on.
    pub(super) released: Notify,
    pub(super) panicking: AtomicBool,
    /// Number of calls, of any kind.
    pub(super) asked: AtomicU64,
}

pub(super) fn key(venue: &str, symbol: &str) -> InstrumentKey {
    InstrumentKey::new(venues::named(venue).unwrap(), Symbol::new(symbol).unwrap())
}

/// A candle whose four prices are one.
pub(super) fn candle(open_time: Timestamp, price: &str, trades: u64) -> Candle {
    let price = price.parse().unwrap();
    Candle {
        open_time,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: "1.50".parse().unwrap(),
        quote_volume: "92756.445".parse().unwrap(),
        trades,
        taker_buy_volume: "0.5".parse().unwrap(),
        complete: true,
    }
}

impl MemoryMarket {
    pub(super) fn seeded() -> Self {
        let token = |id: &str, symbol: &str, name: &str, rank| Token {
            id: AssetId::new(id).unwrap(),
            symbol: symbol.to_owned(),
            name: name.to_owned(),
            rank,
        };
        let instrument = |venue, symbol, token: &str, base: &str, quote: &str| Instrument {
            key: key(venue, symbol),
            token: Some(AssetId::new(token).unwrap()),
            base: Some(base.to_owned()),
            quote: Some(quote.to_owned()),
            listed: true,
        };
        Self {
            tokens: vec![
                token("bitcoin", "BTC", "Bitcoin", Some(1)),
                token("ethereum", "ETH", "Ethereum", Some(2)),
                token("lonely", "LON", "Lonely", None),
                token("one-uni", "UNI", "One", None),
                token("uniswap", "UNI", "Uniswap", Some(30)),
            ],
            instruments: vec![
                instrument("binance", "BTCUSDC", "bitcoin", "BTC", "USDC"),
                instrument("binance", "BTCUSDT", "bitcoin", "BTC", "USDT"),
                instrument("coinbase", "BTC-USD", "bitcoin", "BTC", "USD"),
                instrument("coinbase", "ETH-USD", "ethereum", "ETH", "USD"),
                instrument("kraken", "BTC/USD", "bitcoin", "BTC", "USD"),
            ],
            candles: Mutex::default(),
            gaps: Mutex::default(),
            queried: Mutex::default(),
            away: AtomicBool::default(),
            broken: AtomicBool::default(),
            hanging: AtomicBool::default(),
            released: Notify::default(),
            panicking: AtomicBool::default(),
            asked: AtomicU64::default(),
        }
    }

    /// Stores a closed, complete 1-minute candle.
    pub(super) fn store(&self, key: &InstrumentKey, open_time: &str, price: &str) {
        self.store_as(key, open_time, price, false);
    }

    pub(super) fn store_as(&self, key: &InstrumentKey, open_time: &str, price: &str, open: bool) {
        let mut candle = candle(super::at(open_time), price, 3);
        candle.complete = !open;
        let series = SeriesCandle {
            candle,
            revision: 0,
            open,
        };
        let mut candles = self.candles.lock().unwrap();
        candles.push((key.clone(), Interval::Minute1, series));
    }

    pub(super) fn gap(&self, key: &InstrumentKey, from: &str, to: Option<&str>) {
        let gap = Gap {
            reason: GapReason::MissingTrades,
            from: super::at(from),
            to: to.map(super::at),
            missing: to.map(|_| (TradeId(5), TradeId(7))),
        };
        self.gaps.lock().unwrap().push((key.clone(), gap));
    }

    async fn check(&self) -> Result<(), ReadError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(
            !self.panicking.load(Ordering::SeqCst),
            "the reader panics: secret words"
        );
        if self.hanging.load(Ordering::SeqCst) {
            self.released.notified().await;
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(ReadError::Unavailable("connect to db.internal:5432".into()));
        }
        if self.broken.load(Ordering::SeqCst) {
            return Err(ReadError::Failed("relation price_data is missing".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl MarketData for MemoryMarket {
    async fn tokens(&self, after: Option<&str>, limit: usize) -> Result<Vec<Token>, ReadError> {
        self.check().await?;
        let later = |token: &&Token| after.is_none_or(|after| token.id.as_str() > after);
        Ok(self
            .tokens
            .iter()
            .filter(later)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn token(&self, id_or_symbol: &str) -> Result<TokenLookup, ReadError> {
        self.check().await?;
        let by_id = self
            .tokens
            .iter()
            .find(|token| token.id.as_str() == id_or_symbol);
        if let Some(token) = by_id {
            return Ok(TokenLookup::Found(token.clone()));
        }
        let found: Vec<_> = self
            .tokens
            .iter()
            .filter(|token| token.symbol.eq_ignore_ascii_case(id_or_symbol))
            .collect();
        Ok(match found[..] {
            [] => TokenLookup::Unknown,
            [token] => TokenLookup::Found(token.clone()),
            _ => TokenLookup::Ambiguous(found.iter().map(|token| token.id.clone()).collect()),
        })
    }

    async fn instruments(
        &self,
        filter: &InstrumentFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Instrument>, ReadError> {
        self.check().await?;
        let wanted = |instrument: &&Instrument| {
            filter
                .venue
                .is_none_or(|venue| instrument.key.venue == venue)
                && (filter.token.is_none() || instrument.token == filter.token)
                && after.is_none_or(|after| *instrument.key.to_string() > *after)
        };
        Ok(self
            .instruments
            .iter()
            .filter(wanted)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn instrument(
        &self,
        venue: Venue,
        spellings: &[Symbol],
    ) -> Result<Option<Instrument>, ReadError> {
        self.check().await?;
        let of = |symbol: &Symbol| {
            let key = InstrumentKey::new(venue, symbol.clone());
            self.instruments
                .iter()
                .find(|instrument| instrument.key == key)
        };
        Ok(spellings.iter().find_map(of).cloned())
    }

    async fn coverage(
        &self,
        _: &InstrumentKey,
        _: Interval,
        (from, to): TimeRange,
    ) -> Result<Coverage, ReadError> {
        self.check().await?;
        let half = from + to.since(from) / 2;
        Ok(Coverage {
            from,
            to,
            spans: vec![CoveredSpan {
                from: half,
                to,
                source: TRADES.to_owned(),
            }],
            gaps: Vec::new(),
        })
    }

    async fn candles(&self, query: &CandlesQuery) -> Result<Candles, ReadError> {
        self.check().await?;
        *self.queried.lock().unwrap() = Some(query.clone());
        let (from, to) = (
            query.from.unwrap_or(Timestamp::MIN),
            query.to.unwrap_or(Timestamp::MAX),
        );
        let mut found: Vec<SeriesCandle> = self
            .candles
            .lock()
            .unwrap()
            .iter()
            .filter(|(key, interval, _)| *key == query.instrument && *interval == query.interval)
            .map(|(_, _, candle)| candle.clone())
            .filter(|series| (from..to).contains(&series.candle.open_time))
            .collect();
        found.sort_by_key(|series| series.candle.open_time);
        let mut page = Candles::default();
        if found.len() > query.limit {
            if query.from.is_some() {
                page.next = Some(found[query.limit].candle.open_time);
                found.truncate(query.limit);
            } else {
                found.drain(..found.len() - query.limit);
                page.previous = Some(found[0].candle.open_time);
            }
        }
        let first = found.first().map(|first| first.candle.open_time);
        let from = query.from.or(first).unwrap_or(Timestamp::MIN);
        let to = page.next.unwrap_or(to);
        let gaps = self.gaps.lock().unwrap();
        let touching = gaps
            .iter()
            .filter(|(key, gap)| *key == query.instrument && gap.touches(from, to));
        page.gaps = touching.map(|(_, gap)| gap.clone()).collect();
        page.candles = found;
        Ok(page)
    }

    async fn instruments_of(&self, token: &AssetId) -> Result<Vec<Instrument>, ReadError> {
        self.check().await?;
        let of = |found: &&Instrument| found.listed && found.token.as_ref() == Some(token);
        let mut found: Vec<_> = self.instruments.iter().filter(of).cloned().collect();
        found.sort_by_key(|found| (found.key.venue, found.quote.as_deref() != Some("USDT")));
        Ok(found)
    }
}

/// Idempotency keys in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryKeys(Mutex<HashMap<IdempotencyKey, Known>>);

/// The request's digest, and what it was answered.
type Known = ([u8; 32], Option<KeptAnswer>);

#[async_trait]
impl IdempotencyStore for MemoryKeys {
    async fn begin(&self, key: &IdempotencyKey, request: [u8; 32]) -> Result<Begun, ReadError> {
        let mut known = self.0.lock().unwrap();
        Ok(match known.get(key) {
            None => {
                known.insert(key.clone(), (request, None));
                Begun::First
            }
            Some((first, _)) if *first != request => Begun::OtherRequest,
            Some((_, None)) => Begun::InProgress,
            Some((_, Some(answer))) => Begun::Answered(answer.clone()),
        })
    }

    async fn finish(&self, key: &IdempotencyKey, answer: &KeptAnswer) -> Result<(), ReadError> {
        let mut known = self.0.lock().unwrap();
        known.get_mut(key).unwrap().1 = Some(answer.clone());
        Ok(())
    }

    async fn give_back(&self, key: &IdempotencyKey) -> Result<(), ReadError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}
