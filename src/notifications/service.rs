//! Notifications of users and the channels that deliver them. It knows PostgreSQL and the channels' package, and
//! nothing of why somebody is notified.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::net::client_config;
use coinsphere_pipelines::store::{PooledConnection, Store, StoreSource};
use tokio::sync::Notify;

use super::channels::{
    Attempt, OutboundClient, OutboundLimits, OutboundPolicy, VapidKey, system_lookup,
};
use super::error::NotificationError;
use super::settings::NotificationSettings;
use crate::secrets::{KeyFiles, KeyNames, Randomness, SecretCipher, SecretError};

/// The keys that seal the settings of channels.
const CHANNEL_KEYS: KeyNames = KeyNames {
    file: "channels.key",
    setting: "the directory accounts.keys_dir of another process",
};

/// The file of the server's key for Web Push.
const VAPID_FILE: &str = "web_push.key";

/// Attempts at random bytes that are a key: all but one in four thousand million are.
const KEY_TRIES: usize = 4;

/// Dependencies of notifications.
pub struct NotificationDeps {
    /// The settings.
    pub settings: NotificationSettings,
    /// The directory of keys.
    pub keys_dir: PathBuf,
    /// Where users reach the server.
    pub public_url: String,
    /// The server's own addresses, to which nothing is sent.
    pub own: Vec<SocketAddr>,
    /// The database, which may be away.
    pub source: Arc<dyn StoreSource>,
    /// The clock.
    pub clock: SharedClock,
    /// The source of secrets.
    pub randomness: Randomness,
}

/// Notifications of users. Cheap to clone.
#[derive(Clone)]
pub struct Notifications(pub(super) Arc<Inner>);

pub(super) struct Inner {
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
    pub(super) randomness: Randomness,
    pub(super) cipher: SecretCipher,
    pub(super) client: OutboundClient,
    pub(super) vapid: VapidKey,
    pub(super) server: String,
    pub(super) grew: Notify,
}

fn vapid_key(
    files: &KeyFiles,
    randomness: &Randomness,
    server: &str,
) -> Result<VapidKey, SecretError> {
    let contact = match server.starts_with("https://") {
        true => server.to_owned(),
        false => "mailto:postmaster@localhost".to_owned(),
    };
    let of = |bytes: &[u8]| {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        VapidKey::new(bytes, &contact).ok()
    };
    let stored = match files.read(VAPID_FILE)? {
        Some(bytes) => bytes,
        None => {
            let mut made = (0..KEY_TRIES).map(|_| randomness.bytes::<32>());
            let made = made.find(|bytes| of(bytes).is_some());
            let made = made.ok_or_else(|| SecretError("cannot make a key for Web Push".into()))?;
            files.create(VAPID_FILE, &made)?
        }
    };
    of(&stored).ok_or_else(|| {
        SecretError(format!(
            "{VAPID_FILE} is no key for Web Push: remove it to have another made, after which browsers must subscribe again"
        ))
    })
}

impl Notifications {
    /// In the database of this source, with the keys of a directory.
    ///
    /// # Errors
    /// When keys or certificates cannot be read or made.
    pub fn open(deps: NotificationDeps) -> Result<Self, SecretError> {
        let files = KeyFiles::open(&deps.keys_dir)?;
        let cipher = SecretCipher::open(CHANNEL_KEYS, None, &files, &deps.randomness)?;
        let vapid = vapid_key(&files, &deps.randomness, &deps.public_url)?;
        let tls = client_config(None).map_err(|error| SecretError(error.to_string()))?;
        let policy = OutboundPolicy {
            allow: deps.settings.allow_private,
            deny: deps.own,
        };
        let limits = OutboundLimits::default();
        Ok(Self(Arc::new(Inner {
            source: deps.source,
            clock: deps.clock,
            cipher,
            client: OutboundClient::new(tls, policy, limits, system_lookup()),
            vapid,
            server: deps.public_url.trim_end_matches('/').to_owned(),
            randomness: deps.randomness,
            grew: Notify::new(),
        })))
    }

    /// The public key by which browsers subscribe to Web Push (`applicationServerKey`).
    #[must_use]
    pub fn web_push_key(&self) -> &str {
        self.0.vapid.public_key()
    }

    /// Wakes the worker: there may be something to deliver.
    pub fn wake(&self) {
        self.0.grew.notify_one();
    }

    pub(super) fn store(&self) -> Result<Store, NotificationError> {
        let store = self.0.source.store();
        store.ok_or(NotificationError::Unavailable)
    }

    pub(super) async fn session(&self) -> Result<PooledConnection, NotificationError> {
        Ok(self.store()?.session().await?)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().to_utc()
    }

    /// The facts of an attempt made now.
    pub(super) fn attempt<'a>(&'a self, random: &'a (dyn Fn() -> [u8; 32] + Sync)) -> Attempt<'a> {
        Attempt {
            now: self.now(),
            random,
            vapid: Some(&self.0.vapid),
        }
    }
}
