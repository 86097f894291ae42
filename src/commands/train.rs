//! `train`: a model version from a file of candles or the database, kept in the registry, and serving
//! if it is better than what serves.

use std::fs;
use std::sync::Mutex;

use anyhow::Context;
use chrono::{DateTime, Utc};
use coinsphere_ml::Interval;
use coinsphere_ml::chart::{Curve, loss_curves};
use coinsphere_ml::model::{Card, ModelId, Registry};
use coinsphere_ml::training::{self, Cancel, Progress, TrainRequest, TrainingConfig};
use serde::Serialize;

use super::candle_source::{Input, models_dir, read_of_model};
use super::{clock, models};
use crate::cli::ReportFormat;
use crate::cli::models::{PromoteWhen, TrainArgs};
use crate::forecasts;
use crate::output::{self, print_line, remark_line};
use crate::telemetry::start_plain_logging;

/// Versions of a model that are kept.
pub(super) const KEPT: usize = 10;

/// Outcome of a training, for programs.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ModelId,
    promoted: bool,
    models_dir: String,
    removed: Vec<ModelId>,
    card: &'a Card,
}

/// Trains, keeps, and promotes if it is to.
pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    start_plain_logging()?;
    let dir = models_dir(&args.registry, &args.input.place)?;
    let mut config: TrainingConfig = match &args.settings {
        None => TrainingConfig::default(),
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the settings in {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} has no training settings", path.display()))?
        }
    };
    if let Some(seed) = args.seed {
        config.seed = seed;
    }
    config.most_candles = args.input.most_candles;
    let Input { key, series } = read_of_model(&args.input)?;
    let registry = Registry::open(&dir)?;
    let serving = registry.serving(&key)?;
    for (id, error) in &serving.refused {
        remark_line!("coinsphere: version {id} cannot serve: {error}");
    }
    let request = TrainRequest {
        horizons: horizons(&args.horizons, key.interval()),
        series: &series,
        config,
        serving: serving.model.as_ref(),
        created_at: now(),
        code_version: env!("CARGO_PKG_VERSION"),
        key: key.clone(),
    };
    let last = Mutex::new(String::new());
    let listen = |progress: &Progress| say(progress, &last);
    let candidate = if args.update {
        training::update(&request, &listen, &Cancel::new())?
    } else {
        training::train(&request, &listen, &Cancel::new())?
    };
    let card = candidate.model.card();
    if let Some(path) = &args.chart {
        fs::write(path, picture(card))
            .with_context(|| format!("cannot write the loss curves to {}", path.display()))?;
    }
    let id = registry.save(&candidate.model)?;
    let promote = match args.promote {
        PromoteWhen::Better => candidate.verdict().promote,
        PromoteWhen::Always => true,
        PromoteWhen::Never => false,
    };
    if promote {
        registry.promote(&key, &id, now(), &candidate.verdict().why)?;
    }
    let removed = registry.prune(&key, KEPT)?;
    match args.format {
        ReportFormat::Text => {
            output::print(format_args!("{}", models::describe(card)));
            let state = if promote {
                "serves now"
            } else {
                "does not serve"
            };
            print_line!("\n{id} {state}: {}", candidate.verdict().why);
        }
        ReportFormat::Json => models::print_json(&Report {
            id: &id,
            promoted: promote,
            models_dir: dir.display().to_string(),
            removed,
            card,
        })?,
    }
    Ok(())
}

/// Those asked for, ascending; or those that the running system forecasts.
pub(super) fn horizons(asked: &[usize], interval: Interval) -> Vec<usize> {
    let mut horizons = match asked {
        [] => forecast_horizons(interval),
        asked => asked.to_vec(),
    };
    horizons.sort_unstable();
    horizons.dedup();
    horizons
}

fn forecast_horizons(interval: Interval) -> Vec<usize> {
    let known = interval.name().parse().map_or(&[][..], forecasts::horizons);
    match known {
        [] => vec![1],
        known => known.iter().map(|horizon| *horizon as usize).collect(),
    }
}

pub(super) fn now() -> DateTime<Utc> {
    clock().now().to_utc()
}

/// A line on standard error, if it says anything new: epochs come by the hundred.
fn say(progress: &Progress, last: &Mutex<String>) {
    let often = matches!(progress, Progress::Fitting { epoch, .. } if epoch % 5 != 1);
    if often {
        return;
    }
    let line = progress.to_string();
    // A panic of another thread leaves a line that is whole.
    let mut last = last
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if *last != line {
        remark_line!("{line}");
        *last = line;
    }
}

/// The losses of every network as an SVG picture.
pub(super) fn picture(card: &Card) -> String {
    let mut curves = Vec::new();
    for losses in &card.training.losses {
        curves.push(Curve {
            name: "training",
            values: losses.iter().map(|epoch| epoch.train_loss.into()).collect(),
            kept: None,
        });
    }
    for losses in &card.training.losses {
        let values: Vec<f64> = losses
            .iter()
            .map(|epoch| epoch.validation_loss.map_or(f64::NAN, Into::into))
            .collect();
        let kept = (0..values.len())
            .filter(|at| values[*at].is_finite())
            .min_by(|a, b| values[*a].total_cmp(&values[*b]));
        curves.push(Curve {
            name: "validation",
            values,
            kept,
        });
    }
    let title = format!(
        "{} {}: loss by epoch, {}",
        card.asset, card.interval, card.id
    );
    loss_curves(&title, &curves)
}
