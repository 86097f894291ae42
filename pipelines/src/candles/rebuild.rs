//! Closed minutes rebuilt from the log, for corrections.
//!
//! A correction never adds to a stored candle: it collects the minute's trades from the log again,
//! each once. Which part of the log can hold them is remembered as zones: the range of trade
//! times in every stretch of records.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::builder::CandleBuilder;
use crate::events::{Body, Record};
use crate::log::{EventLog, LogError, Offset};
use crate::market::{InstrumentKey, Interval, Price, Quantity, Timestamp, TradeId};

/// Records a zone spans.
const ZONE_RECORDS: u64 = 1_024;

/// More than a trade may be ahead of our clock and still be admitted.
const CLOCK_ERROR: Duration = Duration::from_secs(3_600);

/// Records read at a time.
const READ_RECORDS: usize = 512;

/// The earliest and latest trade time of a stretch of records.
#[derive(Debug, Clone, Copy)]
struct Zone {
    earliest: Timestamp,
    latest: Timestamp,
    /// The offset below which the zone's records have been looked at.
    upto: Offset,
}

/// The trade times in one partition's records, by zone. Zones of records that this process has not
/// read are unknown, and looked at when a rebuild first needs them.
#[derive(Debug, Default)]
pub(super) struct Zones(BTreeMap<u64, Zone>);

impl Zones {
    /// Notes a record, read in order.
    pub(super) fn note(&mut self, offset: Offset, record: &Record) {
        let Some((earliest, latest)) = times(record) else {
            return;
        };
        let zone = self.0.entry(offset.0 / ZONE_RECORDS).or_insert(Zone {
            earliest,
            latest,
            upto: offset,
        });
        zone.earliest = zone.earliest.min(earliest);
        zone.latest = zone.latest.max(latest);
        zone.upto = zone.upto.max(Offset(offset.0 + 1));
    }

    /// Drops what the log no longer holds.
    pub(super) fn forget_below(&mut self, earliest: Offset) {
        self.0 = self.0.split_off(&(earliest.0 / ZONE_RECORDS));
    }

    /// Where the first zone known to hold trades of this time begins.
    fn first_holding(&self, start: Timestamp, end: Timestamp) -> Option<Offset> {
        let overlaps = |zone: &Zone| zone.latest >= start && zone.earliest < end;
        let first = self.0.iter().find(|(_, zone)| overlaps(zone));
        first.map(|(zone, _)| Offset(zone * ZONE_RECORDS))
    }

    fn cannot_hold(&self, zone: u64, known_from: Offset, start: Timestamp, end: Timestamp) -> bool {
        // Only a zone that was read from its first record on is fully known.
        if Offset(zone * ZONE_RECORDS) < known_from {
            return false;
        }
        self.0
            .get(&zone)
            .is_none_or(|zone| zone.latest < start || zone.earliest >= end)
    }
}

fn times(record: &Record) -> Option<(Timestamp, Timestamp)> {
    let Body::Trades(batches) = &record.body else {
        return None;
    };
    let times = batches
        .iter()
        .flat_map(|batch| batch.trades.iter().map(|trade| trade.time));
    times.fold(None, |range, time| match range {
        None => Some((time, time)),
        Some((earliest, latest)) => Some((time.min(earliest), time.max(latest))),
    })
}

/// Collects the trades of `minutes` from the records below `upto`.
///
/// `known_from` is the first offset that `zones` has seen without interruption.
///
/// # Errors
/// When the log cannot be read. [`LogError::Truncated`] if its beginning is removed meanwhile.
pub(super) async fn collect(
    log: &dyn EventLog,
    partition: u32,
    zones: &Zones,
    known_from: Offset,
    upto: Offset,
    minutes: &[(InstrumentKey, Timestamp)],
) -> Result<HashMap<(InstrumentKey, Timestamp), CandleBuilder>, LogError> {
    let mut wanted: HashMap<&InstrumentKey, BTreeSet<Timestamp>> = HashMap::new();
    for (key, minute) in minutes {
        wanted.entry(key).or_default().insert(*minute);
    }
    let start = minutes
        .iter()
        .map(|(_, minute)| *minute)
        .min()
        .unwrap_or(Timestamp::MAX);
    let end = minutes
        .iter()
        .map(|(_, minute)| Interval::Minute1.end_of(*minute))
        .max();
    let end = end.unwrap_or(Timestamp::MIN);

    // An id alone does not make a duplicate: a venue may begin its numbers again.
    let mut seen: HashSet<(&InstrumentKey, TradeId, Timestamp, Price, Quantity)> = HashSet::new();
    let mut built: HashMap<(InstrumentKey, Timestamp), CandleBuilder> = HashMap::new();
    // What traded then cannot have arrived before, whatever a clock's error.
    let mut from = log.seek(partition, start - CLOCK_ERROR).await?;
    // Unless a clock was set back, so that a search by receive time finds too late a place.
    if let Some(held) = zones.first_holding(start, end) {
        from = from.min(held);
    }
    let mut at = from.max(log.earliest(partition));
    while at < upto {
        let zone = at.0 / ZONE_RECORDS;
        if zones.cannot_hold(zone, known_from, start, end) {
            at = Offset((zone + 1) * ZONE_RECORDS);
            continue;
        }
        let entries = log.read(partition, at, READ_RECORDS).await?;
        let Some((last, _)) = entries.last() else {
            break;
        };
        at = Offset(last.0 + 1);
        for (_, record) in entries.iter().take_while(|(offset, _)| *offset < upto) {
            let Body::Trades(batches) = &record.body else {
                continue;
            };
            for batch in batches {
                let key = record.instrument(&batch.symbol);
                let Some((&key, minutes)) = wanted.get_key_value(&key) else {
                    continue;
                };
                for trade in &batch.trades {
                    let minute = Interval::Minute1.open_of(trade.time);
                    let identity = (key, trade.id, trade.time, trade.price, trade.quantity);
                    if minutes.contains(&minute) && seen.insert(identity) {
                        built
                            .entry((key.clone(), minute))
                            .and_modify(|builder| builder.add(trade))
                            .or_insert_with(|| CandleBuilder::new(trade));
                    }
                }
            }
        }
    }
    Ok(built)
}
