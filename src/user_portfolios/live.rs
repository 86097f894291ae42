//! The live values of the portfolios that somebody follows (`portfolio:ID` of the stream). Only those are
//! looked at: nobody's portfolio costs nothing. A trade of something that is held values the portfolio
//! again, at once or, where it was sent within the last 100 ms, when those are over. Changes are announced, by the
//! database those of other processes too; while they are not heard, the versions are read every second.
//!
//! The loop itself only multiplies: what takes time (the database, computing a portfolio) is done next to it
//! and comes back to it as a message.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::push::{PriceFollower, PushHub};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::market::InstrumentKey;
use coinsphere_pipelines::task::spawn_bounded;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use uuid::Uuid;

use super::Portfolio;
use super::figures::PortfolioFigures;
use super::live_message::LiveValue;
use super::snapshot::Snapshot;

/// The least time between two messages about a portfolio.
const BETWEEN: Duration = Duration::from_millis(100);

/// The least time between two looks at what has traded: what trades in between is one look.
const PAUSE: Duration = Duration::from_millis(5);

/// Values that are sent at a time: less than a millisecond of computing.
const A_TURN: usize = 16;

/// Interval at which prices that are not fresh are looked at, and versions are read while changes are not heard.
const LOOK: Duration = Duration::from_secs(1);

/// Followed portfolios that are looked up or computed at a time.
const AT_ONCE: usize = 4;

/// Time that the part may go without a mark of progress: a few of its turns.
pub const PROGRESS: Duration = Duration::from_secs(15);

/// The part's name.
pub const NAME: &str = "portfolios";

/// Result of the work next to the loop.
enum Found {
    /// The followed portfolios as they are; those that are missing are gone.
    Portfolios(BTreeSet<Uuid>, Vec<Portfolio>),
    /// One of them, computed, or why not.
    Computed(Uuid, i64, Result<Arc<Snapshot>, String>),
    /// The database could not be asked for the versions.
    Away(String),
    /// It could not be asked for one of them.
    AwayFor(Uuid, String),
}

/// A portfolio that is followed.
#[derive(Default)]
struct FollowedPortfolio {
    /// As it was read last.
    portfolio: Option<Portfolio>,
    snapshot: Option<Arc<Snapshot>>,
    /// The version that is being computed, or could not be.
    asked: Option<i64>,
    sent_at: Option<Instant>,
    /// It waits to be sent.
    is_due: bool,
}

impl FollowedPortfolio {
    /// Notes that its value is to be sent, as soon as it may be.
    fn mark(&mut self, id: Uuid, due: &mut BTreeSet<(Instant, Uuid)>) {
        if !self.is_due {
            self.is_due = true;
            let now = Instant::now();
            due.insert((self.sent_at.map_or(now, |at| now.max(at + BETWEEN)), id));
        }
    }
}

struct Live {
    figures: PortfolioFigures,
    hub: Arc<PushHub>,
    follower: PriceFollower,
    followed: HashMap<Uuid, FollowedPortfolio>,
    /// Who holds what an instrument prices.
    holders: HashMap<InstrumentKey, Vec<Uuid>>,
    /// Whose value is to be sent, and when.
    due: BTreeSet<(Instant, Uuid)>,
    found: mpsc::Sender<Found>,
    workers: Arc<Semaphore>,
    is_looking: bool,
    /// Something has changed since the versions were asked for.
    look_again: bool,
}

/// Sends the values of followed portfolios until cut off.
pub async fn run(figures: PortfolioFigures, context: LoopContext) {
    let (listening, heard) = watch::channel(false);
    let portfolios = figures.portfolios().clone();
    tokio::select! {
        () = portfolios.hear_changes(&listening) => {}
        () = follow(figures, context, heard) => {}
    }
}

