//! Taking one's data along, and leaving.

use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;

use super::administration;
use super::credentials::Proof;
use super::error::AccountError;
use super::mail::{self, Kind};
use super::users::{self, Email};
use super::{Accounts, Client, User, UserId};

/// Each part of an export: its name, and the rows it is made of. Never a hash or a secret.
const PARTS: [(&str, &str); 6] = [
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
    (
        "letters",
        "SELECT kind, recipient, created_at, sent_at FROM outbox WHERE user_id = $1 \
         ORDER BY created_at",
    ),
];

impl Accounts {
    /// Everything that is kept for a user, as JSON.
    ///
    /// # Errors
    /// When the account has gone, or the database is away.
    pub async fn export(&self, id: UserId) -> Result<Value, AccountError> {
        let database = self.database().await?;
        let found = users::by_id(&database, id).await?;
        export(&database, &found.ok_or(AccountError::NotSignedIn)?.user).await
    }

    /// Deletes an account and all that is kept for it; answers that once more.
    ///
    /// # Errors
    /// When the proof is wrong, it is the only admin's, or the database is away.
    pub async fn delete(
        &self,
        id: UserId,
        proof: &Proof,
        client: &Client,
    ) -> Result<Value, AccountError> {
        self.proven(id, proof, "password", client).await?;
        let exported = self.erase(id, AccountError::NotSignedIn).await?;
        self.note("user.deleted", true, Some(id), client);
        Ok(exported)
    }

    /// Deletes somebody's account, for an admin.
    ///
    /// # Errors
    /// When there is no such user, it is the only admin's, or the database is away.
    pub async fn delete_user(
        &self,
        by: UserId,
        id: UserId,
        client: &Client,
    ) -> Result<(), AccountError> {
        self.erase(id, administration::NO_USER).await?;
        self.note_by(by, "user.deleted", id, None, client);
        Ok(())
    }

    /// Deletes an account and all that is kept for it, with a letter to its address; answers what was
    /// kept.
    async fn erase(&self, id: UserId, unknown: AccountError) -> Result<Value, AccountError> {
        let now = self.now();
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("delete an account"))?;
        // Whatever the role was before: the admins stay locked from here on.
        if administration::is_last_admin(&transaction, id).await? {
            return Err(AccountError::Conflict(
                "this is the only admin's account: make another admin first",
            ));
        }
        lock(&transaction, id).await?;
        let found = users::by_id(&transaction, id).await?;
        let user = found.ok_or(unknown)?.user;
        let exported = export(&transaction, &user).await?;
        let ended = self
            .revoke_all(&transaction, id, "the account was deleted", now)
            .await?;
        self.void_invitations(&transaction, id).await?;
        let (own, key) = (id.0, Email::key_of(&user.email));
        let subject = own.to_string();
        let steps: [(&str, &str, &[&(dyn ToSql + Sync)]); 4] = [
            (
                "forget where sessions were begun",
                "UPDATE sessions SET address = NULL, user_agent = NULL WHERE user_id = $1",
                &[&own],
            ),
            (
                "remove letters",
                "DELETE FROM outbox WHERE user_id = $1 OR lower(recipient) = $2",
                &[&own, &key],
            ),
            (
                "forget answers",
                "DELETE FROM idempotency_keys WHERE subject = $1",
                &[&subject],
            ),
            (
                "delete an account",
                "DELETE FROM users WHERE id = $1",
                &[&own],
            ),
        ];
        for (doing, sql, given) in steps {
            execute(&transaction, doing, sql, given).await?;
        }
        let (letter, to) = (self.entropy.id(), (user.email.as_str(), None));
        mail::enqueue(
            &transaction,
            letter,
            Kind::AccountDeleted,
            to,
            Value::Null,
            now,
        )
        .await?;
        transaction
            .commit()
            .await
            .map_err(failed("delete an account"))?;
        self.revoked(ended);
        self.post();
        Ok(exported)
    }
}

/// Keeps everybody else from changing a user until the transaction's end.
async fn lock<C: GenericClient>(transaction: &C, id: UserId) -> Result<(), AccountError> {
    let sql = "SELECT FROM users WHERE id = $1 FOR UPDATE";
    query(transaction, "lock a user", sql, &[&id.0]).await?;
    Ok(())
}

async fn export<C: GenericClient>(database: &C, user: &User) -> Result<Value, AccountError> {
    let mut all = json!({
        "user": {
            "id": user.id.0,
            "email": user.email,
            "email_verified": user.email_verified,
            "display_name": user.display_name,
            "role": user.role.name(),
            "created_at": user.created_at,
        }
    });
    for (name, rows) in PARTS {
        let sql = format!("SELECT coalesce(jsonb_agg(to_jsonb(part)), '[]') FROM ({rows}) AS part");
        let rows = query(database, "export an account", &sql, &[&user.id.0]).await?;
        all[name] = rows.first().map_or(Value::Null, |row| row.get(0));
    }
    Ok(all)
}
