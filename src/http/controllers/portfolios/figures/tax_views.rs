//! The tax report as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use crate::portfolios::Money;
use crate::portfolios::report::{DisposalView, FlagView, HoldingView, IncomeView, LotView, Report};

/// A tax report of a year. Amounts are in the portfolio's currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TaxReport)]
pub(in crate::http) struct TaxView {
    /// The tax year: the calendar's, or with the method `uk` the one that begins on 6 April.
    #[schema(example = 2025)]
    year: i32,
    /// Its first day.
    #[schema(example = "2025-01-01")]
    from: Option<String>,
    /// The day holdings are valued on: its last, or the newest.
    #[schema(example = "2025-12-31")]
    to: Option<String>,
    /// The currency of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// How amounts were converted; null in the portfolio's own currency. Such a report is to be looked at, not to be
    /// filed: the cost of a lot is converted with the day of its disposal.
    conversion: Option<String>,
    /// The zone that decides days.
    #[schema(example = "Europe/London")]
    time_zone: String,
    /// Method by which the lots of disposals were chosen.
    #[schema(example = "fifo")]
    method: &'static str,
    /// Where lots came from: `portfolio` or `account`.
    #[schema(example = "portfolio")]
    scope: &'static str,
    /// Treatment of fees in coins: `dispose` or `at_cost`.
    #[schema(example = "dispose")]
    fees_in_kind: &'static str,
    /// Whose tax year and terms it goes by; null for the calendar's year and a term of one year, with `uk` the
    /// year from 6 April.
    #[schema(example = "us")]
    jurisdiction: Option<&'static str>,
    /// Rule of the terms of lots.
    #[schema(example = "long if held for more than one year, from the day after the acquisition")]
    term_rule: &'static str,
    /// The gains of the year's disposals.
    #[schema(value_type = Option<String>, example = "4310.2")]
    realized: Option<Money>,
    /// The year's income.
    #[schema(value_type = Option<String>, example = "12.75")]
    income: Option<Money>,
    /// The year's fees.
    #[schema(value_type = Option<String>, example = "48.1")]
    fees: Option<Money>,
    /// Value of the holdings at the end.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why it is null.
    value_reason: Option<String>,
    /// Difference that rates have made, in another currency than the portfolio's.
    #[schema(value_type = Option<String>, example = "12.5")]
    exchange_difference: Option<Money>,
    /// Why an amount is null: the first day that has no rate.
    conversion_reason: Option<String>,
    /// The disposals, in order of time.
    disposals: Vec<TaxDisposalView>,
    /// The receipts of income, in order of time.
    income_lines: Vec<TaxIncomeView>,
    /// Holdings left at the end of the year.
    holdings: Vec<RemainingView>,
    /// Missing data, and how to mend it.
    flags: Vec<ReportFlagView>,
}

/// A disposal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Disposal)]
pub(in crate::http) struct TaxDisposalView {
    /// The day.
    #[schema(example = "2025-05-14")]
    date: String,
    /// Asset disposed of.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Where; `*` where a day's disposals of all accounts are one.
    #[schema(example = "binance")]
    account: String,
    /// `sale`, `swap`, `spend`, `trade_fee` or `fee`.
    #[schema(example = "sale")]
    cause: &'static str,
    /// The ids of its transactions.
    #[schema(example = json!(["t-17"]))]
    transactions: Vec<String>,
    /// Quantity.
    #[schema(value_type = String, example = "0.25")]
    quantity: String,
    /// For how much, after fees; null without a price.
    #[schema(value_type = Option<String>, example = "15455")]
    proceeds: Option<Money>,
    /// Cost of its lots.
    #[schema(value_type = Option<String>, example = "11250")]
    basis: Option<Money>,
    /// The gain of what has a known cost.
    #[schema(value_type = Option<String>, example = "4205")]
    gain: Option<Money>,
    /// Part of the quantity that has no known cost.
    #[schema(value_type = String, example = "0")]
    unknown_quantity: String,
    /// The lots it was taken from.
    lots: Vec<TaxLotView>,
}

/// A part of a lot that was disposed of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DisposedLot)]
pub(in crate::http) struct TaxLotView {
    /// The lot: the id of the transaction that acquired it, or `average`, `same_day`, `30_days`, `section_104`, or
    /// `missing`.
    #[schema(example = "t-3")]
    lot: String,
    /// Quantity.
    #[schema(value_type = String, example = "0.25")]
    quantity: String,
    /// Its share of the proceeds; those of all lots add up to the disposal's.
    #[schema(value_type = Option<String>, example = "15455")]
    proceeds: Option<Money>,
    /// Its cost.
    #[schema(value_type = Option<String>, example = "11250")]
    basis: Option<Money>,
    /// Its share of the gain; null if its cost is unknown.
    #[schema(value_type = Option<String>, example = "4205")]
    gain: Option<Money>,
    /// When it was acquired.
    #[schema(example = "2024-01-08")]
    acquired: Option<String>,
    /// `short` or `long`: whether it was held for more than a year.
    #[schema(example = "long")]
    term: Option<&'static str>,
    /// Rule by which it was chosen: the method, or `average`, `same_day`, `30_days`, `section_104`, or `missing`.
    #[schema(example = "fifo")]
    rule: &'static str,
}

