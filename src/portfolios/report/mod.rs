//! The report of a portfolio: a method's disposals and remaining lots, the sums over them, what is
//! missing, and performance. This is the one place where figures are rounded: to 18 fractional digits,
//! half to even.

mod display;
mod figures;
mod jurisdiction;
mod lines;
mod performance_view;
mod streamed;
mod tax_html;
mod views;

use std::fmt::Write as _;
use std::io;

use chrono::NaiveDate;

pub(crate) use display::{days_in, display, history_in};
pub use figures::Sums;
pub(crate) use figures::{Of, Parts, worth_of};
pub use jurisdiction::Jurisdiction;
pub(crate) use jurisdiction::{tax_year, term, term_rule};
pub(crate) use performance_view::LEVEL;
pub use performance_view::{days_between, performance_between};
pub use views::{
    AllocationView, DisposalView, FlagView, HistoryView, HoldingView, IncomeView, LotView,
    PerformanceView, Report, Summary, XirrView,
};
pub(crate) use views::{build, disposal, flags, history, income_line, summary};

use crate::cost_basis::{self, CostBasis, Method, Scope};
use crate::ledger::{Day, FeesInKind, Ledger, LedgerError};
use crate::performance::{DayValue, TooLarge, daily_values};
use crate::transaction::TransactionFile;

/// Parameters of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportOptions {
    /// Method by which lots are chosen.
    pub method: Method,
    /// Where they may come from.
    pub scope: Scope,
    /// Treatment of fees in kind.
    pub fees_in_kind: FeesInKind,
    /// The state whose tax year and terms it goes by; by default the calendar's year and a term of one year,
    /// with the method `uk` the United Kingdom's year.
    pub jurisdiction: Option<Jurisdiction>,
    /// Only this tax year, valued at its end.
    pub year: Option<i32>,
    /// With the value of each day.
    pub history: bool,
}

impl ReportOptions {
    /// Of everything, over the portfolio, by a method.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            scope: Scope::Portfolio,
            fees_in_kind: FeesInKind::Dispose,
            jurisdiction: None,
            year: None,
            history: false,
        }
    }
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The United Kingdom's pools know no accounts.
    #[error("the method uk pools over all accounts: leave out the scope by account")]
    UkByAccount,
    /// A year nobody has transactions in.
    #[error("the year {0} is not within 1970 to 2199")]
    Year(i32),
    /// There are no prices to convert with.
    #[error("there are no prices of {0}: add them to show amounts in it")]
    NoRates(String),
    /// One is missing: the reason of a figure that is not there.
    #[error("there is no price of {currency} on {day} or before: add one to show amounts in it")]
    NoRate {
        /// In what amounts were to be shown.
        currency: String,
        /// When.
        day: NaiveDate,
    },
    /// A transaction cannot be booked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A holding is worth too much.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The days a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first; none for everything.
    pub from: Option<Day>,
    /// The last, on which holdings are valued.
    pub to: Day,
}

impl Period {
    /// A day of it.
    pub(crate) fn has(self, day: Day) -> bool {
        day <= self.to && self.from.is_none_or(|from| day >= from)
    }
}

/// Makes the report of a file.
///
/// # Errors
/// If the options contradict one another, or a number does not fit: it is named.
pub fn report(file: &TransactionFile, options: &ReportOptions) -> Result<Report, ReportError> {
    check(options)?;
    let ledger = Ledger::new(file, &file.prices, options.fees_in_kind)?;
    report_of(&ledger, options, None)
}

/// Makes the report of a file with amounts in another currency or coin, of which the file has prices. A figure
/// that needs one that is missing is not there.
///
/// # Errors
/// As for [`report`], and if there is no price at all.
pub fn report_in(
    file: &TransactionFile,
    options: &ReportOptions,
    currency: &str,
) -> Result<Report, ReportError> {
    check(options)?;
    let ledger = Ledger::new(file, &file.prices, options.fees_in_kind)?;
    report_of(&ledger, options, Some(currency))
}

/// Writes the report of a file as JSON, the same as that of [`report`], without having all of it in memory.
///
/// # Errors
/// As for [`report`], or if it cannot be written.
pub fn write_report(
    file: &TransactionFile,
    options: &ReportOptions,
    to: impl io::Write,
) -> Result<(), WriteError> {
    check(options)?;
    let ledger =
        Ledger::new(file, &file.prices, options.fees_in_kind).map_err(ReportError::from)?;
    let figures = figures(&ledger, options)?;
    let Figures {
        basis,
        days,
        summary,
        period,
    } = &figures;
    streamed::write(&ledger, basis, days, summary, *period, options, to)?;
    Ok(())
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is none.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// It was made, but not taken.
    #[error("cannot write the report: {0}")]
    Write(#[from] io::Error),
}

/// The method uk has no scope by account.
pub(crate) fn check(options: &ReportOptions) -> Result<(), ReportError> {
    if options.method == Method::Uk && options.scope == Scope::Account {
        return Err(ReportError::UkByAccount);
    }
    Ok(())
}

/// Makes the report of what is booked.
pub(crate) fn report_of(
    ledger: &Ledger<'_>,
    options: &ReportOptions,
    currency: Option<&str>,
) -> Result<Report, ReportError> {
    let Figures {
        basis,
        days,
        summary,
        period,
    } = figures(ledger, options)?;
    display(
        ledger,
        &basis,
        &days,
        summary,
        period,
        options,
        currency.unwrap_or(ledger.currency),
    )
}

/// Inputs of a report.
struct Figures {
    basis: CostBasis,
    days: Vec<DayValue>,
    summary: Summary,
    period: Period,
}

fn figures(ledger: &Ledger<'_>, options: &ReportOptions) -> Result<Figures, ReportError> {
    let valued_on = ledger.valued_on().unwrap_or(Day(1));
    let period = match options.year {
        None => Period {
            from: None,
            to: valued_on,
        },
        Some(year) => {
            let (from, to) = tax_year(year, options.jurisdiction, options.method)
                .ok_or(ReportError::Year(year))?;
            Period {
                from: Some(Day::of(from)),
                to: Day::of(to).min(valued_on),
            }
        }
    };
    let until = options.year.map(|_| period.to);
    let basis = cost_basis::apply(ledger, options.method, options.scope, until);
    let days = daily_values(ledger, period.to)?;
    let sums = Sums::new(ledger, &basis, period)?;
    let summary = summary(ledger, &basis.remaining, &days, &sums, period, options);
    Ok(Figures {
        basis,
        days,
        summary,
        period,
    })
}

impl Report {
    /// The tax report as a table: a row for each lot that a disposal consumed, then one for each receipt of
    /// income, then one for each holding at the end.
    #[must_use]
    pub fn tax_csv(&self) -> String {
        lines::tax_csv(self)
    }

    /// The tax report as a page to print.
    #[must_use]
    pub fn tax_html(&self) -> String {
        tax_html::tax_html(self)
    }
}

/// A ratio as text of at most 12 fractional digits.
#[must_use]
pub fn ratio(value: f64) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value:.12}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" {
        return "0".to_owned();
    }
    trimmed.to_owned()
}
