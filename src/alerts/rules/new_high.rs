//! A price above all of the days before it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::WindowLength;
use super::{Kind, check_count, check_instrument, more_than, read_fields};
use crate::input::Instrument;
use crate::plan::{Plan, Source};
use crate::rule::RuleError;

/// A trade above every trade of so many days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHigh {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// Number of days, 1 to 30.
    pub days: u32,
}

impl Kind for NewHigh {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("days", read.days, 1..=30)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let instrument = Instrument::new(&self.venue, &self.symbol);
        let window = WindowLength::of_days(self.days);
        more_than(Source::High(instrument, window.seconds()))
    }
}