/// Income, when it was received.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Income)]
pub(in crate::http) struct TaxIncomeView {
    /// The day.
    #[schema(example = "2025-02-01")]
    date: String,
    /// The id of its transaction.
    #[schema(example = "t-9")]
    transaction: String,
    /// Kind of income.
    #[schema(example = "staking")]
    kind: &'static str,
    /// Asset received.
    #[schema(example = "ethereum")]
    asset: String,
    /// Quantity.
    #[schema(value_type = String, example = "0.01")]
    quantity: String,
    /// Its value, which is its cost.
    #[schema(value_type = Option<String>, example = "28.1")]
    value: Option<Money>,
}

/// Remainder of an asset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RemainingHolding)]
pub(in crate::http) struct RemainingView {
    /// Asset held.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Where; `*` where lots come from any account.
    #[schema(example = "*")]
    account: String,
    /// Quantity.
    #[schema(value_type = String, example = "0.75")]
    quantity: String,
    /// The cost of what has a known cost.
    #[schema(value_type = Option<String>, example = "33750")]
    basis: Option<Money>,
    /// Part of the quantity that has no known cost.
    #[schema(value_type = String, example = "0")]
    unknown_quantity: String,
    /// Value at the closing price.
    #[schema(value_type = Option<String>, example = "46365.0075")]
    value: Option<Money>,
    /// The value less the cost of what has a known cost.
    #[schema(value_type = Option<String>, example = "12615.0075")]
    unrealized: Option<Money>,
}

/// Something that is missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flag)]
pub(in crate::http) struct ReportFlagView {
    /// The id of the transaction.
    #[schema(example = "t-17")]
    transaction: Option<String>,
    /// The asset.
    #[schema(example = "bitcoin")]
    asset: String,
    /// `missing_acquisition`, `unknown_cost`, `missing_price` or `named_lot_not_there`.
    #[schema(example = "missing_acquisition")]
    problem: &'static str,
    /// Quantity concerned.
    #[schema(value_type = Option<String>, example = "0.1")]
    quantity: Option<String>,
    /// The day of a price that is missing.
    #[schema(example = "2025-05-14")]
    date: Option<String>,
    /// Description of the fault.
    #[schema(example = "t-17: 0.1 bitcoin more than were ever acquired")]
    message: String,
    /// Remedy.
    #[schema(example = "add the purchase or deposit of 0.1 bitcoin before t-17")]
    fix: String,
    /// The figures it touches.
    #[schema(value_type = Vec<String>, example = json!(["realized", "unrealized"]))]
    affects: &'static [&'static str],
}

impl TaxView {
    pub(in crate::http) fn new(year: i32, report: Report) -> Self {
        let summary = report.summary;
        Self {
            year,
            from: summary.from,
            to: summary.valued_on,
            currency: summary.currency,
            conversion: summary.conversion,
            time_zone: summary.timezone,
            method: summary.method,
            scope: match summary.scope {
                "account" => "account",
                _ => "portfolio",
            },
            fees_in_kind: summary.fees_in_kind,
            jurisdiction: summary.jurisdiction,
            term_rule: summary.term_rule,
            realized: summary.realized,
            income: summary.income,
            fees: summary.fees,
            value: summary.value,
            value_reason: summary.value_reason,
            exchange_difference: summary.exchange_difference,
            conversion_reason: summary.conversion_reason,
            disposals: report.disposals.into_iter().map(Into::into).collect(),
            income_lines: report.income_lines.into_iter().map(Into::into).collect(),
            holdings: summary.remaining.into_iter().map(Into::into).collect(),
            flags: report.flags.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<DisposalView> for TaxDisposalView {
    fn from(view: DisposalView) -> Self {
        Self {
            date: view.date,
            asset: view.asset,
            account: view.account,
            cause: view.cause,
            transactions: view.transactions,
            quantity: view.quantity,
            proceeds: view.proceeds,
            basis: view.basis,
            gain: view.gain,
            unknown_quantity: view.unknown_quantity,
            lots: view.lots.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<LotView> for TaxLotView {
    fn from(view: LotView) -> Self {
        Self {
            lot: view.lot,
            quantity: view.quantity,
            proceeds: view.proceeds,
            basis: view.basis,
            gain: view.gain,
            acquired: view.acquired,
            term: view.term,
            rule: view.rule,
        }
    }
}

impl From<IncomeView> for TaxIncomeView {
    fn from(view: IncomeView) -> Self {
        Self {
            date: view.date,
            transaction: view.transaction,
            kind: view.kind,
            asset: view.asset,
            quantity: view.quantity,
            value: view.value,
        }
    }
}

impl From<HoldingView> for RemainingView {
    fn from(view: HoldingView) -> Self {
        Self {
            asset: view.asset,
            account: view.account,
            quantity: view.quantity,
            basis: view.basis,
            unknown_quantity: view.unknown_quantity,
            value: view.value,
            unrealized: view.unrealized,
        }
    }
}

impl From<FlagView> for ReportFlagView {
    fn from(view: FlagView) -> Self {
        Self {
            transaction: view.transaction,
            asset: view.asset,
            problem: view.problem,
            quantity: view.quantity,
            date: view.date,
            message: view.message,
            fix: view.fix,
            affects: view.affects,
        }
    }
}
