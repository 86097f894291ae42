//! When a rule would have fired: the evaluator over stored one-minute candles. Each is taken as four trades,
//! its open, low, high and close, with a quarter of its volume each, so what happened within a minute is bounded, not known.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::query;
use rust_decimal::Decimal;

use super::{AlertError, UserAlerts};
use crate::alerts::{Evaluator, EventTime, Instrument, Limits, Outcome, Rule, RuleId, Tick};

/// Days that it looks back.
const DAYS: i64 = 30;

/// The most events that are listed.
const LISTED: usize = 100;

/// The most instruments of a rule that are looked at.
const MOST_INSTRUMENTS: usize = 8;

const MINUTE: i64 = 60_000_000_000;

/// When a rule would have fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Since when candles were looked at.
    pub from: DateTime<Utc>,
    /// Until when.
    pub to: DateTime<Utc>,
    /// Number of candles that were stored.
    pub candles: usize,
    /// Number of events that it would have had, at least.
    pub count: usize,
    /// The newest times at which it would have, oldest first; at most 100.
    pub times: Vec<EventTime>,
    /// The most events within an hour.
    pub most_in_an_hour: usize,
}

/// A one-minute candle: four prices, and the volume of each.
struct Minute {
    open_time: i64,
    instrument: usize,
    prices: [Decimal; 4],
    quantity: Decimal,
}

impl UserAlerts {
    /// When a rule would have fired over the last 30 days. Nothing is saved.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn preview(&self, rule: &Rule) -> Result<Preview, AlertError> {
        let to = self.now();
        let from = to - TimeDelta::days(DAYS);
        let mut instruments = rule.condition.instruments();
        instruments.truncate(MOST_INSTRUMENTS);
        let session = self.session().await?;
        let mut minutes = Vec::new();
        for (at, instrument) in instruments.iter().enumerate() {
            let sql = "SELECT p.open_time, p.open, p.high, p.low, p.close, p.volume FROM price_data p \
                 WHERE p.instrument_id = (SELECT id FROM instruments WHERE venue = $1 AND symbol = $2) \
                 AND p.open_time >= $3 AND p.open_time < $4 ORDER BY p.open_time";
            let (venue, symbol) = (&*instrument.venue, &*instrument.symbol);
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&venue, &symbol, &from, &to];
            let rows = query(&session, "read candles for a preview", sql, &params).await?;
            minutes.extend(rows.iter().filter_map(|row| {
                let open_time: DateTime<Utc> = row.get(0);
                let [open, high, low, close] = [1, 2, 3, 4].map(|at| row.get::<_, Decimal>(at));
                let volume: Decimal = row.get(5);
                let prices = match close >= open {
                    true => [open, low, high, close],
                    false => [open, high, low, close],
                };
                Some(Minute {
                    open_time: open_time.timestamp_nanos_opt()?,
                    instrument: at,
                    prices,
                    quantity: volume / Decimal::from(4),
                })
            }));
        }
        drop(session);
        let candles = minutes.len();
        let rule = rule.clone();
        // Tens of milliseconds of computing, which no worker of the runtime has to spare.
        let judging = tokio::task::spawn_blocking(move || {
            minutes.sort_by_key(|minute| (minute.open_time, minute.instrument));
            judged(rule, &instruments, &minutes)
        });
        let fired = judging.await.map_err(|_| AlertError::Unavailable)?;
        let newest = fired.len().saturating_sub(LISTED);
        Ok(Preview {
            from,
            to,
            candles,
            count: fired.len(),
            most_in_an_hour: most_within(&fired, 60 * MINUTE),
            times: fired[newest..].iter().copied().map(EventTime).collect(),
        })
    }
}

/// The times at which the rule fires.
fn judged(rule: Rule, instruments: &[Instrument], minutes: &[Minute]) -> Vec<i64> {
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    // What ends a rule ends it now, not in the past.
    let rule = Rule {
        expires_at: None,
        ..rule
    };
    if evaluator
        .arm(RuleId::of(1), 1, &rule, None, &mut out)
        .is_err()
    {
        return Vec::new();
    }
    let markets: Vec<_> = instruments.iter().map(|it| evaluator.market(it)).collect();
    for (at, minute) in minutes.iter().enumerate() {
        let Some(market) = markets.get(minute.instrument) else {
            continue;
        };
        let ticks = [0_usize, 1, 2, 3].map(|step| {
            let time = minute.open_time + step as i64 * (MINUTE / 4);
            Tick {
                id: (at * 4 + step) as u64,
                time: EventTime(time),
                price: minute.prices[step],
                quantity: minute.quantity,
            }
        });
        evaluator.trades(*market, &ticks, &mut out);
    }
    out.firings.iter().map(|firing| firing.at.0).collect()
}

/// The most of these ascending times that lie within a span.
fn most_within(times: &[i64], span: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while time - times[first] >= span {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
