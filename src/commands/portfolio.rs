//! `portfolio`: reports from files of transactions, on standard output, without a database.

use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;

use crate::cli::portfolio::{
    PortfolioCommand, PortfolioExplainArgs, PortfolioFormat, PortfolioReportArgs,
    PortfolioSourceArgs,
};
use crate::output::{self, Results};
use crate::portfolios::analysis::AnalysisRequest;
use crate::portfolios::computed::ChangeError;
use crate::portfolios::files::{MAX_BYTES, read_csv, read_json, read_prices};
use crate::portfolios::report::{ReportOptions, WriteError, report_in, write_report};
use crate::portfolios::what_if::{Changes, MOST_DISPOSALS, what_if};
use crate::portfolios::{Computed, Scope, TransactionFile};

/// Runs the command.
pub(super) fn run(command: &PortfolioCommand) -> anyhow::Result<()> {
    match command {
        PortfolioCommand::Report(args) => print_report(args),
        PortfolioCommand::Explain(args) => print_explanation(args),
        PortfolioCommand::Import(args) => super::portfolio_import::run(args),
    }
}

fn print_report(args: &PortfolioReportArgs) -> anyhow::Result<()> {
    if let Some(changes) = &args.what_if {
        return print_what_if(args, changes);
    }
    let (file, shown_in) = load(&args.source)?;
    let options = ReportOptions {
        year: args.year,
        history: args.history,
        ..options(&args.source)
    };
    let name = || args.source.file.display().to_string();
    let looks_into = args.analysis || args.benchmark.is_some() || args.target.is_some();
    if args.format == PortfolioFormat::Json && shown_in.is_none() && !looks_into {
        let mut results = BufWriter::new(Results);
        match write_report(&file, &options, &mut results) {
            Ok(()) => {}
            Err(WriteError::Report(error)) => return Err(error).with_context(name),
            Err(WriteError::Write(error)) => return Err(error.into()),
        }
        results.write_all(b"\n")?;
        return Ok(results.flush()?);
    }
    let report = if looks_into {
        let currency = shown_in.unwrap_or_else(|| file.currency.clone());
        let computed = computed(file, options).with_context(name)?;
        let mut report = computed
            .report_in(&currency, args.history)
            .with_context(name)?;
        let request = AnalysisRequest {
            benchmark: args.benchmark.clone().map(|mix| mix.0),
            target: args.target.clone().map(|mix| mix.0),
            tolerance: args.tolerance,
            history: args.history,
            ..AnalysisRequest::default()
        };
        report.analysis = Some(computed.analysis(&request)?);
        report
    } else {
        let currency = shown_in.unwrap_or_else(|| file.currency.clone());
        report_in(&file, &options, &currency).with_context(name)?
    };
    let text = match args.format {
        PortfolioFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        PortfolioFormat::Csv => report.tax_csv(),
        PortfolioFormat::Html => report.tax_html(),
    };
    output::print(format_args!("{text}"));
    Ok(())
}

fn print_what_if(args: &PortfolioReportArgs, path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.format == PortfolioFormat::Json,
        "--what-if answers as JSON: leave out --format"
    );
    let file = load_in_own_currency(&args.source)?;
    let name = || args.source.file.display().to_string();
    let changes = Changes::read(&read(path)?).with_context(|| path.display().to_string())?;
    let computed = computed(file, options(&args.source)).with_context(name)?;
    let answer =
        what_if(&computed, &changes, MOST_DISPOSALS).with_context(|| path.display().to_string())?;
    output::print_line!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn print_explanation(args: &PortfolioExplainArgs) -> anyhow::Result<()> {
    let file = load_in_own_currency(&args.source)?;
    let name = || args.source.file.display().to_string();
    let computed = computed(file, options(&args.source)).with_context(name)?;
    let step = computed
        .explain(&args.figure, args.most)
        .with_context(name)?;
    output::print_line!("{}", serde_json::to_string_pretty(&step)?);
    Ok(())
}

fn computed(file: TransactionFile, options: ReportOptions) -> anyhow::Result<Computed> {
    Computed::new(file, options).map_err(|error| match error {
        ChangeError::Report(error) => error.into(),
        other => other.into(),
    })
}

fn options(args: &PortfolioSourceArgs) -> ReportOptions {
    ReportOptions {
        scope: if args.by_account {
            Scope::Account
        } else {
            Scope::Portfolio
        },
        fees_in_kind: args.fees_in_kind.into(),
        jurisdiction: args.jurisdiction,
        ..ReportOptions::new(args.method)
    }
}

/// The transactions, for an answer that is not converted.
fn load_in_own_currency(args: &PortfolioSourceArgs) -> anyhow::Result<TransactionFile> {
    let (file, shown_in) = load(args)?;
    anyhow::ensure!(
        shown_in.is_none(),
        "{}: figures are explained in the currency of the file, {}: leave out --currency",
        args.file.display(),
        file.currency,
    );
    Ok(file)
}

/// The transactions with all their prices; with the currency to show amounts in, if it is another.
fn load(args: &PortfolioSourceArgs) -> anyhow::Result<(TransactionFile, Option<String>)> {
    let name = || args.file.display().to_string();
    let bytes = read(&args.file)?;
    let currency = args.currency.as_deref().map(str::to_uppercase);
    let mut file;
    let mut shown_in = None;
    if is_document(&bytes) {
        file = read_json(&bytes).with_context(name)?;
        shown_in = currency.filter(|wanted| !wanted.eq_ignore_ascii_case(&file.currency));
    } else {
        file = TransactionFile::new(currency.unwrap_or_else(|| "USD".to_owned()));
        file.transactions = read_csv(&bytes).with_context(name)?;
    }
    drop(bytes);
    if let Some(path) = &args.prices {
        let prices = read_prices(&read(path)?).with_context(|| path.display().to_string())?;
        file.prices.extend(&prices);
    }
    if let Some(wanted) = &shown_in {
        anyhow::ensure!(
            file.prices.of(wanted).is_some(),
            "{}: its values are in {}, and there are no prices of {wanted} to convert them: give some with --prices, or leave out --currency",
            name(),
            file.currency,
        );
    }
    if let Some(zone) = &args.timezone {
        file.timezone = zone
            .parse()
            .map_err(|_| anyhow::anyhow!("{zone:?} is no IANA time zone, such as Europe/London"))?;
    }
    Ok((file, shown_in))
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
