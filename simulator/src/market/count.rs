//! Counts of trades up to a time: exact and seekable, so that trade ids are contiguous
//! and any trade can be found by id or by time without replaying the ones before it.
//!
//! Time from a segment's start is cut into eras of 64 minutes. An era's number of trades follows
//! from the segment's rate and the time of day; it is split in halves, down to blocks of 937.5 ms,
//! by a hash per node of the tree, more unevenly the deeper (trades come in bursts). A minute is
//! exactly 64 blocks. Knows nothing of prices.

use std::sync::RwLock;

use super::hash::{hash, unit};

/// Length of a block, the unit in which trades are made, in µs.
pub(crate) const BLOCK_US: i64 = 937_500;
const LEVELS: u32 = 12;
const BLOCKS: u64 = 1 << LEVELS;
/// Length of an era, in µs.
pub(crate) const ERA_US: i64 = BLOCK_US * BLOCKS as i64;
/// Eras from one kept count to the next: years of every instrument would be 25 MB with each era's.
const STRIDE: u64 = 16;

/// A block of one instrument and the ids of its trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Start, µs since the Unix epoch.
    pub(crate) start: i64,
    /// Id of its first trade, or, when it has none, of the next one.
    pub(crate) first_id: u64,
    /// Number of its trades.
    pub(crate) trades: u64,
}

/// Average trades a second, and whether that varies with the time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    pub(crate) rate: f64,
    pub(crate) steady: bool,
}

/// A stretch of time with one average rate.
#[derive(Debug)]
struct Segment {
    from: i64,
    to: Option<i64>,
    pace: Pace,
    first_id: u64,
    /// `kept[j]`: trades of this segment before its era `j * STRIDE`; grows on demand.
    kept: RwLock<Vec<u64>>,
}

/// The counts of one instrument over all its segments.
#[derive(Debug)]
pub(crate) struct Counts {
    key: u64,
    segments: Vec<Segment>,
}

impl Counts {
    /// `segments`: (start in µs, a whole minute; pace), ascending, at least one.
    pub(crate) fn new(key: u64, segments: &[(i64, Pace)]) -> Self {
        let mut made: Vec<Segment> = Vec::with_capacity(segments.len());
        let mut first_id = 1;
        for (i, &(from, pace)) in segments.iter().enumerate() {
            let to = segments.get(i + 1).map(|next| next.0);
            let segment = Segment {
                from,
                to,
                pace,
                first_id,
                kept: RwLock::new(vec![0]),
            };
            if let Some(to) = to {
                first_id += segment.before(key, to);
            }
            made.push(segment);
        }
        Self {
            key,
            segments: made,
        }
    }

    /// Start of the market, µs.
    pub(crate) fn origin(&self) -> i64 {
        self.segments[0].from
    }

    /// Average trades a second of this instrument at that time.
    pub(crate) fn rate_at(&self, t: i64) -> f64 {
        self.segment_at(t).pace.rate
    }

    fn segment_at(&self, t: i64) -> &Segment {
        let i = self.segments.partition_point(|s| s.from <= t);
        &self.segments[i.saturating_sub(1)]
    }

    /// The block that contains the time `t` (µs); before the origin, an empty one.
    pub(crate) fn block_at(&self, t: i64) -> Block {
        if t < self.origin() {
            return Block {
                start: t,
                first_id: 1,
                trades: 0,
            };
        }
        let segment = self.segment_at(t);
        let era = (t - segment.from) / ERA_US;
        let (n, base, key) = segment.era(self.key, era as u64);
        let block = ((t - segment.from) % ERA_US / BLOCK_US) as u64;
        let (before, trades) = tree_prefix(n, key, block);
        Block {
            start: segment.from + era * ERA_US + block as i64 * BLOCK_US,
            first_id: segment.first_id + base + before,
            trades,
        }
    }

    /// The block that holds the trade `id` (at least 1).
    pub(crate) fn block_of(&self, id: u64) -> Block {
        let i = self.segments.partition_point(|s| s.first_id <= id).max(1) - 1;
        let segment = &self.segments[i];
        let offset = id.saturating_sub(segment.first_id);
        let era = segment.era_of(self.key, offset);
        let (n, base, key) = segment.era(self.key, era);
        let (block, before, trades) = tree_locate(n, key, offset - base);
        Block {
            start: segment.from + era as i64 * ERA_US + block as i64 * BLOCK_US,
            first_id: segment.first_id + base + before,
            trades,
        }
    }

