//! Answers of users to what imports did not know: tickers and operations.

use std::collections::BTreeMap;

use coinsphere_pipelines::store::{GenericClient, StoreError, execute, query};
use uuid::Uuid;

use super::{PortfolioError, UserPortfolios};
use crate::portfolios::imports::Choice;

/// The most that a user may have said.
const MOST: i64 = 10_000;

/// The answers of one user.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// Assets by ticker, also as `venue:TICKER`.
    pub(super) tickers: BTreeMap<String, String>,
    /// Kinds, or skip, by the operation's word.
    pub(super) operations: BTreeMap<String, Choice>,
}

/// A choice as it is stored and shown.
pub(super) fn choice_name(choice: Choice) -> &'static str {
    match choice {
        Choice::Skip => "skip",
        Choice::Book(kind) => kind.name(),
    }
}

/// A choice by its name: a kind of transaction, or `skip`.
pub(super) fn choice(name: &str) -> Result<Choice, String> {
    match name {
        "skip" => Ok(Choice::Skip),
        kind => kind
            .parse()
            .map(Choice::Book)
            .map_err(|error| format!("{error}, or skip")),
    }
}

impl Choices {
    pub(super) async fn of_user<C: GenericClient>(
        database: &C,
        user: Uuid,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT subject, name, meaning FROM import_choices WHERE user_id = $1";
        let rows = query(database, "read what a user chose", sql, &[&user]).await?;
        let mut choices = Self::default();
        for row in rows {
            let (name, meaning): (String, String) = (row.get(1), row.get(2));
            if row.get::<_, &str>(0) == "ticker" {
                choices.tickers.insert(name, meaning);
            } else if let Ok(choice) = choice(&meaning) {
                choices.operations.insert(name, choice);
            }
        }
        Ok(choices)
    }

    /// Remembers these for the next time, in place of earlier ones.
    pub(super) async fn remember<C: GenericClient>(
        &self,
        database: &C,
        user: Uuid,
    ) -> Result<(), StoreError> {
        let tickers = self.tickers.iter();
        let tickers = tickers.map(|(name, asset)| ("ticker", name.as_str(), asset.as_str()));
        let operations = self.operations.iter();
        let operations =
            operations.map(|(name, choice)| ("operation", name.as_str(), choice_name(*choice)));
        let (mut subjects, mut names, mut meanings) = (Vec::new(), Vec::new(), Vec::new());
        for (subject, name, meaning) in tickers.chain(operations) {
            subjects.push(subject);
            names.push(name);
            meanings.push(meaning);
        }
        if subjects.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO import_choices (user_id, subject, name, meaning) \
             SELECT $1, subject, name, meaning \
             FROM unnest($2::text[], $3::text[], $4::text[]) AS new (subject, name, meaning) \
             WHERE (SELECT count(*) FROM import_choices WHERE user_id = $1) < $5 \
             ON CONFLICT (user_id, subject, name) DO UPDATE SET meaning = EXCLUDED.meaning";
        let given = &[
            &user as _,
            &subjects as _,
            &names as _,
            &meanings as _,
            &MOST as _,
        ];
        execute(database, "remember what a user chose", sql, given).await?;
        Ok(())
    }
}

/// An answer as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportChoice {
    /// `ticker` or `operation`.
    pub subject: String,
    /// The ticker, also as `venue:TICKER`, or the word of the operation.
    pub name: String,
    /// The asset of a ticker; the kind of transaction of an operation, or `skip`.
    pub meaning: String,
}

impl UserPortfolios {
    /// The remembered answers of a user, by subject and name; at most 10,000.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn import_choices(&self, user: Uuid) -> Result<Vec<ImportChoice>, PortfolioError> {
        let session = self.session().await?;
        let sql = "SELECT subject, name, meaning FROM import_choices WHERE user_id = $1 \
             ORDER BY subject, name LIMIT $2";
        let rows = query(&session, "list what a user chose", sql, &[&user, &MOST]).await?;
        let choices = rows.iter().map(|row| ImportChoice {
            subject: row.get(0),
            name: row.get(1),
            meaning: row.get(2),
        });
        Ok(choices.collect())
    }

    /// Forgets a remembered answer.
    ///
    /// # Errors
    /// When there is none, or the database is away.
    pub async fn forget_import_choice(
        &self,
        user: Uuid,
        subject: &str,
        name: &str,
    ) -> Result<(), PortfolioError> {
        let session = self.session().await?;
        let sql = "DELETE FROM import_choices WHERE user_id = $1 AND subject = $2 AND name = $3";
        let given = &[&user as _, &subject as _, &name as _];
        match execute(&session, "forget what a user chose", sql, given).await? {
            0 => Err(PortfolioError::Unknown("answer")),
            _ => Ok(()),
        }
    }
}
