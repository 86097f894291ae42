//! Comparisons of a portfolio's figures with a benchmark, its own assets or a target; in the answers of its
//! performance, risk and allocation.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::respond::problem::{FieldError, Problem};
use crate::portfolios::analysis::{
    Benchmark, Contribution, Correlation, Target, TargetLine, WeightsError,
};
use crate::portfolios::{Decimal, Money};

/// Reads weights of assets: `bitcoin`, or `bitcoin:0.6,ethereum:0.4`.
pub(super) fn weights(text: &str) -> Result<Vec<(String, Decimal)>, String> {
    let parts = text.split(',').map(|part| match part.rsplit_once(':') {
        None => Ok((part.to_owned(), Decimal::ONE)),
        Some((asset, weight)) => weight
            .parse()
            .map(|weight| (asset.to_owned(), weight))
            .map_err(|error| format!("the weight {weight:?} is {error}")),
    });
    let parts: Vec<(String, Decimal)> = parts.collect::<Result<_, _>>()?;
    match parts.iter().all(|(asset, _)| !asset.is_empty()) {
        true => Ok(parts),
        false => Err("use assets with their weights, such as bitcoin:0.6,ethereum:0.4".to_owned()),
    }
}

/// Weights that are no whole, in the parameter that they came in.
pub(super) fn no_whole(field: &str, error: &WeightsError) -> Problem {
    Problem::invalid(vec![FieldError {
        field: field.to_owned(),
        detail: error.to_string(),
    }])
}

/// The share of an asset in a mix.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AssetWeight)]
pub(in crate::http) struct WeightView {
    /// The asset.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Its share: 0.6 is 60 %.
    #[schema(value_type = String, example = "0.6")]
    weight: Decimal,
}

/// The same deposits and withdrawals in something else. A mix is bought by its weights and then left alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BenchmarkComparison)]
pub(in crate::http) struct BenchmarkView {
    /// Its assets.
    assets: Vec<WeightView>,
    /// Value of the same flows.
    #[schema(value_type = Option<String>, example = "58100.5")]
    value: Option<String>,
    /// Why it is null.
    value_reason: Option<String>,
    /// The portfolio's value less that.
    #[schema(value_type = Option<String>, example = "3719.51")]
    difference: Option<String>,
    /// The money-weighted return a year of the same flows.
    #[schema(example = "0.15")]
    xirr: Option<String>,
    /// Why it is null.
    xirr_reason: Option<String>,
    /// The return of the benchmark itself, whatever flowed.
    #[schema(example = "0.19")]
    twr: Option<String>,
    /// Why it is null.
    twr_reason: Option<String>,
    /// The deepest fall of the benchmark itself.
    #[schema(example = "-0.35")]
    max_drawdown: Option<String>,
    /// Why it is null.
    max_drawdown_reason: Option<String>,
}

impl From<Benchmark> for BenchmarkView {
    fn from(benchmark: Benchmark) -> Self {
        let assets = benchmark.weights.into_iter();
        Self {
            assets: assets
                .map(|(asset, weight)| WeightView { asset, weight })
                .collect(),
            value: benchmark.value,
            value_reason: benchmark.value_reason,
            difference: benchmark.difference,
            xirr: benchmark.xirr,
            xirr_reason: benchmark.xirr_reason,
            twr: benchmark.twr,
            twr_reason: benchmark.twr_reason,
            max_drawdown: benchmark.max_drawdown,
            max_drawdown_reason: benchmark.max_drawdown_reason,
        }
    }
}

/// The same deposits and withdrawals in something else, day by day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BenchmarkHistory)]
pub(in crate::http) struct BenchmarkHistoryView {
    /// Its assets.
    assets: Vec<WeightView>,
    /// Ascending, every day of the range that the portfolio has.
    data: Vec<BenchmarkDayView>,
    /// Why values are null from a day on.
    value_reason: Option<String>,
}

/// The end of a day of a benchmark.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BenchmarkDay)]
pub(in crate::http) struct BenchmarkDayView {
    /// The day, in the portfolio's time zone.
    #[schema(example = "2026-03-01")]
    date: String,
    /// Value of the same flows; what was held before the range is its first flow.
    #[schema(value_type = Option<String>, example = "58100.5")]
    value: Option<String>,
    /// The benchmark itself, whatever flowed: 1 on the first day.
    #[schema(example = "1.19")]
    index: Option<String>,
}

impl From<Benchmark> for BenchmarkHistoryView {
    fn from(benchmark: Benchmark) -> Self {
        let assets = benchmark.weights.into_iter();
        let days = benchmark.history.into_iter();
        Self {
            assets: assets
                .map(|(asset, weight)| WeightView { asset, weight })
                .collect(),
            data: days
                .map(|day| BenchmarkDayView {
                    date: day.date,
                    value: day.value,
                    index: day.index,
                })
                .collect(),
            value_reason: benchmark.value_reason,
        }
    }
}

