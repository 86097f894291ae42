//! Recordings of random disorder against what was really traded: no candle that says that it is complete
//! lacks a trade, has one too many or a sum that is not exact, whatever became of the frames on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::log::{EventLog, MemoryLog};
use crate::market::Interval;
use crate::venues::admission::Admission;
use crate::venues::frame_assembler::{FrameAssembler, PartitionRecords};

/// Sums of products are compared as whole numbers of this many decimal places.
const PLACES: u32 = 36;

/// A trade that happened, and the texts in which the venue writes its numbers.
#[derive(Debug, Clone)]
struct Happened {
    numbering: usize,
    id: u64,
    millis: i64,
    price: String,
    quantity: String,
    /// Both, in units of 1e-18.
    units: (u128, u128),
    /// It never arrives, or cannot be read.
    lost: bool,
}

/// A frame on its way: when it is received, and its text.
#[derive(Debug, Clone)]
struct Frame {
    received_at: Timestamp,
    text: String,
}

/// Trades that happened, and the part of them that arrived.
#[derive(Debug, Clone)]
struct Recorded {
    happened: Vec<Happened>,
    frames: Vec<Frame>,
    /// Nothing but restarts of numbering and redelivery disturbed it.
    orderly: bool,
}

/// A number of 1e-18 units as venues write it: plainly, with zeros behind it, or with an exponent.
fn written(units: u128, style: u8) -> String {
    let (whole, fraction) = (units / 10_u128.pow(18), units % 10_u128.pow(18));
    let plain = format!("{whole}.{fraction:018}");
    let short = plain.trim_end_matches('0').trim_end_matches('.').to_owned();
    match style % 5 {
        0 => plain,
        1 => format!("{units}e-18"),
        2 => format!("{units}.0E-18"),
        3 => format!("00{short}"),
        _ => short,
    }
}

impl Happened {
    fn frame(&self) -> String {
        format!(
            r#"{{"e":"trade","E":1,"s":"BTCUSDT","t":{},"p":"{}","q":"{}","T":{},"m":true}}"#,
            self.id, self.price, self.quantity, self.millis
        )
    }

    fn minute(&self) -> Timestamp {
        Interval::Minute1.open_of(Timestamp::from_millis(self.millis).unwrap())
    }
}

/// One trade of a case: the time since the one before, its fate, the notation of its numbers, and the
/// numbers.
type Step = (i64, u8, u8, u64, u64);

/// Error of the receiving clock from some frame on, in ms, and the number of frames it lasts.
type Leap = (prop::sample::Index, i64, usize);

fn recorded(parts: Vec<(u64, i64, Vec<Step>)>, leaps: Vec<Leap>, losses: bool) -> Recorded {
    let mut millis = DAY * 1_000 + 5_000;
    let mut happened = Vec::new();
    let mut sent: Vec<(usize, i64, String)> = Vec::new();
    let mut orderly = leaps.is_empty();
    for (numbering, (first, pause, steps)) in parts.into_iter().enumerate() {
        // Within the grace period a restart cannot be distinguished from a reordering.
        millis += pause;
        for (number, (step, fate, style, price, quantity)) in (0_u64..).zip(steps) {
            millis += step;
            let small = 10_u128.pow(u32::from(style / 5) % 8 * 2);
            let units = (u128::from(price), u128::from(quantity) * small);
            let mut one = Happened {
                numbering,
                id: first + number,
                millis,
                price: written(units.0, style),
                quantity: written(units.1, style / 3),
                units,
                lost: false,
            };
            let position = happened.len() * 4;
            let mut arrives = vec![position];
            match fate {
                0..=5 if losses => (one.lost, arrives) = (true, Vec::new()),
                // More digits than any decimal has.
                6 if losses => {
                    one.lost = true;
                    one.price = format!("1.{}7", "0".repeat(30));
                }
                7..=12 => arrives.push(position + usize::from(fate) * 9),
                13..=16 => arrives = vec![position + usize::from(fate - 12) * 40],
                17..=20 => arrives = vec![position.saturating_sub(5)],
                _ => {}
            }
            orderly &= !(13..=20).contains(&fate);
            for position in arrives {
                sent.push((position, millis + 50, one.frame()));
            }
            if fate == 21 {
                // A future of the same name, from another market with numbers of its own.
                let frame = one
                    .frame()
                    .replace("\"m\":true", "\"X\":\"MARKET\",\"m\":true");
                sent.push((position, millis + 50, frame));
            }
            happened.push(one);
        }
    }
    sent.sort_by_key(|(position, ..)| *position);
    let mut now = i64::MIN;
    let received = sent.iter().map(|(_, at, _)| {
        now = now.max(*at);
        now
    });
    let mut received: Vec<i64> = received.collect();
    for (from, by, frames) in leaps {
        let from = from.index(received.len().max(1));
        for at in received.iter_mut().skip(from).take(frames) {
            *at += by;
        }
    }
    let frames = sent
        .into_iter()
        .zip(received)
        .map(|((_, _, text), at)| Frame {
            received_at: Timestamp::from_millis(at).unwrap(),
            text,
        });
    Recorded {
        frames: frames.collect(),
        happened,
        orderly,
    }
}

