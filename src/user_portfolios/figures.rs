//! Computed portfolios, kept in memory: a portfolio is computed when somebody asks for it first, and again
//! as far as it has changed; meanwhile every figure is answered from what there is.
//!
//! A change that this process made is read and computed from its date on; one of another process is found by the
//! version, and read as a whole.
//!
//! Prices that are older than [`FRESH`] are read again behind the answer, and before it once they are
//! older than [`STALE`]. What is kept is bounded; the portfolio that was asked for longest ago goes first.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::store::Store;
use coinsphere_pipelines::task::spawn_bounded;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::{self, error::TryRecvError};
use uuid::Uuid;

use super::prices::{PortfolioPrices, PriceQuery, read};
use super::slot::{MOST_COMPARED, Slot};
use super::snapshot::{Input, Snapshot, State, first_day_of, tickers};
use super::valuation::{self, Valuation};
use super::{Portfolio, PortfolioChanged, PortfolioError, UserPortfolios};
use crate::portfolios::computed::ChangeError;
use crate::portfolios::{Computed, Decimal, Transaction};

/// Age up to which prices are not read again.
const FRESH: Duration = Duration::from_secs(60);

/// Age that prices may have in an answer.
const STALE: Duration = Duration::from_secs(600);

/// Portfolios that are computed at a time.
const AT_ONCE: usize = 2;

/// The most portfolios that are kept.
const MOST: usize = 10_000;

/// The most transactions of all portfolios that are kept.
const MOST_TRANSACTIONS: i64 = 3_000_000;

/// Computed portfolios. Cheap to clone.
#[derive(Clone)]
pub struct PortfolioFigures(Arc<Inner>);

struct Inner {
    portfolios: UserPortfolios,
    hub: Arc<PushHub>,
    slots: Mutex<HashMap<Uuid, Arc<Slot>>>,
    /// Changes of this process that have not been noted yet.
    changes: Mutex<broadcast::Receiver<PortfolioChanged>>,
    /// Counts questions, to know which portfolio was asked for longest ago.
    questions: AtomicU64,
    computing: Semaphore,
}

impl PortfolioFigures {
    /// Of the portfolios of a database, valued at the newest trades that the hub hears of.
    #[must_use]
    pub fn new(portfolios: UserPortfolios, hub: Arc<PushHub>) -> Self {
        Self(Arc::new(Inner {
            changes: Mutex::new(portfolios.changes()),
            portfolios,
            hub,
            slots: Mutex::default(),
            questions: AtomicU64::new(0),
            computing: Semaphore::new(AT_ONCE),
        }))
    }

    /// A user's portfolio as it is computed.
    ///
    /// # Errors
    /// When the user has none of this id, it cannot be computed, or the database is away.
    pub async fn snapshot(
        &self,
        user: Uuid,
        id: Uuid,
    ) -> Result<(Portfolio, Arc<Snapshot>), PortfolioError> {
        let portfolio = self.0.portfolios.portfolio(user, id).await?;
        let (_, snapshot) = self.0.current(&portfolio).await?;
        Ok((portfolio, snapshot))
    }

    /// A portfolio as it is computed; whoever asks may see it.
    ///
    /// # Errors
    /// When it cannot be computed, or the database is away.
    pub async fn of(&self, portfolio: &Portfolio) -> Result<Arc<Snapshot>, PortfolioError> {
        let (_, snapshot) = self.0.current(portfolio).await?;
        Ok(snapshot)
    }

    /// A portfolio as it is computed, if it needs no computing.
    pub(super) fn known(&self, portfolio: &Portfolio) -> Option<Arc<Snapshot>> {
        self.0.known(&self.0.slot(portfolio), portfolio)
    }

    /// Its value at the newest prices.
    #[must_use]
    pub fn value(&self, snapshot: &Snapshot) -> Valuation {
        let last_trade = |instrument: &_| self.0.hub.last_trade(instrument);
        let at = self.0.now();
        valuation::value(&snapshot.positions, &snapshot.anchor, at, last_trade)
    }

