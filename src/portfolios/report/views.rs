//! The report as it is written: every number decimal text, every missing one null with a reason.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Serialize;

use crate::analysis::Analysis;
use crate::cost_basis::{CostBasis, Disposal, Holding, LotName, Scope, Slice, Term};
use crate::ledger::{AssetId, Cause, Dated, Day, FeesInKind, Flag, Ledger, Problem};
use crate::money::{Digits, Money};
use crate::performance::{DayValue, risk};
use crate::report::figures::{Sums, worth_of};
use crate::report::{
    Jurisdiction, Period, ReportOptions, performance_view, ratio, term, term_rule,
};

/// A report: its figures, and what they are made of line by line.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct Report {
    #[serde(flatten)]
    pub summary: Summary,
    pub disposals: Vec<DisposalView>,
    pub income_lines: Vec<IncomeView>,
    pub flags: Vec<FlagView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<HistoryView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
}

impl Deref for Report {
    type Target = Summary;

    fn deref(&self) -> &Summary {
        &self.summary
    }
}

/// The figures of a report.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct Summary {
    pub currency: String,
    pub timezone: String,
    pub method: &'static str,
    pub scope: &'static str,
    pub fees_in_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<&'static str>,
    pub term_rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub valued_on: Option<String>,
    pub realized: Option<Money>,
    pub unrealized: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrealized_reason: Option<String>,
    pub income: Option<Money>,
    pub fees: Option<Money>,
    pub transfer_fees: Option<Money>,
    pub value: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_reason: Option<String>,
    pub net_invested: Option<Money>,
    pub implied_deposits: Option<Money>,
    pub swap_differences: Option<Money>,
    pub unexplained: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_difference: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_reason: Option<String>,
    pub holdings: BTreeMap<String, String>,
    pub unpriced: Vec<String>,
    pub remaining: Vec<HoldingView>,
    pub performance: PerformanceView,
    pub allocation: AllocationView,
}

/// A disposal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct DisposalView {
    pub date: String,
    pub asset: String,
    pub account: String,
    pub cause: &'static str,
    pub transactions: Vec<String>,
    pub quantity: String,
    pub proceeds: Option<Money>,
    pub basis: Option<Money>,
    pub gain: Option<Money>,
    pub unknown_quantity: String,
    pub lots: Vec<LotView>,
}

/// A lot that a disposal consumed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct LotView {
    pub lot: String,
    pub quantity: String,
    pub proceeds: Option<Money>,
    pub basis: Option<Money>,
    pub gain: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acquired: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<&'static str>,
    pub rule: &'static str,
}

/// Income on receipt.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct IncomeView {
    pub date: String,
    pub transaction: String,
    pub kind: &'static str,
    pub asset: String,
    pub quantity: String,
    pub value: Option<Money>,
}

/// Remainder of an asset.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct HoldingView {
    pub asset: String,
    pub account: String,
    pub quantity: String,
    pub basis: Option<Money>,
    pub unknown_quantity: String,
    pub value: Option<Money>,
    pub unrealized: Option<Money>,
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct FlagView {
    pub transaction: Option<String>,
    pub asset: String,
    pub problem: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    pub message: String,
    pub fix: String,
    pub affects: &'static [&'static str],
}

/// Performance and risk.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct PerformanceView {
    pub twr: Option<String>,
    pub twr_reason: Option<String>,
    pub xirr: Option<String>,
    pub xirr_reason: Option<String>,
    pub xirr_roots: Vec<String>,
    pub xirr_over_span: Option<String>,
    pub modified_dietz: Option<String>,
    pub modified_dietz_reason: Option<String>,
    pub simple_return: Option<String>,
    pub simple_return_reason: Option<String>,
    pub max_drawdown: Option<String>,
    pub max_drawdown_reason: Option<String>,
    pub volatility: Option<String>,
    pub volatility_reason: Option<String>,
    pub sharpe: Option<String>,
    pub sharpe_reason: Option<String>,
    pub sortino: Option<String>,
    pub sortino_reason: Option<String>,
    pub value_at_risk_95: Option<String>,
    pub value_at_risk_95_reason: Option<String>,
    pub expected_shortfall_95: Option<String>,
    pub expected_shortfall_95_reason: Option<String>,
    pub returns: usize,
    pub few_returns: bool,
    pub days_left_out: usize,
    pub days_unpriced: usize,
}

