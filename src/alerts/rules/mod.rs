//! The kinds of rules, a file and a line of the list below each. A kind reads its own fields, checks them,
//! and says what it comes to for the evaluator.

mod account;
mod agreement;
mod average;
mod candle;
mod change;
mod composite;
mod connection;
mod fed;
mod forecast;
mod gap;
mod health_factor;
mod holding;
mod listing;
mod new_high;
mod new_low;
mod portfolio;
mod price;
mod signal;
mod span;
mod spread;
mod stale;
mod trailing;
mod volatility;
mod volume;

use std::ops::RangeInclusive;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

pub use account::{Account, AccountEvent};
pub use agreement::{Agreement, Beyond};
pub use average::{Average, Weights};
pub use candle::{Candle, ClosesAt};
pub use change::{Change, Move};
pub use composite::{All, Any};
pub use connection::Connection;
pub use forecast::{Forecast, ForecastFigure};
pub use gap::Gap;
pub use health_factor::HealthFactor;
pub use holding::{Holding, HoldingFigure};
pub use listing::Listing;
pub use new_high::NewHigh;
pub use new_low::NewLow;
pub use portfolio::{Portfolio, PortfolioFigure};
pub use price::Price;
pub use signal::Signal;
pub use span::{CandleLength, WindowLength};
pub use spread::Spread;
pub use stale::Stale;
pub use trailing::{Trailing, Turn};
pub use volatility::Volatility;
pub use volume::Volume;

use crate::evaluator::RATIO_PLACES;
use crate::input::Instrument;
use crate::plan::{Comparison, Plan, Source, Threshold};
use crate::rule::{Operator, RuleError, read_fields};

/// The most bytes of a symbol.
const MAX_SYMBOL_BYTES: usize = 64;

/// A kind of rule.
trait Kind: Sized {
    /// Its number is computed by somebody else, and fed in by name.
    const IS_FED: bool = false;

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

            /// True of the kinds whose numbers somebody else computes and feeds in by name.
            #[must_use]
            pub fn is_fed(kind: &str) -> bool {
                match kind {
                    $($name => <$type as Kind>::IS_FED,)*
                    _ => false,
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
    /// Moves of the price within a window.
    "change" Change(Change),
    /// Distance of the price from an average of closes.
    "average" Average(Average),
    /// The volume of a candle against what is usual.
    "volume" Volume(Volume),
    /// The volatility of closes against what is usual.
    "volatility" Volatility(Volatility),
 /// The distance from the highest or lowest since arming.
    "trailing" Trailing(Trailing),
    /// Closes of candles.
    "candle" Candle(Candle),
    /// The distance between two instruments.
    "spread" Spread(Spread),
    /// A price above all of some days.
    "new_high" NewHigh(NewHigh),
    /// A price below all of some days.
    "new_low" NewLow(NewLow),
    /// A price that several venues agree on.
    "agreement" Agreement(Agreement),
    /// A gap in an instrument's trades.
    "gap" Gap(Gap),
    /// No trade for a while.
    "stale" Stale(Stale),
    /// A number that somebody else computes.
    "signal" Signal(Signal),
    /// A figure of a portfolio.
    "portfolio" Portfolio(Portfolio),
    /// A figure of one asset in a portfolio.
    "holding" Holding(Holding),
    /// A forecast.
    "forecast" Forecast(Forecast),
    /// The health factor of a loan.
    "health_factor" HealthFactor(HealthFactor),
    /// Trouble with the connection to an exchange.
    "connection" Connection(Connection),
    /// A new instrument of a venue.
    "listing" Listing(Listing),
    /// An event of an account.
    "account" Account(Account),
    /// All of several conditions.
    "all" All(All),
    /// Any of several conditions.
    "any" Any(Any),
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

    /// The names of the numbers that are to be fed in for the condition, each once.
    #[must_use]
    pub fn numbers(&self) -> Vec<Arc<str>> {
        let plan = self.plan();
        let names = plan
            .sources()
            .into_iter()
            .filter_map(|source| match source {
                Source::Outside(name) => Some(Arc::clone(name)),
                _ => None,
            });
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
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
    check_venue(venue)?;
    check_symbol("symbol", symbol)
}

fn check_venue(venue: &str) -> Result<(), RuleError> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if venue.is_empty() || venue.len() > 32 || !venue.bytes().all(is_name) {
        let shown: String = venue.chars().take(40).collect();
        let message = format!("{shown:?} is not a venue's lower-case name, like binance");
        return Err(RuleError::new("venue", message));
    }
    Ok(())
}

/// Refuses a symbol, of an instrument or an asset, that none can be.
fn check_symbol(field: &str, symbol: &str) -> Result<(), RuleError> {
    let visible = |character: char| !character.is_whitespace() && !character.is_control();
    if symbol.is_empty() || symbol.len() > MAX_SYMBOL_BYTES || !symbol.chars().all(visible) {
        let shown: String = symbol.chars().take(40).collect();
        let message = format!("{shown:?} is not a symbol (1 to 64 bytes of visible characters)");
        return Err(RuleError::new(field, message));
    }
    Ok(())
}

/// The most percent, and the largest factor.
pub(crate) const MOST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Refuses percentages that are not compared exactly.
pub(crate) fn check_percent(field: &str, percent: Decimal) -> Result<(), RuleError> {
    if percent.normalize().scale() > RATIO_PLACES || percent.abs() > MOST {
        let message =
            format!("{percent} is not a number of at most {RATIO_PLACES} places, up to {MOST}");
        return Err(RuleError::new(field, message));
    }
    Ok(())
}

/// Refuses factors that are not above 0 or not compared exactly.
fn check_factor(field: &str, factor: Decimal) -> Result<(), RuleError> {
    if factor <= Decimal::ZERO || factor.normalize().scale() > RATIO_PLACES || factor > MOST {
        let message = format!(
            "{factor} is not a factor above 0 of at most {RATIO_PLACES} places, up to {MOST}"
        );
        return Err(RuleError::new(field, message));
    }
    Ok(())
}

/// Refuses counts outside of what is allowed.
fn check_count(field: &str, count: u32, allowed: RangeInclusive<u32>) -> Result<(), RuleError> {
    if allowed.contains(&count) {
        return Ok(());
    }
    let message = format!(
        "{count} is not between {} and {}",
        allowed.start(),
        allowed.end()
    );
    Err(RuleError::new(field, message))
}

/// A threshold on a signal.
const fn threshold(source: Source, operator: Operator, value: Decimal) -> Plan {
    Plan::Threshold(Threshold {
        source,
        comparison: Comparison::Touching(operator),
        value,
    })
}

/// More than 0.
const fn more_than(source: Source) -> Plan {
    Plan::Threshold(Threshold {
        source,
        comparison: Comparison::MoreThan,
        value: Decimal::ZERO,
    })
}

/// Less than 0.
const fn less_than(source: Source) -> Plan {
    Plan::Threshold(Threshold {
        source,
        comparison: Comparison::LessThan,
        value: Decimal::ZERO,
    })
}
