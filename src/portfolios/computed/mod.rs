//! A portfolio that stays computed while it changes. What a change does not reach is not computed again:
//! transactions from their date on (with the United Kingdom's shares from 30 days before it), prices from
//! the first transaction that was valued at them, and otherwise only the days that they are valid for.
//! Every figure is the same as if all of it had been computed from the beginning.

mod change;
mod marks;

use std::ops::Range;

use chrono::{DateTime, FixedOffset, NaiveDate};
use chrono_tz::Tz;

use crate::computed::marks::{Mark, Pending, is_due, thin};
use crate::cost_basis::{self, BasisTally, CostBasis, Method, OpenLot};
use crate::decimal::Decimal;
use crate::files::FileError;
use crate::ledger::{AssetId, Booked, Day, Ledger, Poster, Tally};
use crate::money::Money;
use crate::performance::{DayValue, values_between};
use crate::prices::Prices;
use crate::report::{
    self, DisposalView, FlagView, HistoryView, IncomeView, Of, Parts, Period, Report, ReportError,
    ReportOptions, Summary, Sums,
};
use crate::transaction::{Transaction, TransactionFile};

/// The days after a sale whose purchases it is matched with, by the method uk.
const UK_DAYS: i32 = 30;

/// A portfolio with everything that follows from it.
#[derive(Debug, Clone)]
pub struct Computed {
    currency: String,
    timezone: Tz,
    prices: Prices,
    options: ReportOptions,
    /// In order of time; those of one instant in the order in which they were given.
    transactions: Vec<Transaction>,
    booked: Booked,
    basis: CostBasis,
    /// The value of each day from the first transaction on.
    days: Vec<DayValue>,
    marks: Vec<Mark>,
    summary: Option<Summary>,
}

/// A closing price that is new, other than it was, or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// Of which asset.
    pub asset: String,
    /// Of which day.
    pub day: NaiveDate,
    /// The price; none takes it out.
    pub price: Option<Decimal>,
}

/// Work that a change made necessary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recomputed {
    /// Transactions that were booked again or for the first time.
    pub transactions: usize,
    /// Steps of the cost-basis method that were made.
    pub postings: usize,
    /// Days that were valued.
    pub days: usize,
}

impl Recomputed {
    /// Nothing was.
    pub const NOTHING: Self = Self {
        transactions: 0,
        postings: 0,
        days: 0,
    };
}

/// Why a change was not made. The portfolio is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A transaction that makes no sense.
    #[error(transparent)]
    Transaction(#[from] FileError),
    /// A number that does not fit, or options that contradict one another.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A transaction from before the time that is replaced from.
    #[error("transaction {id} is from before {from}: replace from its time on")]
    TooEarly {
        /// Its id, quoted.
        id: String,
        /// Start of the range to replace.
        from: String,
    },
}

impl Computed {
    /// Computes a portfolio. Of the options, `year` and `history` are not used: [`Self::report_for`] takes
    /// them.
    ///
    /// # Errors
    /// If a transaction makes no sense, a number does not fit, or the options contradict one another.
    pub fn new(file: TransactionFile, options: ReportOptions) -> Result<Self, ChangeError> {
        report::check(&options)?;
        crate::files::check(&file.transactions)?;
        let mut transactions = file.transactions;
        transactions.sort_by_key(|row| row.time);
        let mut computed = Self {
            booked: Booked::new(&file.currency, options.fees_in_kind),
            currency: file.currency,
            timezone: file.timezone,
            prices: file.prices,
            options: ReportOptions {
                year: None,
                history: false,
                ..options
            },
            transactions,
            basis: CostBasis::default(),
            days: Vec::new(),
            marks: Vec::new(),
            summary: None,
        };
        computed.compute_from(0, Day(0))?;
        Ok(computed)
    }