    /// Calls `f` with every block that has trades and overlaps `[from, to)` (µs), ascending, until
    /// it answers `false`.
    pub(crate) fn walk(&self, from: i64, to: i64, mut f: impl FnMut(Block) -> bool) {
        for segment in &self.segments {
            let end = segment.to.map_or(to, |end| end.min(to));
            let mut t = from.max(segment.from);
            while t < end {
                let era = (t - segment.from) / ERA_US;
                let era_start = segment.from + era * ERA_US;
                let (n, base, key) = segment.era(self.key, era as u64);
                let first = ((t - era_start) / BLOCK_US) as u64;
                let last = ((end - era_start + BLOCK_US - 1) / BLOCK_US).min(BLOCKS as i64) as u64;
                let mut visit = |block: u64, before: u64, trades: u64| {
                    f(Block {
                        start: era_start + block as i64 * BLOCK_US,
                        first_id: segment.first_id + base + before,
                        trades,
                    })
                };
                let root = Node {
                    level: 0,
                    index: 0,
                    n,
                    before: 0,
                };
                if !tree_walk(key, root, first..last, &mut visit) {
                    return;
                }
                t = era_start + ERA_US;
            }
        }
    }
}

impl Segment {
    /// (trades in the whole era, trades of this segment before it, the era's key).
    fn era(&self, key: u64, era: u64) -> (u64, u64, u64) {
        let stride = era / STRIDE;
        let before = self.kept_until(key, stride)
            + (stride * STRIDE..era)
                .map(|j| self.trades_in(key, j))
                .sum::<u64>();
        (self.trades_in(key, era), before, self.era_key(key, era))
    }

    fn era_start(&self, era: u64) -> i64 {
        self.from + era as i64 * ERA_US
    }

    fn era_key(&self, key: u64, era: u64) -> u64 {
        hash(key, self.era_start(era) as u64)
    }

    fn trades_in(&self, key: u64, era: u64) -> u64 {
        era_trades(self.era_key(key, era), self.era_start(era), self.pace)
    }

    /// Trades of this segment before its era `stride * STRIDE`.
    fn kept_until(&self, key: u64, stride: u64) -> u64 {
        let wanted = stride as usize;
        if let Some(&before) = read(&self.kept).get(wanted) {
            return before;
        }
        let mut kept = self.kept.write().unwrap_or_else(|p| p.into_inner());
        while kept.len() <= wanted {
            let from = (kept.len() as u64 - 1) * STRIDE;
            let trades: u64 = (from..from + STRIDE).map(|j| self.trades_in(key, j)).sum();
            let total = kept[kept.len() - 1] + trades;
            kept.push(total);
        }
        kept[wanted]
    }

    /// The era that holds the trade with this offset in the segment.
    fn era_of(&self, key: u64, offset: u64) -> u64 {
        let mut known = read(&self.kept).len() as u64 - 1;
        while self.kept_until(key, known) <= offset {
            known += 1;
        }
        let stride = read(&self.kept).partition_point(|&before| before <= offset) as u64 - 1;
        let mut era = stride * STRIDE;
        let mut before = self.kept_until(key, stride);
        loop {
            before += self.trades_in(key, era);
            if before > offset {
                return era;
            }
            era += 1;
        }
    }

