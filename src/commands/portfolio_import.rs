//! `portfolio import`: exports of venues and trackers to one file of transactions. What it comes to is
//! printed; a file is written only if all of it was accepted, and then whole.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::portfolio::{is_document, read};
use crate::cli::portfolio::{DateOrderArg, DecimalsArg, PortfolioImportArgs};
use crate::output::print_line;
use crate::portfolios::files::{read_csv, read_json, write_csv, write_json};
use crate::portfolios::imports::{Choice, DateOrder, ImportOptions, import};
use crate::portfolios::{Transaction, TransactionFile};

/// Some row was refused, so nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(String);

/// Runs the command.
pub(super) fn run(args: &PortfolioImportArgs) -> anyhow::Result<()> {
    let mut files = Vec::with_capacity(args.files.len());
    for path in &args.files {
        files.push((path.display().to_string(), read(path)?));
    }
    let outcome = import(&files, &options(args)?);
    let text = serde_json::to_string_pretty(&outcome)?;
    print_line!("{text}");
    let rows = outcome.refused().count();
    let questions = outcome.questions.len();
    let unknown = outcome.files.iter().find(|file| file.format == "unknown");
    let unknown = unknown.map(|file| format!("{}: {}", file.name, file.notes.join(", ")));
    let currency = args.currency.as_deref().unwrap_or("USD").to_uppercase();
    let Some(file) = outcome.into_file(&currency) else {
        let reason = match (unknown, rows, questions) {
            (Some(unknown), ..) => unknown,
            (None, 0, questions) => {
                format!("{questions} tickers are not settled: answer with --asset")
            }
            (None, rows, _) => {
                format!("{rows} rows are refused: mend them, or settle them with --map or --skip")
            }
        };
        return Err(Refused(format!("nothing was imported: {reason}")).into());
    };
    match &args.out {
        Some(out) => write(out, &file),
        None => Ok(()),
    }
}

fn options(args: &PortfolioImportArgs) -> anyhow::Result<ImportOptions> {
    let timezone = args.timezone.parse().map_err(|_| {
        anyhow::anyhow!(
            "{:?} is no IANA time zone, such as Europe/London",
            args.timezone
        )
    })?;
    let mut options = ImportOptions {
        format: Some(args.format.clone()),
        timezone,
        date_order: args.date_order.map(|order| match order {
            DateOrderArg::Day => DateOrder::DayFirst,
            DateOrderArg::Month => DateOrder::MonthFirst,
        }),
        decimal_comma: args.decimals.map(|decimals| decimals == DecimalsArg::Comma),
        currency: args.currency.as_deref().map(str::to_uppercase),
        account: args.account.clone(),
        operations: args.map.iter().cloned().collect(),
        assets: args.asset.iter().cloned().collect(),
        ..ImportOptions::default()
    };
    for skip in &args.skip {
        let (file, line) = match (skip.rsplit_once(':'), args.files.as_slice()) {
            (Some((file, line)), _) => (file.to_owned(), line),
            (None, [only]) => (only.display().to_string(), skip.as_str()),
            (None, _) => anyhow::bail!("--skip {skip}: of several files, say which: FILE:LINE"),
        };
        let line = line
            .parse()
            .with_context(|| format!("--skip {skip}: not a line number"))?;
        options.rows.insert((file, line), Choice::Skip);
    }
    for path in &args.stored {
        options.known.extend(stored(path)?);
    }
    Ok(options)
}

fn stored(path: &Path) -> anyhow::Result<Vec<Transaction>> {
    let bytes = read(path)?;
    let context = || path.display().to_string();
    if is_document(&bytes) {
        Ok(read_json(&bytes).with_context(context)?.transactions)
    } else {
        read_csv(&bytes).with_context(context)
    }
}

/// Writes the file next to its place and moves it there, so that nobody sees half of it.
fn write(out: &Path, file: &TransactionFile) -> anyhow::Result<()> {
    let text = if out
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"))
    {
        write_csv(&file.transactions)
    } else {
        write_json(file)
    };
    let context = || format!("cannot write {}", out.display());
    let mut name = out.file_name().with_context(context)?.to_owned();
    name.push(".part");
    let part = out.with_file_name(name);
    let written = fs::File::create(&part).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&part, out))
        .with_context(context)
}