    /// Asks the whole of a user's computed portfolio, off the threads that answer requests.
    ///
    /// # Errors
    /// As [`PortfolioFigures::snapshot`].
    pub async fn ask<T: Send + 'static>(
        &self,
        user: Uuid,
        id: Uuid,
        question: impl FnOnce(&Computed) -> T + Send + 'static,
    ) -> Result<(Arc<Snapshot>, T), PortfolioError> {
        let portfolio = self.0.portfolios.portfolio(user, id).await?;
        let (slot, snapshot) = self.0.current(&portfolio).await?;
        let asked = tokio::task::spawn_blocking(move || {
            let state = slot.state.read().unwrap_or_else(PoisonError::into_inner);
            state.as_ref().map(|state| question(&state.computed))
        });
        let answer = asked.await.map_err(interrupted)?;
        // A slot that is current has a state.
        let answer =
            answer.ok_or_else(|| PortfolioError::Interrupted("it was cut off".to_owned()))?;
        Ok((snapshot, answer))
    }

    /// The ids of assets by the names in a mix, whose prices are known from then on.
    ///
    /// # Errors
    /// When a name means several tokens; else as [`PortfolioFigures::snapshot`].
    pub async fn known_assets(
        &self,
        user: Uuid,
        id: Uuid,
        mix: Vec<(String, Decimal)>,
    ) -> Result<Vec<(String, Decimal)>, PortfolioError> {
        let portfolio = self.0.portfolios.portfolio(user, id).await?;
        let mix = self.0.portfolios.asset_ids(user, mix).await?;
        let asked = mix.iter().take(MOST_COMPARED);
        let asked = asked.map(|(asset, _)| asset.clone()).collect();
        self.0.read_prices(&portfolio, asked).await?;
        Ok(mix)
    }

    /// The currency to show amounts in, whose prices are known from then on: the portfolio's own if none is
    /// asked for.
    ///
    /// # Errors
    /// When it is no currency and no token; else as [`PortfolioFigures::snapshot`].
    pub async fn display_currency(
        &self,
        user: Uuid,
        id: Uuid,
        asked: Option<&str>,
    ) -> Result<String, PortfolioError> {
        let portfolio = self.0.portfolios.portfolio(user, id).await?;
        let own = &portfolio.settings.currency;
        let currency = match asked {
            Some(name) => self.0.portfolios.currency(user, name).await?,
            None => own.clone(),
        };
        if currency != *own {
            let asked = BTreeSet::from([currency.clone()]);
            self.0.read_prices(&portfolio, asked).await?;
        }
        Ok(currency)
    }

    /// Tries something out on a copy of a portfolio as it is computed, with the prices that these transactions take
    /// as well.
    pub(super) async fn try_out<T: Send + 'static>(
        &self,
        portfolio: &Portfolio,
        rows: &[Transaction],
        trial: impl FnOnce(State) -> T + Send + 'static,
    ) -> Result<T, PortfolioError> {
        let (slot, _) = self.0.current(portfolio).await?;
        let known = slot.known(&portfolio.settings);
        let (mut named, first_day) = known.ok_or_else(|| interrupted("its settings changed"))?;
        named.extend(tickers(rows));
        let of_rows = first_day_of(rows, portfolio.settings.time_zone);
        let first_day = first_day.into_iter().chain(of_rows).min();
        let currency = &portfolio.settings.currency;
        let prices = self
            .0
            .prices(&slot, portfolio, currency, &named, first_day)
            .await?;
        let _permit = self.0.computing.acquire().await.map_err(interrupted)?;
        let tried = tokio::task::spawn_blocking(move || {
            let state = slot.state.read().unwrap_or_else(PoisonError::into_inner);
            // A slot that is current has a state.
            let copy = state.clone();
            drop(state);
            let mut copy = copy.ok_or_else(|| interrupted("it was cut off"))?;
            copy.reprice(prices)?;
            Ok(trial(copy))
        });
        tried.await.map_err(interrupted)?
    }

    pub(super) fn portfolios(&self) -> &UserPortfolios {
        &self.0.portfolios
    }

    pub(super) fn hub(&self) -> &Arc<PushHub> {
        &self.0.hub
    }
}

fn interrupted(error: impl std::fmt::Display) -> PortfolioError {
    PortfolioError::Interrupted(error.to_string())
}

impl Inner {
    fn store(&self) -> Result<Store, PortfolioError> {
        let source = &self.portfolios.0.source;
        source.store().ok_or(PortfolioError::Unavailable)
    }

    fn now(&self) -> Timestamp {
        self.portfolios.0.clock.now()
    }

    /// The day it is where the portfolio is.
    fn today(&self, portfolio: &Portfolio) -> NaiveDate {
        let now = self.now().to_utc();
        now.with_timezone(&portfolio.settings.time_zone)
            .date_naive()
    }

