//! The instrument that a path names.

use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::venues;

use crate::http::extract::params::venue_names;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::MarketState;
use crate::market::Instrument;

/// The instrument of this venue and symbol.
///
/// # Errors
/// When there is no such venue or instrument, or the database cannot be read.
pub(super) async fn instrument(
    state: &MarketState,
    venue: &str,
    symbol: &str,
) -> Result<Instrument, Problem> {
    let shown = |text: &str| text.chars().take(60).collect::<String>();
    let venue = venues::named(venue).ok_or_else(|| {
        Problem::new(Kind::UnknownVenue).with_detail(format!(
            "there is no venue {:?}: use one of {}",
            shown(venue),
            venue_names()
        ))
    })?;
    let found = match &spellings(symbol)[..] {
        [] => None,
        spellings => state.market.instrument(venue, spellings).await?,
    };
    found.ok_or_else(|| {
        Problem::new(Kind::UnknownInstrument).with_detail(format!(
            "{venue} has no instrument {:?} here; /api/v1/instruments?venue={venue} lists them",
            shown(symbol)
        ))
    })
}

/// The symbols that a path may mean: as written, and with `-` for a slash.
fn spellings(symbol: &str) -> Vec<Symbol> {
    let mut spellings = vec![symbol.to_owned()];
    if symbol.contains('-') {
        spellings.push(symbol.replace('-', "/"));
    }
    spellings
        .iter()
        .filter_map(|text| Symbol::new(text).ok())
        .collect()
}
