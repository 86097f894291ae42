//! `candles`: a recording to candles on standard output, no database.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use coinsphere_pipelines::candles::{CandleEngine, FinalCandles, Rules, derive};
use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, CandleRow, InstrumentKey, Interval};
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::{self, VenueProtocol};

use super::recordings;
use crate::cli::{CandlesArgs, TableFormat};
use crate::output::{self, Results, remark_line};
use crate::telemetry::start_plain_logging;

/// Reads the recording to its end, then prints.
pub(super) fn run(args: &CandlesArgs) -> anyhow::Result<()> {
    start_plain_logging()?;
    let named = args.venue.as_deref().and_then(venues::protocol);
    let protocol = named.map_or_else(|| recordings::venue_of(&args.file, "candles"), Ok)?;
    let engine = read(args, protocol)?;
    let mut rows = Rows::new(args.format).context("cannot write to standard output")?;
    for key in engine.instruments() {
        let Some(candles) = engine.final_candles(key) else {
            continue;
        };
        for candle in of_interval(&candles, args.interval) {
            rows.write(key, &candle)
                .context("cannot write to standard output")?;
            if output::is_closed() {
                return Ok(());
            }
        }
    }
    rows.finish().context("cannot write to standard output")
}

fn read(args: &CandlesArgs, protocol: &'static dyn VenueProtocol) -> anyhow::Result<CandleEngine> {
    let reader = RecordingReader::open(&args.file)?;
    let mut feed = RecordingPlayback::new(reader, protocol, 1, Admission::FILE, ConnectionId(1));
    let rules = Rules::for_file(Rules::default().grace);
    let mut engine = CandleEngine::new(0, rules);
    loop {
        let batch = match feed.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) if error.is_truncation() => {
                remark_line!("coinsphere: {error}; what could be read is used");
                break;
            }
            Err(error) => return Err(error.into()),
        };
        for record in batch.into_iter().flat_map(|(_, records)| records) {
            let Offset(next) = engine.next_offset();
            engine.apply(Offset(next), &record);
        }
    }
    recordings::report_left_out(&feed);
    recordings::require_trades(&feed, protocol)?;
    Ok(engine)
}

fn of_interval(candles: &FinalCandles<'_>, interval: Interval) -> Vec<Candle> {
    let mut derived = derive(&candles.minutes(), interval);
    for candle in &mut derived {
        let end = interval.end_of(candle.open_time);
        candle.complete = candle.complete && candles.is_complete(candle.open_time, end);
    }
    derived
}

/// Writes rows in one format or the other.
pub(super) enum Rows {
    Csv(Box<csv::Writer<Results>>),
    Jsonl(BufWriter<Results>),
}

impl Rows {
    pub(super) fn new(format: TableFormat) -> Result<Self, csv::Error> {
        match format {
            TableFormat::Csv => {
                // The header is there even if no row follows.
                let mut out = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(Results);
                out.write_record(CandleRow::COLUMNS)?;
                Ok(Self::Csv(Box::new(out)))
            }
            TableFormat::Jsonl => Ok(Self::Jsonl(BufWriter::new(Results))),
        }
    }

    pub(super) fn write(&mut self, key: &InstrumentKey, candle: &Candle) -> io::Result<()> {
        let row = CandleRow {
            instrument: key,
            candle,
        };
        match self {
            Self::Csv(out) => out.serialize(row).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            }),
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &row)?;
                out.write_all(b"\n")
            }
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(mut out) => out.flush(),
            Self::Jsonl(mut out) => out.flush(),
        }
    }
}
