//! `alerts evaluate`: the rules that a recording fires, on standard output, without a database.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use coinsphere_pipelines::events::{Body, ConnectionId};
use coinsphere_pipelines::market::{DecimalText, Symbol, Timestamp};
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::{self, VenueProtocol};
use serde::Serialize;

use super::recordings;
use crate::alerts::{
    Cause, Evaluator, EventTime, Firing, Instrument, Limits, Outcome, Rule, RuleError, RuleId,
    RulesError, Tick, read_rules,
};
use crate::cli::alerts::{AlertsCommand, AlertsEvaluateArgs};
use crate::output::{self, Results, remark_line};
use crate::telemetry::start_plain_logging;

/// The largest file of rules.
const MAX_BYTES: u64 = 512 << 20;

/// Runs the command.
pub(super) fn run(command: &AlertsCommand) -> anyhow::Result<()> {
    start_plain_logging()?;
    match command {
        AlertsCommand::Evaluate(args) => evaluate(args),
    }
}

fn evaluate(args: &AlertsEvaluateArgs) -> anyhow::Result<()> {
    let rules = load(&args.rules).with_context(|| args.rules.display().to_string())?;
    let named = args.venue.as_deref().and_then(venues::protocol);
    let command = format!("alerts evaluate {}", args.rules.display());
    let protocol = named.map_or_else(|| recordings::venue_of(&args.file, &command), Ok)?;
    let watched = Watched::of(&rules, protocol);
    let trades = read(&args.file, protocol, &watched)?;
    watched.report_missing(&args.file, &trades);
    let mut lines = BufWriter::new(Results);
    fire(&rules, &watched, &trades, |firing| {
        serde_json::to_writer(&mut lines, &Line::of(firing))?;
        lines.write_all(b"\n")
    })
    .and_then(|()| lines.flush())
    .context("cannot write to standard output")
}

fn load(file: &Path) -> anyhow::Result<Vec<Rule>> {
    let mut text = Vec::new();
    let file = File::open(file).context("cannot be opened")?;
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
    if read.context("cannot be read")? as u64 > MAX_BYTES {
        bail!(
            "is larger than {} MB, the most that is read",
            MAX_BYTES >> 20
        );
    }
    let rules = read_rules(&text)?;
    for (index, rule) in rules.iter().enumerate() {
        check(rule).map_err(|error| RulesError::Rule { index, error })?;
    }
    Ok(rules)
}

/// Refuses instruments that no venue can have, and what no recording tells.
fn check(rule: &Rule) -> Result<(), RuleError> {
    let instruments = rule.condition.instruments();
    if instruments.is_empty() {
        let kind = rule.condition.kind();
        let message = format!("{kind} is not computed from trades, which are all a recording has");
        return Err(RuleError::new("condition.kind", message));
    }
    for instrument in instruments {
        let Some(protocol) = venues::protocol(&instrument.venue) else {
            let names: Vec<_> = venues::ALL.iter().map(|it| it.venue().name()).collect();
            let message = format!(
                "{:?} is not a venue: use one of {}",
                &*instrument.venue,
                names.join(", ")
            );
            return Err(RuleError::new("condition.venue", message));
        };
        let wrong = |error: String| RuleError::new("condition.symbol", error);
        let symbol = Symbol::new(&instrument.symbol).map_err(|error| wrong(error.to_string()))?;
        let spelling = protocol.spelling(&symbol);
        spelling.map_err(|error| wrong(error.to_string()))?;
    }
    Ok(())
}

/// The instruments of the rules that the recording may have, by the venue's spelling of today: rules may
/// name one in two ways.
struct Watched {
    protocol: &'static dyn VenueProtocol,
    by_symbol: BTreeMap<Symbol, Vec<Instrument>>,
}

impl Watched {
    fn of(rules: &[Rule], protocol: &'static dyn VenueProtocol) -> Self {
        let mut by_symbol: BTreeMap<Symbol, Vec<Instrument>> = BTreeMap::new();
        for instrument in rules.iter().flat_map(|rule| rule.condition.instruments()) {
            if *instrument.venue == *protocol.venue().name()
                && let Ok(symbol) = Symbol::new(&instrument.symbol)
            {
                let names = by_symbol.entry(today(protocol, &symbol)).or_default();
                if !names.contains(&instrument) {
                    names.push(instrument);
                }
            }
        }
        Self {
            protocol,
            by_symbol,
        }
    }

