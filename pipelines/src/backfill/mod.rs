//! Candles from before this program listened: asked of a venue's REST interface and imported where
//! nothing whole is stored. What is there already is not asked again, so a loader that was stopped
//! goes on where it was, and a stretch that was missed while the program was off is filled.
//!
//! It knows nothing of forecasts; who wants which history says so.

mod loader;
mod plan;

pub use loader::{BackfillError, BackfillLoader, Loaded};
pub use plan::Wanted;
