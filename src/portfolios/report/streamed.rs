//! A report written as it is made: the lines of a large portfolio take more memory as text than everything
//! they are made of, so they are never all there at once.

use std::io;

use serde::{Serialize, Serializer};

use crate::cost_basis::CostBasis;
use crate::ledger::Ledger;
use crate::performance::DayValue;
use crate::report::views::{FlagView, HistoryView};
use crate::report::{Period, ReportOptions, Summary, disposal, flags, history, income_line};

/// The members of [`crate::report::Report`], in its order.
#[derive(Serialize)]
struct Streamed<'a, D, I> {
    #[serde(flatten)]
    summary: &'a Summary,
    disposals: D,
    income_lines: I,
    flags: Vec<FlagView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<HistoryView>>,
}

/// A list that is made while it is written.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

pub(super) fn write(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    days: &[DayValue],
    summary: &Summary,
    period: Period,
    options: &ReportOptions,
    to: impl io::Write,
) -> io::Result<()> {
    let streamed = Streamed {
        summary,
        disposals: Each(|| {
            let disposals = basis.disposals.iter().filter(|of| period.has(of.day));
            disposals.map(|of| disposal(ledger, basis, of, options))
        }),
        income_lines: Each(|| {
            let income = ledger.totals.income.iter().filter(|of| period.has(of.day));
            income.map(|dated| income_line(ledger, dated))
        }),
        flags: flags(ledger, basis, period.to),
        history: options.history.then(|| history(days, period.from)),
    };
    serde_json::to_writer_pretty(to, &streamed).map_err(io::Error::from)
}
