//! `models`: which versions there are, what their cards say, and which one serves.

use std::fmt::Write as _;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use coinsphere_ml::model::{Card, ModelId, ModelKey, Registry};
use coinsphere_ml::training::{self, TrainRequest, TrainingConfig};
use serde::Serialize;

use super::candle_source::{Input, models_dir, read_of_model};

use super::train::{horizons, now};
use crate::cli::ReportFormat;
use crate::cli::models::{ImportArgs, ModelsArgs, ModelsCommand, WhereArgs};
use crate::output::{self, print_line};
use crate::telemetry::start_plain_logging;

/// A version in a list.
#[derive(Serialize)]
struct Line {
    id: ModelId,
    asset: String,
    interval: String,
    serves: bool,
    trained_through: Option<DateTime<Utc>>,
    /// Why it cannot be used, if it cannot.
    error: Option<String>,
}

/// That another version serves.
#[derive(Serialize)]
struct Changed {
    asset: String,
    interval: String,
    serves: ModelId,
}

/// Does what was asked.
pub(super) fn run(args: &ModelsArgs) -> anyhow::Result<()> {
    start_plain_logging()?;
    match &args.command {
        ModelsCommand::List(place) => list(place),
        ModelsCommand::Show { id, place } => show(id, place),
        ModelsCommand::Promote { id, place } => {
            let registry = open(place)?;
            let key = owner(&registry, id)?;
            let pointer = registry.promote(&key, id, now(), "promoted by command")?;
            changed(&key, pointer.current().map(|of| &of.id), place.format)
        }
        ModelsCommand::Rollback {
            token,
            interval,
            place,
        } => {
            let registry = open(place)?;
            let key = ModelKey::new(token, *interval)?;
            let pointer = registry.roll_back(&key, now())?;
            changed(&key, pointer.current().map(|of| &of.id), place.format)
        }
        ModelsCommand::Import(args) => import(args),
    }
}

fn open(place: &WhereArgs) -> anyhow::Result<Registry> {
    Ok(Registry::open(&models_dir(&place.registry, &place.place)?)?)
}

fn owner(registry: &Registry, id: &ModelId) -> anyhow::Result<ModelKey> {
    registry.find(id)?.with_context(|| {
        format!(
            "there is no version {id} in {}: `coinsphere models list` shows what there is",
            registry.root().display()
        )
    })
}

fn list(place: &WhereArgs) -> anyhow::Result<()> {
    let registry = open(place)?;
    let mut lines = Vec::new();
    for key in registry.keys()? {
        for version in registry.versions(&key)? {
            let (trained_through, error) = match version.card {
                Ok(card) => (Some(card.training.last), None),
                Err(error) => (None, Some(error.to_string())),
            };
            lines.push(Line {
                id: version.id,
                asset: key.asset().to_owned(),
                interval: key.interval().to_string(),
                serves: version.serves,
                trained_through,
                error,
            });
        }
    }
    if place.format == ReportFormat::Json {
        return print_json(&lines);
    }
    if lines.is_empty() {
        print_line!("no models in {}", registry.root().display());
    }
    for line in lines {
        let state = match (&line.error, line.serves) {
            (Some(error), _) => format!("unusable: {error}"),
            (None, true) => "serves".to_owned(),
            (None, false) => String::new(),
        };
        let through = line
            .trained_through
            .map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d").to_string());
        print_line!(
            "{:<28}  {:<16} {:<4} trained through {through}  {state}",
            line.id.as_str(),
            line.asset,
            line.interval
        );
    }
    Ok(())
}

fn show(id: &ModelId, place: &WhereArgs) -> anyhow::Result<()> {
    let registry = open(place)?;
    let key = owner(&registry, id)?;
    let card = registry.card(&key, id)?;
    match place.format {
        ReportFormat::Json => print_json(&card),
        ReportFormat::Text => {
            output::print(format_args!("{}", describe(&card)));
            Ok(())
        }
    }
}

