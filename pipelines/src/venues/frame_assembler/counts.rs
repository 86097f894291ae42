//! Counts of a frame assembler, for metrics and observable state.

use crate::venues::admission::Refusal;
use crate::venues::protocol::DecodeError;

/// Counted since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames other than control frames.
    pub frames: u64,
    /// Trades that went on to the log.
    pub trades: u64,
    /// Frames that were not understood at all.
    pub malformed: u64,
    /// Frames with a trade that no trade can be.
    pub impossible: u64,
    /// Frames with a trade of another market than spot.
    pub not_spot: u64,
    /// Trades refused, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Times the venue complained.
    pub complaints: u64,
}

impl FrameCounts {
    /// Frames that were not, or not wholly, understood, by metrics label.
    pub fn decode_errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("malformed", self.malformed),
            ("impossible_value", self.impossible),
            ("not_spot", self.not_spot),
        ]
        .into_iter()
    }

    /// Trades refused, by metrics label.
    pub fn refused_trades(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL
            .map(Refusal::reason)
            .into_iter()
            .zip(self.refused)
    }

    /// The counts since `earlier`, an older state of the same counts.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut refused = self.refused;
        for (count, before) in refused.iter_mut().zip(earlier.refused) {
            *count -= before;
        }
        Self {
            frames: self.frames - earlier.frames,
            trades: self.trades - earlier.trades,
            malformed: self.malformed - earlier.malformed,
            impossible: self.impossible - earlier.impossible,
            not_spot: self.not_spot - earlier.not_spot,
            refused,
            complaints: self.complaints - earlier.complaints,
        }
    }

    pub(super) const fn undecodable(&mut self, error: &DecodeError) {
        match error {
            DecodeError::Malformed(_) => self.malformed += 1,
            DecodeError::ImpossibleValue(_) => self.impossible += 1,
            DecodeError::NotSpot(_) => self.not_spot += 1,
        }
    }

    pub(super) const fn refuse(&mut self, refusal: Refusal) {
        self.refused[refusal.index()] += 1;
    }
}
