//! Gaps in an instrument's trades.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, check_count, check_instrument, read_fields};
use crate::input::Instrument;
use crate::plan::Plan;
use crate::rule::RuleError;

/// A stretch in which trades are or may be missing, once it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// Least length in seconds, at most a day.
    #[serde(default)]
    pub seconds: u32,
}

impl Kind for Gap {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("seconds", read.seconds, 0..=86_400)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        Plan::Gap(Instrument::new(&self.venue, &self.symbol), self.seconds)
    }
}
