//! Assets and instruments: who is who, and the instruments' numbers. They are few, change seldom and are
//! asked for with every request and every commit, so each process has all of them in memory: the one cache
//! of them that there is. It is read again when the database announces a change; while that is not heard,
//! every question is answered from a new reading.

mod cache;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::Row;

pub(super) use self::cache::Catalog;
use self::cache::Hearing;
use super::Store;
use super::error::StoreError;
use super::pool::query;
use super::primary::PrimaryOrder;
use super::rows::{Asset, AssetLookup, Instrument, InstrumentId, ListQuery, MAX_PAGE};
use crate::market::{AssetId, InstrumentKey, Symbol};
use crate::venues;

/// Channel on which the database announces changes.
const CHANNEL: &str = "coinsphere_catalog";

/// The interval at which the listening connection is asked for a sign of life, and how long that may take. A change
/// made elsewhere may go unheard for at most their sum.
const PULSE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(2);

/// The most assets that share a ticker which are named.
const AMBIGUOUS: usize = 20;

/// All assets and instruments, as read at one moment.
#[derive(Debug, Default)]
struct Snapshot {
    /// Ascending by id.
    assets: Vec<Asset>,
    /// Ascending by `venue:symbol`.
    instruments: Vec<(String, Instrument)>,
    by_key: HashMap<InstrumentKey, usize>,
    /// The one that stands for the asset first.
    by_asset: HashMap<AssetId, Vec<Instrument>>,
}

impl Snapshot {
    fn new(assets: Vec<Asset>, instruments: Vec<Instrument>, order: &PrimaryOrder) -> Self {
        let mut by_asset: HashMap<AssetId, Vec<Instrument>> = HashMap::new();
        for instrument in &instruments {
            if let Some(asset) = &instrument.base_asset {
                let of = by_asset.entry(asset.clone()).or_default();
                of.push(instrument.clone());
            }
        }
        by_asset.values_mut().for_each(|of| order.sort(of));
        let named = instruments.into_iter();
        let mut instruments: Vec<_> = named.map(|found| (found.key.to_string(), found)).collect();
        instruments.sort_by(|(one, _), (other, _)| one.cmp(other));
        let keys = instruments.iter().enumerate();
        Self {
            by_key: keys.map(|(at, (_, one))| (one.key.clone(), at)).collect(),
            assets: with_listed(assets, &by_asset),
            instruments,
            by_asset,
        }
    }

    fn instrument(&self, key: &InstrumentKey) -> Option<&Instrument> {
        self.by_key.get(key).map(|at| &self.instruments[*at].1)
    }

    fn asset(&self, id_or_symbol: &str) -> AssetLookup {
        let at = self
            .assets
            .binary_search_by(|asset| asset.id.as_str().cmp(id_or_symbol));
        if let Ok(at) = at {
            return AssetLookup::Found(self.assets[at].clone());
        }
        let symbol = id_or_symbol.to_uppercase();
        let listed = self.assets.iter().filter(|asset| asset.listed);
        let mut found: Vec<&Asset> = listed.filter(|asset| asset.symbol == symbol).collect();
        match found[..] {
            [] => AssetLookup::Unknown,
            [asset] => AssetLookup::Found(asset.clone()),
            _ => {
                found.sort_by_key(|asset| (asset.rank.is_none(), asset.rank));
                let ids = found.into_iter().take(AMBIGUOUS);
                AssetLookup::Ambiguous(ids.map(|asset| asset.id.clone()).collect())
            }
        }
    }
}

/// Marks the assets that a listed instrument trades, and sorts them.
fn with_listed(
    mut assets: Vec<Asset>,
    instruments: &HashMap<AssetId, Vec<Instrument>>,
) -> Vec<Asset> {
    for asset in &mut assets {
        let of = instruments.get(&asset.id);
        asset.listed = of.is_some_and(|of| of.iter().any(|instrument| instrument.listed));
    }
    assets.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    assets
}

/// A page of what is sorted by this name: what comes after `list.after` and is wanted.
fn page<'a, T>(
    all: &'a [T],
    list: &ListQuery,
    name: impl Fn(&T) -> &str,
    is_listed: impl Fn(&T) -> bool,
) -> impl Iterator<Item = &'a T> {
    let begin = match &list.after {
        Some(after) => all.partition_point(|one| name(one) <= after.as_str()),
        None => 0,
    };
    let listed_only = list.listed_only;
    all[begin..]
        .iter()
        .filter(move |one| !listed_only || is_listed(one))
        .take(list.limit.clamp(1, MAX_PAGE))
}

