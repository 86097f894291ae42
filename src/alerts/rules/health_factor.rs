//! Health factors of loans in decentralised finance.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed::{self, check_id};
use super::{Kind, read_fields};
use crate::number;
use crate::plan::Plan;
use crate::rule::{Operator, RuleError};

/// A threshold on the health factor of an account. The number is fed in as `health_factor:PROTOCOL:ACCOUNT`; at 1
/// the account is liquidated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthFactor {
    /// The account, by its id or address.
    pub account: String,
    /// The protocol, e.g. `aave-v3`.
    pub protocol: String,
    /// The comparison.
    pub operator: Operator,
    /// The threshold; above 0.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
}

impl Kind for HealthFactor {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_id("account", &read.account)?;
        check_id("protocol", &read.protocol)?;
        if read.threshold <= Decimal::ZERO {
            let message = format!("{} is not above 0, as a health factor is", read.threshold);
            return Err(RuleError::new("threshold", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let name = format!("health_factor:{}:{}", self.protocol, self.account);
        fed::number(name, self.operator, self.threshold)
    }
}
