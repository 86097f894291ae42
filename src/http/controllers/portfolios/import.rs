//! `POST /api/v1/portfolios/{id}/import`

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::imports::views::PortfolioImportView;
use super::transactions::views::TransactionBody;
use super::views::{Fields, id, time_zone};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::idempotency::DoNotReplay;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::imports::{Duplicate, FileOutcome, ImportOutcome, Imported, Rows};
use crate::user_portfolios::{ImportReceipt, ImportRequest, RowChoice};

/// Entries shown of each list in the answer to a dry run; counts are of all.
const SHOWN: usize = 1_000;

/// Notes on files in the answer to an import.
const NOTES: usize = 100;

/// Files to import into a portfolio, and what to know about them.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ImportRequest, example = json!({
    "dry_run": true,
    "files": [{
        "name": "transactions.csv",
        "text": "id,time,kind,account,received_asset,received_quantity\na1,2024-01-08T07:05:12Z,deposit,bank,EUR,1000.00\n"
    }]
}))]
pub(in crate::http) struct ImportBody {
    /// The files: 1 to 20, imported together.
    #[garde(length(min = 1, max = 20))]
    #[schema(min_items = 1, max_items = 20)]
    files: Vec<FileBody>,
    /// Says what the import would come to, and stores nothing.
    #[serde(default)]
    dry_run: bool,
    /// The format by name, where the content does not settle it.
    format: Option<String>,
    /// The account's name, in place of the venue's.
    account: Option<String>,
    /// The IANA time zone of times without one; the portfolio's if absent.
    time_zone: Option<String>,
    /// Order of dates like 03/04/2021: `day` or `month` first.
    #[schema(pattern = "^(day|month)$")]
    date_order: Option<String>,
    /// Decimal separator: `point` or `comma`.
    #[schema(pattern = "^(point|comma)$")]
    decimals: Option<String>,
    /// Meanings of operations that the format does not know, by their word: a kind of transaction, or `skip`.
    /// Remembered.
    #[serde(default)]
    operations: BTreeMap<String, String>,
    /// Assets by ticker, as `LUNA` or `kraken:LUNA`: a token's id, or another name for an asset
    /// without a market. Remembered.
    #[serde(default)]
    tickers: BTreeMap<String, String>,
    /// Meanings of single rows.
    #[serde(default)]
    rows: Vec<RowBody>,
}

/// A file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportFile)]
pub(in crate::http) struct FileBody {
    /// Its name, by which rows are named.
    #[schema(example = "ledgers.csv", max_length = 256)]
    name: String,
    /// Its content: for text files in UTF-8.
    text: Option<String>,
    /// Its content as base64: for any file.
    base64: Option<String>,
}

/// The meaning of a row.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportRow)]
pub(in crate::http) struct RowBody {
    /// The file's name.
    #[schema(example = "ledgers.csv")]
    file: String,
    /// Its line, the header counted.
    #[schema(example = 12, minimum = 1)]
    row: u64,
    /// A kind of transaction, or `skip`.
    #[schema(example = "skip")]
    meaning: String,
}

/// The outcome that an import would have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportPreview)]
pub(in crate::http) struct PreviewView {
    /// The formats that were recognised.
    #[schema(example = "kraken.ledgers")]
    format: String,
    /// `accepted`, or `refused` while any row is refused, a ticker is open, or a file is not known.
    #[schema(example = "accepted")]
    commit: &'static str,
    /// Number of transactions that would be added.
    #[schema(example = 120)]
    added: usize,
    /// The first 1,000 of them, by time.
    transactions: Vec<PreviewedView>,
    /// Number of refused rows.
    #[schema(example = 0)]
    refused_rows: usize,
    /// The first 1,000 of them.
    refused: Vec<RefusedView>,
    /// Tickers that mean nothing known, or several things: answer in `tickers`.
    questions: Vec<QuestionView>,
    /// Change of holdings by asset.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"bitcoin": "0.3"}))]
    net: BTreeMap<String, String>,
    /// The files, with the rows that become no transactions.
    files: Vec<PreviewedFileView>,
}

/// A transaction that would be added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewedTransaction)]
pub(in crate::http) struct PreviewedView {
    /// The file.
    #[schema(example = "ledgers.csv")]
    file: String,
    /// The lines that it was read from, the header counted.
    rows: Vec<u64>,
    /// Doubts about it.
    flags: Vec<String>,
    /// The transaction.
    transaction: TransactionBody,
}

