//! Candles to learn from, out of a file or the database, as the models take them.

use anyhow::Context;
use coinsphere_actors::board::Board;
use coinsphere_ml::{Bar, Interval, Series, candle_file};
use coinsphere_pipelines::market::Candle;
use coinsphere_pipelines::store::{AssetLookup, CandleQuery, MAX_PAGE, Store};
use rust_decimal::prelude::ToPrimitive;

use super::{clock, load, on_runtime, start_logging, start_plain_logging};
use crate::app::database::Database;
use crate::cli::CandleSourceArgs;
use crate::config::Profile;

/// Candles read from the database at most: as many as a file may hold would take minutes to read.
const MAX_STORED: usize = 200_000;

/// Reads the candles, and tells on standard error what was wrong with them.
pub(super) fn read(args: &CandleSourceArgs) -> anyhow::Result<Series> {
    let interval: Interval = args.interval.name().parse()?;
    let (series, told) = if let Some(file) = &args.candles {
        start_plain_logging()?;
        let (series, report) = candle_file::read(file, interval)?;
        (series, report.to_string())
    } else {
        let bars = stored(args)?;
        let (series, report) = Series::build(interval, bars)
            .context("the candles stored of this asset cannot be used")?;
        let told = match report.missing {
            0 => String::new(),
            missing => format!(
                "{missing} missing candles: {} filled with the last price and not forecast, {} longer holes at which the series is split",
                report.filled, report.splits
            ),
        };
        (series, told)
    };
    for line in told.lines() {
        eprintln!("coinsphere: {line}");
    }
    Ok(series)
}

/// The closed candles that the database holds of an asset.
fn stored(args: &CandleSourceArgs) -> anyhow::Result<Vec<Bar>> {
    let token = args.token.as_deref().unwrap_or_default();
    let config = load(Profile::Live, &args.place, args.place.flags())?;
    start_logging(&config.logging)?;
    on_runtime(async move {
        let database = Database::new(&config, Board::new(clock()), clock());
        let keeper = database.keep().await?;
        let bars = match database.store() {
            Some(store) => of_asset(&store, token, args).await,
            None => Err(anyhow::anyhow!(
                "the database cannot be reached: `coinsphere doctor` says why"
            )),
        };
        keeper.stop().await;
        bars
    })
}

async fn of_asset(store: &Store, token: &str, args: &CandleSourceArgs) -> anyhow::Result<Vec<Bar>> {
    let asset = match store.asset(token).await? {
        AssetLookup::Found(asset) => asset,
        AssetLookup::Ambiguous(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            anyhow::bail!(
                "several assets are called {token}: use one of {}",
                ids.join(", ")
            );
        }
        AssetLookup::Unknown => anyhow::bail!("no asset is called {token}"),
    };
    let instruments = store.instruments_of(&asset.id).await?;
    let instrument = instruments
        .first()
        .with_context(|| format!("nothing that trades {token} is stored"))?;
    let mut newest_first = Vec::new();
    let mut to = None;
    loop {
        let asked = CandleQuery {
            instrument: instrument.id,
            asset: Some(asset.id.clone()),
            interval: args.interval,
            from: None,
            to,
            limit: MAX_PAGE,
        };
        let page = store.candles(&asked).await?;
        let closed = page.candles.iter().rev().filter(|stored| !stored.open);
        for stored in closed {
            newest_first.push(bar(&stored.candle)?);
        }
        match page.previous {
            Some(previous) if newest_first.len() < MAX_STORED => to = Some(previous),
            _ => break,
        }
    }
    newest_first.reverse();
    Ok(newest_first)
}

/// In floats: forecasts are the only place for them.
fn bar(candle: &Candle) -> anyhow::Result<Bar> {
    let float = |value: rust_decimal::Decimal| {
        value
            .to_f64()
            .with_context(|| format!("{value} does not fit a float"))
    };
    Ok(Bar {
        open_time: candle.open_time.millis(),
        open: float(candle.open)?,
        high: float(candle.high)?,
        low: float(candle.low)?,
        close: float(candle.close)?,
        volume: float(candle.volume)?,
    })
}
