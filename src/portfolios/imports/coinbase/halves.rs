//! Rows of the retail report that only make sense in twos: one coin becomes another, or is only named
//! differently.

use chrono::{DateTime, TimeDelta, Utc};

use crate::imports::booking::Booking;
use crate::imports::reading::{Reading, Unknown};
use crate::{Decimal, Kind};

/// The second row of two may be this much later.
const WITHIN: TimeDelta = TimeDelta::seconds(10);
/// More rows than this share no time.
const MOST_OF_ONE: usize = 1_000;

/// A row of two that belong together.
pub(super) struct Half {
    pub row: u64,
    pub time: DateTime<Utc>,
    pub id: String,
    pub asset: String,
    pub change: Decimal,
    pub value: Option<Decimal>,
    pub word: String,
    /// Booking of the row where the other one is not there.
    pub alone: Option<Booking>,
}

/// The two names of one coin.
const STAKED: &str = "ETH staked: ETH2 is ETH under another name";
const UNSTAKED: &str = "ETH2 became ETH again";

/// Rows of one word that only make sense together: one coin becomes another, or is only named differently.
pub(super) fn join(word: &str, mut rows: Vec<Half>, reading: &mut Reading<'_>) {
    rows.sort_by_key(|row| row.time);
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut together = vec![first];
        while let Some(next) = rows.next_if(|next| next.time - together[0].time <= WITHIN) {
            together.push(next);
        }
        join_near(word, together, reading);
    }
}

fn join_near(word: &str, mut rows: Vec<Half>, reading: &mut Reading<'_>) {
    let lower = word.to_lowercase();
    if rows.len() > MOST_OF_ONE {
        for row in rows {
            reading.refuse(row.row, format!("more than {MOST_OF_ONE} rows of one time"));
        }
        return;
    }
    while let Some(row) = rows.pop() {
        let opposite = |other: &Half| other.change.is_negative() != row.change.is_negative();
        let equal = rows
            .iter()
            .position(|other| opposite(other) && other.change == -row.change);
        let nearest = || {
            let others = rows.iter().enumerate().filter(|(_, other)| opposite(other));
            let nearest = others.min_by_key(|(_, other)| (row.time - other.time).abs());
            nearest.map(|(at, _)| at)
        };
        let Some(at) = equal.or_else(nearest) else {
            if let Some(alone) = row.alone {
                reading.book(alone.tag("dust").id(&row.id));
                continue;
            }
            // Staking moves one coin between two names of it: one row alone says the same.
            if lower.contains("staking transfer") || (lower.contains("eth2") && row.asset == "ETH")
            {
                reading.internal(&[row.row], STAKED);
                continue;
            }
            let unknown = Unknown {
                reason: format!("\"{}\" without its other half at the same time", row.word),
                word: row.word,
                time: row.time,
                account: reading.account.clone(),
                asset: row.asset,
                change: row.change,
                fee: None,
            };
            reading.unknown(row.row, unknown);
            continue;
        };
        let other = rows.remove(at);
        let time = row.time.min(other.time);
        let (out, back) = if row.change.is_negative() {
            (row, other)
        } else {
            (other, row)
        };
        let both = vec![out.row, back.row];
        if out.asset == back.asset {
            let why = if lower.contains("deprecation") || lower.contains("unstaking") {
                UNSTAKED
            } else {
                STAKED
            };
            reading.internal(&both, why);
            continue;
        }
        let booking = if lower.contains("migration") {
            Booking::new(Kind::Migration, time, &reading.account, both)
                .sent(&out.asset, -out.change)
                .received(&back.asset, back.change)
        } else {
            let (sent, received) = (
                (out.asset.as_str(), -out.change),
                (back.asset.as_str(), back.change),
            );
            Booking::trade(time, &reading.account, both, sent, received)
                .value(out.value.or(back.value))
                .tag(if lower.contains("dust") { "dust" } else { "" })
        };
        reading.book(booking.id(&out.id));
    }
}