async fn follow(
    figures: PortfolioFigures,
    context: LoopContext,
    mut listening: watch::Receiver<bool>,
) {
    let hub = Arc::clone(figures.hub());
    let (found, mut finds) = mpsc::channel(64);
    let mut changes = figures.portfolios().changes();
    let mut followed = hub.followed_portfolios_changed();
    let mut live = Live {
        follower: hub.follow_prices(),
        hub,
        figures,
        followed: HashMap::new(),
        holders: HashMap::new(),
        due: BTreeSet::new(),
        found,
        workers: Arc::new(Semaphore::new(AT_ONCE)),
        is_looking: false,
        look_again: false,
    };
    let mut looked = Instant::now();
    let mut turn = interval(LOOK);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    context.running();
    loop {
        let next = live.due.first().map(|(at, _)| *at);
        let follower = &live.follower;
        let traded = async {
            sleep_until(looked + PAUSE).await;
            follower.changed().await;
        };
        tokio::select! {
            () = followed.raised() => live.follow(),
            () = traded => {
                looked = Instant::now();
                live.traded();
            }
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            _ = turn.tick() => {
                context.progressed();
                if *listening.borrow() {
                    live.refresh();
                } else {
                    live.look();
                }
            }
            // What was announced before is not heard.
            Ok(()) = listening.changed() => live.look(),
            changed = changes.recv() => match changed {
                Ok(changed) if !live.followed.contains_key(&changed.portfolio) => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => live.look(),
                // The portfolios are held by this loop: they announce as long as it runs.
                Err(broadcast::error::RecvError::Closed) => return,
            },
            found = finds.recv() => match found {
                Some(found) => match live.take_in(found) {
                    Ok(()) => context.running(),
                    Err(why) => context.degraded(why),
                },
                // It holds a sender itself.
                None => return,
            },
        }
        if live.send_due() {
            // Whoever else waits for this thread does not wait for all of them.
            yield_now().await;
        }
    }
}

impl Live {
    /// Looks at who is followed now.
    fn follow(&mut self) {
        let wanted: HashSet<Uuid> = self.hub.followed_portfolios().into_iter().collect();
        let before = self.followed.len();
        self.followed.retain(|id, _| wanted.contains(id));
        let mut changed = self.followed.len() != before;
        for id in wanted {
            if let Entry::Vacant(entry) = self.followed.entry(id) {
                entry.insert(FollowedPortfolio::default());
                changed = true;
            }
        }
        if changed {
            self.index();
            self.look();
        }
    }

    /// Notes who holds what, and follows the prices of that.
    fn index(&mut self) {
        self.holders.clear();
        for (&id, followed) in &self.followed {
            let snapshot = followed.snapshot.as_ref();
            for instrument in snapshot
                .into_iter()
                .flat_map(|snapshot| snapshot.instruments())
            {
                let holders = self.holders.entry(instrument.clone()).or_default();
                if holders.last() != Some(&id) {
                    holders.push(id);
                }
            }
        }
        self.follower.follow(self.holders.keys().cloned().collect());
        metrics::gauge!("coinsphere_portfolios_followed").set(self.followed.len() as f64);
    }

    /// Takes in prices that have been read again, and has those read that are not fresh.
    fn refresh(&mut self) {
        let portfolios = self.followed.values();
        let portfolios: Vec<Portfolio> = portfolios
            .filter_map(|followed| followed.portfolio.clone())
            .collect();
        for portfolio in portfolios {
            self.take(portfolio);
        }
        // Those that could not be asked for.
        if self.followed.values().any(|one| one.portfolio.is_none()) {
            self.look();
        }
    }

    /// Shows a portfolio as it is computed, or has it computed.
    fn take(&mut self, portfolio: Portfolio) {
        match self.figures.known(&portfolio) {
            Some(snapshot) => self.show(portfolio.id, snapshot),
            None => self.compute(portfolio),
        }
    }

    /// Asks for the versions of the followed portfolios; if somebody is asking, once more after that.
    fn look(&mut self) {
        self.look_again = self.is_looking;
        if self.followed.is_empty() || self.is_looking {
            return;
        }
        self.is_looking = true;
        let ids: BTreeSet<Uuid> = self.followed.keys().copied().collect();
        let (figures, found) = (self.figures.clone(), self.found.clone());
        spawn_bounded(async move {
            let asked: Vec<Uuid> = ids.iter().copied().collect();
            let answer = match figures.portfolios().of_ids(&asked).await {
                Ok(portfolios) => Found::Portfolios(ids, portfolios),
                Err(error) => Found::Away(error.to_string()),
            };
            // Nobody hears of it if the loop has ended.
            let _ = found.send(answer).await;
        });
    }

