//! The time that a page of candles speaks for.

use coinsphere_pipelines::market::Timestamp;
use rust_decimal::Decimal;

use super::{SeriesRequest, ceil};
use crate::market::{Candles, Gap};

/// The range a page speaks for, and where trades are or may be missing in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Start, inclusive, and end, exclusive; `None` when there is nothing.
    pub range: Option<(Timestamp, Timestamp)>,
    /// The gaps, earliest first.
    pub gaps: Vec<Gap>,
}

/// The coverage of the page; takes the gaps out of it.
pub(super) fn cover(
    request: &SeriesRequest,
    page: &mut Candles,
    before: Option<Decimal>,
    now: Timestamp,
) -> Coverage {
    let first = page.candles.first().map(|first| first.candle.open_time);
    let to = page
        .next
        .unwrap_or_else(|| request.to.map_or(now, |to| to.min(now)));
    let Some(mut from) = request.from.or(first).filter(|from| *from < to) else {
        return Coverage::default();
    };
    let mut gaps = std::mem::take(&mut page.gaps);
    gaps.retain(|gap| gap.touches(from, to));
    let begins_with_hole = first.is_none_or(|first| first > ceil(request.interval, from));
    if begins_with_hole && before.is_none() {
        // Nobody listened yet at `from`: silence there means nothing.
        let Some(heard) = gaps.iter().map(|gap| gap.from).chain(first).min() else {
            return Coverage::default();
        };
        from = from.max(heard);
    }
    Coverage {
        range: Some((from, to)),
        gaps,
    }
}
