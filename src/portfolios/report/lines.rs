//! The disposals of a report as a table for tax forms.

use crate::report::Report;

/// A row for each lot that a disposal consumed. The proceeds of a lot are its share of the disposal's.
pub(super) fn disposals_csv(report: &Report) -> String {
    let mut out = String::from(
        "date_disposed,asset,account,cause,transactions,quantity,proceeds,basis,gain,unknown_quantity,lot,date_acquired,lot_quantity,lot_basis,term\n",
    );
    let mut push = |cells: [&str; 15]| {
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
    };
    for disposal in &report.disposals {
        let number = |money: Option<crate::Money>| money.map(|money| money.to_string());
        let proceeds = number(disposal.proceeds).unwrap_or_default();
        let gain = number(disposal.gain).unwrap_or_default();
        for lot in &disposal.lots {
            push([
                &disposal.date,
                &disposal.asset,
                &disposal.account,
                disposal.cause,
                &disposal.transactions.join(" "),
                &disposal.quantity,
                &proceeds,
                &disposal.basis.to_string(),
                &gain,
                &disposal.unknown_quantity,
                &lot.lot,
                lot.acquired.as_deref().unwrap_or_default(),
                &lot.quantity,
                &number(lot.basis).unwrap_or_default(),
                lot.term.unwrap_or_default(),
            ]);
        }
    }
    out
}
