//! Requests that come with an API key: who it speaks for, and that a signed one is taken once. What
//! was signed, others judge.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, query};
use uuid::Uuid;

use super::api_keys::{PREFIX, Scope, parse};
use super::error::AccountError;
use super::public_key::PublicKey;
use crate::accounts::Accounts;
use crate::accounts::types::{Client, UserId};
use crate::secrets;

/// `last_used_at` is no finer than this: not every request is worth a write.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

/// Time that a nonce is kept beyond its request's window, for clocks that differ.
const MARGIN: TimeDelta = TimeDelta::minutes(1);

/// Who a good key speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAccess {
    /// The user.
    pub user: UserId,
    /// The key.
    pub key: Uuid,
    /// Permissions of the key.
    pub scopes: Vec<String>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Public key that verifies its signed requests.
    pub public_key: Option<PublicKey>,
}

impl KeyAccess {
    /// Returns whether it may be used for this.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|one| one == scope.name())
    }
}

impl Accounts {
    /// Returns whether a bearer token is an API key, good or bad.
    #[must_use]
    pub fn is_api_key(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Who a key speaks for.
    ///
    /// # Errors
    /// When the key is unknown, expired or revoked, its user is disabled, or the database is away.
    pub async fn authenticate_key(&self, token: &str) -> Result<KeyAccess, AccountError> {
        let bad = || AccountError::BadToken("the API key is unknown, expired or revoked");
        let (id, secret) = parse(token).ok_or_else(bad)?;
        let now = self.now();
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up an API key",
            "SELECT k.user_id, k.scopes, k.hash, k.previous_hash, k.previous_until, \
               k.last_used_at, k.expires_at, k.public_key \
             FROM api_keys k JOIN users u ON u.id = k.user_id AND u.disabled_at IS NULL \
             WHERE k.id = $1 AND k.revoked_at IS NULL \
               AND (k.expires_at IS NULL OR k.expires_at > $2)",
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
            expires_at: row.get(6),
            public_key: row.get::<_, Option<&[u8]>>(7).and_then(PublicKey::stored),
        })
    }

    /// Returns whether a key is still valid, for what lasts longer than a request.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn api_key_is_valid(&self, key: Uuid) -> Result<bool, AccountError> {
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up an API key",
            "SELECT FROM api_keys k JOIN users u ON u.id = k.user_id AND u.disabled_at IS NULL \
             WHERE k.id = $1 AND k.revoked_at IS NULL \
               AND (k.expires_at IS NULL OR k.expires_at > $2)",
            &[&key, &self.now()],
        )
        .await?;
        Ok(!rows.is_empty())
    }

    /// Uses a signed request's nonce up: true for the first of several, in whichever process. It is
    /// remembered for longer than the request's time would be taken.
    ///
    /// # Errors
    /// When the database is away: then nobody can tell, and the request must be refused.
    pub async fn use_nonce(&self, key: Uuid, nonce: &str) -> Result<bool, AccountError> {
        let (now, window) = self.signature_window();
        // A request whose time lies `window` ahead is taken until `window` after that.
        let expires = now + window + window + MARGIN;
        let database = self.database().await?;
        let added = execute(
            &database,
            "use a nonce",
            "INSERT INTO signature_nonces (key_id, hash, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key_id, hash) DO NOTHING",
            &[&key, &secrets::hash(nonce), &expires],
        )
        .await?;
        Ok(added == 1)
    }

    /// Records what became of a request that was or should have been signed.
    pub fn note_signature(&self, access: &KeyAccess, good: bool, client: &Client) {
        let what = match good {
            true => "api_key.signed_request",
            false => "api_key.signature_refused",
        };
        self.note_about(what, good, Some(access.user), Some(access.key), client);
    }
}

/// Removes nonces of requests that would be refused for their time anyway.
pub(super) async fn tidy<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        database,
        "remove old nonces",
        "DELETE FROM signature_nonces WHERE expires_at < $1",
        &[&now],
    )
    .await?;
    Ok(())
}
