//! Taking one's data along, and leaving.

use coinsphere_pipelines::store::{GenericClient, Transaction, execute, failed, query};
use serde_json::{Value, json};

use super::administration;
use super::credentials::Proof;
use super::error::AccountError;
use super::users::{self, Email};
use super::{Accounts, User};
use crate::accounts::types::{Client, UserId};
use crate::notifications::{self, EmailKind};
use crate::user_data::DataSubject;

impl Accounts {
    /// Everything that is kept for a user, as JSON.
    ///
    /// # Errors
    /// When the account has gone, or the database is away.
    pub async fn export(&self, id: UserId) -> Result<Value, AccountError> {
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("export an account"))?;
        let found = users::by_id(&transaction, id).await?;
        let user = found.ok_or(AccountError::NotSignedIn)?.user;
        self.export_in(&transaction, &user).await
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

    /// Deletes an account and all that is kept for it, with an email to its address; answers what was
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
                "this is the only admin account: make somebody else an admin first",
            ));
        }
        lock(&transaction, id).await?;
        let found = users::by_id(&transaction, id).await?;
        let user = found.ok_or(unknown)?.user;
        let exported = self.export_in(&transaction, &user).await?;
        let ended = self
            .revoke_all(&transaction, id, "the account was deleted", now)
            .await?;
        self.void_invitations(&transaction, id).await?;
        let subject = subject_of(&user);
        for feature in &self.user_data {
            feature.erase(&transaction, &subject).await?;
        }
        let sql = "DELETE FROM users WHERE id = $1";
        execute(&transaction, "delete an account", sql, &[&id.0]).await?;
        let (email, to) = (self.randomness.id(), (user.email.as_str(), None));
        notifications::enqueue(
            &transaction,
            email,
            EmailKind::AccountDeleted,
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
        self.wake_outbox();
        Ok(exported)
    }

    /// Collects the data that every feature keeps of a user.
    async fn export_in(
        &self,
        transaction: &Transaction<'_>,
        user: &User,
    ) -> Result<Value, AccountError> {
        let subject = subject_of(user);
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
        for feature in &self.user_data {
            for (name, part) in feature.export(transaction, &subject).await? {
                all[name] = part;
            }
        }
        Ok(all)
    }
}

fn subject_of(user: &User) -> DataSubject {
    DataSubject {
        id: user.id.0,
        email_key: Email::key_of(&user.email),
    }
}

/// Keeps everybody else from changing a user until the transaction's end.
async fn lock<C: GenericClient>(transaction: &C, id: UserId) -> Result<(), AccountError> {
    let sql = "SELECT FROM users WHERE id = $1 FOR UPDATE";
    query(transaction, "lock a user", sql, &[&id.0]).await?;
    Ok(())
}
