//! Portfolios: the transactions somebody made, and what follows from them: lots and cost basis, realized
//! and unrealized gains, income, performance and tax reports. Pure functions on exact decimals; nothing
//! here knows a database, the network, a clock or HTTP.

pub mod analysis;
pub mod computed;
pub mod cost_basis;
pub mod decimal;
pub mod explain;
pub mod files;
pub mod imports;
pub mod ledger;
pub mod money;
pub mod performance;
pub mod prices;
pub mod report;
pub mod transaction;
pub mod transfers;
pub mod what_if;

pub use chrono_tz::Tz;
pub use computed::{Computed, PriceChange, Recomputed};
pub use cost_basis::{Method, Scope};
pub use decimal::{Decimal, DecimalError};
pub use ledger::FeesInKind;
pub use money::Money;
pub use prices::Prices;
pub use transaction::{Acquired, Kind, Leg, NamedLot, Transaction, TransactionFile};
