//! API keys: for programs, with a name, scopes, perhaps an end, and perhaps the public key of signed
//! requests. Only a hash is kept. After a rotation the old secret stays valid for a while, so that a program can
//! be given the new one.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{execute, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::AccountError;
use super::key_access::KeyAccess;
use super::public_key::PublicKey;
use crate::accounts::Accounts;
use crate::accounts::types::{Client, UserId};
use crate::secrets;

/// Prefix of every key, so that scanners for leaked secrets recognise it.
pub(super) const PREFIX: &str = "csk_";

/// The most keys a user may have.
const MOST: i64 = 50;

const KEY: &str =
    "id, name, scopes, created_at, expires_at, last_used_at, previous_until, public_key";

/// Permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading tokens, instruments, candles, predictions and the stream.
    MarketRead,
    /// Reading one's account, sessions and keys.
    AccountRead,
    /// Changing one's profile, ending one's sessions.
    AccountWrite,
    /// Changes of password, address and deletion, which decide who has the account. Signed requests
    /// only.
    AccountCritical,
    /// Making, rotating and ending keys. Signed requests only.
    KeysManage,
    /// Reading one's portfolios.
    PortfolioRead,
    /// Changing one's portfolios.
    PortfolioWrite,
    /// Reading one's alerts and their events.
    AlertsRead,
    /// Changing one's alerts.
    AlertsWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::MarketRead,
        Self::AccountRead,
        Self::AccountWrite,
        Self::AccountCritical,
        Self::KeysManage,
        Self::PortfolioRead,
        Self::PortfolioWrite,
        Self::AlertsRead,
        Self::AlertsWrite,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MarketRead => "market:read",
            Self::AccountRead => "account:read",
            Self::AccountWrite => "account:write",
            Self::AccountCritical => "account:critical",
            Self::KeysManage => "keys:manage",
            Self::PortfolioRead => "portfolio:read",
            Self::PortfolioWrite => "portfolio:write",
            Self::AlertsRead => "alerts:read",
            Self::AlertsWrite => "alerts:write",
        }
    }
}

impl FromStr for Scope {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scope| scope.name()).collect();
            AccountError::wrong("scopes", format!("use any of {}", names.join(", ")))
        })
    }
}

/// A key, as shown to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which.
    pub id: Uuid,
    /// Name given by its user.
    pub name: String,
    /// Its permissions.
    pub scopes: Vec<String>,
    /// Since when there is the key.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the secret from before the last rotation expires, or expired.
    pub previous_until: Option<DateTime<Utc>>,
    /// Public key that verifies its signed requests.
    pub public_key: Option<PublicKey>,
}

/// A key there is to be.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Name of the key.
    pub name: &'a str,
    /// Its permissions.
    pub scopes: &'a [Scope],
    /// Days that it is valid; without an end if absent.
    pub days: Option<u32>,
    /// Public key that will verify its signed requests.
    pub public_key: Option<PublicKey>,
}

/// Who looks after a user's keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyHolder<'a> {
    /// The user.
    pub user: UserId,
    /// The key that it is done with. Its own reach bounds what it may make, rotate and end: no
    /// scope that it lacks, no end later than its own.
    pub key: Option<&'a KeyAccess>,
}

impl KeyHolder<'_> {
    /// The scopes and the end that bound what may be done; none for a user who is signed in.
    fn reach(&self) -> (Option<&[String]>, Option<DateTime<Utc>>) {
        let scopes = self.key.map(|key| &key.scopes[..]);
        (scopes, self.key.and_then(|key| key.expires_at))
    }
}

fn view(row: &Row) -> ApiKey {
    ApiKey {
        id: row.get(0),
        name: row.get(1),
        scopes: row.get(2),
        created_at: row.get(3),
        expires_at: row.get(4),
        last_used_at: row.get(5),
        previous_until: row.get(6),
        public_key: row.get::<_, Option<&[u8]>>(7).and_then(PublicKey::stored),
    }
}

