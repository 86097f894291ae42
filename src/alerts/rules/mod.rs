//! The kinds of rules, a file and a line of the list below each. A kind reads its own fields, checks them,
//! and says what it comes to for the evaluator.

mod price;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

pub use price::Price;

use crate::input::Instrument;
use crate::plan::Plan;
use crate::rule::{RuleError, read_fields};

/// The most bytes of a symbol.
const MAX_SYMBOL_BYTES: usize = 64;

/// A kind of rule.
trait Kind: Sized {
    /// Reads the fields besides `kind`.
    fn read(fields: Value) -> Result<Self, RuleError>;

    /// Plan that it amounts to.
    fn plan(&self) -> Plan;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:literal $variant:ident($type:ty),)*) => {
        /// When a rule fires.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "kind")]
        pub enum Condition {
            $($(#[$doc])* #[serde(rename = $name)] $variant($type),)*
        }

        impl Condition {
            /// The names of all kinds.
            pub const KINDS: &'static [&'static str] = &[$($name),*];

            fn of_kind(kind: &str, fields: Value) -> Option<Result<Self, RuleError>> {
                match kind {
                    $($name => Some(<$type>::read(fields).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// Plan of the condition for the evaluator.
            #[must_use]
            pub fn plan(&self) -> Plan {
                match self {
                    $(Self::$variant(kind) => kind.plan(),)*
                }
            }

            /// The name of its kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// The price of trades.
    "price" Price(Price),
}

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// Names the field that is unknown, missing or impossible, and what is allowed.
    pub fn from_json(json: Value) -> Result<Self, RuleError> {
        let allowed = || Self::KINDS.join(", ");
        let Value::Object(mut fields) = json else {
            return Err(RuleError::new("", "a condition is an object with a kind"));
        };
        let kind = match fields.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => {
                let message = format!("must be a text: one of {}", allowed());
                return Err(RuleError::new("kind", message));
            }
            None => {
                let message = format!("is missing: use one of {}", allowed());
                return Err(RuleError::new("kind", message));
            }
        };
        Self::of_kind(&kind, Value::Object(fields)).unwrap_or_else(|| {
            let kind: String = kind.chars().take(40).collect();
            let message = format!("{kind:?} is not a kind: use one of {}", allowed());
            Err(RuleError::new("kind", message))
        })
    }

    /// The instruments that the condition is about, each once.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let mut found = Vec::new();
        self.plan().instruments(&mut found);
        found
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Refuses a venue or symbol that none can be.
fn check_instrument(venue: &str, symbol: &str) -> Result<(), RuleError> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if venue.is_empty() || venue.len() > 32 || !venue.bytes().all(is_name) {
        let shown: String = venue.chars().take(40).collect();
        let message = format!("{shown:?} is not a venue's lower-case name, like binance");
        return Err(RuleError::new("venue", message));
    }
    let visible = |character: char| !character.is_whitespace() && !character.is_control();
    if symbol.is_empty() || symbol.len() > MAX_SYMBOL_BYTES || !symbol.chars().all(visible) {
        let shown: String = symbol.chars().take(40).collect();
        let message = format!("{shown:?} is not a symbol (1 to 64 bytes of visible characters)");
        return Err(RuleError::new("symbol", message));
    }
    Ok(())
}
