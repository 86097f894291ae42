//! The place of one computed portfolio: what is known of it, and what of it has changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::NaiveDate;

use super::PortfolioSettings;
use super::snapshot::{Snapshot, State};

/// The most changes of a portfolio that are noted until it is asked for.
const MOST_CHANGES: usize = 1_024;

/// The most assets that a portfolio is compared with.
pub(super) const MOST_COMPARED: usize = 100;

/// The place of one portfolio.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) snapshot: Mutex<Option<Arc<Snapshot>>>,
    pub(super) state: RwLock<Option<State>>,
    /// When its prices were read, in nanoseconds since 1970.
    pub(super) priced_at: AtomicI64,
    pub(super) transactions: AtomicI64,
    /// From when on each version differs from the one before, in nanoseconds since 1970; none: from the beginning.
    changes: Mutex<BTreeMap<i64, Option<i64>>>,
    pub(super) asked: AtomicU64,
    /// Assets besides its own whose prices were asked for: to compare it with.
    compared: Mutex<BTreeSet<String>>,
    /// One computes, others wait for it.
    pub(super) computing: tokio::sync::Mutex<()>,
    pub(super) is_refreshing: AtomicBool,
}

impl Slot {
    /// Notes assets that it is compared with, and returns those whose prices are to be read for that.
    pub(super) fn compare(
        &self,
        assets: BTreeSet<String>,
        settings: &PortfolioSettings,
    ) -> Vec<String> {
        let known = self
            .known(settings)
            .map(|(known, _)| known)
            .unwrap_or_default();
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<String> = assets
            .into_iter()
            .filter(|asset| !known.contains(asset) && !compared.contains(asset))
            .collect();
        if compared.len() + missing.len() > MOST_COMPARED {
            compared.clear();
        }
        compared.extend(missing.iter().cloned());
        missing
    }

    /// Forgets assets whose prices could not be read.
    pub(super) fn forget(&self, assets: &[String]) {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.retain(|asset| !assets.contains(asset));
    }

    /// Names in the state of these settings, and its first day.
    pub(super) fn known(
        &self,
        settings: &PortfolioSettings,
    ) -> Option<(BTreeSet<String>, Option<NaiveDate>)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let state = state.as_ref().filter(|state| state.settings == *settings)?;
        Some((state.tickers.clone(), state.first_day))
    }

    pub(super) fn note(&self, version: i64, since: Option<i64>) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() >= MOST_CHANGES {
            changes.clear();
        }
        changes.insert(version, since);
    }

    /// From when on a version differs from an earlier one, if that is known.
    pub(super) fn since(&self, before: i64, version: i64) -> Option<i64> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut since = i64::MAX;
        for change in before + 1..=version {
            let of_change = changes.get(&change).copied().flatten();
            let Some(of_change) = of_change else {
                changes.retain(|noted, _| *noted > version);
                return None;
            };
            since = since.min(of_change);
        }
        Some(since)
    }

    pub(super) fn compared(&self) -> BTreeSet<String> {
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        compared.clone()
    }

    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.clone()
    }
}
