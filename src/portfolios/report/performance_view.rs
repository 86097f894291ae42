//! Performance and risk of a report's period, as text with a reason next to each figure that is not there.

use chrono::NaiveDate;

use crate::ledger::Day;
use crate::money::Money;
use crate::performance::{
    DayValue, Figure, NoFigure, link_daily, max_drawdown, modified_dietz, risk, simple_return, xirr,
};
use crate::report::views::{PerformanceView, XirrView};
use crate::report::{Period, ratio};

/// The level of value at risk and expected shortfall.
pub(crate) const LEVEL: f64 = 0.95;

fn shown(figure: Figure) -> (Option<String>, Option<String>) {
    match figure {
        Ok(value) if value.is_finite() => (Some(ratio(value)), None),
        Ok(_) => (None, Some(NoFigure::NoRoot.to_string())),
        Err(reason) => (None, Some(reason.to_string())),
    }
}

/// The index of every day of the series, 1 before the first.
pub(super) fn index_of(days: &[DayValue]) -> Vec<f64> {
    let values: Vec<_> = days
        .iter()
        .map(|day| day.value.map(Money::to_f64))
        .collect();
    let flows: Vec<_> = days.iter().map(|day| day.flow.map(Money::to_f64)).collect();
    link_daily(&values, &flows).index
}

/// The performance over the days from one to another, both included, as it is shown. What was held before
/// the first is its first flow.
#[must_use]
pub fn performance_between(
    days: &[DayValue],
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> PerformanceView {
    let to = to.map(Day::of);
    let end = days.partition_point(|day| to.is_none_or(|to| day.day <= to));
    let days = &days[..end];
    let period = Period {
        from: from.map(Day::of),
        to: days.last().map_or(Day(1), |day| day.day),
    };
    performance(days, period)
}

/// The days from one to another, both included; what was held before the first is a flow of it.
#[must_use]
pub fn days_between(
    days: &[DayValue],
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Vec<DayValue> {
    let start = days.partition_point(|day| from.is_some_and(|from| day.day < Day::of(from)));
    let end = days.partition_point(|day| to.is_none_or(|to| day.day <= Day::of(to)));
    let mut within = days[start.min(end)..end].to_vec();
    if let (Some(first), Some(before)) = (within.first_mut(), start.checked_sub(1)) {
        let opening = days[before].value;
        first.flow = first
            .flow
            .zip(opening)
            .map(|(flow, opening)| flow + opening);
    }
    within
}

/// The figures of a period; the day before it gives the value it begins with.
pub(super) fn performance(days: &[DayValue], period: Period) -> PerformanceView {
    let start = days
        .iter()
        .position(|day| period.from.is_none_or(|from| day.day >= from))
        .unwrap_or(days.len());
    let opening = start.checked_sub(1).map(|before| days[before].value);
    let opening = opening.unwrap_or(Some(Money::ZERO)).map(Money::to_f64);
    let within = &days[start..];
    let mut values: Vec<_> = within
        .iter()
        .map(|day| day.value.map(Money::to_f64))
        .collect();
    let mut flows: Vec<_> = within
        .iter()
        .map(|day| day.flow.map(Money::to_f64))
        .collect();
    // What was there when the period began is its first flow.
    if let (Some(first), Some(opening)) = (flows.first_mut(), opening) {
        *first = first.map(|flow| flow + opening);
    } else if opening.is_none() {
        values.insert(0, None);
        flows.insert(0, None);
    }
    let linked = link_daily(&values, &flows);
    let returns = linked.days_with_return();
    let with_start: Vec<f64> = std::iter::once(1.0)
        .chain(linked.index.iter().copied())
        .collect();
    let drawdown = linked.twr().map(|_| max_drawdown(&with_start));
    let known = known_flows(&values, &flows);
    let known = known.as_ref().map(|(flows, end)| (flows.as_slice(), *end));
    let money_weighted = match known {
        Ok((flows, end)) => solve(flows, end),
        Err(reason) => XirrView {
            reason: Some(reason.to_string()),
            ..XirrView::default()
        },
    };
    let dietz = known.map_err(|reason| *reason).and_then(|(flows, end)| {
        let dated: Vec<_> = (0u32..).map(f64::from).zip(flows.iter().copied()).collect();
        #[allow(clippy::cast_precision_loss, reason = "a count of days")]
        modified_dietz(0.0, end, &dated, flows.len() as f64)
    });
    let simple = known
        .map_err(|reason| *reason)
        .and_then(|(flows, end)| simple_return(end, flows));
    let (twr, twr_reason) = shown(linked.twr());
    let (max_drawdown, max_drawdown_reason) = shown(drawdown);
    let (modified_dietz, modified_dietz_reason) = shown(dietz);
    let (simple_return, simple_return_reason) = shown(simple);
    let (volatility, volatility_reason) = shown(risk::volatility(&returns));
    let (sharpe, sharpe_reason) = shown(risk::sharpe(&returns, 0.0));
    let (sortino, sortino_reason) = shown(risk::sortino(&returns, 0.0));
    let tail = risk::tail(&returns, LEVEL);
    let (value_at_risk_95, value_at_risk_95_reason) = shown(tail.map(|(value, _)| value));
    let (expected_shortfall_95, expected_shortfall_95_reason) = shown(tail.map(|(_, mean)| mean));
    PerformanceView {
        twr,
        twr_reason,
        xirr: money_weighted.rate,
        xirr_reason: money_weighted.reason,
        xirr_roots: money_weighted.roots,
        xirr_over_span: money_weighted.over_span,
        modified_dietz,
        modified_dietz_reason,
        simple_return,
        simple_return_reason,
        max_drawdown,
        max_drawdown_reason,
        volatility,
        volatility_reason,
        sharpe,
        sharpe_reason,
        sortino,
        sortino_reason,
        value_at_risk_95,
        value_at_risk_95_reason,
        expected_shortfall_95,
        expected_shortfall_95_reason,
        returns: returns.len(),
        few_returns: returns.len() < risk::FEW,
        days_left_out: linked.left_out,
        days_unpriced: linked.unpriced,
    }
}

/// Every flow and the value at the end, if all are known.
fn known_flows(values: &[Option<f64>], flows: &[Option<f64>]) -> Result<(Vec<f64>, f64), NoFigure> {
    let flows: Option<Vec<f64>> = flows.iter().copied().collect();
    let flows = flows.ok_or(NoFigure::NoFlowValue)?;
    let end = values.last().copied().ok_or(NoFigure::NoCapital)?;
    Ok((flows, end.ok_or(NoFigure::NoPrice)?))
}

fn solve(flows: &[f64], end: f64) -> XirrView {
    let last = i32::try_from(flows.len()).unwrap_or(i32::MAX) - 1;
    let dated = (0i32..).zip(flows.iter().map(|flow| -flow));
    let dated: Vec<_> = dated.chain([(last, end)]).collect();
    let solved = xirr(&dated);
    let (rate, reason) = shown(solved.rate);
    XirrView {
        rate,
        reason,
        roots: solved.roots.iter().map(|&root| ratio(root)).collect(),
        over_span: solved.over_span.filter(|rate| rate.is_finite()).map(ratio),
    }
}
