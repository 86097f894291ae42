//! Candles from before this program listened: asked of a venue's REST interface and written where
//! nothing whole is stored.
//!
//! - [`HistoryBackfill`] loads a window of an instrument's time, and notes what is proven by it.
//! - [`GapRepair`] closes a gap of a stream: by the missing trades, through the log, or by candles.
//! - [`BackfillLoader`] keeps the newest candles of a series whole, for models.
//!
//! It knows nothing of forecasts; who wants which history says so.

mod columns;
mod files;
mod history;
mod loader;
mod parts;
mod plan;
mod reading;
mod repair;
mod rows;
mod trade_rows;

pub use columns::{ColumnMapping, ColumnsError};
pub use files::{FileBackfill, FileError};
pub use history::{HistoryBackfill, HistoryProgress, HistoryReport, HistoryRequest};
pub use loader::{BackfillError, BackfillLoader, Loaded};
pub use plan::Wanted;
pub use repair::{GapRepair, RepairError, RepairOutcome};