impl Accounts {
    /// Makes a key; answers it with its secret, which is shown this once.
    ///
    /// # Errors
    /// When a field is wrong, the user's address is not verified, there is a key of this name or
    /// there are too many, the key it is made with does not reach as far, or the database is away.
    pub async fn make_api_key(
        &self,
        by: KeyHolder<'_>,
        new: NewKey<'_>,
        client: &Client,
    ) -> Result<(ApiKey, String), AccountError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(AccountError::wrong(
                "name",
                "use 1 to 80 characters, none of them a control character",
            ));
        }
        if new.scopes.is_empty() {
            return Err(AccountError::wrong("scopes", "name at least one"));
        }
        let (id, now, secret) = (self.randomness.id(), self.now(), self.randomness.token());
        let expires = new.days.map(|days| now + TimeDelta::days(days.into()));
        if let Some(key) = by.key {
            if !new.scopes.iter().all(|scope| key.allows(*scope)) {
                return Err(AccountError::Forbidden(
                    "an API key can only create keys with scopes that it has itself",
                ));
            }
            let outlives = |end| expires.is_none_or(|expires| expires > end);
            if key.expires_at.is_some_and(outlives) {
                return Err(AccountError::Forbidden(
                    "an API key can only create keys that expire no later than itself",
                ));
            }
        }
        // A key outlives sessions and passwords: nobody makes one in an account whose address may be
        // somebody else's.
        if !self.user(by.user).await?.email_verified {
            return Err(AccountError::EmailNotVerified);
        }
        let names: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
        let public_key = new.public_key.as_ref().map(|key| &key.bytes()[..]);
        let database = self.database().await?;
        // A revoked key gives its name back.
        execute(
            &database,
            "remove revoked API keys",
            "DELETE FROM api_keys WHERE user_id = $1 AND revoked_at IS NOT NULL",
            &[&by.user.0],
        )
        .await?;
        let sql = format!(
            "INSERT INTO api_keys (id, user_id, name, scopes, hash, created_at, expires_at, public_key) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $9 \
             WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2 AND revoked_at IS NULL) < $8 \
             ON CONFLICT (user_id, name) DO NOTHING RETURNING {KEY}"
        );
        let rows = query(
            &database,
            "add an API key",
            &sql,
            &[
                &id,
                &by.user.0,
                &name,
                &names,
                &secrets::hash(&secret),
                &now,
                &expires,
                &MOST,
                &public_key,
            ],
        )
        .await?;
        let made = rows.first().map(view).ok_or(AccountError::Conflict(
            "a key of this name exists already, or there are as many keys as an account may have",
        ))?;
        self.note_about("api_key.made", true, Some(by.user), Some(id), client);
        Ok((made, shown(id, &secret)))
    }

    /// The user's keys, the newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKey>, AccountError> {
        let database = self.database().await?;
        let sql = format!(
            "SELECT {KEY} FROM api_keys \
             WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id"
        );
        let rows = query(&database, "list API keys", &sql, &[&user.0]).await?;
        Ok(rows.iter().map(view).collect())
    }

    /// Ends a key, at once.
    ///
    /// # Errors
    /// When the user has no such key, or it is out of the reach of the key this is done with; or
    /// when the database is away.
    pub async fn revoke_api_key(
        &self,
        by: KeyHolder<'_>,
        key: Uuid,
        client: &Client,
    ) -> Result<(), AccountError> {
        let (scopes, end) = by.reach();
        let database = self.database().await?;
        let ended = execute(
            &database,
            "end an API key",
            "UPDATE api_keys SET revoked_at = $3 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL \
               AND ($4::text[] IS NULL OR scopes <@ $4) \
               AND ($5::timestamptz IS NULL OR expires_at <= $5)",
            &[&key, &by.user.0, &self.now(), &scopes, &end],
        )
        .await?;
        if ended == 0 {
            return Err(AccountError::Unknown("API key"));
        }
        self.note_about("api_key.revoked", true, Some(by.user), Some(key), client);
        Ok(())
    }

    /// Gives a key another secret, shown only once; the previous one stays valid for `overlap`.
    ///
    /// # Errors
    /// When the user has no such key, or it is out of the reach of the key this is done with; or
    /// when the database is away.
    pub async fn rotate_api_key(
        &self,
        by: KeyHolder<'_>,
        key: Uuid,
        overlap: TimeDelta,
        client: &Client,
    ) -> Result<(ApiKey, String), AccountError> {
        let (secret, now) = (self.randomness.token(), self.now());
        let (scopes, end) = by.reach();
        let database = self.database().await?;
        let sql = format!(
            "UPDATE api_keys SET previous_hash = hash, previous_until = $4, hash = $3 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $5) \
               AND ($6::text[] IS NULL OR scopes <@ $6) \
               AND ($7::timestamptz IS NULL OR expires_at <= $7) \
             RETURNING {KEY}"
        );
        let rows = query(
            &database,
            "rotate an API key",
            &sql,
            &[
                &key,
                &by.user.0,
                &secrets::hash(&secret),
                &(now + overlap),
                &now,
                &scopes,
                &end,
            ],
        )
        .await?;
        let rotated = rows
            .first()
            .map(view)
            .ok_or(AccountError::Unknown("API key"))?;
        self.note_about("api_key.rotated", true, Some(by.user), Some(key), client);
        Ok((rotated, shown(key, &secret)))
    }

    /// Registers the public key of a key's signed requests, in place of the one before, or removes
    /// it.
    ///
    /// # Errors
    /// When the user has no such key, or the database is away.
    pub async fn set_public_key(
        &self,
        user: UserId,
        key: Uuid,
        public_key: Option<PublicKey>,
        client: &Client,
    ) -> Result<ApiKey, AccountError> {
        let bytes = public_key.as_ref().map(|key| &key.bytes()[..]);
        let database = self.database().await?;
        let sql = format!(
            "UPDATE api_keys SET public_key = $3 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $4) RETURNING {KEY}"
        );
        let rows = query(
            &database,
            "set an API key's public key",
            &sql,
            &[&key, &user.0, &bytes, &self.now()],
        )
        .await?;
        let changed = rows
            .first()
            .map(view)
            .ok_or(AccountError::Unknown("API key"))?;
        let what = match public_key {
            Some(_) => "api_key.public_key_set",
            None => "api_key.public_key_removed",
        };
        self.note_about(what, true, Some(user), Some(key), client);
        Ok(changed)
    }
}

fn shown(id: Uuid, secret: &str) -> String {
    format!("{PREFIX}{}_{secret}", id.simple())
}

pub(super) fn parse(token: &str) -> Option<(Uuid, &str)> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_at_checked(32)?;
    let secret = secret.strip_prefix('_')?;
    (secret.len() == 43).then_some(())?;
    Some((id.parse().ok()?, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        let id = Uuid::from_u128(0x1234);
        let secret = "A".repeat(43);
        assert_eq!(parse(&shown(id, &secret)), Some((id, &secret[..])));
        for bad in [
            "",
            "csk_",
            "csk_1_2",
            "csk_ü",
            &shown(id, "short"),
            &"csk_é".repeat(20),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
