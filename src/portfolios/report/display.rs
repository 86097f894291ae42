//! A report in another currency or coin: each amount at the closing price of its own day. What was sold,
//! earned or paid is converted on the day it was; what is held on the day it is valued on. The value of the
//! shown unit changes in between: what that comes to is a figure of its own, `exchange_difference`. An amount
//! of a day without a rate is not there, and neither is a sum that it belongs to.

use std::cell::Cell;

use crate::cost_basis::CostBasis;
use crate::ledger::{Dated, Day, Ledger};
use crate::money::Money;
use crate::performance::DayValue;
use crate::prices::PriceSeries;
use crate::report::views::{HistoryView, split};
use crate::report::{
    Period, Report, ReportError, ReportOptions, Summary, build, history, performance_view,
};

/// Rates by which amounts are converted.
struct Rates<'a> {
    currency: &'a str,
    series: &'a PriceSeries,
    /// The first day of which a figure needs a rate that is not there.
    missing: Cell<Option<Day>>,
}

impl<'a> Rates<'a> {
    fn of(ledger: &Ledger<'a>, currency: &'a str) -> Result<Self, ReportError> {
        let series = ledger.prices.of(currency);
        let series = series.ok_or_else(|| ReportError::NoRates(currency.to_owned()))?;
        Ok(Self {
            currency,
            series,
            missing: Cell::new(None),
        })
    }

    fn days(&self, days: &[DayValue]) -> Vec<DayValue> {
        let days = days.iter().map(|day| DayValue {
            day: day.day,
            value: day.value.and_then(|value| self.at(value, day.day)),
            flow: day.flow.and_then(|flow| self.at(flow, day.day)),
        });
        days.collect()
    }

    /// An amount of a day; none without a rate of it or of a day before.
    fn at(&self, amount: Money, day: Day) -> Option<Money> {
        // Nothing is nothing in every currency: it needs no rate.
        if amount.is_zero() {
            return Some(Money::ZERO);
        }
        amount.converted(self.series.on(day.date())?)
    }

    /// As [`Self::at`], for a figure.
    fn needed(&self, amount: Money, day: Day) -> Option<Money> {
        let converted = self.at(amount, day);
        if converted.is_none() {
            let first = self.missing.get().map_or(day, |first| first.min(day));
            self.missing.set(Some(first));
        }
        converted
    }

    fn show(&self, amount: &mut Option<Money>, day: Day) {
        *amount = amount.and_then(|known| Some(self.needed(known, day)?.rounded()));
    }

    /// Sum of a list over the period.
    fn within<'l>(
        &self,
        list: impl IntoIterator<Item = &'l Dated>,
        period: Period,
    ) -> Option<Money> {
        self.sum(
            list.into_iter().map(|dated| (dated.day, dated.amount)),
            period,
        )
    }

    /// The sum of dated amounts over the period. All of them are looked at, so that the first day without a
    /// rate is found.
    fn sum(&self, list: impl Iterator<Item = (Day, Money)>, period: Period) -> Option<Money> {
        let mut sum = Some(Money::ZERO);
        for (day, amount) in list.filter(|(day, _)| period.has(*day)) {
            sum = sum
                .zip(self.needed(amount, day))
                .map(|(sum, part)| sum + part);
        }
        sum
    }

    /// Why an amount of a day is not there.
    fn reason(&self, day: Day) -> String {
        let (currency, day) = (self.currency.to_owned(), day.date());
        ReportError::NoRate { currency, day }.to_string()
    }
}

/// The value of each day in another currency; none on days without a rate.
pub(crate) fn days_in(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    currency: &str,
) -> Result<Vec<DayValue>, ReportError> {
    if currency == ledger.currency {
        return Ok(days.to_vec());
    }
    Ok(Rates::of(ledger, currency)?.days(days))
}

/// Value, flow and index of each day from one on, in another currency. A day without a rate has a reason.
pub(crate) fn history_in(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    currency: &str,
    from: Option<Day>,
) -> Result<Vec<HistoryView>, ReportError> {
    if currency == ledger.currency {
        return Ok(history(days, from));
    }
    let rates = Rates::of(ledger, currency)?;
    let converted = rates.days(days);
    let mut shown = history(&converted, from);
    let cut = days.len() - shown.len();
    let both = days[cut..].iter().zip(&converted[cut..]);
    for (view, (own, converted)) in shown.iter_mut().zip(both) {
        view.value = view.value.map(Money::rounded);
        view.flow = view.flow.map(Money::rounded);
        let lost = (own.value.is_some() && converted.value.is_none())
            || (own.flow.is_some() && converted.flow.is_none());
        if lost {
            view.reason = Some(rates.reason(own.day));
        }
    }
    Ok(shown)
}

