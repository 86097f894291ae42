use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use coinsphere_pipelines::clock::ManualClock;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::shared_state::{InProcess, InProcessLimits};

use crate::market::listing_cache::*;
use crate::testing::Away;

fn token(id: &str) -> Token {
    Token {
        id: AssetId::new(id).unwrap(),
        symbol: id.to_uppercase(),
        name: "Ä \"name\"".to_owned(),
        rank: Some(7),
    }
}

fn instrument() -> Instrument {
    Instrument {
        key: InstrumentKey::new(
            venues::named("kraken").unwrap(),
            Symbol::new("BTC/USD").unwrap(),
        ),
        token: Some(AssetId::new("bitcoin").unwrap()),
        base: Some("BTC".to_owned()),
        quote: None,
        listed: true,
    }
}

/// Records that can be changed, and count how often they are read.
#[derive(Default)]
struct Records {
    tokens: Mutex<Vec<Token>>,
    reads: AtomicUsize,
}

impl Records {
    fn with(ids: &[&str]) -> Arc<Self> {
        let records = Self::default();
        *records.tokens.lock().unwrap() = ids.iter().map(|id| token(id)).collect();
        Arc::new(records)
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn add(&self, id: &str) {
        self.tokens.lock().unwrap().push(token(id));
    }

    fn read(&self) -> Vec<Token> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.tokens.lock().unwrap().clone()
    }
}

#[async_trait]
impl MarketData for Arc<Records> {
    async fn tokens(&self, after: Option<&str>, limit: usize) -> Result<Vec<Token>, ReadError> {
        let mut tokens = self.read();
        tokens.retain(|token| after.is_none_or(|after| token.id.as_str() > after));
        tokens.truncate(limit);
        Ok(tokens)
    }

    async fn token(&self, id_or_symbol: &str) -> Result<TokenLookup, ReadError> {
        let found = self
            .read()
            .into_iter()
            .find(|t| t.id.as_str() == id_or_symbol);
        Ok(found.map_or(TokenLookup::Unknown, TokenLookup::Found))
    }

    async fn instruments(
        &self,
        _: &InstrumentFilter,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<Instrument>, ReadError> {
        self.read();
        Ok(vec![instrument()])
    }

    async fn instrument(&self, _: Venue, _: &[Symbol]) -> Result<Option<Instrument>, ReadError> {
        self.read();
        Ok(Some(instrument()))
    }

    async fn candles(&self, _: &CandlesQuery) -> Result<Candles, ReadError> {
        self.read();
        Ok(Candles::default())
    }

    async fn instruments_of(&self, _: &AssetId) -> Result<Vec<Instrument>, ReadError> {
        self.read();
        Ok(vec![instrument()])
    }
}

/// Two processes with one shared state, each with its own view of the same records.
fn two(records: &Arc<Records>, shared: Arc<dyn SharedState>) -> [CachedReader<Arc<Records>>; 2] {
    [(); 2].map(|()| {
        let cache = ListingCache::new(Arc::clone(&shared));
        CachedReader::new(Arc::clone(records), cache)
    })
}

fn in_process(clock: &Arc<ManualClock>) -> Arc<dyn SharedState> {
    InProcess::new(Arc::clone(clock) as _, InProcessLimits::default())
}

fn clock() -> Arc<ManualClock> {
    ManualClock::at(Timestamp::from_seconds(1_700_000_000).unwrap())
}

#[tokio::test]
async fn what_one_process_has_read_the_other_need_not() {
    let (records, clock) = (Records::with(&["bitcoin", "ethereum"]), clock());
    let [one, two] = two(&records, in_process(&clock));
    let read = one.tokens(None, 10).await.unwrap();
    assert_eq!(two.tokens(None, 10).await.unwrap(), read);
    assert_eq!(read, [token("bitcoin"), token("ethereum")]);
    let found = one.token("bitcoin").await.unwrap();
    assert_eq!(two.token("bitcoin").await.unwrap(), found);
    assert_eq!(found, TokenLookup::Found(token("bitcoin")));
    let all = InstrumentFilter::default();
    let listed = one.instruments(&all, None, 5).await.unwrap();
    assert_eq!(two.instruments(&all, None, 5).await.unwrap(), listed);
    assert_eq!(listed, [instrument()]);
    assert_eq!(records.reads(), 3);
    // Other questions are other answers.
    assert_eq!(
        two.tokens(Some("bitcoin"), 10).await.unwrap(),
        [token("ethereum")]
    );
    assert_eq!(two.tokens(None, 1).await.unwrap(), [token("bitcoin")]);
    let only = InstrumentFilter {
        venue: venues::named("kraken"),
        ..all
    };
    two.instruments(&only, None, 5).await.unwrap();
    assert_eq!(records.reads(), 6);
}

#[tokio::test]
async fn what_is_added_is_seen_at_once_in_every_process() {
    let (records, clock) = (Records::with(&["bitcoin"]), clock());
    let [one, two] = two(&records, in_process(&clock));
    assert_eq!(one.tokens(None, 10).await.unwrap().len(), 1);
    records.add("ethereum");
    assert_eq!(two.tokens(None, 10).await.unwrap().len(), 1, "is kept");
    one.cache.forget().await;
    assert_eq!(two.tokens(None, 10).await.unwrap().len(), 2);
    // Without a word it takes as long as answers are kept; those of before never come back.
    records.add("ripple");
    clock.advance(KEPT);
    assert_eq!(two.tokens(None, 10).await.unwrap().len(), 3);
    clock.advance(GENERATION_KEPT);
    assert_eq!(one.tokens(None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn nothing_and_what_is_not_there_are_not_kept() {
    let (records, clock) = (Records::with(&[]), clock());
    let [one, _] = two(&records, in_process(&clock));
    assert!(one.tokens(None, 10).await.unwrap().is_empty());
    assert_eq!(one.token("bitcoin").await.unwrap(), TokenLookup::Unknown);
    records.add("bitcoin");
    assert_eq!(one.tokens(None, 10).await.unwrap().len(), 1);
    assert_ne!(one.token("bitcoin").await.unwrap(), TokenLookup::Unknown);
    // What no key can name is read each time.
    let long = "x".repeat(600);
    assert_eq!(one.token(&long).await.unwrap(), TokenLookup::Unknown);
}

#[tokio::test]
async fn candles_are_never_kept() {
    let (records, clock) = (Records::with(&[]), clock());
    let [one, _] = two(&records, in_process(&clock));
    let query = CandlesQuery {
        instrument: instrument().key,
        asset: None,
        interval: coinsphere_pipelines::market::Interval::Minute1,
        from: None,
        to: None,
        limit: 1,
    };
    for _ in 0..2 {
        one.candles(&query).await.unwrap();
    }
    assert_eq!(records.reads(), 2);
}

#[tokio::test]
async fn without_shared_state_everything_is_read() {
    let records = Records::with(&["bitcoin"]);
    let [one, _] = two(&records, Arc::new(Away));
    for _ in 0..2 {
        assert_eq!(one.tokens(None, 10).await.unwrap(), [token("bitcoin")]);
    }
    assert_eq!(records.reads(), 2);
    one.cache.forget().await;
}
