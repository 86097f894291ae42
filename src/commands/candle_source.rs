//! Candles for models, from a file or from the database, with everything said that was found in them.

use std::path::Path;

use anyhow::Context;
use coinsphere_ml::model::ModelKey;
use coinsphere_ml::{Bar, Interval, Series, candle_file};
use coinsphere_pipelines::market;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{AssetLookup, CandleQuery, MAX_PAGE, Store};

use super::{load, on_runtime};
use crate::app::database::{START, store_config, url_config};
use crate::cli::models::{CandleInputArgs, RegistryArgs};
use crate::cli::{CandleSourceArgs, PlaceArgs};
use crate::config::{Config, Profile};
use crate::forecasts::{bar, models_directory};
use crate::output::remark_line;
use crate::telemetry::start_plain_logging;

/// Candles read from the database at most: as many as a file may have would take minutes to read.
const MAX_STORED: usize = 200_000;

/// Candles and whose they are.
pub(super) struct Input {
    /// Of which models.
    pub(super) key: ModelKey,
    /// The candles.
    pub(super) series: Series,
}

/// Reads candles to evaluate on, and reports on standard error what was wrong with them.
pub(super) fn read(args: &CandleSourceArgs) -> anyhow::Result<Series> {
    start_plain_logging()?;
    let interval: Interval = args.interval.name().parse()?;
    match &args.candles {
        Some(path) => from_file(path, interval),
        None => {
            let token = args.token.as_deref().unwrap_or_default();
            Ok(from_database(&args.place, token, interval, MAX_STORED)?.1)
        }
    }
}

/// Reads the candles of a model, and reports on standard error what was wrong with them.
pub(super) fn read_of_model(args: &CandleInputArgs) -> anyhow::Result<Input> {
    let (name, series) = match (&args.candles, &args.token) {
        (Some(path), Some(token)) => (token.to_lowercase(), from_file(path, args.interval)?),
        (Some(path), None) => (name_of(path), from_file(path, args.interval)?),
        (None, token) => {
            let token = token.as_deref().unwrap_or_default();
            from_database(&args.place, token, args.interval, args.most_candles)?
        }
    };
    Ok(Input {
        key: ModelKey::new(&name, args.interval)?,
        series,
    })
}

fn from_file(path: &Path, interval: Interval) -> anyhow::Result<Series> {
    let (series, report) = candle_file::read(path, interval)?;
    tell(&report.to_string());
    Ok(series)
}

/// The newest closed candles of a token in the database, and the token's id. The program may be
/// running meanwhile.
fn from_database(
    place: &PlaceArgs,
    token: &str,
    interval: Interval,
    most: usize,
) -> anyhow::Result<(String, Series)> {
    let config = load(Profile::Live, place, place.flags())?;
    let (asset, bars) = on_runtime(stored(&config, token.to_owned(), interval, most))?;
    let (series, report) = Series::build(interval, bars)
        .with_context(|| format!("the stored {interval} candles of {asset} cannot be used"))?;
    if report.missing > 0 {
        tell(&format!(
            "{} missing candles: {} filled with the last price and not forecast, {} longer holes at which the series is split",
            report.missing, report.filled, report.splits
        ));
    }
    Ok((asset, series))
}

fn tell(what: &str) {
    for line in what.lines() {
        remark_line!("coinsphere: {line}");
    }
}

/// The directory of models that was asked for.
pub(super) fn models_dir(
    registry: &RegistryArgs,
    place: &PlaceArgs,
) -> anyhow::Result<std::path::PathBuf> {
    if let Some(dir) = &registry.models_dir {
        return Ok(dir.clone());
    }
    let config = load(Profile::Live, place, place.flags())?;
    Ok(models_directory(&config.data_dir))
}

/// A name for the models of a file: its own, in characters that a name may have.
fn name_of(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem.chars()
        .map(|letter| match letter {
            'a'..='z' | '0'..='9' | '-' | '_' => letter,
            _ => '-',
        })
        .take(100)
        .collect()
}

/// The newest candles of the instrument that speaks for the token, oldest first.
async fn stored(
    config: &Config,
    token: String,
    interval: Interval,
    most: usize,
) -> anyhow::Result<(String, Vec<Bar>)> {
    let running = PrivateServer::running(&config.data_dir);
    let mut started = None;
    let settings = match (&config.database.url, running) {
        (Some(_), _) => store_config(&config.database, &config.market, None)?,
        // The program runs: this command looks on.
        (None, Some(url)) => url_config(&config.database, &config.market, url),
        (None, None) => {
            let server = PrivateServer::start(&config.data_dir, START).await?;
            let settings = store_config(&config.database, &config.market, Some(&server))?;
            started = Some(server);
            settings
        }
    };
    let outcome = async {
        let store = Store::open(&settings).await?;
        let outcome = of_token(&store, &token, interval, most).await;
        store.close();
        outcome
    }
    .await;
    if let Some(server) = started {
        server.stop().await?;
    }
    outcome
}

async fn of_token(
    store: &Store,
    token: &str,
    interval: Interval,
    most: usize,
) -> anyhow::Result<(String, Vec<Bar>)> {
    let asset = match store.asset(token).await? {
        AssetLookup::Found(asset) => asset.id,
        AssetLookup::Ambiguous(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            anyhow::bail!(
                "{token} is ambiguous ({}): use one of these ids",
                ids.join(" or ")
            )
        }
        AssetLookup::Unknown => anyhow::bail!("there is no token {token} in the database"),
    };
    let instrument = store
        .instruments_of(&asset)
        .await?
        .into_iter()
        .next()
        .with_context(|| format!("no instrument in the database trades {asset}"))?;
    let wanted: market::Interval = interval
        .name()
        .parse()
        .map_err(|_| anyhow::anyhow!("the database keeps no {interval} candles"))?;
    let mut newest_first: Vec<Bar> = Vec::new();
    let mut to = None;
    while newest_first.len() < most {
        let asked = CandleQuery {
            instrument: instrument.id,
            asset: Some(asset.clone()),
            interval: wanted,
            from: None,
            to,
            limit: MAX_PAGE,
        };
        let page = store.candles(&asked).await?;
        newest_first.extend(
            page.candles
                .iter()
                .rev()
                .filter(|c| !c.open)
                .map(|stored| bar(&stored.candle)),
        );
        to = page.previous;
        if to.is_none() {
            break;
        }
    }
    newest_first.truncate(most);
    newest_first.reverse();
    Ok((asset.to_string(), newest_first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_models_if_nobody_else_does() {
        for (path, name) in [
            ("/data/btc_usd_1d.csv.gz", "btc_usd_1d"),
            ("My Candles (2).CSV", "my-candles--2-"),
            ("x", "x"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
            assert!(ModelKey::new(name, Interval::D1).is_ok());
        }
        assert!(ModelKey::new(&name_of(Path::new(".csv")), Interval::D1).is_err());
    }
}