    fn find(&self, symbol: &Symbol) -> Option<&[Instrument]> {
        let symbol = today(self.protocol, symbol);
        self.by_symbol.get(&symbol).map(Vec::as_slice)
    }

    fn report_missing(&self, file: &Path, trades: &[Taken<'_>]) {
        for instruments in self.by_symbol.values() {
            let found = trades
                .iter()
                .any(|trade| trade.of == instruments.as_slice());
            if let (false, Some(instrument)) = (found, instruments.first()) {
                let file = file.display();
                remark_line!(
                    "coinsphere: {file} has no trades of {instrument}: no rule on it fires"
                );
            }
        }
    }
}

fn today(protocol: &dyn VenueProtocol, symbol: &Symbol) -> Symbol {
    protocol.spelling(symbol).unwrap_or_else(|_| symbol.clone())
}

/// A trade, and what its instrument is called in the rules.
struct Taken<'a> {
    tick: Tick,
    of: &'a [Instrument],
}

/// The trades of the instruments that rules are about, by (time, id), each once.
fn read<'a>(
    file: &Path,
    protocol: &'static dyn VenueProtocol,
    watched: &'a Watched,
) -> anyhow::Result<Vec<Taken<'a>>> {
    let reader = RecordingReader::open(file)?;
    let mut feed = RecordingPlayback::new(reader, protocol, 1, Admission::FILE, ConnectionId(1));
    let mut taken = Vec::new();
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
            let Body::Trades(batches) = &record.body else {
                continue;
            };
            for batch in batches {
                let Some(of) = watched.find(&batch.symbol) else {
                    continue;
                };
                taken.extend(batch.trades.iter().map(|trade| Taken {
                    tick: Tick {
                        id: trade.id.0,
                        time: EventTime(trade.time.nanos()),
                        price: trade.price.get(),
                        quantity: trade.quantity.get(),
                    },
                    of,
                }));
            }
        }
    }
    recordings::report_left_out(&feed);
    recordings::require_trades(&feed, protocol)?;
    taken.sort_by_key(|trade| (trade.tick.time, trade.tick.id, trade.of.first()));
    taken.dedup_by(|a, b| a.tick.time == b.tick.time && a.tick.id == b.tick.id && a.of == b.of);
    Ok(taken)
}

/// Evaluates the rules, and hands on each event.
fn fire(
    rules: &[Rule],
    watched: &Watched,
    trades: &[Taken<'_>],
    mut print: impl FnMut(&Firing) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut evaluator = Evaluator::new(Limits {
        rules: usize::MAX,
        signals_per_instrument: usize::MAX,
    });
    let mut outcome = Outcome::default();
    for (index, rule) in (0..).zip(rules) {
        evaluator
            .arm(RuleId::of(index), 1, rule, None, &mut outcome)
            .map_err(std::io::Error::other)?;
    }
    let mut handles: BTreeMap<&Instrument, _> = BTreeMap::new();
    for instrument in watched.by_symbol.values().flatten() {
        handles.insert(instrument, evaluator.market(instrument));
    }
    for trade in trades {
        outcome.clear();
        for instrument in trade.of {
            let tick = std::slice::from_ref(&trade.tick);
            evaluator.trades(handles[instrument], tick, &mut outcome);
        }
        if trade.of.len() > 1 {
            outcome
                .firings
                .sort_by_key(|firing| (firing.at, firing.rule));
        }
        for firing in &outcome.firings {
            print(firing)?;
        }
        if output::is_closed() {
            break;
        }
    }
    Ok(())
}

/// An event as it is printed.
#[derive(Serialize)]
struct Line {
    rule: u64,
    /// None for what no trade fires: the close of a candle, a silence.
    trade_id: Option<u64>,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<DecimalText>,
}

impl Line {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the place in a file of rules"
    )]
    fn of(firing: &Firing) -> Self {
        let (trade_id, price) = match &firing.cause {
            Cause::Trade {
                trade_id, price, ..
            } => (Some(*trade_id), Some(*price)),
            Cause::Candle { close, .. } => (None, Some(*close)),
            Cause::Gap { .. } | Cause::Silence { .. } | Cause::Outside { .. } => (None, None),
        };
        Self {
            rule: firing.rule.number() as u64,
            trade_id,
            time: Timestamp::from_nanos(firing.cause.time().0),
            price: price.map(DecimalText),
        }
    }
}
