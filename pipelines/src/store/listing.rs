//! Tokens and instruments that an administrator adds while the program runs.

use tokio_postgres::Row;

use super::Store;
use super::catalog::key;
use super::error::{StoreError, failed};
use super::pool::{execute, query};
use super::rows::MAX_PAGE;
use crate::market::{AssetId, InstrumentKey};

/// A token and what trades it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its CoinGecko id.
    pub id: AssetId,
    /// Its ticker, in upper case.
    pub symbol: String,
    /// Its name for people.
    pub name: String,
    /// Its rank by market capitalisation, from 1.
    pub rank: Option<u32>,
    /// Instruments that trade it.
    pub instruments: Vec<NewInstrument>,
}

/// An instrument whose base is the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstrument {
    /// Venue and the venue's own symbol.
    pub key: InstrumentKey,
    /// The ticker it is quoted in, in upper case.
    pub quote: String,
}

/// Outcome of adding a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// The token is new.
    Created,
    /// The token was known, some of the instruments were not.
    Extended,
    /// Everything was known.
    Unchanged,
    /// The id is known with another symbol or name; nothing was changed.
    Differs {
        /// The symbol it is known with.
        symbol: String,
        /// The name it is known with.
        name: String,
    },
    /// The instrument belongs to another token; nothing was changed.
    Taken {
        /// Which instrument.
        instrument: InstrumentKey,
        /// Whose it is.
        token: String,
    },
}

const INSTRUMENT: &str = "INSERT INTO instruments AS known \
     (venue, symbol, base_asset, base, quote, listed, added_at) \
     VALUES ($1, $2, $3, $4, $5, true, now()) \
     ON CONFLICT (venue, symbol) DO UPDATE SET base_asset = excluded.base_asset, \
     base = excluded.base, quote = excluded.quote, listed = true, added_at = excluded.added_at \
     WHERE known.base_asset IS NULL \
        OR (known.base_asset = excluded.base_asset AND known.added_at IS NULL)";

impl Store {
    /// Adds a token with its instruments, or instruments to a token, all or nothing.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn add_token(&self, token: &NewToken) -> Result<Listing, StoreError> {
        let mut session = self.pool.get().await?;
        let transaction = session.transaction().await.map_err(failed("add a token"))?;
        let rank = token.rank.and_then(|rank| i32::try_from(rank).ok());
        let created = execute(
            &transaction,
            "add an asset",
            "INSERT INTO assets (id, symbol, name, rank) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO NOTHING",
            &[&token.id.as_str(), &token.symbol, &token.name, &rank],
        )
        .await?;
        if created == 0 {
            let sql = "SELECT symbol, name FROM assets WHERE id = $1";
            let known = query(&transaction, "look up an asset", sql, &[&token.id.as_str()]).await?;
            // Nobody deletes assets: what was in the way of the insertion is there.
            if let Some(known) = known.first() {
                let (symbol, name): (String, String) = (known.get(0), known.get(1));
                if (&symbol, &name) != (&token.symbol, &token.name) {
                    return Ok(Listing::Differs { symbol, name });
                }
            }
        }
        let mut added = 0;
        for instrument in &token.instruments {
            let (venue, symbol) = (instrument.key.venue.name(), instrument.key.symbol.as_str());
            let id = token.id.as_str();
            let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&venue, &symbol, &id, &token.symbol, &instrument.quote];
            let changed =
                execute(&transaction, "add an instrument", INSTRUMENT, &parameters).await?;
            added += changed;
            if changed == 0 {
                let sql = "SELECT base_asset FROM instruments WHERE venue = $1 AND symbol = $2 \
                           AND base_asset <> $3";
                let named: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&venue, &symbol, &id];
                let theirs = query(&transaction, "look up an instrument", sql, &named).await?;
                if let Some(row) = theirs.first() {
                    return Ok(Listing::Taken {
                        instrument: instrument.key.clone(),
                        token: row.get(0),
                    });
                }
            }
        }
        transaction.commit().await.map_err(failed("add a token"))?;
        // Announced too, but whoever asks next may be faster than that.
        self.catalog.changed();
        Ok(match (created, added) {
            (1.., _) => Listing::Created,
            (_, 1..) => Listing::Extended,
            _ => Listing::Unchanged,
        })
    }

    /// The instruments that administrators have added, oldest first; at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn added_instruments(&self) -> Result<Vec<InstrumentKey>, StoreError> {
        let session = self.pool.get().await?;
        let sql = "SELECT venue, symbol FROM instruments WHERE added_at IS NOT NULL AND listed \
                   ORDER BY id LIMIT $1";
        let rows = query(
            &session,
            "list added instruments",
            sql,
            // Far below 2^63.
            &[&(MAX_PAGE as i64)],
        )
        .await?;
        let keys = rows.iter().map(|row: &Row| key(row.get(0), row.get(1)));
        // Those of venues that this release does not know are left out.
        keys.filter_map(Result::transpose).collect()
    }
}
