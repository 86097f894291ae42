//! Missing data in a file, and the user's remedy. A flag never stops a report.

use crate::ledger::{AssetId, Day};

/// Kind of missing data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// More left than had come.
    MissingAcquisition {
        /// Further quantity, in units of 10⁻¹⁸.
        quantity: i128,
    },
    /// Coins came without a cost.
    UnknownCost {
        /// Quantity in units of 10⁻¹⁸.
        quantity: i128,
    },
    /// There is no price to value something at.
    MissingPrice {
        /// On which day.
        day: Day,
    },
    /// A named lot is not there, or not in that quantity.
    NamedLot {
        /// Its name.
        lot: String,
        /// Part of the quantity that is not there.
        quantity: i128,
    },
}

/// Something that is missing, with the transaction to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The transaction's number in the file, from 0; none where no transaction is at fault.
    pub transaction: Option<u32>,
    /// Of which asset.
    pub asset: AssetId,
    /// Kind of missing data.
    pub problem: Problem,
}

impl Problem {
    /// A word for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MissingAcquisition { .. } => "missing_acquisition",
            Self::UnknownCost { .. } => "unknown_cost",
            Self::MissingPrice { .. } => "missing_price",
            Self::NamedLot { .. } => "named_lot_not_there",
        }
    }

    /// Figures that are incomplete because of it.
    #[must_use]
    pub const fn affects(&self) -> &'static [&'static str] {
        match self {
            Self::MissingAcquisition { .. } | Self::UnknownCost { .. } => {
                &["realized", "unrealized", "net_invested"]
            }
            Self::MissingPrice { .. } => {
                &["realized", "unrealized", "income", "fees", "performance"]
            }
            Self::NamedLot { .. } => &["realized"],
        }
    }
}