/// A row that cannot be imported as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedRow)]
pub(in crate::http) struct RefusedView {
    /// The file.
    #[schema(example = "ledgers.csv")]
    file: String,
    /// The line, the header counted; null where it is the file as a whole.
    row: Option<u64>,
    /// The column, where it is one.
    column: Option<String>,
    /// The reason.
    #[schema(example = "unknown operation \"Zodiac Bonus\"")]
    reason: String,
}

/// A ticker that is open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenTicker)]
pub(in crate::http) struct QuestionView {
    /// The venue that uses it.
    #[schema(example = "kraken")]
    venue: String,
    /// The ticker, as the file has it.
    #[schema(example = "LUNA")]
    ticker: String,
    /// The tokens that it may mean.
    candidates: Vec<String>,
}

/// A file and its rows that become no transactions; of each list the first 1,000 are shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewedFile)]
pub(in crate::http) struct PreviewedFileView {
    /// The file.
    #[schema(example = "ledgers.csv")]
    name: String,
    /// The format that was recognised, or `unknown`.
    #[schema(example = "kraken.ledgers")]
    format: &'static str,
    /// Number of transactions that are known already.
    #[schema(example = 3)]
    duplicate_transactions: usize,
    /// Rows that are known already, and where from.
    duplicates: Vec<DuplicateView>,
    /// Rows that move coins inside one account, by reason.
    internal: Vec<RowsView>,
    /// Rows that say nothing happened, by reason.
    ignored: Vec<RowsView>,
    /// Notes on the file as a whole.
    notes: Vec<String>,
}

/// Rows whose transaction is known already.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DuplicateRows)]
pub(in crate::http) struct DuplicateView {
    /// Lines of the file, the header counted.
    rows: Vec<u64>,
    /// The id of the stored transaction, or a row of another file.
    #[schema(example = "T4X-99")]
    of: String,
}

/// Rows and their reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RowsWithReason)]
pub(in crate::http) struct RowsView {
    /// Their number.
    #[schema(example = 2)]
    count: usize,
    /// Lines of the file, the header counted.
    rows: Vec<u64>,
    /// The reason.
    #[schema(example = "moved between own wallets of the venue")]
    why: String,
}

/// The result of an import.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportResult)]
pub(in crate::http) struct ImportedView {
    /// The import, which can be undone; null if everything was known already.
    import: Option<PortfolioImportView>,
    /// Number of transactions that were added.
    #[schema(example = 120)]
    added: i64,
    /// Number of transactions that were known already.
    #[schema(example = 3)]
    duplicates: usize,
    /// Notes on the files, at most 100.
    notes: Vec<String>,
}

/// Imports files of venues and other trackers (docs/imports.md), all of it or nothing. What is known already is
/// not added again.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/import", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = ImportBody,
    responses(
        (status = 200, description = "With `dry_run`: the outcome that the import would have", body = PreviewView),
        (status = 201, description = "The result of the import", body = ImportedView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: the portfolio would have more than 500,000 transactions"),
        (status = 422, description = "`import-refused`: rows are refused, tickers are open, or a file is not known; nothing was stored")
    )
)]
pub(in crate::http) async fn import_into_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<ImportBody>,
) -> Result<Response, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let dry_run = body.dry_run;
    let request = read(body)?;
    if dry_run {
        let outcome = state
            .portfolios
            .preview_import(principal.user.0, portfolio, request)
            .await?;
        // It may be large, and asking again changes nothing.
        return Ok((Extension(DoNotReplay), NoStore(preview(outcome))).into_response());
    }
    let receipt = state
        .portfolios
        .import(principal.user.0, portfolio, request)
        .await?;
    Ok((StatusCode::CREATED, NoStore(imported(receipt))).into_response())
}