    /// Takes in what was found; or says why it was not.
    fn take_in(&mut self, found: Found) -> Result<(), String> {
        match found {
            Found::Away(why) => {
                self.is_looking = false;
                // They are asked for again on the next turn.
                for followed in self.followed.values_mut() {
                    followed.portfolio = None;
                }
                return Err(why);
            }
            Found::AwayFor(id, why) => {
                if let Some(followed) = self.followed.get_mut(&id) {
                    followed.asked = None;
                }
                return Err(why);
            }
            Found::Portfolios(asked, portfolios) => {
                self.is_looking = false;
                let there: BTreeSet<Uuid> = portfolios.iter().map(|one| one.id).collect();
                for gone in asked.difference(&there) {
                    self.hub.end_portfolio(*gone);
                    self.followed.remove(gone);
                }
                for portfolio in portfolios {
                    if let Some(followed) = self.followed.get_mut(&portfolio.id) {
                        followed.portfolio = Some(portfolio.clone());
                    }
                    self.take(portfolio);
                }
                // Those that came or changed meanwhile.
                if self.look_again || self.followed.keys().any(|id| !asked.contains(id)) {
                    self.look();
                }
            }
            Found::Computed(id, _, Ok(snapshot)) => self.show(id, snapshot),
            Found::Computed(id, version, Err(why)) => {
                // It is tried again when it has changed.
                self.hub
                    .publish_portfolio(id, &LiveValue::failed(version, &why));
            }
        }
        Ok(())
    }

    /// Takes a computed portfolio in place of the one before.
    fn show(&mut self, id: Uuid, snapshot: Arc<Snapshot>) {
        let Some(followed) = self.followed.get_mut(&id) else {
            return;
        };
        followed.asked = None;
        let before = followed.snapshot.as_ref();
        if before.is_some_and(|before| Arc::ptr_eq(before, &snapshot)) {
            return;
        }
        let is_same = before.is_some_and(|before| before.instruments().eq(snapshot.instruments()));
        followed.snapshot = Some(snapshot);
        followed.mark(id, &mut self.due);
        if !is_same {
            self.index();
        }
    }

    /// Has a portfolio computed, unless it is being computed or its newest version cannot be.
    fn compute(&mut self, portfolio: Portfolio) {
        let Some(followed) = self.followed.get_mut(&portfolio.id) else {
            return;
        };
        if followed.asked == Some(portfolio.version) {
            return;
        }
        followed.asked = Some(portfolio.version);
        let (figures, found) = (self.figures.clone(), self.found.clone());
        let workers = Arc::clone(&self.workers);
        spawn_bounded(async move {
            let _one = workers.acquire().await;
            let (id, version) = (portfolio.id, portfolio.version);
            let answer = match figures.of(&portfolio).await {
                Err(error) if error.is_retriable() => Found::AwayFor(id, error.to_string()),
                outcome => Found::Computed(id, version, outcome.map_err(|error| error.to_string())),
            };
            // Nobody hears of it if the loop has ended.
            let _ = found.send(answer).await;
        });
    }

    /// Notes who holds what has traded.
    fn traded(&mut self) {
        for (instrument, _) in self.follower.take() {
            for id in self.holders.get(&instrument).into_iter().flatten() {
                if let Some(followed) = self.followed.get_mut(id) {
                    followed.mark(*id, &mut self.due);
                }
            }
        }
    }

    /// Sends values that may be sent, and returns whether there are more.
    fn send_due(&mut self) -> bool {
        let now = Instant::now();
        for _ in 0..A_TURN {
            let Some(&(_, id)) = self.due.first().filter(|(at, _)| *at <= now) else {
                return false;
            };
            self.due.pop_first();
            let Some(followed) = self.followed.get_mut(&id) else {
                continue;
            };
            followed.is_due = false;
            if let Some(snapshot) = &followed.snapshot {
                followed.sent_at = Some(now);
                let value = self.figures.value(snapshot);
                let message = LiveValue::new(snapshot, &value);
                self.hub.publish_portfolio(id, &message);
            }
        }
        true
    }
}
