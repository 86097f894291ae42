//! Recordings served in the venue's own format: `recording` reads and sorts the frames,
//! `player` paces them and hands them to every subscriber without losing one.

mod player;
mod recording;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use player::{Player, Seat};
pub use recording::RecordingError;
pub(crate) use recording::{Recorded, Recording};

/// A recording to serve instead of the simulated market of its venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Lines of `<receive time, ns since the Unix epoch> <frame>`, plain or gzipped.
    pub file: PathBuf,
    /// Speed; as recorded by default.
    #[serde(default)]
    pub speed: Speed,
    /// True if connections are closed with 1000 "replay finished" at the end, rather than kept
    /// open with heartbeats.
    #[serde(default = "yes")]
    pub close_at_end: bool,
    /// True if a client that subscribes after the end starts it again.
    #[serde(default)]
    pub repeat: bool,
    /// Time, in milliseconds, without a further subscription before the first frame is sent, so
    /// that a client that subscribes in several messages or on several connections misses nothing.
    #[serde(default = "start_delay_ms")]
    pub start_delay_ms: u64,
}

fn yes() -> bool {
    true
}

fn start_delay_ms() -> u64 {
    500
}

impl Replay {
    /// A replay of `file` as it was recorded, that closes at the end and does not repeat.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, speed: Speed) -> Self {
        Self {
            file: file.into(),
            speed,
            close_at_end: true,
            repeat: false,
            start_delay_ms: start_delay_ms(),
        }
    }
}

/// Speed of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Speed {
    /// With the recorded pauses.
    #[default]
    Original,
    /// That many times as fast as recorded.
    Scale(f64),
    /// As fast as the clients take it.
    Max,
}

/// A speed that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the speed `{0}`; it is `original`, `max`, or a positive factor such as 10")]
pub struct SpeedError(String);

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        match text {
            "original" => Ok(Self::Original),
            "max" => Ok(Self::Max),
            factor => match factor.parse::<f64>() {
                Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Self::Scale(factor)),
                _ => Err(SpeedError(text.to_owned())),
            },
        }
    }
}

impl TryFrom<String> for Speed {
    type Error = SpeedError;

    fn try_from(text: String) -> Result<Self, SpeedError> {
        text.parse()
    }
}

impl From<Speed> for String {
    fn from(speed: Speed) -> Self {
        match speed {
            Speed::Original => "original".to_owned(),
            Speed::Max => "max".to_owned(),
            Speed::Scale(factor) => factor.to_string(),
        }
    }
}

/// One item that a subscriber of a replay receives.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    Frame(Arc<Recorded>),
    /// There is no more; `close` says whether the connection ends with it.
    Finished {
        close: bool,
    },
}
