//! Admission between decoding and the log: refuses trades that are well formed but cannot be
//! believed or were not asked for. The same rules apply to live connections and to files. Knows no
//! venue.

use std::time::Duration;

use crate::market::{Timestamp, Trade};

/// Default limit of how far a trade may lie ahead of our clock: clocks differ by seconds, never by
/// a minute.
pub const MAX_AHEAD: Duration = Duration::from_secs(60);

/// The number of different instruments one file may hold unless configured otherwise: several times what
/// any venue lists.
pub const MAX_INSTRUMENTS: usize = 10_000;

/// Why a trade was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Further ahead of the receive time than allowed.
    FarFuture,
    /// Of an instrument that this connection did not subscribe to.
    UnknownInstrument,
    /// Of one more instrument than a file may hold.
    TooManyInstruments,
}

impl Refusal {
    /// Every reason, in the order of [`Refusal::index`].
    pub const ALL: [Self; 3] = [
        Self::FarFuture,
        Self::UnknownInstrument,
        Self::TooManyInstruments,
    ];

    /// The label used in metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::FarFuture => "far_future",
            Self::UnknownInstrument => "unknown_instrument",
            Self::TooManyInstruments => "too_many_instruments",
        }
    }

    /// Its position in [`Refusal::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Which instruments are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruments {
    /// Only those subscribed to: a live connection.
    Subscribed,
    /// Any, up to this many different ones: a file.
    UpTo(usize),
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// A trade this far ahead of its receive time is admitted, one further ahead is not.
    pub max_ahead: Duration,
    /// Which instruments are wanted.
    pub instruments: Instruments,
}

impl Admission {
    /// The rules for live connections.
    pub const LIVE: Self = Self {
        max_ahead: MAX_AHEAD,
        instruments: Instruments::Subscribed,
    };

    /// The rules for files.
    pub const FILE: Self = Self {
        max_ahead: MAX_AHEAD,
        instruments: Instruments::UpTo(MAX_INSTRUMENTS),
    };

    /// Judges a trade's time.
    ///
    /// # Errors
    /// [`Refusal::FarFuture`] when it lies too far ahead of `received_at`.
    pub fn time(&self, trade: &Trade, received_at: Timestamp) -> Result<(), Refusal> {
        if trade.time > received_at + self.max_ahead {
            return Err(Refusal::FarFuture);
        }
        Ok(())
    }

    /// Judges an instrument that was neither subscribed nor seen before, given how many are known.
    ///
    /// # Errors
    /// When it is not wanted.
    pub const fn new_instrument(&self, known: usize) -> Result<(), Refusal> {
        match self.instruments {
            Instruments::Subscribed => Err(Refusal::UnknownInstrument),
            Instruments::UpTo(limit) if known >= limit => Err(Refusal::TooManyInstruments),
            Instruments::UpTo(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Price, Quantity, TakerSide, TradeId};

    #[test]
    fn the_bound_itself_is_admitted() {
        let received = Timestamp::from_seconds(1_723_161_255).unwrap();
        let at = |time| Trade {
            id: TradeId(1),
            time,
            price: Price::parse("1").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            taker: TakerSide::Buy,
        };
        let bound = received + Duration::from_secs(60);
        assert_eq!(Admission::LIVE.time(&at(bound), received), Ok(()));
        let beyond = bound + Duration::from_nanos(1);
        assert_eq!(
            Admission::LIVE.time(&at(beyond), received),
            Err(Refusal::FarFuture)
        );
        assert_eq!(Admission::LIVE.time(&at(Timestamp::MIN), received), Ok(()));
    }

    #[test]
    fn files_take_any_instrument_up_to_a_limit() {
        let live = Admission::LIVE.new_instrument(0);
        assert_eq!(live, Err(Refusal::UnknownInstrument));
        assert_eq!(Admission::FILE.new_instrument(MAX_INSTRUMENTS - 1), Ok(()));
        assert_eq!(
            Admission::FILE.new_instrument(MAX_INSTRUMENTS),
            Err(Refusal::TooManyInstruments)
        );
    }

    #[test]
    fn indexes_match_the_list() {
        for (i, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), i);
        }
    }
}
