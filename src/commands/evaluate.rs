//! `evaluate`: what forecasts of candles are worth, model by model, on standard output.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use anyhow::Context;
use coinsphere_ml::report::Report;
use coinsphere_ml::walk_forward::{EvaluationConfig, Progress, evaluate};
use coinsphere_ml::{ModelName, Prepared};

use crate::cli::{EvaluateArgs, ReportFormat};
use crate::output::{self, remark_line};

/// Evaluates, then prints.
pub(super) fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let data = Prepared::new(super::candle_source::read(&args.source)?);
    let horizon = usize::from(args.horizon);
    let config = EvaluationConfig {
        seed: args.seed,
        ..EvaluationConfig::default()
    };
    let shown = io::stderr().is_terminal();
    let watch = |progress: &Progress| {
        if let (true, Progress::Fold { model, fold, folds }) = (shown, progress) {
            remark_line!("coinsphere: {model}, block {} of {folds}", fold + 1);
        }
        ControlFlow::Continue(())
    };
    let evaluation = evaluate(&data, &[horizon], &ModelName::ALL, &config, &watch)?;
    let report = Report::new(&data, &evaluation, horizon, args.seed)
        .context("the horizon was not evaluated")?;
    for note in &report.notes {
        remark_line!("coinsphere: {note}");
    }
    let text = match args.format {
        ReportFormat::Text => report.table(),
        ReportFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    output::print(format_args!("{text}"));
    Ok(())
}
