//! API keys: for programs, with a name, a scope and perhaps an end. Only a hash is kept. Rotated, the
//! old secret holds on for a while, so that a program can be given the new one.

use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{execute, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::AccountError;
use super::{Accounts, Client, UserId, secrets};

/// What every key begins with, so that scanners for leaked secrets recognise it.
const PREFIX: &str = "csk_";

/// The most keys a user may have.
const MOST: i64 = 50;

/// `last_used_at` is no finer than this: not every request is worth a write.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading tokens, instruments, candles, predictions and the stream.
    MarketRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 1] = [Self::MarketRead];

    /// As it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MarketRead => "market:read",
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
    /// What its user calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Since when there is the key.
    pub created_at: DateTime<Utc>,
    /// Until when it holds.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Who a good key speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAccess {
    /// The user.
    pub user: UserId,
    /// The key.
    pub key: Uuid,
    /// What for.
    pub scopes: Vec<String>,
}

impl KeyAccess {
    /// Whether it may be used for this.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|one| one == scope.name())
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
    }
}

impl Accounts {
    /// Makes a key; answers it with its secret, which is shown this once.
    ///
    /// # Errors
    /// When a field is wrong, there is a key of this name or there are too many, or the database is
    /// away.
    pub async fn make_api_key(
        &self,
        user: UserId,
        name: &str,
        scopes: &[Scope],
        days: Option<u32>,
        client: &Client,
    ) -> Result<(ApiKey, String), AccountError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(AccountError::wrong(
                "name",
                "use 1 to 80 characters, none of them a control character",
            ));
        }
        if scopes.is_empty() {
            return Err(AccountError::wrong("scopes", "name at least one"));
        }
        let (id, now, secret) = (self.entropy.id(), self.now(), self.entropy.token());
        let expires = days.map(|days| now + TimeDelta::days(days.into()));
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let database = self.database().await?;
        // A revoked key gives its name back.
        let rows = query(
            &database,
            "add an API key",
            "WITH gone AS (DELETE FROM api_keys WHERE user_id = $2 AND revoked_at IS NOT NULL) \
             INSERT INTO api_keys (id, user_id, name, scopes, hash, created_at, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7 \
             WHERE (SELECT count(*) FROM api_keys WHERE user_id = $2 AND revoked_at IS NULL) < $8 \
             ON CONFLICT (user_id, name) DO NOTHING \
             RETURNING id, name, scopes, created_at, expires_at, last_used_at",
            &[
                &id,
                &user.0,
                &name,
                &names,
                &secrets::hash(&secret),
                &now,
                &expires,
                &MOST,
            ],
        )
        .await?;
        let made = rows.first().map(view).ok_or(AccountError::Conflict(
            "there is a key of this name, or there are as many keys as there may be",
        ))?;
        self.note("api_key.made", true, Some(user), client);
        Ok((made, shown(id, &secret)))
    }

    /// The user's keys, the newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKey>, AccountError> {
        let database = self.database().await?;
        let rows = query(
            &database,
            "list API keys",
            "SELECT id, name, scopes, created_at, expires_at, last_used_at FROM api_keys \
             WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id",
            &[&user.0],
        )
        .await?;
        Ok(rows.iter().map(view).collect())
    }

    /// Ends a key, at once.
    ///
    /// # Errors
    /// When the user has no such key, or the database is away.
    pub async fn revoke_api_key(
        &self,
        user: UserId,
        key: Uuid,
        client: &Client,
    ) -> Result<(), AccountError> {
        let database = self.database().await?;
        let ended = execute(
            &database,
            "end an API key",
            "UPDATE api_keys SET revoked_at = $3 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
            &[&key, &user.0, &self.now()],
        )
        .await?;
        if ended == 0 {
            return Err(AccountError::Unknown("API key"));
        }
        self.note("api_key.revoked", true, Some(user), client);
        Ok(())
    }

    /// Gives a key another secret, shown this once; the one before holds for `overlap` more.
    ///
    /// # Errors
    /// When the user has no such key, or the database is away.
    pub async fn rotate_api_key(
        &self,
        user: UserId,
        key: Uuid,
        overlap: TimeDelta,
        client: &Client,
    ) -> Result<(ApiKey, String), AccountError> {
        let (secret, now) = (self.entropy.token(), self.now());
        let database = self.database().await?;
        let rows = query(
            &database,
            "rotate an API key",
            "UPDATE api_keys SET previous_hash = hash, previous_until = $4, hash = $3 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $5) \
             RETURNING id, name, scopes, created_at, expires_at, last_used_at",
            &[
                &key,
                &user.0,
                &secrets::hash(&secret),
                &(now + overlap),
                &now,
            ],
        )
        .await?;
        let rotated = rows
            .first()
            .map(view)
            .ok_or(AccountError::Unknown("API key"))?;
        self.note("api_key.rotated", true, Some(user), client);
        Ok((rotated, shown(key, &secret)))
    }

    /// Whether a key still holds, for what lasts longer than a request.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn api_key_holds(&self, key: Uuid) -> Result<bool, AccountError> {
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up an API key",
            "SELECT FROM api_keys WHERE id = $1 AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $2)",
            &[&key, &self.now()],
        )
        .await?;
        Ok(!rows.is_empty())
    }

    /// Whether a bearer token is an API key, good or bad.
    #[must_use]
    pub fn is_api_key(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Who a key speaks for.
    ///
    /// # Errors
    /// When the key is unknown, expired or revoked, or the database is away.
    pub async fn authenticate_key(&self, token: &str) -> Result<KeyAccess, AccountError> {
        let bad = || AccountError::BadToken("the API key is unknown, expired or revoked");
        let (id, secret) = parse(token).ok_or_else(bad)?;
        let now = self.now();
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up an API key",
            "SELECT user_id, scopes, hash, previous_hash, previous_until, last_used_at \
             FROM api_keys WHERE id = $1 AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > $2)",
            &[&id, &now],
        )
        .await?;
        let row = rows.first().ok_or_else(bad)?;
        let given = secrets::hash(secret);
        let same = |stored: &[u8]| verify_slices_are_equal(stored, &given).is_ok();
        let previous: Option<&[u8]> = row.get(3);
        let until: Option<DateTime<Utc>> = row.get(4);
        let overlaps = until.is_some_and(|until| now < until);
        if !same(row.get(2)) && !previous.is_some_and(|hash| overlaps && same(hash)) {
            return Err(bad());
        }
        let used: Option<DateTime<Utc>> = row.get(5);
        if used.is_none_or(|used| used + USE_NOTED <= now) {
            execute(
                &database,
                "note the use of an API key",
                "UPDATE api_keys SET last_used_at = $2 WHERE id = $1",
                &[&id, &now],
            )
            .await?;
        }
        Ok(KeyAccess {
            user: UserId(row.get(0)),
            key: id,
            scopes: row.get(1),
        })
    }
}

fn shown(id: Uuid, secret: &str) -> String {
    format!("{PREFIX}{}_{secret}", id.simple())
}

fn parse(token: &str) -> Option<(Uuid, &str)> {
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
