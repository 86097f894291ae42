//! Which version serves, which did before, and what happened: the contents of `current.json`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::ModelId;

/// Its layout.
const FORMAT: u32 = 1;

/// Promotions that can be rolled back, and events that are remembered, at most.
const MOST_PROMOTIONS: usize = 32;
const MOST_EVENTS: usize = 100;

/// That a version began to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The version.
    pub id: ModelId,
    /// When.
    pub at: DateTime<Utc>,
    /// Why: the verdict of a training, or who asked for it.
    pub why: String,
}

/// The version that serves now and the ones that did before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    format: u32,
    /// The promotions that were not rolled back, the serving one last.
    promotions: Vec<Promotion>,
    /// Everything that happened, newest last, bounded.
    events: Vec<Promotion>,
}

impl Pointer {
    /// The serving version.
    #[must_use]
    pub fn current(&self) -> Option<&Promotion> {
        self.promotions.last()
    }

    /// The promotions that were not rolled back, the serving one last.
    #[must_use]
    pub fn promotions(&self) -> &[Promotion] {
        &self.promotions
    }

    /// Promotions and roll-backs in the order in which they happened, the newest 100.
    #[must_use]
    pub fn events(&self) -> &[Promotion] {
        &self.events
    }

    /// Notes that a version serves from now on.
    pub(super) fn promote(&mut self, promotion: Promotion) {
        self.promotions.push(promotion.clone());
        let excess = self.promotions.len().saturating_sub(MOST_PROMOTIONS);
        self.promotions.drain(..excess);
        self.record(promotion);
    }

    /// Takes the serving version out, so that the one before it serves.
    pub(super) fn step_back(&mut self) -> Option<Promotion> {
        self.promotions.pop()
    }

    /// Forgets the promotions of versions that are gone.
    pub(super) fn forget(&mut self, gone: &[ModelId]) {
        self.promotions
            .retain(|promotion| !gone.contains(&promotion.id));
    }

    /// Checks that this program can have written it; the error says why not.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.format == FORMAT {
            return Ok(());
        }
        Err(format!(
            "it has format {}, this program reads {FORMAT}",
            self.format
        ))
    }

    /// Notes what happened.
    pub(super) fn record(&mut self, event: Promotion) {
        self.events.push(event);
        let excess = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..excess);
    }
}

impl Default for Pointer {
    fn default() -> Self {
        Self {
            format: FORMAT,
            promotions: Vec::new(),
            events: Vec::new(),
        }
    }
}
