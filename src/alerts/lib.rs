//! Alerts: rules, and the evaluator that says which of them a trade, a candle, a gap or a passing of time
//! fires. Pure functions of what they are given, in its order; nothing here knows a database, the network, a
//! clock or HTTP.

pub mod evaluator;
mod input;
mod number;
mod plan;
mod rule;
pub mod rules;
mod time;

pub use evaluator::{
    ArmError, Cause, Evaluator, Firing, Limits, MarketHandle, MarketState, Outcome, Phase, RuleId,
    RuleState, Side,
};
pub use input::{Candle, Gap, Instrument, Tick};
pub use plan::{Average, Comparison, Lookback, Plan, Source, Threshold};
pub use rule::{Operator, Repeat, Rule, RuleError, RulesError, read_rules};
pub use rules::Condition;
pub use rust_decimal::Decimal;
pub use time::EventTime;
