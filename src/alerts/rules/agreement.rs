//! A price that two or more venues agree on: a wick on one of them alone does not fire.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::price::positive;
use super::{Kind, check_instrument, read_fields, threshold};
use crate::evaluator::MOST_LEAVES;
use crate::input::Instrument;
use crate::number;
use crate::plan::{Plan, Source};
use crate::rule::{Operator, RuleError};

/// A threshold that the last prices of all instruments are beyond at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The instruments, two to eight.
    pub instruments: Vec<Instrument>,
    /// On which side of the threshold they are.
    pub operator: Beyond,
    /// The price; above 0.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
}

/// On which side of a threshold a price is. Touching counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// At it or above.
    Above,
    /// At it or below.
    Below,
}

impl Kind for Agreement {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        let count = read.instruments.len();
        if !(2..=MOST_LEAVES).contains(&count) {
            let message = format!("{count} instruments: name 2 to {MOST_LEAVES}");
            return Err(RuleError::new("instruments", message));
        }
        for (at, instrument) in read.instruments.iter().enumerate() {
            let field = format!("instruments[{at}]");
            check_instrument(&instrument.venue, &instrument.symbol)
                .map_err(|error| error.within(&field))?;
            if read.instruments[..at].contains(instrument) {
                let message = format!("{instrument} is named twice: each venue counts once");
                return Err(RuleError::new(&field, message));
            }
        }
        positive("threshold", read.threshold)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let operator = match self.operator {
            Beyond::Above => Operator::Above,
            Beyond::Below => Operator::Below,
        };
        let part = |instrument: &Instrument| {
            threshold(Source::Price(instrument.clone()), operator, self.threshold)
        };
        Plan::All(self.instruments.iter().map(part).collect())
    }
}
