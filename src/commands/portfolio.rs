//! `portfolio`: reports from files of transactions, on standard output, without a database.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;

use crate::cli::portfolio::{PortfolioCommand, PortfolioFormat, PortfolioReportArgs};
use crate::output;
use crate::portfolios::files::{MAX_BYTES, read_csv, read_json, read_prices};
use crate::portfolios::report::{ReportOptions, report};
use crate::portfolios::{Scope, TransactionFile};

/// Runs the command.
pub(super) fn run(command: &PortfolioCommand) -> anyhow::Result<()> {
    match command {
        PortfolioCommand::Report(args) => print_report(args),
        PortfolioCommand::Import(args) => super::portfolio_import::run(args),
    }
}

fn print_report(args: &PortfolioReportArgs) -> anyhow::Result<()> {
    let mut file = transactions(args)?;
    if let Some(path) = &args.prices {
        let prices = read_prices(&read(path)?).with_context(|| path.display().to_string())?;
        file.prices.extend(&prices);
    }
    let options = ReportOptions {
        method: args.method,
        scope: if args.by_account {
            Scope::Account
        } else {
            Scope::Portfolio
        },
        fees_in_kind: args.fees_in_kind.into(),
        year: args.year,
        history: args.history,
    };
    let report = report(&file, &options).with_context(|| args.file.display().to_string())?;
    let text = match args.format {
        PortfolioFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        PortfolioFormat::Csv => report.disposals_csv(),
        PortfolioFormat::Html => report.tax_html(),
    };
    output::print(format_args!("{text}"));
    Ok(())
}

fn transactions(args: &PortfolioReportArgs) -> anyhow::Result<TransactionFile> {
    let name = || args.file.display().to_string();
    let bytes = read(&args.file)?;
    let currency = args.currency.as_deref().map(str::to_uppercase);
    let mut file = if is_document(&bytes) {
        let file = read_json(&bytes).with_context(name)?;
        if let Some(wanted) = currency.filter(|wanted| !wanted.eq_ignore_ascii_case(&file.currency))
        {
            anyhow::bail!(
                "{}: its values are in {}, not in {wanted}: leave out --currency, or give values in {wanted}",
                name(),
                file.currency,
            );
        }
        file
    } else {
        let mut file = TransactionFile::new(currency.unwrap_or_else(|| "USD".to_owned()));
        file.transactions = read_csv(&bytes).with_context(name)?;
        file
    };
    if let Some(zone) = &args.timezone {
        file.timezone = zone
            .parse()
            .map_err(|_| anyhow::anyhow!("{zone:?} is no IANA time zone, such as Europe/London"))?;
    }
    Ok(file)
}

/// Returns whether this is a document rather than a table, by its first character.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[') | None)
}

/// A file, plain or gzipped.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(context)?.len();
    anyhow::ensure!(
        size <= MAX_BYTES as u64,
        "{} has {size} bytes, more than the {MAX_BYTES} that are read",
        path.display()
    );
    let bytes = fs::read(path).with_context(context)?;
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    // One byte more than is read shows that there is too much.
    MultiGzDecoder::new(&bytes[..])
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut plain)
        .with_context(context)?;
    Ok(plain)
}
