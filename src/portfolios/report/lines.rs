//! The tax report as a table: a row for each lot that a disposal consumed, each receipt of income and each
//! holding at the end. The last columns tell them apart and name the rule.

use crate::money::Money;
use crate::report::Report;

/// The columns, in order.
const COLUMNS: [&str; 21] = [
    "date_disposed",
    "asset",
    "account",
    "cause",
    "transactions",
    "quantity",
    "proceeds",
    "basis",
    "gain",
    "unknown_quantity",
    "lot",
    "date_acquired",
    "lot_quantity",
    "lot_basis",
    "term",
    "lot_proceeds",
    "lot_gain",
    "rule",
    "method",
    "line",
    "value",
];

/// Writes the table. The columns of a disposal repeat on each of its lots; those that begin with `lot_` add
/// up to them.
pub(super) fn tax_csv(report: &Report) -> String {
    let mut out = String::new();
    push(&mut out, COLUMNS);
    let number = |money: Option<Money>| money.map(|money| money.to_string()).unwrap_or_default();
    for disposal in &report.disposals {
        let (proceeds, gain) = (number(disposal.proceeds), number(disposal.gain));
        for lot in &disposal.lots {
            push(
                &mut out,
                [
                    &disposal.date,
                    &disposal.asset,
                    &disposal.account,
                    disposal.cause,
                    &disposal.transactions.join(" "),
                    &disposal.quantity,
                    &proceeds,
                    &number(disposal.basis),
                    &gain,
                    &disposal.unknown_quantity,
                    &lot.lot,
                    lot.acquired.as_deref().unwrap_or_default(),
                    &lot.quantity,
                    &number(lot.basis),
                    lot.term.unwrap_or_default(),
                    &number(lot.proceeds),
                    &number(lot.gain),
                    lot.rule,
                    report.method,
                    "disposal",
                    "",
                ],
            );
        }
    }
    for income in &report.income_lines {
        let value = number(income.value);
        let mut cells = [""; COLUMNS.len()];
        cells[1] = &income.asset;
        cells[3] = income.kind;
        cells[4] = &income.transaction;
        cells[5] = &income.quantity;
        cells[11] = &income.date;
        cells[17] = "value_on_receipt";
        cells[18] = report.method;
        cells[19] = "income";
        cells[20] = &value;
        push(&mut out, cells);
    }
    for holding in &report.summary.remaining {
        let (basis, value) = (number(holding.basis), number(holding.value));
        let mut cells = [""; COLUMNS.len()];
        cells[1] = &holding.asset;
        cells[2] = &holding.account;
        cells[5] = &holding.quantity;
        cells[7] = &basis;
        cells[9] = &holding.unknown_quantity;
        cells[17] = "closing_price";
        cells[18] = report.method;
        cells[19] = "holding";
        cells[20] = &value;
        push(&mut out, cells);
    }
    out
}

fn push(out: &mut String, cells: [&str; COLUMNS.len()]) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push('\n');
}
