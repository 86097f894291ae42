//! Events of a user's account.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed::{self, check_id};
use super::{Kind, read_fields};
use crate::plan::Plan;
use crate::rule::RuleError;

/// Something that happens to an account. It happens as `account:EVENT:ACCOUNT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The account, by its id.
    pub account: String,
    /// The event.
    pub event: AccountEvent,
}

/// An event of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvent {
    /// Somebody signed in from a device that is new.
    NewDevice,
    /// An API key was used from an address that is new.
    NewKeyAddress,
    /// An API key was made.
    NewKey,
    /// The password or a second factor was changed.
    CredentialsChanged,
}

impl fmt::Display for AccountEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewDevice => "new_device",
            Self::NewKeyAddress => "new_key_address",
            Self::NewKey => "new_key",
            Self::CredentialsChanged => "credentials_changed",
        })
    }
}

impl Kind for Account {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_id("account", &read.account)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        fed::event(format!("account:{}:{}", self.event, self.account))
    }
}