    /// Trades of this segment before the time `t`, which is on a block boundary.
    fn before(&self, key: u64, t: i64) -> u64 {
        let era = (t - self.from) / ERA_US;
        let (n, base, era_key) = self.era(key, era as u64);
        base + tree_prefix(n, era_key, ((t - self.from) % ERA_US / BLOCK_US) as u64).0
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    // A panic while the vector grew leaves complete entries only.
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Trades in an era: the rate, shaped by the hour (busiest at 15:00 UTC), the weekend and chance;
/// the shape averages to one over a week.
fn era_trades(era_key: u64, start: i64, pace: Pace) -> u64 {
    let hours = (start / 1_000_000) as f64 / 3_600.0;
    let hour = hours.rem_euclid(24.0);
    let day = (hours / 24.0).floor().rem_euclid(7.0); // day 0 of the Unix epoch was a Thursday
    let daily = 1.0 + 0.25 * ((hour - 15.0) * std::f64::consts::TAU / 24.0).cos();
    let weekly = if day == 2.0 || day == 3.0 { 0.85 } else { 1.06 };
    let chance = 0.88 + 0.24 * unit(era_key);
    let shape = if pace.steady {
        1.0
    } else {
        daily * weekly * chance
    };
    let mean = pace.rate * (ERA_US / 1_000_000) as f64 * shape;
    (mean + unit(hash(era_key, u64::MAX))) as u64
}

/// Number of a node's `n` trades that fall into its first half.
fn split(key: u64, level: u32, index: u64, n: u64) -> u64 {
    // Lower levels are more uneven: bursts last seconds, not hours. Thick streams are smoother.
    let uneven = match (level, n) {
        (_, 20_000..) => 0.05,
        (0..6, _) => 0.10,
        (_, 500..) => 0.15,
        _ => 0.30,
    };
    let h = hash(key, (u64::from(level) << 32) | index);
    let share = 0.5 + uneven * (2.0 * unit(h) - 1.0);
    let left = n as f64 * share + unit(hash(h, 1));
    (left as u64).min(n)
}

/// (trades before the block, trades in it).
fn tree_prefix(n: u64, key: u64, block: u64) -> (u64, u64) {
    let (mut n, mut index, mut before) = (n, 0, 0);
    for level in 0..LEVELS {
        let left = split(key, level, index, n);
        index *= 2;
        if (block >> (LEVELS - 1 - level)) & 1 == 1 {
            index += 1;
            before += left;
            n -= left;
        } else {
            n = left;
        }
    }
    (before, n)
}

/// (block, trades before it, trades in it) of the block that holds the `offset`-th trade.
fn tree_locate(n: u64, key: u64, offset: u64) -> (u64, u64, u64) {
    let (mut n, mut index, mut before) = (n, 0, 0);
    for level in 0..LEVELS {
        let left = split(key, level, index, n);
        index *= 2;
        if offset >= before + left {
            index += 1;
            before += left;
            n -= left;
        } else {
            n = left;
        }
    }
    (index, before, n)
}

struct Node {
    level: u32,
    index: u64,
    n: u64,
    before: u64,
}

fn tree_walk(
    key: u64,
    node: Node,
    range: std::ops::Range<u64>,
    f: &mut impl FnMut(u64, u64, u64) -> bool,
) -> bool {
    let width = BLOCKS >> node.level;
    let start = node.index * width;
    if node.n == 0 || start >= range.end || start + width <= range.start {
        return true;
    }
    if node.level == LEVELS {
        return f(node.index, node.before, node.n);
    }
    let left = split(key, node.level, node.index, node.n);
    let (level, index) = (node.level + 1, node.index * 2);
    tree_walk(
        key,
        Node {
            level,
            index,
            n: left,
            before: node.before,
        },
        range.clone(),
        f,
    ) && tree_walk(
        key,
        Node {
            level,
            index: index + 1,
            n: node.n - left,
            before: node.before + left,
        },
        range,
        f,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000;
    const START: i64 = 1_767_225_600_000_000;

    fn pace(rate: f64) -> Pace {
        Pace {
            rate,
            steady: false,
        }
    }

    fn two_segments(key: u64, rate: f64) -> Counts {
        Counts::new(
            key,
            &[(START, pace(0.05)), (START + 1_003 * MINUTE, pace(rate))],
        )
    }

    #[test]
    fn blocks_follow_one_another_without_a_hole_across_segments() {
        let counts = two_segments(5, 3.0);
        let mut next = 1;
        let end = START + 1_200 * MINUTE;
        counts.walk(START, end, |b| {
            assert_eq!(b.first_id, next);
            assert_eq!(counts.block_at(b.start), b);
            assert_eq!(counts.block_at(b.start + BLOCK_US - 1), b);
            next += b.trades;
            true
        });
        assert_eq!(counts.block_at(end).first_id, next);
        assert!(next > 1_003 * 2, "{next}");
    }

    #[test]
    fn the_rate_is_met_over_a_week() {
        let counts = Counts::new(11, &[(START, pace(2.0))]);
        let week = 7 * 24 * 3_600;
        let n = counts.block_at(START + week * 1_000_000).first_id;
        let mean = n as f64 / week as f64;
        assert!((mean - 2.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn a_steady_rate_is_met_in_every_hour() {
        let counts = Counts::new(
            11,
            &[(
                START,
                Pace {
                    rate: 50.0,
                    steady: true,
                },
            )],
        );
        let at = |hour: i64| counts.block_at(START + hour * 3_600_000_000).first_id as f64;
        for hour in 0..48 {
            let mean = (at(hour + 1) - at(hour)) / 3_600.0;
            assert!((mean - 50.0).abs() < 7.0, "{mean} in hour {hour}");
        }
    }

    proptest! {
        #[test]
        fn by_id_and_by_time_agree(key in any::<u64>(), id in 1u64..2_000_000) {
            let counts = two_segments(key, 4.0);
            let block = counts.block_of(id);
            prop_assert!(block.first_id <= id && id < block.first_id + block.trades);
            prop_assert_eq!(counts.block_at(block.start), block);
            // A fresh table that has walked nothing gives the same.
            prop_assert_eq!(two_segments(key, 4.0).block_at(block.start), block);
        }
    }
}
