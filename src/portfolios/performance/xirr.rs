//! The money-weighted return: the yearly rate at which all flows and what is left are worth nothing
//! together, Σ flow · (1 + r)^(−days/365) = 0. It is looked for in ln(1 + r), which reaches every rate above
//! −100 %, and bracketed before it is refined, so that it cannot run away.

use crate::performance::{Figure, NoFigure};

/// The rate, and every rate that solves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Xirr {
    /// Of several, the one nearest to zero.
    pub rate: Figure,
    /// Every rate that was found, ascending.
    pub roots: Vec<f64>,
    /// The rate over the whole span instead of a year.
    pub over_span: Option<f64>,
}

/// Rates that are evaluated at a time: each waits for its own sum of the day before, so that several are
/// hardly slower than one.
const LANES: usize = 16;
/// Reach of the search for ln(1 + r), over a year or the span if that is shorter.
const REACH: f64 = 14.0;
/// Beyond this exponent numbers overflow.
const LARGEST_EXPONENT: f64 = 600.0;

/// Solves for flows from the investor's side (negative: put in) by day number, in any order; those of
/// one day are netted first.
#[must_use]
pub fn xirr(flows: &[(i32, f64)]) -> Xirr {
    let none = |reason| Xirr {
        rate: Err(reason),
        roots: Vec::new(),
        over_span: None,
    };
    let Some((first, dense)) = by_day(flows) else {
        return none(NoFigure::NoCapital);
    };
    let last_flow = flows.iter().map(|&(day, _)| day).max().unwrap_or(first);
    if last_flow == first {
        return none(NoFigure::OneDay);
    }
    let signs = changes_of_sign(&dense);
    if signs == 0 {
        let put_in = dense.iter().sum::<f64>() < 0.0;
        // Nothing came back of what was put in: a loss if it had time, and nothing is left at the end.
        let reason = if put_in {
            NoFigure::TotalLoss
        } else {
            NoFigure::NoChangeOfSign
        };
        return none(reason);
    }
    let years = f64::from(last_flow - first) / 365.0;
    let reach = (REACH / years.min(1.0)).min(LARGEST_EXPONENT / years);
    let mut roots: Vec<f64> = brackets(&dense, reach, signs)
        .into_iter()
        .map(|(low, high)| refine(&dense, low, high).exp_m1())
        .collect();
    roots.sort_by(f64::total_cmp);
    roots.dedup_by(|a, b| (*a - *b).abs() < 1e-10);
    let nearest = roots
        .iter()
        .copied()
        .min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let rate = nearest.ok_or(NoFigure::NoRoot);
    Xirr {
        rate,
        over_span: nearest.map(|rate| (rate.ln_1p() * years).exp_m1()),
        roots,
    }
}

/// The net flow of each day, from the first with one to the last.
fn by_day(flows: &[(i32, f64)]) -> Option<(i32, Vec<f64>)> {
    let all_first = flows.iter().map(|&(day, _)| day).min()?;
    let all_last = flows.iter().map(|&(day, _)| day).max()?;
    let span = usize::try_from(all_last - all_first).ok()? + 1;
    let mut dense = vec![0.0; span];
    for &(day, flow) in flows {
        dense[usize::try_from(day - all_first).ok()?] += flow;
    }
    let start = dense.iter().position(|&flow| flow != 0.0)?;
    let end = dense.iter().rposition(|&flow| flow != 0.0)?;
    let first = all_first + i32::try_from(start).ok()?;
    Some((first, dense[start..=end].to_vec()))
}

fn changes_of_sign(dense: &[f64]) -> usize {
    let mut signs = dense
        .iter()
        .filter(|flow| **flow != 0.0)
        .map(|flow| *flow > 0.0);
    let Some(mut last) = signs.next() else {
        return 0;
    };
    let mut changes = 0;
    for sign in signs {
        changes += usize::from(sign != last);
        last = sign;
    }
    changes
}

/// The sum at several values of ln(1 + r), by Horner's rule from the last day back.
fn sums(dense: &[f64], at: [f64; LANES]) -> [f64; LANES] {
    let daily = at.map(|x| (-x / 365.0).exp());
    let mut sums = [0.0; LANES];
    for &flow in dense.iter().rev() {
        for (sum, factor) in sums.iter_mut().zip(daily) {
            *sum = *sum * factor + flow;
        }
    }
    sums
}

/// Neighbouring values of ln(1 + r) between which the sum changes its sign. One change of sign of the
/// flows has one solution (Descartes); for several, a grid that is fine where rates are ordinary.
fn brackets(dense: &[f64], reach: f64, signs: usize) -> Vec<(f64, f64)> {
    let fine = 2.0_f64.min(reach);
    let mut grid = vec![-reach];
    if signs > 1 {
        let steps = |from: f64, to: f64, count: u32| {
            (1..=count).map(move |step| from + (to - from) * f64::from(step) / f64::from(count))
        };
        grid.extend(steps(-reach, -fine, 120));
        grid.extend(steps(-fine, fine, 800));
        grid.extend(steps(fine, reach, 120));
    } else {
        grid.push(reach);
    }
    let mut found = Vec::new();
    let mut before: Option<(f64, f64)> = None;
    for chunk in grid.chunks(LANES) {
        let mut at = [chunk[0]; LANES];
        at[..chunk.len()].copy_from_slice(chunk);
        let values = sums(dense, at);
        for (&x, &value) in chunk.iter().zip(&values) {
            if let Some((last_x, last)) = before
                && x > last_x
                && ((last < 0.0) != (value < 0.0) || value == 0.0)
                && last != 0.0
            {
                found.push((last_x, x));
            }
            before = Some((x, value));
        }
    }
    found
}

/// Narrows a bracket, many ways at a time, down to neighbouring numbers.
fn refine(dense: &[f64], mut low: f64, mut high: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    const WAYS: f64 = LANES as f64 + 1.0;
    let negative_low = sums(dense, [low; LANES])[0] < 0.0;
    for _ in 0..24 {
        let width = high - low;
        let mut at = [0.0; LANES];
        for (step, x) in (1..).zip(&mut at) {
            *x = low + width * f64::from(step) / WAYS;
        }
        let values = sums(dense, at);
        for (x, value) in at.into_iter().zip(values) {
            if (value < 0.0) == negative_low {
                low = low.max(x);
            } else {
                high = high.min(x);
                break;
            }
        }
        if high - low <= f64::EPSILON * low.abs().max(1e-3) {
            break;
        }
    }
    f64::midpoint(low, high)
}
