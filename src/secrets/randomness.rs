//! Where secrets come from: one cryptographic generator, handed in, so that tests can repeat a run.

use std::sync::{Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

/// A shared source of secret randomness.
#[derive(Debug)]
pub struct Randomness(Mutex<StdRng>);

impl Randomness {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// When it has no randomness to give.
    pub fn of_system() -> std::io::Result<Self> {
        StdRng::try_from_rng(&mut SysRng)
            .map(Self::from)
            .map_err(std::io::Error::other)
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // A generator cannot be left half-changed in a way that matters.
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut bytes);
        bytes
    }

    /// A random id.
    pub(crate) fn id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// An opaque token of 256 random bits, as text that fits into a URL.
    pub(crate) fn token(&self) -> String {
        BASE64URL_NOPAD.encode(&self.bytes::<32>())
    }
}

impl From<StdRng> for Randomness {
    fn from(generator: StdRng) -> Self {
        Self(Mutex::new(generator))
    }
}
