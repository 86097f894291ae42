//! Portfolios: the transactions somebody made, and what follows from them: lots and cost basis, realized
//! and unrealized gains, income, performance and tax reports. Pure functions on exact decimals; nothing
//! here knows a database, the network, a clock or HTTP.

pub mod decimal;
pub mod files;
pub mod prices;
pub mod transaction;

pub use decimal::{Decimal, DecimalError};
pub use prices::Prices;
pub use transaction::{Acquired, Kind, Leg, NamedLot, Transaction, TransactionFile};
