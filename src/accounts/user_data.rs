//! The data that accounts keep of a user.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction, execute};
use serde_json::Value;

use crate::user_data::{DataSubject, UserData, rows_of};

/// Each part of an export: its name, and the rows it is made of. Never a hash or a secret.
const PARTS: [(&str, &str); 5] = [
    (
        "sessions",
        "SELECT id, created_at, last_used_at, expires_at, revoked_at, revoked_for, address, \
         user_agent FROM sessions WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "second_factor",
        "SELECT created_at, confirmed_at FROM totp_factors WHERE user_id = $1",
    ),
    (
        "identities",
        "SELECT issuer, subject, created_at, last_used_at FROM user_identities \
         WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "api_keys",
        "SELECT id, name, scopes, created_at, expires_at, last_used_at, revoked_at, \
         encode(public_key, 'base64') AS public_key \
         FROM api_keys WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "known_clients",
        "SELECT kind, value, last_at FROM known_clients WHERE user_id = $1 ORDER BY kind, last_at",
    ),
];

/// Data that accounts keep of a user.
pub struct AccountUserData;

#[async_trait]
impl UserData for AccountUserData {
    fn tables(&self) -> &'static [&'static str] {
        &[
            "users",
            "sessions",
            "mail_links",
            "totp_factors",
            "recovery_codes",
            "api_keys",
            "user_identities",
            "provider_sign_ins",
            "known_clients",
        ]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        let mut parts = Vec::new();
        for (name, rows) in PARTS {
            parts.push((name, rows_of(database, rows, user).await?));
        }
        Ok(parts)
    }

    async fn erase(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<(), StoreError> {
        // Ended sessions stay known until their tokens expire, without saying whose they were.
        let sql = "UPDATE sessions SET address = NULL, user_agent = NULL WHERE user_id = $1";
        execute(
            database,
            "forget where sessions were begun",
            sql,
            &[&user.id],
        )
        .await?;
        Ok(())
    }
}
