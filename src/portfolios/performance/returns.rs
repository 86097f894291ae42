//! Returns: time-weighted (linked daily, flows at the start of the day), Modified Dietz, and on the
//! capital that was at work.

use crate::performance::{Figure, NoFigure};

/// Daily returns linked to an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    /// The index at the end of each day; it begins at 1 before the first.
    pub index: Vec<f64>,
    /// The return of each day that has one.
    pub returns: Vec<Option<f64>>,
    /// Days without capital: they have no return.
    pub left_out: usize,
    /// Days without a value or next to one, or with a flow of unknown value: they have no return either.
    pub unpriced: usize,
}

impl Linked {
    /// The time-weighted return of the whole range.
    ///
    /// # Errors
    /// If no day has a return.
    pub fn twr(&self) -> Figure {
        if self.returns.iter().all(Option::is_none) {
            return Err(if self.unpriced > 0 {
                NoFigure::NoPrice
            } else {
                NoFigure::NoCapital
            });
        }
        Ok(self.index.last().map_or(0.0, |last| last - 1.0))
    }

    /// The returns of the days that have one.
    #[must_use]
    pub fn days_with_return(&self) -> Vec<f64> {
        self.returns.iter().copied().flatten().collect()
    }
}

/// Links the returns of days, `value / (value before + flow) - 1`. A day without capital is left out.
#[must_use]
pub fn link_daily(values: &[Option<f64>], flows: &[Option<f64>]) -> Linked {
    let mut linked = Linked {
        index: Vec::with_capacity(values.len()),
        returns: Vec::with_capacity(values.len()),
        left_out: 0,
        unpriced: 0,
    };
    let mut index = 1.0;
    let mut before = Some(0.0);
    for (value, flow) in values.iter().zip(flows) {
        let mut of_day = None;
        match (before, flow, value) {
            (Some(before), Some(flow), Some(value)) => {
                let capital = before + flow;
                // What is left of a sum that should be zero is no capital.
                let noise = 1e-12 * (before.abs() + flow.abs());
                if capital > noise {
                    let change: f64 = value / capital - 1.0;
                    index *= 1.0 + change;
                    of_day = Some(change);
                } else {
                    linked.left_out += 1;
                }
            }
            _ => linked.unpriced += 1,
        }
        linked.returns.push(of_day);
        linked.index.push(index);
        before = *value;
    }
    linked
}

/// The deepest fall of an index below its highest point before, as a negative number.
#[must_use]
pub fn max_drawdown(index: &[f64]) -> f64 {
    let mut highest = f64::NEG_INFINITY;
    let mut deepest = 0.0_f64;
    for &value in index {
        highest = highest.max(value);
        if highest > 0.0 {
            deepest = deepest.min(value / highest - 1.0);
        }
    }
    deepest
}

/// Modified Dietz: the gain over the capital, each flow weighted by the days it was there. Flows are
/// given with the number of days since the beginning.
///
/// # Errors
/// If there was no capital on average.
pub fn modified_dietz(start: f64, end: f64, flows: &[(f64, f64)], days: f64) -> Figure {
    let sum: f64 = flows.iter().map(|&(_, flow)| flow).sum();
    let weighted: f64 = flows
        .iter()
        .map(|&(day, flow)| flow * if days > 0.0 { (days - day) / days } else { 1.0 })
        .sum();
    let capital = start + weighted;
    if capital <= 0.0 {
        return Err(NoFigure::NoCapital);
    }
    Ok((end - start - sum) / capital)
}

/// The gain over the capital that was at work: what had been put in and not taken out, averaged over
/// the days on which there was any. What is sold and bought again counts once, not twice.
///
/// # Errors
/// If there never was any.
pub fn simple_return(end: f64, flows: &[f64]) -> Figure {
    let (mut invested, mut sum, mut days) = (0.0_f64, 0.0, 0.0);
    for flow in flows {
        invested += flow;
        if invested > 0.0 {
            sum += invested;
            days += 1.0;
        }
    }
    if sum <= 0.0 {
        return Err(NoFigure::NoCapital);
    }
    Ok((end - invested) / (sum / days))
}
