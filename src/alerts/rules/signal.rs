//! A number that somebody else computes: a portfolio's value, a forecast, a health factor.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, read_fields, threshold};
use crate::number;
use crate::plan::{Plan, Source};
use crate::rule::{Operator, RuleError};

/// A threshold on a number that is fed in by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its name, 1 to 128 visible characters.
    pub name: String,
    /// The comparison.
    pub operator: Operator,
    /// The threshold.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
}

impl Kind for Signal {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        if read.name.is_empty()
            || read.name.len() > 128
            || !read.name.bytes().all(|it| it.is_ascii_graphic())
        {
            return Err(RuleError::new(
                "name",
                "must be 1 to 128 visible ASCII characters",
            ));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let source = Source::Outside(self.name.as_str().into());
        threshold(source, self.operator, self.threshold)
    }
}
