//! A report in another currency or coin: each amount at the closing price of its own day. What was sold,
//! earned or paid is converted on the day it was; what is held on the day it is valued on. The value of the
//! shown unit changes in between: what that comes to is a figure of its own, `exchange_difference`.

use crate::cost_basis::CostBasis;
use crate::ledger::{Dated, Day, Ledger};
use crate::money::Money;
use crate::performance::DayValue;
use crate::prices::PriceSeries;
use crate::report::views::split;
use crate::report::{Period, Report, ReportError, Summary, build, performance_view};

/// Rates by which amounts are converted.
struct Rates<'a> {
    currency: &'a str,
    series: &'a PriceSeries,
}

impl<'a> Rates<'a> {
    fn of(ledger: &Ledger<'a>, currency: &'a str) -> Result<Self, ReportError> {
        let series = ledger.prices.of(currency);
        let series = series.ok_or_else(|| ReportError::NoRates(currency.to_owned()))?;
        Ok(Self { currency, series })
    }

    fn days(&self, days: &[DayValue]) -> Result<Vec<DayValue>, ReportError> {
        let days = days.iter().map(|day| {
            let at = |amount: Option<Money>| match amount {
                Some(amount) => self.at(amount, day.day).map(Some),
                None => Ok(None),
            };
            Ok(DayValue {
                day: day.day,
                value: at(day.value)?,
                flow: at(day.flow)?,
            })
        });
        days.collect()
    }

    fn at(&self, amount: Money, day: Day) -> Result<Money, ReportError> {
        // Nothing is nothing in every currency: it needs no rate.
        if amount.is_zero() {
            return Ok(Money::ZERO);
        }
        let rate = self.series.on(day.date());
        let converted = rate.and_then(|rate| amount.converted(rate));
        converted.ok_or_else(|| ReportError::NoRate {
            currency: self.currency.to_owned(),
            day: day.date(),
        })
    }

    fn maybe(&self, amount: &mut Option<Money>, day: Day) -> Result<(), ReportError> {
        if let Some(known) = amount {
            *known = self.at(*known, day)?.rounded();
        }
        Ok(())
    }

    /// The sum of a list, of the period and of everything up to its end.
    fn sums<'l>(
        &self,
        list: impl IntoIterator<Item = &'l Dated>,
        period: Period,
    ) -> Result<[Money; 2], ReportError> {
        let dated = list.into_iter().map(|dated| (dated.day, dated.amount));
        self.sum(dated, period)
    }

    fn sum(
        &self,
        list: impl Iterator<Item = (Day, Money)>,
        period: Period,
    ) -> Result<[Money; 2], ReportError> {
        let (mut within, mut until) = (Money::ZERO, Money::ZERO);
        for (day, amount) in list.filter(|(day, _)| *day <= period.to) {
            let amount = self.at(amount, day)?;
            until += amount;
            if period.from.is_none_or(|from| day >= from) {
                within += amount;
            }
        }
        Ok([within, until])
    }
}

/// The value of each day in another currency.
pub(crate) fn days_in(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    currency: &str,
) -> Result<Vec<DayValue>, ReportError> {
    if currency == ledger.currency {
        return Ok(days.to_vec());
    }
    Rates::of(ledger, currency)?.days(days)
}

/// Makes the report of figures in another currency.
pub(crate) fn display(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    days: &[DayValue],
    summary: Summary,
    period: Period,
    with_history: bool,
    currency: &str,
) -> Result<Report, ReportError> {
    if currency == ledger.currency {
        return Ok(build(ledger, basis, days, summary, period, with_history));
    }
    let rates = Rates::of(ledger, currency)?;
    let converted = rates.days(days)?;
    let mut report = build(ledger, basis, &converted, summary, period, with_history);
    lines(ledger, basis, &rates, period, &mut report)?;
    figures(ledger, basis, &rates, period, &mut report.summary)?;
    report.summary.performance = performance_view::performance(&converted, period);
    Ok(report)
}

fn lines(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    rates: &Rates<'_>,
    period: Period,
    report: &mut Report,
) -> Result<(), ReportError> {
    let within = |day: Day| day <= period.to && period.from.is_none_or(|from| day >= from);
    let disposals = basis.disposals.iter().filter(|of| within(of.day));
    for (view, disposal) in report.disposals.iter_mut().zip(disposals) {
        rates.maybe(&mut view.proceeds, disposal.day)?;
        rates.maybe(&mut view.gain, disposal.day)?;
        view.basis = rates.at(view.basis, disposal.day)?.rounded();
        for lot in &mut view.lots {
            rates.maybe(&mut lot.basis, disposal.day)?;
        }
        split(view, disposal, &basis.slices[disposal.slices.clone()]);
    }
    let income = ledger.totals.income.iter().filter(|of| within(of.day));
    for (view, dated) in report.income_lines.iter_mut().zip(income) {
        view.value = rates.at(view.value, dated.day)?.rounded();
    }
    for day in report.history.iter_mut().flatten() {
        day.value = day.value.map(Money::rounded);
        day.flow = day.flow.map(Money::rounded);
    }
    for holding in &mut report.summary.remaining {
        holding.basis = rates.at(holding.basis, period.to)?.rounded();
        rates.maybe(&mut holding.value, period.to)?;
        rates.maybe(&mut holding.unrealized, period.to)?;
    }
    Ok(())
}

fn figures(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    rates: &Rates<'_>,
    period: Period,
    summary: &mut Summary,
) -> Result<(), ReportError> {
    let totals = &ledger.totals;
    let gains = basis.disposals.iter();
    let gains = gains.filter_map(|disposal| Some((disposal.day, disposal.gain?)));
    let [realized, all_realized] = rates.sum(gains, period)?;
    let [income, all_income] = rates.sums(&totals.income, period)?;
    let fees_at_cost = totals.other_fees.iter().chain(&basis.fees_at_cost);
    let [transfer_fees, all_fees] = rates.sums(fees_at_cost, period)?;
    let [swaps, all_swaps] = rates.sums(&totals.swap_differences, period)?;
    let [_, contributed] = rates.sums(&totals.contributed, period)?;
    let [_, removed] = rates.sums(&basis.removed, period)?;
    let invested = contributed - removed;
    rates.maybe(&mut summary.value, period.to)?;
    rates.maybe(&mut summary.unrealized, period.to)?;
    rates.maybe(&mut summary.unexplained, period.to)?;
    summary.realized = realized.rounded();
    summary.income = income.rounded();
    summary.fees = rates.sums(&totals.fees, period)?[0].rounded();
    summary.transfer_fees = transfer_fees.rounded();
    summary.swap_differences = swaps.rounded();
    summary.net_invested = invested.rounded();
    summary.implied_deposits = rates.sums(&totals.implied, period)?[0].rounded();
    let explained = invested + all_realized + all_income - all_fees + all_swaps;
    let known = summary.value.zip(summary.unrealized);
    summary.exchange_difference = known.map(|(value, unrealized)| {
        let unexplained = summary.unexplained.unwrap_or_default();
        (value - unrealized - explained - unexplained).rounded()
    });
    let from = std::mem::replace(&mut summary.currency, rates.currency.to_owned());
    summary.conversion = Some(format!(
        "from {from} at the closing price of {} of each day, or the last before it: disposals, income, fees, deposits and withdrawals at that of their own day, holdings at that of {}",
        rates.currency,
        period.to.date(),
    ));
    Ok(())
}