    /// The portfolio, computed.
    async fn current(
        self: &Arc<Self>,
        portfolio: &Portfolio,
    ) -> Result<(Arc<Slot>, Arc<Snapshot>), PortfolioError> {
        let slot = self.slot(portfolio);
        if let Some(snapshot) = self.known(&slot, portfolio) {
            return Ok((slot, snapshot));
        }
        let snapshot = {
            let _alone = slot.computing.lock().await;
            // Whoever was before may have done it.
            match self.known(&slot, portfolio) {
                Some(snapshot) => snapshot,
                None => self.compute(&slot, portfolio).await?,
            }
        };
        Ok((slot, snapshot))
    }

    /// The snapshot, if it may be answered; prices that are no longer fresh are read again behind it.
    fn known(self: &Arc<Self>, slot: &Arc<Slot>, portfolio: &Portfolio) -> Option<Arc<Snapshot>> {
        let snapshot = slot.snapshot()?;
        let today = self.today(portfolio);
        if snapshot.version != portfolio.version || snapshot.today != today {
            return None;
        }
        let priced_at = Timestamp::from_nanos(slot.priced_at.load(Ordering::Relaxed));
        let age = self.now().since(priced_at);
        if age >= STALE {
            return None;
        }
        if age >= FRESH && !slot.is_refreshing.swap(true, Ordering::AcqRel) {
            let (inner, slot, portfolio) = (Arc::clone(self), Arc::clone(slot), portfolio.clone());
            spawn_bounded(async move {
                let _alone = slot.computing.lock().await;
                let refreshed = inner.reprice(&slot, &portfolio).await;
                slot.is_refreshing.store(false, Ordering::Release);
                if let Err(error) = refreshed {
                    tracing::debug!(%error, "a portfolio keeps the prices that it has");
                }
            });
        }
        Some(snapshot)
    }

    /// Reads what has changed and computes what follows from it.
    async fn compute(
        &self,
        slot: &Arc<Slot>,
        portfolio: &Portfolio,
    ) -> Result<Arc<Snapshot>, PortfolioError> {
        self.note_changes();
        let known = slot.known(&portfolio.settings);
        let before = slot.snapshot().map(|snapshot| snapshot.version);
        let since = before.and_then(|before| slot.since(before, portfolio.version));
        let Some((since, (mut named, first_day))) = since.zip(known) else {
            return self.compute_all(slot, portfolio).await;
        };
        let rows = match since {
            // Of the same version only the prices are older than they may be, or the day is another.
            i64::MAX => Vec::new(),
            since => {
                self.portfolios
                    .transactions_since(portfolio.id, since)
                    .await?
            }
        };
        named.extend(tickers(&rows));
        let zone = portfolio.settings.time_zone;
        let first_day = first_day.into_iter().chain(first_day_of(&rows, zone)).min();
        let currency = &portfolio.settings.currency;
        let prices = self
            .prices(slot, portfolio, currency, &named, first_day)
            .await?;
        self.work(slot, portfolio, move |state| match state {
            Some(state) => state.change_since(since, rows, prices, (named, first_day)),
            None => Ok(()),
        })
        .await
    }

    /// Reads everything, and computes what is other than it was.
    async fn compute_all(
        &self,
        slot: &Arc<Slot>,
        portfolio: &Portfolio,
    ) -> Result<Arc<Snapshot>, PortfolioError> {
        let (_, file) = self.portfolios.file(portfolio.id).await?;
        let (currency, tickers) = (&portfolio.settings.currency, tickers(&file.transactions));
        let first_day = first_day_of(&file.transactions, file.timezone);
        let prices = self
            .prices(slot, portfolio, currency, &tickers, first_day)
            .await?;
        let input = Input {
            settings: portfolio.settings.clone(),
            file,
            prices,
        };
        self.work(slot, portfolio, move |state| match state {
            Some(state) => state.change(input),
            None => {
                *state = Some(State::new(input)?);
                Ok(())
            }
        })
        .await
    }

    /// Has the prices of further assets, to compare a portfolio with or to show it in.
    async fn read_prices(
        self: &Arc<Self>,
        portfolio: &Portfolio,
        assets: BTreeSet<String>,
    ) -> Result<(), PortfolioError> {
        let (slot, _) = self.current(portfolio).await?;
        // Who comes while they are read waits for them.
        let _alone = slot.computing.lock().await;
        let missing = slot.compare(assets, &portfolio.settings);
        if missing.is_empty() {
            return Ok(());
        }
        let read = self.reprice(&slot, portfolio).await;
        if read.is_err() {
            slot.forget(&missing);
        }
        read
    }

