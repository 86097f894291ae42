//! Deterministic randomness: everything the market invents comes from hashes of (key, place).
//!
//! Knows nothing of markets. Not for secrets: the mixer is SplitMix64 (Steele, Lea, Flood 2014),
//! chosen because it is tiny, fast and the same on every machine.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Finalizer of SplitMix64: a bijection whose output bits all depend on all input bits.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A value for one place (`at`) under one key.
pub(crate) fn hash(key: u64, at: u64) -> u64 {
    mix(key ^ mix(at.wrapping_add(GOLDEN)))
}

/// A key derived from another by name.
pub(crate) fn derive(key: u64, name: &str) -> u64 {
    name.bytes()
        .fold(hash(key, name.len() as u64), |k, b| hash(k, u64::from(b)))
}

/// The hash as a number in `[0, 1)`.
pub(crate) fn unit(h: u64) -> f64 {
    (h >> 11) as f64 / (1u64 << 53) as f64
}

/// The hash as a draw that is close to a standard normal one: the sum of four uniform 16-bit
/// parts, which is bounded by ±3.5 and so can never throw a price off its chart.
pub(crate) fn normal(h: u64) -> f64 {
    let sum: u64 = (h & 0xFFFF) + ((h >> 16) & 0xFFFF) + ((h >> 32) & 0xFFFF) + (h >> 48);
    (sum as f64 / 65_536.0 - 2.0) * 1.732_050_8
}

/// A sequence of draws from one starting key.
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(key: u64) -> Self {
        Self(key)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        unit(self.next())
    }

    pub(crate) fn normal(&mut self) -> f64 {
        normal(self.next())
    }

    /// A whole number in `[0, bound)`; `bound` must not be zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // Lemire's multiply-shift; its bias (bound / 2^64) does not matter for a simulation.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_and_bounded() {
        let mut draws = Draws::new(7);
        let n = 20_000;
        let (mut sum, mut squares, mut tens) = (0.0, 0.0, [0u32; 10]);
        for _ in 0..n {
            let x = draws.normal();
            assert!(x.abs() < 3.5);
            sum += x;
            squares += x * x;
            tens[draws.below(10) as usize] += 1;
        }
        assert!((sum / f64::from(n)).abs() < 0.03);
        assert!((squares / f64::from(n) - 1.0).abs() < 0.05);
        assert!(
            tens.iter().all(|&c| (1_800..2_200).contains(&c)),
            "{tens:?}"
        );
    }

    #[test]
    fn names_make_different_keys() {
        assert_ne!(derive(1, "BTCUSDT"), derive(1, "ETHUSDT"));
        assert_ne!(derive(1, "ab"), derive(hash(1, 2), "ab"));
        assert_eq!(derive(9, "x"), derive(9, "x"));
    }
}
