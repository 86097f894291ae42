//! New instruments of a venue.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed;
use super::{Kind, check_symbol, check_venue, read_fields};
use crate::plan::Plan;
use crate::rule::RuleError;

/// An instrument that a venue did not have before. It happens as `listing:VENUE`, and as `listing:VENUE:QUOTE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// Only instruments quoted in this asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

impl Kind for Listing {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_venue(&read.venue)?;
        if let Some(quote) = &read.quote {
            check_symbol("quote", quote)?;
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let venue = &self.venue;
        fed::event(match &self.quote {
            Some(quote) => format!("listing:{venue}:{quote}"),
            None => format!("listing:{venue}"),
        })
    }
}