fn leaps() -> impl Strategy<Value = Vec<Leap>> {
    const HOUR: i64 = 3_600_000;
    const YEAR: i64 = 366 * 24 * HOUR;
    let by = prop_oneof![
        -3 * HOUR..3 * HOUR,
        Just(HOUR),
        Just(-HOUR),
        Just(30 * HOUR),
        Just(-30 * HOUR),
        Just(5 * YEAR),
        Just(-20 * YEAR),
        -90_000_i64..90_000,
    ];
    let frames = prop_oneof![Just(1), 1_usize..40, Just(usize::MAX)];
    prop::collection::vec((any::<prop::sample::Index>(), by, frames), 0..4)
}

prop_compose! {
    fn recordings(losses: bool)(
        parts in prop::collection::vec(
            (
                1_u64..400,
                2_500_i64..400_000,
                prop::collection::vec(
                    (1_i64..4_000, 0_u8..60, any::<u8>(), 1..10_u64.pow(17), 1..1_000_u64), 2..90,
                ),
            ),
            1..5,
        ),
        leaps in leaps(),
        leaping in any::<bool>(),
    ) -> Recorded {
        recorded(parts, if leaping { leaps } else { Vec::new() }, losses)
    }
}

/// Records that a recording gives to the log.
fn records(frames: &[Frame]) -> Vec<PartitionRecords> {
    let protocol = venues::protocol("binance").unwrap();
    let mut feed = FrameAssembler::file(protocol, 1, Admission::FILE, ConnectionId(1));
    let batches = frames.iter().map(|frame| {
        // What cannot be read is lost, and known to be.
        let _ = feed.frame(&frame.text, frame.received_at);
        feed.take()
    });
    batches.collect()
}

/// The candles of a file, closed and open.
fn of_file(frames: &[Frame]) -> Vec<Candle> {
    let mut engine = CandleEngine::new(0, Rules::for_file(Duration::from_secs(2)));
    for (_, records) in records(frames).into_iter().flatten() {
        for record in records {
            engine.apply(engine.next_offset(), &record);
        }
    }
    let Some(candles) = engine.final_candles(&key()) else {
        return Vec::new();
    };
    let mut minutes = candles.minutes();
    for minute in &mut minutes {
        let end = Interval::Minute1.end_of(minute.open_time);
        minute.complete &= candles.is_complete(minute.open_time, end);
    }
    minutes
}

/// The closed candles that are stored in the end when the same goes through a log, with rebuilds.
async fn through_a_log(frames: &[Frame], records_a_step: usize) -> Vec<Candle> {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::unbounded(1));
    for (partition, records) in records(frames).into_iter().flatten() {
        log.append(partition, records).await.unwrap();
    }
    let mut pipeline = CandlePipeline::resume(log, 0, Rules::default(), None, Vec::new()).unwrap();
    let mut stored = BTreeMap::new();
    loop {
        let step = pipeline.step(records_a_step).await.unwrap();
        let commit = pipeline.take_commit().unwrap_or_default();
        let closed = commit.closed.into_iter();
        stored.extend(closed.map(|write| (write.candle.open_time, write.candle)));
        if step.records == 0 && step.rebuilt == 0 {
            return stored.into_values().collect();
        }
    }
}