/// Contributions to the time-weighted return; the parts add up to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contributions)]
pub(in crate::http) struct ContributionView {
    /// The time-weighted return.
    #[schema(example = "0.214")]
    total: Option<String>,
    /// Why it is null.
    total_reason: Option<String>,
    /// By asset: the changes of its price while it was held, and its income.
    by_asset: Vec<AssetContribution>,
    /// Fees, below zero.
    #[schema(example = "-0.002")]
    fees: Option<String>,
    /// Trades: what they were made at, against the closing price of their day.
    #[schema(example = "0.001")]
    trading: Option<String>,
}

/// Contribution of an asset.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AssetContribution {
    /// The asset.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Its part of the return: 0.2 is 20 %.
    #[schema(value_type = String, example = "0.2")]
    contribution: String,
}

impl From<Contribution> for ContributionView {
    fn from(found: Contribution) -> Self {
        let by_asset = found.by_asset.into_iter();
        Self {
            total: found.total,
            total_reason: found.total_reason,
            by_asset: by_asset
                .map(|(asset, contribution)| AssetContribution {
                    asset,
                    contribution,
                })
                .collect(),
            fees: found.fees,
            trading: found.trading,
        }
    }
}

/// Correlation of the daily returns of the assets held (Pearson).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Correlations)]
pub(in crate::http) struct CorrelationView {
    /// The rows and columns; at most 50.
    #[schema(example = json!(["bitcoin", "ethereum"]))]
    assets: Vec<String>,
    /// By row, then column: 1 for an asset with itself; null where there are too few common days.
    #[schema(example = json!([["1", "0.8"], ["0.8", "1"]]))]
    matrix: Vec<Vec<Option<String>>>,
    /// Number of common days each rests on.
    #[schema(example = json!([[59, 59], [59, 59]]))]
    days: Vec<Vec<usize>>,
}

impl From<Correlation> for CorrelationView {
    fn from(found: Correlation) -> Self {
        Self {
            assets: found.assets,
            matrix: found.matrix,
            days: found.days,
        }
    }
}

/// A target next to what there is, and the trades that would restore it, at the last prices and without fees.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TargetAllocation)]
pub(in crate::http) struct TargetView {
    /// Value to share out.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why there are no trades.
    reason: Option<String>,
    /// Every asset that is held or wanted, the largest difference first.
    lines: Vec<TargetLineView>,
}

/// An asset of a target.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TargetLine)]
pub(in crate::http) struct TargetLineView {
    /// The asset.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Quantity held.
    #[schema(value_type = String, example = "0.75")]
    quantity: Decimal,
    /// Its price.
    #[schema(value_type = Option<String>, example = "61820.01")]
    price: Option<Decimal>,
    /// Value held.
    #[schema(value_type = Option<String>, example = "46365.0075")]
    value: Option<Money>,
    /// Its share now.
    #[schema(example = "0.75")]
    share: Option<String>,
    /// Its share in the target.
    #[schema(value_type = String, example = "0.6")]
    target: Decimal,
    /// Target value.
    #[schema(value_type = Option<String>, example = "37092.006")]
    target_value: Option<Money>,
    /// `buy`, `sell`, or `keep` where it is within the tolerance.
    #[schema(example = "sell")]
    action: Option<&'static str>,
    /// For how much.
    #[schema(value_type = Option<String>, example = "9273.0015")]
    amount: Option<Money>,
    /// Quantity to trade.
    #[schema(value_type = Option<String>, example = "0.15")]
    trade_quantity: Option<Decimal>,
}

impl From<Target> for TargetView {
    fn from(target: Target) -> Self {
        Self {
            value: target.value,
            reason: target.reason,
            lines: target.lines.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<TargetLine> for TargetLineView {
    fn from(line: TargetLine) -> Self {
        Self {
            asset: line.asset,
            quantity: line.quantity,
            price: line.price,
            value: line.value,
            share: line.share,
            target: line.target,
            target_value: line.target_value,
            action: line.action,
            amount: line.amount,
            trade_quantity: line.trade_quantity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read() {
        let read = |text: &str| {
            weights(text).map(|found| {
                let parts = found.into_iter();
                parts
                    .map(|(asset, weight)| format!("{asset}={weight}"))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(read("bitcoin").unwrap(), ["bitcoin=1"]);
        assert_eq!(
            read("bitcoin:0.6,EUR:0.4").unwrap(),
            ["bitcoin=0.6", "EUR=0.4"]
        );
        for wrong in ["", "bitcoin:", "bitcoin:x", ":1", "a:0.5,,b:0.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
