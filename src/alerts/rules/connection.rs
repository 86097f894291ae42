//! Trouble with the connection to an exchange.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed::{self, check_id};
use super::{Kind, check_count, read_fields};
use crate::plan::Plan;
use crate::rule::{Operator, RuleError};

/// An exchange connection that has not worked for a while. Fed in as `connection:CONNECTION`: the seconds since it
/// worked last, 0 while it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The connection, by its id.
    pub connection: String,
    /// After how many seconds, 60 to 86,400.
    pub seconds: u32,
}

impl Kind for Connection {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_id("connection", &read.connection)?;
        check_count("seconds", read.seconds, 60..=86_400)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let name = format!("connection:{}", self.connection);
        fed::number(name, Operator::Above, Decimal::from(self.seconds))
    }
}