/// A decimal in units of 1e-36, if it is that small.
fn units(value: Decimal) -> Option<u128> {
    let mantissa = u128::try_from(value.mantissa()).ok()?;
    mantissa.checked_mul(10_u128.pow(PLACES - value.scale()))
}

/// True when the minute lacks a trade of which the recording bears a trace: a trade between two that
/// arrived shows in their numbers, unless the second is of another numbering and follows the first by
/// chance. One that nothing follows leaves no trace.
fn lacks_with_a_trace(recorded: &Recorded, minute: Timestamp) -> bool {
    let arrived = |one: &&Happened| !one.lost;
    recorded.happened.iter().enumerate().any(|(place, one)| {
        if !one.lost || one.minute() != minute {
            return false;
        }
        let before = recorded.happened[..place].iter().rev().find(arrived);
        let after = recorded.happened[place..].iter().find(arrived);
        match (before, after) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(after)) => {
                before.numbering == after.numbering || after.id != before.id + 1
            }
        }
    })
}

fn check(recorded: &Recorded, candles: &[Candle], way: &str) -> Result<(), TestCaseError> {
    let mut truth: BTreeMap<Timestamp, Vec<&Happened>> = BTreeMap::new();
    for one in &recorded.happened {
        truth.entry(one.minute()).or_default().push(one);
    }
    for candle in candles.iter().filter(|candle| candle.complete) {
        let all = truth.get(&candle.open_time).map_or(&[][..], |all| &all[..]);
        let lost = all.iter().filter(|one| one.lost).count();
        prop_assert!(
            !lacks_with_a_trace(recorded, candle.open_time),
            "{way}: {candle:?} lacks {lost} of {} trades",
            all.len()
        );
        let arrived: Vec<_> = all.iter().filter(|one| !one.lost).collect();
        prop_assert_eq!(candle.trades, arrived.len() as u64, "{}: {:?}", way, candle);
        let volume: u128 = arrived.iter().map(|one| one.units.1).sum();
        let quote: u128 = arrived.iter().map(|one| one.units.0 * one.units.1).sum();
        let exact = volume.checked_mul(10_u128.pow(18));
        prop_assert_eq!(units(candle.volume), exact, "{}: {:?}", way, candle);
        prop_assert_eq!(
            units(candle.quote_volume),
            Some(quote),
            "{}: {:?}",
            way,
            candle
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_complete_candle_of_a_file_is_what_was_traded(recorded in recordings(true)) {
        check(&recorded, &of_file(&recorded.frames), "file")?;
    }

    #[test]
    fn a_complete_candle_of_a_log_is_what_was_traded(
        recorded in recordings(true), records_a_step in 1_usize..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let candles = runtime.block_on(through_a_log(&recorded.frames, records_a_step));
        check(&recorded, &candles, "log")?;
    }

    /// Nor is anything incomplete for nothing: only the minutes in which a numbering begins or ends, and
    /// those whose sums no decimal holds.
    #[test]
    fn nothing_is_incomplete_without_a_reason(recorded in recordings(false)) {
        let candles = of_file(&recorded.frames);
        check(&recorded, &candles, "file")?;
        let minutes: BTreeSet<_> = recorded.happened.iter().map(Happened::minute).collect();
        let found: BTreeSet<_> = candles.iter().map(|candle| candle.open_time).collect();
        // A clock that is behind at the beginning costs trades.
        prop_assert!(found == minutes || !recorded.orderly, "{:?} of {:?}", found, minutes);
        let ends: BTreeSet<_> = recorded
            .happened
            .windows(2)
            .filter(|pair| pair[0].numbering != pair[1].numbering)
            .flat_map(|pair| [pair[0].minute(), pair[1].minute()])
            .chain(minutes.first().copied())
            .chain(minutes.last().copied())
            .collect();
        for candle in candles.iter().filter(|_| recorded.orderly) {
            let all = recorded.happened.iter().filter(|one| one.minute() == candle.open_time);
            let product: u128 = all.clone().map(|one| one.units.0 * one.units.1).sum();
            // Of 28 places and 28 digits.
            let fits = product.is_multiple_of(10_u128.pow(8)) && product / 10_u128.pow(8) < 10_u128.pow(28);
            if !ends.contains(&candle.open_time) && fits && all.count() > 0 {
                prop_assert!(candle.complete, "{candle:?}");
            }
        }
    }
}
