//! `export`: stored candles on standard output, so that people can take their data elsewhere.

use anyhow::Context;
use coinsphere_pipelines::market::InstrumentKey;
use coinsphere_pipelines::store::{CandleQuery, MAX_PAGE};
use coinsphere_pipelines::venues;

use super::candles::Rows;
use super::stored::{Opened, with_store};
use crate::cli::backfill::ExportArgs;
use crate::output::is_closed;

/// Prints what was asked for.
pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    with_store(&args.place, async |opened| export(args, &opened).await)
}

async fn export(args: &ExportArgs, opened: &Opened<'_>) -> anyhow::Result<()> {
    let protocol = venues::protocol(&args.venue).context("the venue has no protocol")?;
    let mut found = Vec::new();
    for symbol in &args.instruments {
        let key = InstrumentKey::new(protocol.venue(), protocol.spelling(symbol)?);
        let known = opened.store.instrument(&key).await?;
        let known = known.with_context(|| {
            format!("there is no {key} in the database: `coinsphere coverage` lists what there is")
        })?;
        found.push(known);
    }
    let mut rows = Rows::new(args.format).context("cannot write to standard output")?;
    for instrument in &found {
        let mut from = args.from;
        loop {
            let asked = CandleQuery {
                instrument: instrument.id,
                asset: None,
                interval: args.interval,
                from: Some(from),
                to: args.to,
                limit: MAX_PAGE,
            };
            let page = opened.store.candles(&asked).await?;
            // The open candle is still changing.
            for stored in page.candles.iter().filter(|stored| !stored.open) {
                rows.write(&instrument.key, &stored.candle)
                    .context("cannot write to standard output")?;
            }
            match page.next {
                Some(next) if !is_closed() => from = next,
                _ => break,
            }
        }
    }
    rows.finish().context("cannot write to standard output")
}
