//! Outcome of an import, for a dry run and for the import itself: they take the same path.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use chrono_tz::Tz;

use crate::{Decimal, Prices, Transaction, TransactionFile};

/// Outcome of reading files as one import.
#[derive(Clone, Debug)]
pub struct ImportOutcome {
    /// One a file, in the order given.
    pub files: Vec<FileOutcome>,
    /// Transactions to add: none is a duplicate, and all have an id of their own. By time.
    pub transactions: Vec<Imported>,
    /// Tickers that must be settled first.
    pub questions: Vec<Question>,
    /// The currency of the values, where there are any.
    pub currency: Option<String>,
    /// The zone of the portfolio's days, where a file brought one.
    pub timezone: Tz,
    /// Prices that files brought.
    pub prices: Prices,
    /// Change of holdings by asset: the checksum of `transactions`.
    pub net: BTreeMap<String, Decimal>,
}

impl ImportOutcome {
    /// True when all of it may be stored. Otherwise none of it may.
    pub fn is_accepted(&self) -> bool {
        self.questions.is_empty() && self.files.iter().all(FileOutcome::is_accepted)
    }

    /// Transactions to store: all of them, or none.
    #[must_use]
    pub fn into_file(self, currency: &str) -> Option<TransactionFile> {
        if !self.is_accepted() {
            return None;
        }
        let mut file = TransactionFile::new(self.currency.unwrap_or_else(|| currency.to_owned()));
        file.timezone = self.timezone;
        file.prices = self.prices;
        file.transactions = self
            .transactions
            .into_iter()
            .map(|imported| imported.transaction)
            .collect();
        Some(file)
    }

    /// Every refusal with the name of its file.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.files.iter().flat_map(|file| {
            file.refused
                .iter()
                .map(|refusal| (file.name.as_str(), refusal))
        })
    }

    /// The name of the format, or of each file's where they differ.
    pub fn format(&self) -> String {
        let mut names: Vec<&str> = self.files.iter().map(|file| file.format).collect();
        names.dedup();
        names.join(", ")
    }
}

/// Output of the command line.
impl Serialize for ImportOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Printed<'a> {
            format: String,
            commit: &'static str,
            refused: Vec<PrintedRefusal<'a>>,
            net: BTreeMap<&'a str, String>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            questions: &'a [Question],
            added: usize,
            files: &'a [FileOutcome],
        }
        #[derive(Serialize)]
        struct PrintedRefusal<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            file: Option<&'a str>,
            #[serde(flatten)]
            refusal: &'a Refusal,
        }
        let several = self.files.len() > 1;
        let printed = |(file, refusal)| PrintedRefusal {
            file: several.then_some(file),
            refusal,
        };
        Printed {
            format: self.format(),
            commit: if self.is_accepted() {
                "accepted"
            } else {
                "refused"
            },
            refused: self.refused().map(printed).collect(),
            net: self
                .net
                .iter()
                .map(|(asset, net)| (asset.as_str(), net.to_string()))
                .collect(),
            questions: &self.questions,
            added: self.transactions.len(),
            files: &self.files,
        }
        .serialize(serializer)
    }
}

/// Outcome of one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileOutcome {
    /// As given.
    pub name: String,
    /// Format recognised, or `unknown`.
    pub format: &'static str,
    /// Rows that move things inside one account.
    pub internal: Vec<Rows>,
    /// Rows that say nothing happened.
    pub ignored: Vec<Rows>,
    /// Rows whose transactions are known already.
    pub duplicates: Vec<Duplicate>,
    /// Rows that keep the import from being stored.
    pub refused: Vec<Refusal>,
    /// Remarks on the file as a whole.
    pub notes: Vec<String>,
}

impl FileOutcome {
    /// True when the file is known and none of its rows is refused.
    pub fn is_accepted(&self) -> bool {
        self.refused.is_empty() && self.format != "unknown"
    }
}

/// A transaction and the rows it was read from.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Which of the files.
    pub file: usize,
    /// Lines of the file, its header counted.
    pub rows: Vec<u64>,
    /// Remarks for the user.
    pub flags: Vec<String>,
    /// The transaction itself.
    pub transaction: Transaction,
}

/// Rows and what is to say of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Lines of the file, its header counted.
    pub rows: Vec<u64>,
    /// The reason.
    pub why: String,
}

/// Rows whose transaction is known already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Lines of the file, its header counted.
    pub rows: Vec<u64>,
    /// Where it is known from: a row of a file of this import, or the id of a stored transaction.
    pub of: String,
}

/// A row that cannot be imported as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The line of the file, its header counted; none where it is the file as a whole.
    pub row: Option<u64>,
    /// The column, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why, in the user's words.
    pub reason: String,
}

impl Refusal {
    pub(super) fn row(row: u64, reason: impl Into<String>) -> Self {
        Self {
            row: Some(row),
            column: None,
            reason: reason.into(),
        }
    }
}

/// A ticker that may mean several assets, or none that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Question {
    /// Where the ticker is used: the answer is for this venue.
    pub venue: String,
    /// As the file has it.
    pub ticker: String,
    /// Assets that it may be.
    pub candidates: Vec<String>,
}
