//! Market data as the rest of the program reads it: instruments, candles and gaps out of the database,
//! and tokens that administrators add. It knows the store and nothing of HTTP.

mod backfill_job;
pub mod coverage;
mod data;
mod listings;
mod reader;
pub mod series;
mod settings;

pub(crate) use backfill_job::{BackfillHandler, BackfillOrder};
pub use data::{
    Candles, CandlesQuery, Gap, Instrument, InstrumentFilter, MarketData, ReadError, SeriesCandle,
    Token, TokenLookup,
};
pub use listings::Listings;
pub(crate) use listings::StoredListings;
pub use reader::Reader;
pub(crate) use reader::failure;
pub use settings::{CandleSettings, Instruments, MarketSettings, VenueSettings};