fn changed(key: &ModelKey, serves: Option<&ModelId>, format: ReportFormat) -> anyhow::Result<()> {
    let serves = serves.context("nothing serves after the change")?.clone();
    match format {
        ReportFormat::Json => print_json(&Changed {
            asset: key.asset().to_owned(),
            interval: key.interval().to_string(),
            serves,
        }),
        ReportFormat::Text => {
            print_line!("{serves} serves {key} now");
            Ok(())
        }
    }
}

fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let dir = models_dir(&args.registry, &args.input.place)?;
    let horizons = horizons(&args.horizons, args.input.interval);
    // Imported weights are not trained on here: dropout does not matter.
    let network = coinsphere_ml::lstm::import_torch(&args.file, 0.0)?;
    let Input { key, series } = read_of_model(&args.input)?;
    let registry = Registry::open(&dir)?;
    let serving = registry.serving(&key)?;
    let file = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let request = TrainRequest {
        horizons,
        series: &series,
        config: TrainingConfig {
            most_candles: args.input.most_candles,
            ..TrainingConfig::default()
        },
        serving: serving.model.as_ref(),
        created_at: now(),
        code_version: env!("CARGO_PKG_VERSION"),
        key,
    };
    let candidate = training::import(&request, network, &file)?;
    let id = registry.save(&candidate.model)?;
    match args.format {
        ReportFormat::Json => print_json(candidate.model.card()),
        ReportFormat::Text => {
            output::print(format_args!("{}", describe(candidate.model.card())));
            print_line!("\n{id} is kept; `coinsphere models promote {id}` makes it serve");
            Ok(())
        }
    }
}

/// A card for people.
pub(super) fn describe(card: &Card) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = writeln!(
        text,
        "{} {}, version {}",
        card.asset, card.interval, card.id
    );
    let span = &card.training;
    let _ = writeln!(
        text,
        "trained on {} candles, {} to {}; {} newer ones held back",
        span.candles,
        time(span.first),
        time(span.last),
        span.held_back
    );
    let layers: Vec<String> = card
        .architecture
        .layers
        .iter()
        .map(ToString::to_string)
        .collect();
    let _ = writeln!(
        text,
        "network {} inputs, LSTM {}, {} outputs; made by coinsphere {} at {}",
        card.architecture.inputs,
        layers.join(" - "),
        card.architecture.outputs,
        card.code_version,
        time(card.created_at)
    );
    if card.evaluated != card.id {
        let _ = writeln!(
            text,
            "evaluation of version {}, which it continues",
            card.evaluated
        );
    }
    for horizon in &card.evaluation {
        let _ = writeln!(
            text,
            "\n{} ahead: {} serves{}",
            horizon.horizon,
            horizon.champion,
            if horizon.has_skill {
                ""
            } else {
                "; no skill is shown over the last price"
            }
        );
        for score in &horizon.models {
            let skill = &score.skill;
            let _ = writeln!(
                text,
                "  {:<12} MASE {:.4} ({:.4}-{:.4})  direction {:.3} ({:.3}-{:.3})  coverage {:.3} {:.3} {:.3}  {} forecasts",
                score.model.name(),
                skill.mase.value,
                skill.mase.low,
                skill.mase.high,
                skill.directional_accuracy.value,
                skill.directional_accuracy.low,
                skill.directional_accuracy.high,
                skill.coverage[0],
                skill.coverage[1],
                skill.coverage[2],
                skill.forecasts
            );
        }
    }
    if !card.verdict.horizons.is_empty() {
        let _ = writeln!(text, "\non the held-back candles");
    }
    for held_back in &card.verdict.horizons {
        let serving = held_back.serving.map_or_else(String::new, |mase| {
            format!(", the serving version's {mase:.4}")
        });
        let _ = writeln!(
            text,
            "  {} ahead: MASE {:.4}{serving} ({} forecasts)",
            held_back.horizon, held_back.candidate, held_back.forecasts
        );
    }
    text
}

/// RFC 3339, to the second.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// One JSON value on standard output.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_line!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
