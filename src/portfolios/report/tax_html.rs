//! The tax report as a page to print: disposals with their lots and the rule of each, income, what is
//! left at the end, and what is missing. It stands alone: no script, no style or font from elsewhere.

use std::fmt::Write as _;

use crate::money::Money;
use crate::report::Report;

const STYLE: &str = "body{font:11px/1.4 sans-serif;margin:2em}table{border-collapse:collapse;width:100%;\
margin-bottom:2em}th,td{border-bottom:1px solid #ccc;padding:.2em .5em;text-align:right;\
vertical-align:top}th:first-child,td:first-child,.text{text-align:left}tr{break-inside:avoid}\
.lot td{color:#555;border-bottom:0}thead{display:table-header-group}";

/// Writes the page.
pub(super) fn tax_html(report: &Report) -> String {
    let mut page = Page(String::new());
    let title = match report.year {
        Some(year) => format!("Tax report {year}"),
        None => "Tax report".to_owned(),
    };
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    page.text(&title);
    page.raw("</title><style>");
    page.raw(STYLE);
    page.raw("</style></head><body>\n<h1>");
    page.text(&title);
    page.raw("</h1>\n<p>");
    let from = report.from.as_deref().unwrap_or("the first transaction");
    let to = report.valued_on.as_deref().unwrap_or("the last");
    page.text(&format!(
        "From {from} to {to}, days of {}; amounts in {}. Method: {}; lots {}; fees paid in coins {}.",
        report.timezone,
        report.currency,
        rule(report.method),
        if report.scope == "account" {
            "of the account of the disposal"
        } else {
            "of all accounts"
        },
        if report.fees_in_kind == "dispose" {
            "are disposals at market value"
        } else {
            "leave at their cost"
        },
    ));
    if let Some(jurisdiction) = report.jurisdiction {
        page.text(&format!(" Rules of: {}.", jurisdiction.to_uppercase()));
    }
    page.text(&format!(" Terms: {}.", report.term_rule));
    page.raw("</p>\n");
    if let Some(conversion) = &report.conversion {
        page.raw("<p>");
        page.text(&format!(
            "Converted {conversion}. A tax report whose costs are at the rates of their purchases needs the portfolio in the currency of the tax."
        ));
        if let Some(difference) = report.exchange_difference {
            page.text(&format!(
                " What the rates changed in between is the exchange difference: {difference} {}.",
                report.currency
            ));
        }
        if let Some(reason) = &report.conversion_reason {
            page.text(&format!(" Some amounts are unknown in it: {reason}."));
        }
        page.raw("</p>\n");
    }
    disposals(&mut page, report);
    income(&mut page, report);
    holdings(&mut page, report);
    if !report.flags.is_empty() {
        page.raw("<h2>What is missing</h2>\n<ul>\n");
        for flag in &report.flags {
            page.raw("<li>");
            page.text(&format!("{}: {}", flag.message, flag.fix));
            page.raw("</li>\n");
        }
        page.raw("</ul>\n");
    }
    page.raw("</body></html>\n");
    page.0
}

fn disposals(page: &mut Page, report: &Report) {
    page.raw("<h2>Disposals</h2>\n<table><thead>");
    page.row(
        "",
        "th",
        &[
            "Disposed", "Acquired", "Asset", "Quantity", "Proceeds", "Basis", "Gain", "Term",
            "Rule",
        ],
    );
    page.raw("</thead><tbody>\n");
    for disposal in &report.disposals {
        let (proceeds, gain) = (shown(disposal.proceeds), shown(disposal.gain));
        let basis = shown(disposal.basis);
        let cells: [&str; 9] = [
            &disposal.date,
            "",
            &disposal.asset,
            &disposal.quantity,
            &proceeds,
            &basis,
            &gain,
            "",
            disposal.cause,
        ];
        page.row("", "td", &cells);
        for lot in &disposal.lots {
            let basis = shown(lot.basis);
            let acquired = lot.acquired.as_deref().unwrap_or_default();
            let name = match lot.lot.as_str() {
                "same_day" => "same day".to_owned(),
                "30_days" => "30 days".to_owned(),
                "section_104" => "section 104 pool".to_owned(),
                "average" => "average of the pool".to_owned(),
                "missing" => "no known acquisition".to_owned(),
                id => format!("{}: {id}", report.method),
            };
            let term = lot.term.unwrap_or_default();
            let (proceeds, gain) = (shown(lot.proceeds), shown(lot.gain));
            let cells = [
                "",
                acquired,
                "",
                &lot.quantity,
                &proceeds,
                &basis,
                &gain,
                term,
                &name,
            ];
            page.row(" class=\"lot\"", "td", &cells);
        }
    }
    page.row(
        "",
        "th",
        &["Sum", "", "", "", "", "", &shown(report.realized), "", ""],
    );
    page.raw("</tbody></table>\n");
}

fn income(page: &mut Page, report: &Report) {
    page.raw("<h2>Income</h2>\n<table><thead>");
    page.row(
        "",
        "th",
        &["Received", "Kind", "Asset", "Quantity", "Value"],
    );
    page.raw("</thead><tbody>\n");
    for line in &report.income_lines {
        let value = shown(line.value);
        let cells = [
            line.date.as_str(),
            line.kind,
            &line.asset,
            &line.quantity,
            &value,
        ];
        page.row("", "td", &cells);
    }
    page.row("", "th", &["Sum", "", "", "", &shown(report.income)]);
    page.raw("</tbody></table>\n");
}

fn holdings(page: &mut Page, report: &Report) {
    page.raw("<h2>Holdings at the end</h2>\n<table><thead>");
    page.row(
        "",
        "th",
        &["Asset", "Account", "Quantity", "Basis", "Value"],
    );
    page.raw("</thead><tbody>\n");
    for holding in &report.remaining {
        let (basis, value) = (shown(holding.basis), shown(holding.value));
        let account = if holding.account == "*" {
            "all"
        } else {
            &holding.account
        };
        page.row(
            "",
            "td",
            &[&holding.asset, account, &holding.quantity, &basis, &value],
        );
    }
    page.raw("</tbody></table>\n");
}

fn rule(method: &str) -> &'static str {
    match method {
        "fifo" => "first in, first out",
        "lifo" => "last in, first out",
        "hifo" => "highest cost first (specific identification by rule)",
        "average" => "moving average of a pool",
        "uk" => "share matching of the United Kingdom (same day, 30 days, section 104 pool)",
        _ => "specific identification, else first in, first out",
    }
}

fn shown(money: Option<Money>) -> String {
    money.map_or_else(|| "unknown".to_owned(), |money| money.to_string())
}

/// A page being written. What comes from a file is escaped.
struct Page(String);

impl Page {
    fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                other => self.0.push(other),
            }
        }
    }

    fn row(&mut self, attributes: &str, element: &str, cells: &[&str]) {
        let _ = write!(self.0, "<tr{attributes}>");
        for cell in cells {
            let _ = write!(self.0, "<{element}>");
            self.text(cell);
            let _ = write!(self.0, "</{element}>");
        }
        self.0.push_str("</tr>\n");
    }
}
