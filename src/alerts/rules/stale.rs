//! Silence: no trade for a while.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, check_count, check_instrument, read_fields};
use crate::input::Instrument;
use crate::plan::Plan;
use crate::rule::RuleError;

/// A price that is older than it should be. A repeating rule re-arms with the next trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stale {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// After how many seconds without a trade, 5 to 86,400.
    pub seconds: u32,
}

impl Kind for Stale {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("seconds", read.seconds, 5..=86_400)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        Plan::Silence(Instrument::new(&self.venue, &self.symbol), self.seconds)
    }
}
