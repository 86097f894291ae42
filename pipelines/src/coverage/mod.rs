//! Coverage of an instrument's time: what is proven and by whom, where there are gaps and why, and of which time
//! nothing is known. Pure; the store reads what it is made of.

use serde::Serialize;

use crate::candles::GapReason;
use crate::market::Timestamp;
use crate::time_ranges::{TimeRange, joined, length, subtract};

/// The source of what was built here from contiguous trades.
pub const TRADES: &str = "trades";

/// Coverage of a window of an instrument's time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// The stretches that are proven, ascending; those of different sources may overlap.
    pub spans: Vec<CoveredSpan>,
    /// The gaps that are not filled, ascending.
    pub gaps: Vec<CoverageGap>,
}

/// A stretch that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredSpan {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// By what: [`TRADES`], or who gave the candles.
    pub source: String,
}

/// A gap that is not filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageGap {
    /// Why.
    pub reason: GapReason,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// When it was noticed.
    pub detected_at: Timestamp,
    /// Attempts to fill it that failed.
    pub attempts: u32,
    /// When that is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// A cell of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// All of it is proven.
    Proven,
    /// A part is proven, and there is no gap.
    Partly,
    /// There is a gap in it.
    Gap,
    /// Nothing is known.
    Unknown,
}

impl Coverage {
    /// Everything that is proven, whoever proved it.
    #[must_use]
    pub fn proven(&self) -> Vec<TimeRange> {
        joined(self.spans.iter().map(|span| (span.from, span.to)).collect())
    }

    /// The gaps as far as nothing else proves their time.
    #[must_use]
    pub fn missing(&self) -> Vec<TimeRange> {
        let gaps = self.gaps.iter().map(|gap| {
            let to = gap.to.unwrap_or(self.to).min(self.to);
            (gap.from.max(self.from), to)
        });
        let gaps = joined(gaps.filter(|(from, to)| from < to).collect());
        self.proven()
            .into_iter()
            .fold(gaps, |left, span| subtract(&left, span))
    }

    /// The rest: neither proven nor a gap.
    #[must_use]
    pub fn unknown(&self) -> Vec<TimeRange> {
        let known = self.proven().into_iter().chain(self.missing());
        let all = vec![(self.from, self.to)];
        known.fold(all, |left, stretch| subtract(&left, stretch))
    }

    /// The part of the window that is proven, in hundredths of a percent, rounded down: 10,000 is all of it.
    #[must_use]
    pub fn share(&self) -> u32 {
        let all = length(&[(self.from, self.to)]);
        if all == 0 {
            return 0;
        }
        // At most 10,000.
        u32::try_from(u128::from(length(&self.proven())) * 10_000 / u128::from(all)).unwrap_or(0)
    }

    /// The window cut into these cells, ascending.
    pub fn cells<'a>(&self, cells: &'a [TimeRange]) -> impl Iterator<Item = Cell> + 'a {
        let (proven, missing) = (self.proven(), self.missing());
        cells.iter().map(move |&cell| {
            let left = proven
                .iter()
                .fold(vec![cell], |left, span| subtract(&left, *span));
            let touched = missing.iter().any(|gap| gap.0 < cell.1 && gap.1 > cell.0);
            match (left.is_empty(), touched) {
                (true, _) => Cell::Proven,
                (false, true) => Cell::Gap,
                (false, false) if left != [cell] => Cell::Partly,
                (false, false) => Cell::Unknown,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(minute * 60).unwrap()
    }

    fn span(from: i64, to: i64, source: &str) -> CoveredSpan {
        CoveredSpan {
            from: at(from),
            to: at(to),
            source: source.to_owned(),
        }
    }

    fn gap(from: i64, to: Option<i64>) -> CoverageGap {
        CoverageGap {
            reason: GapReason::Disconnect,
            from: at(from),
            to: to.map(at),
            detected_at: at(0),
            attempts: 0,
            next_attempt_at: None,
            last_error: None,
        }
    }

    #[test]
    fn every_moment_is_proven_a_gap_or_unknown() {
        let coverage = Coverage {
            from: at(0),
            to: at(100),
            spans: vec![span(10, 30, TRADES), span(25, 40, "binance")],
            gaps: vec![gap(35, Some(50)), gap(90, None)],
        };
        assert_eq!(coverage.proven(), [(at(10), at(40))]);
        assert_eq!(coverage.missing(), [(at(40), at(50)), (at(90), at(100))]);
        assert_eq!(coverage.unknown(), [(at(0), at(10)), (at(50), at(90))]);
        assert_eq!(coverage.share(), 3_000);
        let tens: Vec<_> = (0..10)
            .map(|ten| (at(ten * 10), at(ten * 10 + 10)))
            .collect();
        let cells: Vec<_> = coverage.cells(&tens).collect();
        use Cell::{Gap, Proven, Unknown};
        let unknown = [Unknown; 4];
        assert_eq!(cells[..5], [Unknown, Proven, Proven, Proven, Gap]);
        assert_eq!((&cells[5..9], cells[9]), (&unknown[..], Gap));
        let halves = [(at(0), at(20)), (at(20), at(40))];
        let cells: Vec<_> = coverage.cells(&halves).collect();
        assert_eq!(cells, [Cell::Partly, Proven]);
        assert_eq!(Coverage::default().share(), 0);
    }
}