/// Makes the report of figures in another currency.
pub(crate) fn display(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    days: &[DayValue],
    summary: Summary,
    period: Period,
    options: &ReportOptions,
    currency: &str,
) -> Result<Report, ReportError> {
    if currency == ledger.currency {
        return Ok(build(ledger, basis, days, summary, period, options));
    }
    let rates = Rates::of(ledger, currency)?;
    let own = ReportOptions {
        history: false,
        ..*options
    };
    let mut report = build(ledger, basis, days, summary, period, &own);
    lines(ledger, basis, &rates, period, &mut report);
    figures(ledger, basis, &rates, period, &mut report.summary);
    report.summary.performance = performance_view::performance(&rates.days(days), period);
    if options.history {
        report.history = Some(history_in(ledger, days, currency, period.from)?);
    }
    Ok(report)
}

fn lines(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    rates: &Rates<'_>,
    period: Period,
    report: &mut Report,
) {
    let disposals = basis.disposals.iter().filter(|of| period.has(of.day));
    for (view, disposal) in report.disposals.iter_mut().zip(disposals) {
        rates.show(&mut view.proceeds, disposal.day);
        rates.show(&mut view.gain, disposal.day);
        rates.show(&mut view.basis, disposal.day);
        for lot in &mut view.lots {
            rates.show(&mut lot.basis, disposal.day);
        }
        split(view, disposal, &basis.slices[disposal.slices.clone()]);
    }
    let income = ledger.totals.income.iter().filter(|of| period.has(of.day));
    for (view, dated) in report.income_lines.iter_mut().zip(income) {
        rates.show(&mut view.value, dated.day);
    }
    for holding in &mut report.summary.remaining {
        rates.show(&mut holding.basis, period.to);
        rates.show(&mut holding.value, period.to);
        rates.show(&mut holding.unrealized, period.to);
    }
}

fn figures(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    rates: &Rates<'_>,
    period: Period,
    summary: &mut Summary,
) {
    let totals = &ledger.totals;
    let gains = |period| {
        let gains = basis.disposals.iter();
        rates.sum(
            gains.filter_map(|disposal| Some((disposal.day, disposal.gain?))),
            period,
        )
    };
    let transfer_fees = |period| {
        let fees = totals.other_fees.iter().chain(&basis.fees_at_cost);
        rates.within(fees, period)
    };
    let everything = Period {
        from: None,
        ..period
    };
    let contributed = rates.within(&totals.contributed, everything);
    let removed = rates.within(&basis.removed, everything);
    let invested = contributed.zip(removed);
    let invested = invested.map(|(contributed, removed)| contributed - removed);
    let rounded = |amount: Option<Money>| amount.map(Money::rounded);
    let missing_value = |known: Option<Money>, shown: Option<Money>| {
        (known.is_some() && shown.is_none()).then(|| rates.reason(period.to))
    };
    let (value, unrealized) = (summary.value, summary.unrealized);
    rates.show(&mut summary.value, period.to);
    rates.show(&mut summary.unrealized, period.to);
    rates.show(&mut summary.unexplained, period.to);
    summary.value_reason = missing_value(value, summary.value).or(summary.value_reason.take());
    summary.unrealized_reason =
        missing_value(unrealized, summary.unrealized).or(summary.unrealized_reason.take());
    summary.realized = rounded(gains(period));
    summary.income = rounded(rates.within(&totals.income, period));
    summary.fees = rounded(rates.within(&totals.fees, period));
    summary.transfer_fees = rounded(transfer_fees(period));
    summary.swap_differences = rounded(rates.within(&totals.swap_differences, period));
    summary.net_invested = rounded(invested);
    summary.implied_deposits = rounded(rates.within(&totals.implied, period));
    // What follows needs the rates of everything, which no other figure of the period may need.
    summary.conversion_reason = rates.missing.get().map(|day| rates.reason(day));
    let explained: Option<Money> = [
        invested,
        gains(everything),
        rates.within(&totals.income, everything),
        transfer_fees(everything).map(|fees| -fees),
        rates.within(&totals.swap_differences, everything),
        Some(summary.unexplained.unwrap_or_default()),
    ]
    .into_iter()
    .sum();
    let known = summary.value.zip(summary.unrealized).zip(explained);
    summary.exchange_difference =
        known.map(|((value, unrealized), explained)| (value - unrealized - explained).rounded());
    let from = std::mem::replace(&mut summary.currency, rates.currency.to_owned());
    summary.conversion = Some(format!(
        "from {from} at the closing price of {} of each day, or the last before it: disposals, income, fees, deposits and withdrawals at that of their own day, holdings at that of {}",
        rates.currency,
        period.to.date(),
    ));
}
