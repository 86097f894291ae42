//! The distance between the prices of two instruments, e.g. of one asset on two venues.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, check_count, check_instrument, check_percent, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Plan, Source};
use crate::rule::{Operator, RuleError};

/// By how many percent one instrument's price is above another's, while both are fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The other instrument.
    pub against: Instrument,
    /// The comparison.
    pub operator: Operator,
    /// The threshold, in percent of the other's price.
    #[serde(with = "number::text")]
    pub percent: Decimal,
    /// Greatest age of a price, in seconds, 1 to 3600.
    #[serde(default = "usual_age")]
    pub max_age_seconds: u32,
}

const fn usual_age() -> u32 {
    60
}

impl Kind for Spread {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_instrument(&read.against.venue, &read.against.symbol)
            .map_err(|error| error.within("against"))?;
        if *read.against.venue == *read.venue && *read.against.symbol == *read.symbol {
            let message = "is the instrument itself: name another venue or symbol";
            return Err(RuleError::new("against", message));
        }
        check_percent("percent", read.percent)?;
        check_count("max_age_seconds", read.max_age_seconds, 1..=3_600)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let instrument = Instrument::new(&self.venue, &self.symbol);
        let source = Source::Spread(instrument, self.against.clone(), self.max_age_seconds);
        threshold(source, self.operator, self.percent)
    }
}
