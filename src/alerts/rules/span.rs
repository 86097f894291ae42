//! Lengths of time as texts: intervals of candles, windows, days.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MINUTE: u32 = 60;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// The longest window.
const LONGEST: u32 = 30 * DAY;

/// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleLength(u32);

impl CandleLength {
    const ALL: [(&'static str, u32); 6] = [
        ("1m", MINUTE),
        ("5m", 5 * MINUTE),
        ("15m", 15 * MINUTE),
        ("1h", HOUR),
        ("4h", 4 * HOUR),
        ("1d", DAY),
    ];

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CandleLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, seconds)| *seconds == self.0);
        f.write_str(name.map_or("1m", |(name, _)| name))
    }
}

impl Serialize for CandleLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CandleLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, seconds)| Self(*seconds)).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            let shown: String = text.chars().take(40).collect();
            de::Error::custom(format!(
                "{shown:?} is not an interval: use one of {}",
                names.join(", ")
            ))
        })
    }
}

/// The length of a window, 1m to 30d: a number with m, h or d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLength(u32);

impl WindowLength {
    /// So many whole days.
    pub(super) const fn of_days(days: u32) -> Self {
        Self(days.saturating_mul(DAY))
    }

    /// In seconds: a multiple of 60.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let unit = match text.bytes().last()? {
            b'm' => MINUTE,
            b'h' => HOUR,
            b'd' => DAY,
            _ => return None,
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let seconds = digits.parse::<u32>().ok()?.checked_mul(unit)?;
        (MINUTE..=LONGEST)
            .contains(&seconds)
            .then_some(Self(seconds))
    }
}

impl fmt::Display for WindowLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds.is_multiple_of(DAY) => write!(f, "{}d", seconds / DAY),
            seconds if seconds.is_multiple_of(HOUR) => write!(f, "{}h", seconds / HOUR),
            seconds => write!(f, "{}m", seconds / MINUTE),
        }
    }
}

impl Serialize for WindowLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WindowLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            de::Error::custom(format!(
                "{shown:?} is not a window of 1m to 30d: write it as 5m, 1h or 7d"
            ))
        })
    }
}