fn read(body: ImportBody) -> Result<ImportRequest, Problem> {
    let mut fields = Fields::default();
    let mut files = Vec::with_capacity(body.files.len());
    for (at, file) in body.files.into_iter().enumerate() {
        let field = |name: &str| format!("files[{at}].{name}");
        if file.name.is_empty() || file.name.chars().count() > 256 {
            fields.refuse(&field("name"), "use 1 to 256 characters");
        }
        if files.iter().any(|(name, _)| *name == file.name) {
            fields.refuse(&field("name"), "another file has this name");
        }
        let bytes = match (file.text, file.base64) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(text)) => {
                let decoded = BASE64.decode(text.as_bytes());
                decoded
                    .map_err(|_| fields.refuse(&field("base64"), "is not base64"))
                    .ok()
            }
            _ => {
                fields.refuse(&format!("files[{at}]"), "send either text or base64");
                None
            }
        };
        files.extend(bytes.map(|bytes| (file.name, bytes)));
    }
    let zone = fields.read("time_zone", body.time_zone.as_deref(), time_zone);
    let day_first = fields.read("date_order", body.date_order.as_deref(), |text| {
        either(text, "day", "month")
    });
    let decimal_comma = fields.read("decimals", body.decimals.as_deref(), |text| {
        either(text, "comma", "point")
    });
    let account = body.account.map(|name| name.trim().to_owned());
    if account.as_ref().is_some_and(|name| {
        !(1..=256).contains(&name.chars().count()) || name.contains(char::is_control)
    }) {
        fields.refuse("account", "use one line of 1 to 256 characters");
    }
    let texts = body.operations.keys().chain(body.tickers.keys());
    if texts.clone().count() > 1_000 || body.rows.len() > 10_000 {
        fields.refuse(
            "body",
            "name at most 1,000 operations and tickers, and 10,000 rows",
        );
    }
    for name in texts {
        if !(1..=256).contains(&name.chars().count()) {
            fields.refuse("body", "words and tickers have 1 to 256 characters");
        }
    }
    fields.finish()?;
    let row = |row: RowBody| RowChoice {
        file: row.file,
        row: row.row,
        meaning: row.meaning,
    };
    Ok(ImportRequest {
        files,
        format: body.format,
        account,
        time_zone: zone,
        day_first,
        decimal_comma,
        operations: body.operations,
        tickers: body.tickers,
        rows: body.rows.into_iter().map(row).collect(),
    })
}

/// True for the one word, false for the other.
fn either(text: &str, yes: &str, no: &str) -> Result<bool, String> {
    match text {
        _ if text == yes => Ok(true),
        _ if text == no => Ok(false),
        _ => Err(format!("use {yes} or {no}")),
    }
}

fn preview(outcome: ImportOutcome) -> PreviewView {
    let refused = outcome
        .refused()
        .take(SHOWN)
        .map(|(file, refusal)| RefusedView {
            file: file.to_owned(),
            row: refusal.row,
            column: refusal.column.clone(),
            reason: refusal.reason.clone(),
        });
    let names: Vec<String> = outcome.files.iter().map(|file| file.name.clone()).collect();
    let previewed = |imported: Imported| PreviewedView {
        file: names.get(imported.file).cloned().unwrap_or_default(),
        rows: imported.rows,
        flags: imported.flags,
        transaction: imported.transaction.into(),
    };
    let question = |question: &crate::portfolios::imports::Question| QuestionView {
        venue: question.venue.clone(),
        ticker: question.ticker.clone(),
        candidates: question.candidates.clone(),
    };
    PreviewView {
        format: outcome.format(),
        commit: match outcome.is_accepted() {
            true => "accepted",
            false => "refused",
        },
        added: outcome.transactions.len(),
        refused_rows: outcome.refused().count(),
        refused: refused.collect(),
        questions: outcome.questions.iter().take(SHOWN).map(question).collect(),
        net: outcome
            .net
            .iter()
            .map(|(asset, change)| (asset.clone(), change.to_string()))
            .collect(),
        transactions: outcome
            .transactions
            .into_iter()
            .take(SHOWN)
            .map(previewed)
            .collect(),
        files: outcome.files.into_iter().map(previewed_file).collect(),
    }
}

fn previewed_file(file: FileOutcome) -> PreviewedFileView {
    let rows = |rows: Vec<Rows>| {
        rows.into_iter()
            .take(SHOWN)
            .map(|Rows { rows, why }| RowsView {
                count: rows.len(),
                rows: rows.into_iter().take(SHOWN).collect(),
                why,
            })
            .collect()
    };
    let duplicate = |Duplicate { rows, of }| DuplicateView { rows, of };
    PreviewedFileView {
        name: file.name,
        format: file.format,
        duplicate_transactions: file.duplicates.len(),
        duplicates: file
            .duplicates
            .into_iter()
            .take(SHOWN)
            .map(duplicate)
            .collect(),
        internal: rows(file.internal),
        ignored: rows(file.ignored),
        notes: file.notes,
    }
}

fn imported(receipt: ImportReceipt) -> ImportedView {
    let files = receipt.outcome.files;
    let duplicates = files.iter().map(|file| file.duplicates.len()).sum();
    let notes = files.into_iter().flat_map(|file| {
        let name = file.name;
        let notes = file.notes.into_iter();
        notes.map(move |note| format!("{name}: {note}").chars().take(500).collect())
    });
    ImportedView {
        added: receipt.import.as_ref().map_or(0, |import| import.added),
        import: receipt.import.map(Into::into),
        duplicates,
        notes: notes.take(NOTES).collect(),
    }
}
