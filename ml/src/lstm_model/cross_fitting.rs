//! Cross-fitting: the training part split in blocks among the networks, so that each is judged on rows
//! whose outcomes it has not seen.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Replay;

/// Which rows each network learns from and which are held back from it. Blocks are counted from the
/// series' beginning, so that a network that is updated later has never seen its own.
pub(super) struct CrossFitting {
    pub(super) range: Range<usize>,
    pub(super) block: usize,
    pub(super) groups: usize,
    pub(super) longest: usize,
}

impl CrossFitting {
    pub(super) fn group_of(&self, row: usize) -> usize {
        row / self.block % self.groups
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = self.range.start / self.block;
        (first..=self.range.end / self.block).map(|block| {
            let rows = block * self.block..(block + 1) * self.block;
            rows.start.max(self.range.start)..rows.end.min(self.range.end)
        })
    }

    pub(super) fn held(&self, group: usize) -> Vec<Range<usize>> {
        self.blocks()
            .filter(|rows| !rows.is_empty() && self.group_of(rows.start) == group)
            .collect()
    }

    /// The others' rows, less those whose outcomes reach into a block held back, or begin in one.
    pub(super) fn learned(&self, group: usize) -> Vec<Range<usize>> {
        let mut learned: Vec<Range<usize>> = Vec::new();
        for rows in self.blocks().filter(|rows| !rows.is_empty()) {
            if self.group_of(rows.start) == group {
                continue;
            }
            match learned.last_mut() {
                Some(last) if last.end == rows.start => last.end = rows.end,
                _ => learned.push(rows),
            }
        }
        for rows in &mut learned {
            if rows.end < self.range.end {
                rows.end = rows.end.saturating_sub(self.longest).max(rows.start);
            }
            if rows.start > self.range.start {
                rows.start = (rows.start + self.longest).min(rows.end);
            }
        }
        learned.retain(|rows| !rows.is_empty());
        learned
    }

    /// As [`Self::learned`], but of the older blocks only a sample.
    pub(super) fn replayed(&self, group: usize, replay: Replay, seed: u64) -> Vec<Range<usize>> {
        let newest = self.range.len() as f64 * replay.newest.clamp(0.0, 1.0);
        let old = self.range.end - newest as usize;
        let mut rng = StdRng::seed_from_u64(seed);
        // One draw per block, whether it is learned from or not: what is drawn depends on the seed only.
        let kept: Vec<bool> = (0..=self.range.end / self.block)
            .map(|block| rng.random::<f64>() < replay.older || (block + 1) * self.block > old)
            .collect();
        let mut replayed: Vec<Range<usize>> = Vec::new();
        for rows in self.learned(group) {
            let blocks = rows.start / self.block..=(rows.end - 1) / self.block;
            for block in blocks.filter(|block| kept[*block]) {
                let start = rows.start.max(block * self.block);
                let end = rows.end.min((block + 1) * self.block);
                match replayed.last_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => replayed.push(start..end),
                }
            }
        }
        replayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_network_learns_from_what_judges_it() {
        let split = CrossFitting {
            range: 30..1_003,
            block: 50,
            groups: 4,
            longest: 7,
        };
        let mut judged = vec![0; 1_003];
        for group in 0..4 {
            let held = split.held(group);
            for rows in &held {
                for row in rows.clone() {
                    judged[row] += 1;
                }
            }
            for rows in split.learned(group) {
                assert!(rows.start >= 30 && rows.end <= 1_003);
                for held in &held {
                    // The last outcome learned from is realised before the block, and the first
                    // begins after the block's last outcome.
                    assert!(
                        rows.end + 7 <= held.start || rows.start >= held.end + 7,
                        "{rows:?} {held:?}"
                    );
                }
            }
        }
        assert!(judged[..30].iter().all(|&count| count == 0));
        assert!(judged[30..].iter().all(|&count| count == 1));
    }

    #[test]
    fn an_update_learns_all_that_is_new_and_a_sample_of_what_is_old() {
        let split = CrossFitting {
            range: 0..4_000,
            block: 50,
            groups: 4,
            longest: 7,
        };
        let replay = Replay {
            newest: 0.25,
            older: 0.25,
        };
        for group in 0..4 {
            let all = split.learned(group);
            let some = split.replayed(group, replay, 5);
            assert_eq!(some, split.replayed(group, replay, 5));
            assert_ne!(some, split.replayed(group, replay, 6));
            let rows = |ranges: &[Range<usize>], new: bool| -> Vec<usize> {
                let rows = ranges.iter().flat_map(Clone::clone);
                rows.filter(|row| (*row >= 3_000) == new).collect()
            };
            assert_eq!(rows(&some, true), rows(&all, true));
            let (old, before) = (rows(&some, false), rows(&all, false));
            assert!(old.iter().all(|row| before.binary_search(row).is_ok()));
            let share = old.len() as f64 / before.len() as f64;
            assert!((0.1..0.45).contains(&share), "{share}");
        }
        let whole = Replay {
            newest: 0.0,
            older: 1.0,
        };
        assert_eq!(split.replayed(1, whole, 5), split.learned(1));
    }
}