impl Store {
    /// A page of assets, ascending by id.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn assets(&self, list: &ListQuery) -> Result<Vec<Asset>, StoreError> {
        let catalog = self.snapshot().await?;
        let page = page(
            &catalog.assets,
            list,
            |asset| asset.id.as_str(),
            |asset| asset.listed,
        );
        Ok(page.cloned().collect())
    }

    /// An asset by CoinGecko id, or by a ticker (in any case) that only one listed asset has.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn asset(&self, id_or_symbol: &str) -> Result<AssetLookup, StoreError> {
        Ok(self.snapshot().await?.asset(id_or_symbol))
    }

    /// A page of instruments, ascending by `venue:symbol`.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instruments(&self, list: &ListQuery) -> Result<Vec<Instrument>, StoreError> {
        let catalog = self.snapshot().await?;
        let page = page(
            &catalog.instruments,
            list,
            |(name, _)| name,
            |(_, instrument)| instrument.listed,
        );
        Ok(page.map(|(_, instrument)| instrument.clone()).collect())
    }

    /// The instruments that trade an asset, the one that stands for it first ([`PrimaryOrder`]).
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instruments_of(&self, asset: &AssetId) -> Result<Vec<Instrument>, StoreError> {
        let catalog = self.snapshot().await?;
        Ok(catalog.by_asset.get(asset).cloned().unwrap_or_default())
    }

    /// The instruments of assets by id and by ticker, and those that trade a currency of a state. A ticker that
    /// several assets have finds them all.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn priced_assets(
        &self,
        ids: &[&str],
        tickers: &[&str],
        currencies: &[&str],
    ) -> Result<PricedAssets, StoreError> {
        let catalog = self.snapshot().await?;
        let mut found = PricedAssets::default();
        for asset in &catalog.assets {
            let (id, symbol) = (asset.id.as_str(), asset.symbol.as_str());
            if ids.contains(&id) || tickers.contains(&symbol) {
                let instruments = catalog.by_asset.get(&asset.id).cloned();
                let known = (symbol.to_owned(), instruments.unwrap_or_default());
                found.assets.insert(id.to_owned(), known);
            }
        }
        for (_, instrument) in &catalog.instruments {
            if let (None, Some(base)) = (&instrument.base_asset, instrument.base.as_deref())
                && currencies.contains(&base)
            {
                let of = found.currencies.entry(base.to_owned()).or_default();
                of.push(instrument.clone());
            }
        }
        let order = &self.pool.config().primary;
        found.currencies.values_mut().for_each(|of| order.sort(of));
        Ok(found)
    }

    /// An instrument by venue and symbol.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn instrument(&self, key: &InstrumentKey) -> Result<Option<Instrument>, StoreError> {
        Ok(self.snapshot().await?.instrument(key).cloned())
    }

    /// Listens for changes of assets and instruments until the connection ends, and says `heard` when it
    /// begins, at each of them, and now and then. Only while this runs are they answered from memory.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn follow_catalog(
        &self,
        mut heard: impl FnMut(CatalogNews),
    ) -> Result<(), StoreError> {
        // Listening comes first: what changes while the rest is read is then heard too.
        let mut listener = self.listen(CHANNEL).await?;
        let _hearing = Hearing::begin(&self.catalog);
        heard(CatalogNews::Changed);
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                announced = listener.next() => match announced {
                    Some(_) => {
                        self.catalog.changed();
                        heard(CatalogNews::Changed);
                    }
                    None => return Ok(()),
                },
                _ = pulse.tick() => {
                    listener.ping(PATIENCE).await?;
                    heard(CatalogNews::Unchanged);
                }
            }
        }
    }

    /// The assets and instruments of now.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        self.catalog.get(|| self.read_catalog()).await
    }

    async fn read_catalog(&self) -> Result<Snapshot, StoreError> {
        let session = self.pool.get().await?;
        let assets = "SELECT id, symbol, name, rank FROM assets";
        let assets = query(&session, "list assets", assets, &[]).await?;
        let instruments =
            "SELECT id, venue, symbol, base_asset, base, quote, listed FROM instruments";
        let instruments = query(&session, "list instruments", instruments, &[]).await?;
        Ok(Snapshot::new(
            assets.iter().map(asset).collect::<Result<_, _>>()?,
            instruments
                .iter()
                .filter_map(|row| instrument(row).transpose())
                .collect::<Result<_, _>>()?,
            &self.pool.config().primary,
        ))
    }

    /// The numbers of those of these instruments that are known. They never change.
    pub(super) fn numbers_of<'a>(
        &self,
        keys: impl Iterator<Item = &'a InstrumentKey>,
    ) -> HashMap<InstrumentKey, i32> {
        let Some(catalog) = self.catalog.newest() else {
            return HashMap::new();
        };
        keys.filter_map(|key| Some((key.clone(), catalog.instrument(key)?.id.0)))
            .collect()
    }

    /// Instruments were added here: reads them, so that their numbers are known from now on.
    pub(super) async fn instruments_added(&self) {
        self.catalog.changed();
        if let Err(error) = self.snapshot().await {
            tracing::debug!(%error, "the new instruments were not read; they are with the next commit");
        }
    }
}

/// The instruments found for some assets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PricedAssets {
    /// By the asset's id: its ticker, and its instruments, the one that stands for it first.
    pub assets: BTreeMap<String, (String, Vec<Instrument>)>,
    /// By the ticker of a currency of a state: the instruments that trade it.
    pub currencies: BTreeMap<String, Vec<Instrument>>,
}

/// Changes announced of assets and instruments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogNews {
    /// They have changed, or may have before anybody listened.
    Changed,
    /// Nothing has changed; the connection lives.
    Unchanged,
}

/// `listed` follows from the instruments.
fn asset(row: &Row) -> Result<Asset, StoreError> {
    let rank: Option<i32> = row.get(3);
    Ok(Asset {
        id: AssetId::new(row.get(0)).map_err(|error| StoreError::Unreadable(error.to_string()))?,
        symbol: row.get(1),
        name: row.get(2),
        rank: rank.and_then(|rank| u32::try_from(rank).ok()),
        listed: false,
    })
}

/// `None` for an instrument of a venue that this release does not know.
fn instrument(row: &Row) -> Result<Option<Instrument>, StoreError> {
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
