//! Assets and instruments: who is who, and the instruments' numbers.

use std::collections::HashMap;
use std::sync::RwLock;

use tokio_postgres::Row;

use super::Store;
use super::error::StoreError;
use super::pool::query;
use super::rows::{Asset, AssetLookup, Instrument, InstrumentId, ListQuery, MAX_PAGE};
use crate::market::{AssetId, InstrumentKey, Symbol};
use crate::venues;

/// The numbers of instruments, which never change.
#[derive(Debug, Default)]
pub(super) struct InstrumentNumbers(RwLock<HashMap<InstrumentKey, i32>>);

impl InstrumentNumbers {
    /// Those of these instruments that are known.
    pub(super) fn of<'a>(
        &self,
        keys: impl Iterator<Item = &'a InstrumentKey>,
    ) -> HashMap<InstrumentKey, i32> {
        // A panic while the map is held leaves a usable map: entries are only added.
        let known = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.filter_map(|key| known.get(key).map(|number| (key.clone(), *number)))
            .collect()
    }

    pub(super) fn remember(&self, numbers: impl IntoIterator<Item = (InstrumentKey, i32)>) {
        self.0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(numbers);
    }
}

const ASSET: &str = "SELECT a.id, a.symbol, a.name, a.rank, \
     EXISTS (SELECT FROM instruments i WHERE i.base_asset = a.id AND i.listed) AS listed \
     FROM assets a";

const INSTRUMENT: &str =
    "SELECT id, venue, symbol, base_asset, base, quote, listed FROM instruments";

impl Store {
    /// A page of assets, ascending by id.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn assets(&self, list: &ListQuery) -> Result<Vec<Asset>, StoreError> {
        let sql = format!(
            "SELECT * FROM ({ASSET}) AS a \
             WHERE ($1::text IS NULL OR a.id COLLATE \"C\" > $1) AND (a.listed OR NOT $2) \
             ORDER BY a.id COLLATE \"C\" LIMIT $3"
        );
        let session = self.pool.get().await?;
        let limit = page(list.limit);
        let rows = query(
            &session,
            "list assets",
            &sql,
            &[&list.after, &list.listed_only, &limit],
        )
        .await?;
        rows.iter().map(asset).collect()
    }

    /// An asset by CoinGecko id, or by a ticker (in any case) that only one listed asset has.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn asset(&self, id_or_symbol: &str) -> Result<AssetLookup, StoreError> {
        let sql = format!(
            "SELECT * FROM ({ASSET}) AS a WHERE a.id = $1 OR (a.symbol = upper($1) AND a.listed) \
             ORDER BY a.id = $1 DESC, a.rank NULLS LAST, a.id LIMIT 20"
        );
        let session = self.pool.get().await?;
        let rows = query(&session, "look up an asset", &sql, &[&id_or_symbol]).await?;
        let mut found: Vec<Asset> = rows.iter().map(asset).collect::<Result<_, _>>()?;
        if found
            .first()
            .is_some_and(|asset| asset.id.as_str() == id_or_symbol)
        {
            found.truncate(1);
        }
        Ok(match found.len() {
            0 => AssetLookup::Unknown,
            1 => AssetLookup::Found(found.remove(0)),
            _ => AssetLookup::Ambiguous(found.into_iter().map(|asset| asset.id).collect()),
        })
    }

    /// A page of instruments, ascending by `venue:symbol`.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instruments(&self, list: &ListQuery) -> Result<Vec<Instrument>, StoreError> {
        let sql = format!(
            "{INSTRUMENT} \
             WHERE ($1::text IS NULL OR (venue || ':' || symbol) COLLATE \"C\" > $1) \
               AND (listed OR NOT $2) \
             ORDER BY (venue || ':' || symbol) COLLATE \"C\" LIMIT $3"
        );
        let session = self.pool.get().await?;
        let limit = page(list.limit);
        let rows = query(
            &session,
            "list instruments",
            &sql,
            &[&list.after, &list.listed_only, &limit],
        )
        .await?;
        rows.iter()
            .filter_map(|row| instrument(row).transpose())
            .collect()
    }

    /// The instruments that trade an asset, the one that stands for it first ([`PrimaryOrder`]).
    ///
    /// [`PrimaryOrder`]: super::PrimaryOrder
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instruments_of(&self, asset: &AssetId) -> Result<Vec<Instrument>, StoreError> {
        let sql = format!("{INSTRUMENT} WHERE base_asset = $1");
        let session = self.pool.get().await?;
        let rows = query(
            &session,
            "list an asset's instruments",
            &sql,
            &[&asset.as_str()],
        )
        .await?;
        let mut found: Vec<Instrument> = rows
            .iter()
            .filter_map(|row| instrument(row).transpose())
            .collect::<Result<_, _>>()?;
        self.pool.config().primary.sort(&mut found);
        Ok(found)
    }

    /// An instrument by venue and symbol.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instrument(&self, key: &InstrumentKey) -> Result<Option<Instrument>, StoreError> {
        let sql = format!("{INSTRUMENT} WHERE venue = $1 AND symbol = $2");
        let session = self.pool.get().await?;
        let rows = query(
            &session,
            "look up an instrument",
            &sql,
            &[&key.venue.name(), &key.symbol.as_str()],
        )
        .await?;
        rows.first().map_or(Ok(None), instrument)
    }
}

fn page(limit: usize) -> i64 {
    // At most MAX_PAGE, far below 2^63.
    limit.clamp(1, MAX_PAGE) as i64
}

pub(super) fn asset(row: &Row) -> Result<Asset, StoreError> {
    let rank: Option<i32> = row.get(3);
    Ok(Asset {
        id: AssetId::new(row.get(0)).map_err(|error| StoreError::Unreadable(error.to_string()))?,
        symbol: row.get(1),
        name: row.get(2),
        rank: rank.and_then(|rank| u32::try_from(rank).ok()),
        listed: row.get(4),
    })
}

/// `None` for an instrument of a venue that this release does not know.
pub(super) fn instrument(row: &Row) -> Result<Option<Instrument>, StoreError> {
    let Some(key) = key(row.get(1), row.get(2))? else {
        return Ok(None);
    };
    let base_asset: Option<&str> = row.get(3);
    let base_asset = base_asset
        .map(AssetId::new)
        .transpose()
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Some(Instrument {
        id: InstrumentId(row.get(0)),
        key,
        base_asset,
        base: row.get(4),
        quote: row.get(5),
        listed: row.get(6),
    }))
}

pub(super) fn key(venue: &str, symbol: &str) -> Result<Option<InstrumentKey>, StoreError> {
    let Some(venue) = venues::named(venue) else {
        return Ok(None);
    };
    let symbol = Symbol::new(symbol).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Some(InstrumentKey::new(venue, symbol)))
}