    /// The figures, as they were computed last.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        self.summary
            .as_ref()
            .expect("the constructor and every change end with one")
    }

    /// The transactions in order of time.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The closing prices.
    #[must_use]
    pub const fn prices(&self) -> &Prices {
        &self.prices
    }

    /// The options it is computed by.
    #[must_use]
    pub const fn options(&self) -> &ReportOptions {
        &self.options
    }

    /// The zone that decides days.
    #[must_use]
    pub const fn timezone(&self) -> Tz {
        self.timezone
    }

    /// Lots, disposals and what remains.
    #[must_use]
    pub const fn cost_basis(&self) -> &CostBasis {
        &self.basis
    }

    /// The value of each day from the first transaction on.
    #[must_use]
    pub fn days(&self) -> &[DayValue] {
        &self.days
    }

    /// The value of each day in another currency or coin, of which there are prices; none on days before them.
    ///
    /// # Errors
    /// If there are none.
    pub fn days_in(&self, currency: &str) -> Result<Vec<DayValue>, ReportError> {
        report::days_in(&self.ledger(), &self.days, currency)
    }

    /// The price of a currency or coin on the last day, one for the own currency: what amounts of that day are
    /// divided by to be shown in it.
    ///
    /// # Errors
    /// If there is none.
    pub fn rate(&self, currency: &str) -> Result<Decimal, ReportError> {
        if currency == self.currency {
            return Ok(Decimal::ONE);
        }
        let series = self.prices.of(currency);
        let series = series.ok_or_else(|| ReportError::NoRates(currency.to_owned()))?;
        let day = self.period().to.date();
        series.on(day).ok_or_else(|| ReportError::NoRate {
            currency: currency.to_owned(),
            day,
        })
    }

    /// The currency of its amounts.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The postings and their sums.
    #[must_use]
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::over(
            &self.transactions,
            &self.currency,
            self.timezone,
            &self.prices,
            &self.booked,
        )
    }

    /// Disposals in order of time, those of a range of numbers. The range is cut to what there is.
    #[must_use]
    pub fn disposals(&self, range: Range<usize>) -> Vec<DisposalView> {
        let ledger = self.ledger();
        let shown = within(&self.basis.disposals, range).iter();
        shown
            .map(|disposal| report::disposal(&ledger, &self.basis, disposal, &self.options))
            .collect()
    }

    /// Receipts of income in order of time, those of a range of numbers.
    #[must_use]
    pub fn income(&self, range: Range<usize>) -> Vec<IncomeView> {
        let ledger = self.ledger();
        let shown = within(&self.booked.totals.income, range).iter();
        shown
            .map(|dated| report::income_line(&ledger, dated))
            .collect()
    }

    /// Flags about missing data.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagView> {
        report::flags(&self.ledger(), &self.basis, Day(i32::MAX))
    }

    /// Value, flow and index of each day from one on.
    #[must_use]
    pub fn history(&self, from: Option<NaiveDate>) -> Vec<HistoryView> {
        report::history(&self.days, from.map(Day::of))
    }

    /// Value, flow and index of each day from one on, in another currency or coin, of which there are prices;
    /// a day before them has a reason instead.
    ///
    /// # Errors
    /// If there are none.
    pub fn history_in(
        &self,
        currency: &str,
        from: Option<NaiveDate>,
    ) -> Result<Vec<HistoryView>, ReportError> {
        report::history_in(&self.ledger(), &self.days, currency, from.map(Day::of))
    }

    /// The whole report; nothing is computed for it.
    #[must_use]
    pub fn report(&self, with_history: bool) -> Report {
        let summary = self.summary().clone();
        let (ledger, period) = (self.ledger(), self.period());
        let options = self.with_history(with_history);
        report::build(&ledger, &self.basis, &self.days, summary, period, &options)
    }

    /// The whole report with amounts in another currency or coin, of which there are prices. A figure that
    /// needs one that is missing is not there.
    ///
    /// # Errors
    /// If there are none.
    pub fn report_in(&self, currency: &str, with_history: bool) -> Result<Report, ReportError> {
        report::display(
            &self.ledger(),
            &self.basis,
            &self.days,
            self.summary().clone(),
            self.period(),
            &self.with_history(with_history),
            currency,
        )
    }

    /// A report of a year, or by another method, of the same transactions: computed when it is asked for; with
    /// amounts in another currency or coin, if one is given.
    ///
    /// # Errors
    /// If the options contradict one another, a number does not fit, or there are no prices of the
    /// currency.
    pub fn report_for(
        &self,
        options: &ReportOptions,
        currency: Option<&str>,
    ) -> Result<Report, ReportError> {
        report::check(options)?;
        if options.fees_in_kind == self.options.fees_in_kind {
            return report::report_of(&self.ledger(), options, currency);
        }
        let mut booked = Booked::new(&self.currency, options.fees_in_kind);
        let rows = &self.transactions;
        Poster::new(rows, self.timezone, &self.prices, &mut booked)
            .run(numbers(0, rows.len()), |_, _, _| {})?;
        let ledger = Ledger::over(rows, &self.currency, self.timezone, &self.prices, &booked);
        report::report_of(&ledger, options, currency)
    }

    /// The lots that are left, in the order in which they will be taken; of methods that pool, the pools.
    #[must_use]
    pub fn open_lots(&self) -> Vec<OpenLot> {
        let (method, scope) = (self.options.method, self.options.scope);
        let from = self.marks.last().map(|mark| &mark.basis);
        let remaining = &self.basis.remaining;
        cost_basis::open_lots(&self.ledger(), method, scope, from, remaining)
    }

    /// Value of a quantity on the last day; none without a price.
    pub(crate) fn worth(&self, asset: AssetId, quantity: i128) -> Option<Money> {
        let worth = report::worth_of(&self.ledger(), asset, quantity, self.period());
        worth.ok().flatten()
    }

    fn with_history(&self, history: bool) -> ReportOptions {
        ReportOptions {
            history,
            ..self.options
        }
    }

    fn period(&self) -> Period {
        Period {
            from: None,
            to: self.days.last().map_or(Day(1), |day| day.day),
        }
    }

    /// The day of a moment.
    fn day_of(&self, time: DateTime<FixedOffset>) -> Day {
        crate::ledger::day_in(
            self.timezone,
            time.timestamp(),
            time.timestamp_subsec_nanos(),
        )
    }

    /// Computes everything from a transaction on, the first that changed, and a day, the first on which
    /// something did.
    fn compute_from(&mut self, changed: usize, day: Day) -> Result<Recomputed, ReportError> {
        let count = self.transactions.len();
        let reach = match self.options.method {
            Method::Uk => Day(day.0.saturating_sub(UK_DAYS)),
            _ => day,
        };
        let before = |reach: Day| {
            self.marks
                .partition_point(|mark| mark.transaction <= changed && mark.day <= reach)
        };
        let (book_from, match_from) = (before(day), before(reach));
        // The booking goes on from a later mark than the matching may.
        let mut rest = self.marks.split_off(match_from);
        rest.truncate(book_from - match_from);
        let mut pending: Vec<Pending> = rest.into_iter().map(Pending::from).collect();
        let last = pending.last().map(|mark| (mark.transaction, &mark.booked));
        let last = last.or_else(|| {
            let mark = self.marks.last()?;
            Some((mark.transaction, &mark.booked))
        });
        let (start, mut tally) = match last {
            Some((transaction, mark)) => {
                self.booked.cut(mark);
                (transaction, mark.tally)
            }
            None => {
                self.booked = Booked::new(&self.currency, self.options.fees_in_kind);
                (0, Tally::default())
            }
        };
        let mut last = start;
        Poster::new(
            &self.transactions,
            self.timezone,
            &self.prices,
            &mut self.booked,
        )
        .run(numbers(start, count), |booked, index, day| {
            let transaction = index as usize;
            if is_due(transaction, last, count) {
                last = transaction;
                let booked = booked.mark(tally);
                tally = booked.tally;
                pending.push(Pending {
                    transaction,
                    day,
                    booked,
                });
            }
        })?;
        let from = self.marks.last().map(|mark| &mark.basis);
        match from {
            Some(mark) => self.basis.cut(mark),
            None => self.basis = CostBasis::default(),
        }
        let positions: Vec<_> = pending
            .iter()
            .map(|mark| (mark.booked.postings, mark.day))
            .collect();
        let ledger = Ledger::over(
            &self.transactions,
            &self.currency,
            self.timezone,
            &self.prices,
            &self.booked,
        );
        let options = &self.options;
        let found = cost_basis::continue_from(
            &ledger,
            options.method,
            options.scope,
            None,
            from,
            &mut self.basis,
            &positions,
        );
        let postings = self.booked.postings.len() - from.map_or(0, |mark| mark.posting());
        let found = pending.into_iter().zip(found);
        self.marks
            .extend(found.filter_map(|(mark, basis)| Some(mark.with(basis?))));
        thin(&mut self.marks, count);
        let days = self.value_days(day, Day(i32::MAX))?;
        let (tally, realized) = self.tallies();
        self.sum_up(tally, realized)?;
        Ok(Recomputed {
            transactions: count - start,
            postings,
            days,
        })
    }

    /// The sums of everything, from those of the last mark on.
    fn tallies(&self) -> (Tally, BasisTally) {
        let (mut tally, mut realized) = match self.marks.last() {
            Some(mark) => (mark.booked.tally, mark.basis.tally),
            None => Default::default(),
        };
        tally.advance(&self.booked.totals);
        realized.advance(&self.basis);
        (tally, realized)
    }

    /// Values the days from one to another again, and those that were not valued yet, up to the last with a
    /// price or a transaction.
    fn value_days(&mut self, from: Day, until: Day) -> Result<usize, ReportError> {
        let ledger = self.ledger();
        let (Some(first), Some(to)) = (ledger.first_day(), ledger.valued_on()) else {
            self.days.clear();
            return Ok(0);
        };
        let number = |day: Day| usize::try_from(day.0 - first.0).unwrap_or(0);
        let same_start = self.days.first().is_some_and(|day| day.day == first);
        let there = if same_start { self.days.len() } else { 0 };
        let all = number(to.next());
        let start = number(from).min(there).min(all);
        let end = if there < all { to } else { until.min(to) };
        let from = Day(first.0 + i32::try_from(start).unwrap_or(0));
        let values = values_between(&ledger, from, end)?;
        let count = values.len();
        let replaced = (start + count).min(self.days.len());
        let replaced = if same_start {
            replaced
        } else {
            self.days.len()
        };
        self.days.splice(start..replaced, values);
        self.days.truncate(all);
        Ok(count)
    }

    /// Adds up what there is into the figures.
    fn sum_up(&mut self, tally: Tally, basis: BasisTally) -> Result<(), ReportError> {
        let (ledger, period) = (self.ledger(), self.period());
        let parts = Parts {
            realized: Of::everything(basis.realized),
            income: Of::everything(tally.income()),
            other_fees: Of::everything(tally.other_fees()),
            fees_at_cost: Of::everything(basis.fees_at_cost),
            swap_differences: Of::everything(tally.swap_differences()),
            fees: tally.fees(),
            implied: tally.implied(),
            contributed: tally.contributed(),
            removed: basis.removed,
            holdings: ledger.holdings().collect(),
        };
        let remaining = &self.basis.remaining;
        let sums = Sums::of(&ledger, remaining, period, parts)?;
        let options = &self.options;
        let summary = report::summary(&ledger, remaining, &self.days, &sums, period, options);
        self.summary = Some(summary);
        Ok(())
    }
}

/// Numbers of transactions from one on.
fn numbers(from: usize, count: usize) -> impl Iterator<Item = u32> {
    (from..count).map_while(|number| u32::try_from(number).ok())
}

/// The part of a list that there is of a range.
fn within<T>(list: &[T], range: Range<usize>) -> &[T] {
    let end = range.end.min(list.len());
    &list[range.start.min(end)..end]
}