/// The money-weighted return as text.
#[derive(Debug, Clone, Default)]
pub struct XirrView {
    /// The rate a year.
    pub rate: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Every rate that solves it.
    pub roots: Vec<String>,
    /// The rate over the whole span.
    pub over_span: Option<String>,
}

/// Where the value is.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct AllocationView {
    pub by_asset: BTreeMap<String, String>,
    pub hhi: Option<String>,
}

/// The end of a day.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "docs/portfolios.md describes each member")]
pub struct HistoryView {
    pub date: String,
    pub value: Option<Money>,
    pub flow: Option<Money>,
    pub index: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A quantity in units of 10⁻¹⁸ as text.
fn quantity(atoms: i128) -> String {
    Digits::of_atoms(atoms).as_str().to_owned()
}

/// The figures.
pub(crate) fn summary(
    ledger: &Ledger<'_>,
    remaining: &[Holding],
    days: &[DayValue],
    sums: &Sums,
    period: Period,
    options: &ReportOptions,
) -> Summary {
    let mut unpriced: Vec<String> = sums
        .holdings
        .iter()
        .filter(|(_, (_, worth))| worth.is_none())
        .map(|(&asset, _)| ledger.asset(asset).to_owned())
        .collect();
    unpriced.sort();
    let no_price = (!unpriced.is_empty()).then(|| format!("no price for {}", unpriced.join(", ")));
    let empty = ledger.first_day().is_none();
    Summary {
        currency: ledger.currency.to_owned(),
        timezone: ledger.timezone.name().to_owned(),
        method: options.method.name(),
        scope: match options.scope {
            Scope::Portfolio => "universal",
            Scope::Account => "account",
        },
        fees_in_kind: match options.fees_in_kind {
            FeesInKind::Dispose => "dispose",
            FeesInKind::AtCost => "at_cost",
        },
        jurisdiction: options.jurisdiction.map(Jurisdiction::name),
        term_rule: term_rule(options.jurisdiction),
        year: options.year,
        from: period.from.map(|day| day.date().to_string()),
        valued_on: (!empty).then(|| period.to.date().to_string()),
        realized: Some(sums.realized),
        unrealized: sums.unrealized,
        unrealized_reason: no_price.clone().filter(|_| sums.unrealized.is_none()),
        income: Some(sums.income),
        fees: Some(sums.fees),
        transfer_fees: Some(sums.transfer_fees),
        value: sums.value,
        value_reason: no_price.filter(|_| sums.value.is_none()),
        net_invested: Some(sums.net_invested),
        implied_deposits: Some(sums.implied),
        swap_differences: Some(sums.swap_differences),
        unexplained: sums.unexplained,
        exchange_difference: None,
        conversion: None,
        conversion_reason: None,
        holdings: sums
            .holdings
            .iter()
            .map(|(&asset, &(held, _))| (ledger.asset(asset).to_owned(), quantity(held)))
            .collect(),
        unpriced,
        remaining: remaining_lots(ledger, remaining, period),
        performance: performance_view::performance(days, period),
        allocation: allocation(ledger, sums),
    }
}

/// The lines that the figures are made of.
pub(crate) fn build(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    days: &[DayValue],
    summary: Summary,
    period: Period,
    options: &ReportOptions,
) -> Report {
    let disposals = basis.disposals.iter().filter(|of| period.has(of.day));
    let income = ledger.totals.income.iter().filter(|of| period.has(of.day));
    Report {
        disposals: disposals
            .map(|of| disposal(ledger, basis, of, options))
            .collect(),
        income_lines: income.map(|dated| income_line(ledger, dated)).collect(),
        flags: flags(ledger, basis, period.to),
        history: options.history.then(|| history(days, period.from)),
        analysis: None,
        summary,
    }
}

/// A disposal as it is shown.
pub(crate) fn disposal(
    ledger: &Ledger<'_>,
    basis: &CostBasis,
    of: &Disposal,
    options: &ReportOptions,
) -> DisposalView {
    let slices = &basis.slices[of.slices.clone()];
    let lot = |slice: &Slice| LotView {
        lot: match slice.lot {
            LotName::Transaction(number) => ledger.id(number).to_owned(),
            LotName::Average => "average".to_owned(),
            LotName::SameDay => "same_day".to_owned(),
            LotName::ThirtyDays => "30_days".to_owned(),
            LotName::Section104 => "section_104".to_owned(),
            LotName::Missing => "missing".to_owned(),
        },
        quantity: quantity(slice.quantity),
        proceeds: None,
        basis: slice.basis,
        gain: None,
        acquired: slice.acquired.map(|day| day.date().to_string()),
        term: match slice.lot {
            LotName::Transaction(_) => slice
                .acquired
                .and_then(|day| term(options.jurisdiction, day, of.day))
                .map(Term::name),
            _ => None,
        },
        rule: match slice.lot {
            LotName::Transaction(_) => options.method.name(),
            LotName::Average => "average",
            LotName::SameDay => "same_day",
            LotName::ThirtyDays => "30_days",
            LotName::Section104 => "section_104",
            LotName::Missing => "missing",
        },
    };
    let ids = of
        .transactions
        .iter()
        .map(|&number| ledger.id(number).to_owned());
    let mut view = DisposalView {
        date: of.day.date().to_string(),
        asset: ledger.asset(of.asset).to_owned(),
        account: of
            .account
            .map_or("*", |account| ledger.account(account))
            .to_owned(),
        cause: match of.cause {
            Cause::Sale => "sale",
            Cause::Swap => "swap",
            Cause::Spend => "spend",
            Cause::TradeFee => "trade_fee",
            Cause::Fee | Cause::OtherFee => "fee",
        },
        transactions: ids.collect(),
        quantity: quantity(of.quantity),
        proceeds: of.proceeds,
        basis: Some(of.basis),
        gain: of.gain,
        unknown_quantity: quantity(of.unknown),
        lots: slices.iter().map(lot).collect(),
    };
    split(&mut view, of, slices);
    view
}

/// Gives each lot its share of the proceeds and of the gain, by quantity. As shown they add up to those of
/// the disposal: the last lot takes what the others leave. What has no known cost has no gain.
pub(super) fn split(view: &mut DisposalView, of: &Disposal, slices: &[Slice]) {
    let rounded = |amount: Option<Money>| amount.map(Money::rounded);
    let (mut proceeds, mut gain) = (rounded(view.proceeds), rounded(view.gain));
    let (mut quantity, mut known) = (of.quantity, of.quantity - of.unknown);
    for (lot, slice) in view.lots.iter_mut().zip(slices) {
        lot.proceeds = proceeds.and_then(|left| left.share(slice.quantity, quantity));
        lot.proceeds = rounded(lot.proceeds);
        proceeds = proceeds.zip(lot.proceeds).map(|(left, part)| left - part);
        quantity -= slice.quantity;
        if slice.basis.is_some() {
            known -= slice.quantity;
            let part = lot.proceeds.zip(lot.basis);
            let part = part.map(|(proceeds, basis)| (proceeds - basis).rounded());
            lot.gain = if known == 0 { gain } else { part };
            gain = gain.zip(part).map(|(left, part)| left - part);
        }
    }
}

/// Income as it is shown.
pub(crate) fn income_line(ledger: &Ledger<'_>, dated: &Dated) -> IncomeView {
    let row = &ledger.transactions[dated.transaction as usize];
    let received = row.received.as_ref();
    IncomeView {
        date: dated.day.date().to_string(),
        transaction: row.id.clone(),
        kind: row.kind.name(),
        asset: received.map(|leg| leg.asset.clone()).unwrap_or_default(),
        quantity: received
            .map(|leg| leg.quantity.normalized().to_string())
            .unwrap_or_default(),
        value: Some(dated.amount),
    }
}

fn remaining_lots(ledger: &Ledger<'_>, remaining: &[Holding], period: Period) -> Vec<HoldingView> {
    let worth = |asset: AssetId, held: i128| worth_of(ledger, asset, held, period).ok().flatten();
    remaining
        .iter()
        .map(|holding| HoldingView {
            asset: ledger.asset(holding.asset).to_owned(),
            account: holding
                .account
                .map_or("*", |account| ledger.account(account))
                .to_owned(),
            quantity: quantity(holding.quantity),
            basis: Some(holding.basis),
            unknown_quantity: quantity(holding.unknown),
            value: worth(holding.asset, holding.quantity),
            unrealized: worth(holding.asset, holding.quantity - holding.unknown)
                .map(|worth| worth - holding.basis),
        })
        .collect()
}

/// Flags about data missing up to a day.
pub(crate) fn flags(ledger: &Ledger<'_>, basis: &CostBasis, to: Day) -> Vec<FlagView> {
    let mut all: Vec<&Flag> = ledger.flags.iter().chain(&basis.flags).collect();
    let time = |flag: &Flag| {
        flag.transaction
            .map(|of| ledger.transactions[of as usize].time)
    };
    all.sort_by_key(|flag| time(flag));
    let in_time = |flag: &&Flag| {
        let day = |number: u32| ledger.day_of(number);
        flag.transaction.is_none_or(|number| day(number) <= to)
    };
    all.into_iter()
        .filter(in_time)
        .map(|of| flag(ledger, of))
        .collect()
}

fn flag(ledger: &Ledger<'_>, of: &Flag) -> FlagView {
    let asset = ledger.asset(of.asset);
    let transaction = of.transaction.map(|number| ledger.id(number).to_owned());
    let id = transaction.clone().unwrap_or_default();
    let amount = |atoms: i128| format!("{} {asset}", quantity(atoms));
    let (message, fix, missing, date) = match &of.problem {
        Problem::MissingAcquisition { quantity } => (
            format!("{id}: {} more than were ever acquired", amount(*quantity)),
            format!(
                "add the purchase or deposit of {} before {id}",
                amount(*quantity)
            ),
            Some(*quantity),
            None,
        ),
        Problem::UnknownCost { quantity } => (
            format!("{id}: {} came without a cost", amount(*quantity)),
            format!("give {id} a basis, or make it a transfer from the account it came from"),
            Some(*quantity),
            None,
        ),
        Problem::MissingPrice { day } => (
            format!("{id}: no price of {asset} on {}", day.date()),
            format!("give {id} a value, or add a price of {asset} on or before that day"),
            None,
            Some(day.date().to_string()),
        ),
        Problem::NamedLot { lot, quantity } => (
            format!("{id}: the lot {lot} does not have {}", amount(*quantity)),
            format!("name other lots in {id}; the rest was taken from the oldest"),
            Some(*quantity),
            None,
        ),
    };
    FlagView {
        transaction,
        asset: asset.to_owned(),
        problem: of.problem.name(),
        quantity: missing.map(quantity),
        date,
        message,
        fix,
        affects: of.problem.affects(),
    }
}

fn allocation(ledger: &Ledger<'_>, sums: &Sums) -> AllocationView {
    let Some(value) = sums.value.map(Money::to_f64).filter(|value| *value > 0.0) else {
        return AllocationView::default();
    };
    let worth = |&(_, worth): &(i128, Option<Money>)| worth.unwrap_or_default().to_f64();
    let values: Vec<f64> = sums.holdings.values().map(worth).collect();
    AllocationView {
        by_asset: sums
            .holdings
            .iter()
            .map(|(&asset, held)| (ledger.asset(asset).to_owned(), ratio(worth(held) / value)))
            .collect(),
        hhi: risk::concentration(&values).ok().map(ratio),
    }
}

/// The days from one on.
pub(crate) fn history(days: &[DayValue], from: Option<Day>) -> Vec<HistoryView> {
    let index = performance_view::index_of(days);
    days.iter()
        .zip(index)
        .filter(|(day, _)| from.is_none_or(|from| day.day >= from))
        .map(|(day, index)| HistoryView {
            date: day.day.date().to_string(),
            value: day.value,
            flow: day.flow,
            index: ratio(index),
            reason: None,
        })
        .collect()
}
