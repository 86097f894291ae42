//! Everything of a portfolio that is only looked into when somebody asks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::{
    Allocation, Benchmark, Contribution, Correlation, Target, WeightsError, allocation, benchmark,
    contribution, correlation, target,
};
use crate::computed::Computed;
use crate::decimal::Decimal;
use crate::ledger::Day;
use crate::performance::TooLarge;

/// Parameters of an analysis.
#[derive(Debug, Clone, Default)]
pub struct AnalysisRequest {
    /// The categories of assets that have other ones than by default.
    pub categories: BTreeMap<String, String>,
    /// An asset, or several with their weights, to compare with.
    pub benchmark: Option<Vec<(String, Decimal)>>,
    /// A target allocation.
    pub target: Option<Vec<(String, Decimal)>>,
    /// Distance of a share from its target below which there is no trade: 0.02 is two percent of the whole.
    pub tolerance: Decimal,
    /// With the value of the benchmark on each day.
    pub history: bool,
}

/// Results of an analysis.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// Where the value is.
    pub allocation: Allocation,
    /// Contributions of the assets to the time-weighted return.
    pub contribution: Contribution,
    /// Correlation of the assets that are held.
    pub correlation: Correlation,
    /// The same money somewhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<Benchmark>,
    /// The way to a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// Why there is no analysis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnalysisError {
    /// Of the benchmark.
    #[error("benchmark: {0}")]
    Benchmark(WeightsError),
    /// Of the target.
    #[error("target: {0}")]
    Target(WeightsError),
    /// A holding is worth too much.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Computed {
    /// Looks into the portfolio on its last day.
    ///
    /// # Errors
    /// If weights are no whole, or a value does not fit.
    pub fn analysis(&self, request: &AnalysisRequest) -> Result<Analysis, AnalysisError> {
        let (ledger, days) = (self.ledger(), self.days());
        let first = days.first().map_or(Day(1), |day| day.day);
        let last = days.last().map_or(Day(1), |day| day.day);
        let mut held: Vec<_> = ledger
            .holdings()
            .filter(|&(asset, quantity)| quantity != 0 && asset != ledger.base)
            .map(|(asset, quantity)| (self.worth(asset, quantity), ledger.asset(asset)))
            .collect();
        // The largest first: of very many, those are the ones that are compared.
        held.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let held: Vec<&str> = held.into_iter().map(|(_, name)| name).collect();
        let compared = match &request.benchmark {
            Some(weights) => Some(
                benchmark(&ledger, days, weights, request.history)
                    .map_err(AnalysisError::Benchmark)?,
            ),
            None => None,
        };
        let wanted = match &request.target {
            Some(weights) => Some(
                target(
                    &ledger,
                    last,
                    weights,
                    request.tolerance,
                    Decimal::ZERO,
                    &BTreeMap::new(),
                )
                .map_err(AnalysisError::Target)?,
            ),
            None => None,
        };
        Ok(Analysis {
            allocation: allocation(&ledger, last, &request.categories)?,
            contribution: contribution(&ledger, days),
            correlation: correlation(ledger.prices, &held, first.date(), last.date()),
            benchmark: compared,
            target: wanted,
        })
    }
}
