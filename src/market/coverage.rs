//! Coverage of an instrument's time as it is shown: in the API and by `coinsphere coverage`.

use coinsphere_pipelines::coverage::Coverage;
use coinsphere_pipelines::market::{InstrumentKey, Interval, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Coverage of an instrument's time: proven, gaps, unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CoverageReport)]
pub struct CoverageReport {
    /// The venue.
    #[schema(example = "kraken")]
    venue: &'static str,
    /// The venue's own symbol.
    #[schema(example = "BTC/USD")]
    symbol: String,
    /// The length of a candle.
    #[schema(example = "1m")]
    interval: &'static str,
    /// Start of the period, inclusive.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// End of the period, exclusive.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// The part of the period that is proven, in percent, rounded down, a decimal.
    #[schema(example = "99.93")]
    proven_percent: String,
    /// The proven stretches, ascending; those of different sources may overlap.
    proven: Vec<ProvenStretch>,
    /// The gaps that are not filled, ascending.
    gaps: Vec<CoverageGapView>,
    /// The rest, ascending.
    unknown: Vec<UnknownStretch>,
}

/// A stretch of time of which every candle is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProvenStretch)]
struct ProvenStretch {
    /// Start, inclusive.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// End, exclusive.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// `trades` if the candles were built here from trades without a gap, else who gave the candles.
    #[schema(example = "trades")]
    source: String,
}

/// A gap that is not filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CoverageGap)]
struct CoverageGapView {
    /// Start, inclusive.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// End, exclusive; null while it is ongoing.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The reason, as in series of candles.
    #[schema(example = "disconnect")]
    reason: &'static str,
    /// When it was noticed.
    #[schema(value_type = String, format = DateTime)]
    detected_at: Timestamp,
    /// Attempts to fill it that failed.
    attempts: u32,
    /// When that is tried next, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// Why it failed last.
    #[schema(example = "the venue has no candle")]
    last_error: Option<String>,
}

/// A stretch of time of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UnknownStretch)]
struct UnknownStretch {
    /// Start, inclusive.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// End, exclusive.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
}

/// Hundredths of a percent as percent.
pub(crate) fn percent(share: u32) -> String {
    format!("{}.{:02}", share / 100, share % 100)
}

impl CoverageReport {
    /// The report of this instrument.
    #[must_use]
    pub fn new(instrument: &InstrumentKey, interval: Interval, coverage: &Coverage) -> Self {
        let gaps = coverage.gaps.iter().map(|gap| CoverageGapView {
            from: gap.from,
            to: gap.to,
            reason: gap.reason.name(),
            detected_at: gap.detected_at,
            attempts: gap.attempts,
            next_attempt_at: gap.next_attempt_at,
            last_error: gap.last_error.clone(),
        });
        let proven = coverage.spans.iter().map(|span| ProvenStretch {
            from: span.from,
            to: span.to,
            source: span.source.clone(),
        });
        let unknown = coverage.unknown().into_iter();
        Self {
            venue: instrument.venue.name(),
            symbol: instrument.symbol.to_string(),
            interval: interval.name(),
            from: coverage.from,
            to: coverage.to,
            proven_percent: percent(coverage.share()),
            proven: proven.collect(),
            gaps: gaps.collect(),
            unknown: unknown
                .map(|(from, to)| UnknownStretch { from, to })
                .collect(),
        }
    }
}