    /// Reads prices again, and computes what they change.
    async fn reprice(&self, slot: &Arc<Slot>, portfolio: &Portfolio) -> Result<(), PortfolioError> {
        let asked = {
            let state = slot.state.read().unwrap_or_else(PoisonError::into_inner);
            state.as_ref().map(|state| {
                let currency = state.settings.currency.clone();
                (
                    currency,
                    state.tickers.clone(),
                    state.first_day,
                    state.prices.clone(),
                )
            })
        };
        let Some((currency, tickers, first_day, before)) = asked else {
            return Ok(());
        };
        let prices = self
            .prices(slot, portfolio, &currency, &tickers, first_day)
            .await?;
        if prices == before {
            let now = self.now().nanos();
            slot.priced_at.store(now, Ordering::Relaxed);
            return Ok(());
        }
        let version = slot.snapshot().map(|snapshot| snapshot.version);
        // Of an older version than was asked for, if a change came in between: it is computed when it is asked.
        let portfolio = Portfolio {
            version: version.unwrap_or(portfolio.version),
            ..portfolio.clone()
        };
        let repriced = self.work(slot, &portfolio, move |state| match state {
            Some(state) => state.reprice(prices),
            None => Ok(()),
        });
        repriced.await.map(drop)
    }

    async fn prices(
        &self,
        slot: &Slot,
        portfolio: &Portfolio,
        currency: &str,
        tickers: &BTreeSet<String>,
        first_day: Option<NaiveDate>,
    ) -> Result<PortfolioPrices, PortfolioError> {
        let today = self.today(portfolio);
        let mut named = slot.compared();
        named.extend(tickers.iter().cloned());
        let asked = PriceQuery {
            currency,
            tickers: &named,
            from: first_day.unwrap_or(today),
            today,
        };
        Ok(read(&self.store()?, asked).await?)
    }

    /// Computes on a thread of its own, and puts the outcome where it is answered from.
    async fn work(
        &self,
        slot: &Arc<Slot>,
        portfolio: &Portfolio,
        change: impl FnOnce(&mut Option<State>) -> Result<(), ChangeError> + Send + 'static,
    ) -> Result<Arc<Snapshot>, PortfolioError> {
        let permit = self.computing.acquire().await.map_err(interrupted)?;
        let (now, today) = (self.now(), self.today(portfolio));
        let (id, version) = (portfolio.id, portfolio.version);
        let place = Arc::clone(slot);
        let computed = tokio::task::spawn_blocking(move || {
            let mut kept = place.state.write().unwrap_or_else(PoisonError::into_inner);
            // Taken out, so that a panic leaves nothing that is half changed.
            let mut state = kept.take();
            let changed = change(&mut state);
            let snapshot = state
                .as_ref()
                .map(|state| state.snapshot(id, version, now, today));
            *kept = state;
            changed.map(|()| snapshot)
        });
        let computed: Result<Option<Snapshot>, ChangeError> =
            computed.await.map_err(interrupted)?;
        drop(permit);
        let snapshot = computed?.map(Arc::new);
        let snapshot = snapshot.ok_or_else(|| interrupted("nothing was computed"))?;
        slot.priced_at.store(now.nanos(), Ordering::Relaxed);
        *slot.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// Notes from when on portfolios have changed.
    fn note_changes(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let changed = changes.try_recv();
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            match changed {
                Ok(changed) => {
                    if let Some(version) = changed.version
                        && let Some(slot) = slots.get(&changed.portfolio)
                    {
                        slot.note(version, changed.since);
                    }
                }
                // What was missed is missing, so that everything is read.
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// The place of a portfolio; others go where there are too many.
    fn slot(&self, portfolio: &Portfolio) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(slots.entry(portfolio.id).or_default());
        let question = self.questions.fetch_add(1, Ordering::Relaxed);
        slot.asked.store(question, Ordering::Relaxed);
        let before = slot
            .transactions
            .swap(portfolio.transactions, Ordering::Relaxed);
        if before != portfolio.transactions || slots.len() > MOST {
            make_room(&mut slots, portfolio.id);
        }
        slot
    }
}

/// Drops what was asked for longest ago until the rest fits; never `kept`.
fn make_room(slots: &mut HashMap<Uuid, Arc<Slot>>, kept: Uuid) {
    let sizes = slots
        .values()
        .map(|slot| slot.transactions.load(Ordering::Relaxed));
    let mut transactions: i64 = sizes.sum();
    while slots.len() > MOST || transactions > MOST_TRANSACTIONS {
        let others = slots.iter().filter(|(id, _)| **id != kept);
        let oldest = others.min_by_key(|(_, slot)| slot.asked.load(Ordering::Relaxed));
        let Some((&oldest, slot)) = oldest else {
            return;
        };
        transactions -= slot.transactions.load(Ordering::Relaxed);
        slots.remove(&oldest);
    }
}
