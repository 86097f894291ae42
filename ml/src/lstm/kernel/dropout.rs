//! Dropout: a share of the values set to zero, the others enlarged so that their mean stays.

use pulp::Arch;

use super::panels::{LANES, Row};

/// Units to drop, by chance that a seed decides; the same on every processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dropout {
    /// Share of the values set to zero, in `[0, 1)`.
    pub(crate) share: f32,
    pub(crate) seed: u64,
}

impl Dropout {
    /// Fills `mask` with what each value is to be multiplied with.
    pub(crate) fn fill(self, arch: Arch, mask: &mut [Row]) {
        let kept = 1.0 / (1.0 - self.share);
        // As a share of 2³², which the conversion saturates at.
        let below = (f64::from(self.share) * 4_294_967_296.0) as u32;
        let mut lanes = lanes(self.seed);
        arch.dispatch(
            #[inline(always)]
            || {
                for row in mask {
                    for (value, lane) in row.iter_mut().zip(&mut lanes) {
                        // Marsaglia's xorshift, a generator per lane.
                        *lane ^= *lane << 13;
                        *lane ^= *lane >> 17;
                        *lane ^= *lane << 5;
                        *value = if *lane < below { 0.0 } else { kept };
                    }
                }
            },
        );
    }
}

/// A start for each lane's generator, never zero (splitmix64).
fn lanes(seed: u64) -> [u32; LANES] {
    let mut state = seed;
    std::array::from_fn(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32 | 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_drops_its_share_keeps_the_mean_and_is_decided_by_the_seed() {
        let fill = |share, seed| {
            let mut mask = vec![Row::ZERO; 4_000];
            Dropout { share, seed }.fill(Arch::new(), &mut mask);
            mask
        };
        for share in [0.2, 0.5] {
            let mask = fill(share, 11);
            let values: Vec<f32> = mask.iter().flat_map(|row| row.iter().copied()).collect();
            let dropped = values.iter().filter(|v| **v == 0.0).count() as f32 / values.len() as f32;
            assert!((dropped - share).abs() < 0.01, "{dropped}");
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert!((mean - 1.0).abs() < 0.02, "{mean}");
            assert_eq!(mask, fill(share, 11));
            assert_ne!(mask, fill(share, 12));
        }
        assert!(
            fill(0.0, 1)
                .iter()
                .flat_map(|row| row.iter())
                .all(|v| *v == 1.0)
        );
    }

    #[test]
    fn every_processor_drops_the_same() {
        let mut ours = vec![Row::ZERO; 50];
        let mut scalar = ours.clone();
        let dropout = Dropout {
            share: 0.3,
            seed: 5,
        };
        dropout.fill(Arch::new(), &mut ours);
        dropout.fill(Arch::Scalar, &mut scalar);
        assert_eq!(ours, scalar);
    }
}
