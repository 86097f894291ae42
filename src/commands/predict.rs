//! `predict`: what a model version expects after the newest candles, how sure it is, and what its
//! forecasts were worth.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use coinsphere_ml::live::{LiveForecast, LiveModel, RealisedSkill};
use coinsphere_ml::metrics::Skill;
use coinsphere_ml::model::{Card, HorizonEvaluation, ModelId, Registry};
use coinsphere_ml::{ModelName, Series};
use serde::Serialize;

use super::candle_source::{Input, models_dir, read_of_model};
use super::models;
use crate::cli::ReportFormat;
use crate::cli::models::PredictArgs;
use crate::output::{self, remark_line};
use crate::telemetry::start_plain_logging;

/// Forecasts after the newest candle.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a ModelId,
    asset: &'a str,
    interval: String,
    /// Open time of the candle that they rest on.
    candle: DateTime<Utc>,
    price: f64,
    forecasts: Vec<Forecast>,
}

/// One forecast and what it is worth.
#[derive(Serialize)]
struct Forecast {
    horizon: usize,
    /// When its candle closes.
    at: DateTime<Utc>,
    model: ModelName,
    expected_log_return: f64,
    price: f64,
    intervals: Vec<coinsphere_ml::live::PriceInterval>,
    /// True if the model beat the last price beyond doubt when it was evaluated.
    has_skill: bool,
    /// In plain words.
    skill: String,
    /// In walk-forward evaluation.
    evaluated: Option<Skill>,
    /// On the candles given that the version was not trained on.
    realised: Option<RealisedSkill>,
}

/// Forecasts and prints.
pub(super) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    start_plain_logging()?;
    let dir = models_dir(&args.registry, &args.input.place)?;
    let Input { key, series } = read_of_model(&args.input)?;
    let registry = Registry::open(&dir)?;
    let model = match &args.model {
        Some(id) => registry.load(&key, id)?,
        None => {
            let serving = registry.serving(&key)?;
            for (id, error) in &serving.refused {
                remark_line!("coinsphere: version {id} cannot serve: {error}");
            }
            serving.model.ok_or_else(|| {
                anyhow::anyhow!(
                    "no model of {key} serves in {}: train one with `coinsphere train`",
                    dir.display()
                )
            })?
        }
    };
    let report = forecast(&model, &series)?;
    match args.format {
        ReportFormat::Json => models::print_json(&report),
        ReportFormat::Text => {
            output::print(format_args!("{}", text(&report)));
            Ok(())
        }
    }
}

fn forecast<'a>(model: &'a LiveModel, series: &Series) -> anyhow::Result<Report<'a>> {
    let card = model.card();
    let mut state = model.start();
    let mut newest = Vec::new();
    for (index, bar) in series.bars().iter().enumerate() {
        // Steps fill missing candles by themselves.
        if !series.filled(index) {
            newest = model.step(&mut state, bar)?.forecasts;
        }
    }
    let Some(base) = newest.first() else {
        anyhow::bail!(
            "version {} cannot forecast from these candles: it was trained on candles up to {}, the newest given is of {}, and {} candles without a hole before it are needed",
            card.id,
            models::time(card.training.last),
            state
                .last()
                .map_or_else(String::new, |bar| models::time(at(bar.open_time))),
            coinsphere_ml::features::WARM_UP
        );
    };
    Ok(Report {
        model: &card.id,
        asset: &card.asset,
        interval: card.interval.to_string(),
        candle: at(base.base_open_time),
        price: base.base_price,
        forecasts: newest
            .iter()
            .map(|forecast| shown(card, forecast, state.realised(forecast.horizon)))
            .collect(),
    })
}

fn shown(card: &Card, forecast: &LiveForecast, realised: Option<RealisedSkill>) -> Forecast {
    let evaluation = card.horizon(forecast.horizon);
    let evaluated = evaluation
        .and_then(HorizonEvaluation::of_champion)
        .map(|score| score.skill);
    let has_skill = evaluation.is_some_and(|of| of.has_skill);
    let skill = match evaluated {
        None => "it was never evaluated".to_owned(),
        Some(skill) if has_skill => format!(
            "beat the last price: MASE {:.4} ({:.4} to {:.4})",
            skill.mase.value, skill.mase.low, skill.mase.high
        ),
        Some(_) if forecast.model == ModelName::Persistence => {
            "no skill: no model beat the last price, so the last price is the forecast".to_owned()
        }
        Some(skill) => format!(
            "no skill shown: MASE {:.4} ({:.4} to {:.4}); the difference from the last price may be chance",
            skill.mase.value, skill.mase.low, skill.mase.high
        ),
    };
    Forecast {
        horizon: forecast.horizon,
        at: at(forecast.target_open_time + card.interval.millis()),
        model: forecast.model,
        expected_log_return: forecast.expected_log_return,
        price: forecast.price,
        intervals: forecast.intervals.clone(),
        has_skill,
        skill,
        evaluated,
        realised,
    }
}

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

fn text(report: &Report<'_>) -> String {
    let mut text = format!(
        "{} {} at {}, after the candle of {}, by model {}\n",
        report.asset,
        report.interval,
        report.price,
        models::time(report.candle),
        report.model
    );
    for forecast in &report.forecasts {
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            text,
            "\n{} {} ahead, {}: {:.8} ({:+.3} %), by {}",
            forecast.horizon,
            if forecast.horizon == 1 {
                "candle"
            } else {
                "candles"
            },
            models::time(forecast.at),
            forecast.price,
            (forecast.expected_log_return.exp() - 1.0) * 100.0,
            forecast.model
        );
        for interval in &forecast.intervals {
            let _ = writeln!(
                text,
                "  {:>3.0} %  {:.8} to {:.8}",
                interval.level * 100.0,
                interval.low,
                interval.high
            );
        }
        if forecast.intervals.is_empty() {
            let _ = writeln!(text, "  no intervals: too few forecasts were realised");
        }
        let _ = writeln!(text, "  {}", forecast.skill);
        if let Some(realised) = &forecast.realised {
            let mase = realised
                .mase
                .map_or_else(|| "-".to_owned(), |mase| format!("{:.4}", mase.value));
            let _ = writeln!(
                text,
                "  on {} forecasts of these candles: MASE {mase}, directional accuracy {:.3}",
                realised.forecasts, realised.directional_accuracy.value
            );
        }
    }
    text
}
