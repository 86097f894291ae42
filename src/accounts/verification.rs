//! Proving that an email address is one's own: at registration, and when it is changed.

use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::error::AccountError;
use super::users::{self, Email};
use crate::accounts::types::{Client, UserId};
use crate::accounts::{Accounts, User};
use crate::notifications::{self, EmailKind};
use crate::secrets;

impl Accounts {
    /// Puts an email to a user into the outbox. After the commit, [`Accounts::wake_outbox`] sends it soon.
    pub(super) async fn write_to<C: GenericClient>(
        &self,
        database: &C,
        kind: EmailKind,
        user: &User,
        facts: Value,
    ) -> Result<(), AccountError> {
        let to = (user.email.as_str(), Some(user.id.0));
        notifications::enqueue(database, self.randomness.id(), kind, to, facts, self.now()).await?;
        Ok(())
    }

    /// Says that there is something in the outbox.
    pub(super) fn wake_outbox(&self) {
        self.outbox_worker.wake();
    }

    /// Opens an email's link: the address is verified, or becomes the user's. Opening it again is
    /// fine as long as it led to what is so.
    ///
    /// # Errors
    /// When the link is unknown, used or too old, or somebody else has taken the address meanwhile.
    pub async fn verify_email(&self, token: &str, client: &Client) -> Result<User, AccountError> {
        let now = self.now();
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("verify"))?;
        let rows = query(
            &transaction,
            "look up a link",
            "SELECT purpose, user_id, email, used_at IS NOT NULL FROM mail_links \
             WHERE hash = $1 AND purpose IN ('verify_email', 'change_email') AND expires_at > $2 \
             FOR UPDATE",
            &[&secrets::hash(token), &now],
        )
        .await?;
        let row = rows.first().ok_or(AccountError::BadLink)?;
        let (purpose, id, email): (&str, Uuid, &str) = (row.get(0), row.get(1), row.get(2));
        let found = users::by_id(&transaction, UserId(id)).await?;
        let mut user = found.ok_or(AccountError::BadLink)?.user;
        let is_so = user.email == email && user.email_verified;
        if is_so {
            return Ok(user);
        }
        if row.get(3) || (purpose == "verify_email" && user.email != email) {
            return Err(AccountError::BadLink);
        }
        let key = Email::key_of(email);
        let updated = execute(
            &transaction,
            "verify an address",
            "UPDATE users SET email = $2, email_key = $3, email_verified_at = $4 WHERE id = $1",
            &[&id, &email, &key, &now],
        )
        .await;
        match updated {
            Err(error) if is_taken(&error) => return Err(AccountError::EmailTaken),
            other => other?,
        };
        execute(
            &transaction,
            "use a link",
            "UPDATE mail_links SET used_at = $2 WHERE hash = $1",
            &[&secrets::hash(token), &now],
        )
        .await?;
        if user.email != email {
            // To the old address, which `user` still has.
            let facts = json!({ "email": email });
            self.write_to(&transaction, EmailKind::EmailChanged, &user, facts)
                .await?;
        }
        transaction.commit().await.map_err(failed("verify"))?;
        self.wake_outbox();
        user.email = email.to_owned();
        user.email_verified = true;
        self.note("email.verified", true, Some(user.id), client);
        Ok(user)
    }

    /// Sends the link once more.
    ///
    /// # Errors
    /// When the address is verified already, or the database is away.
    pub async fn resend_verification(
        &self,
        id: UserId,
        client: &Client,
    ) -> Result<(), AccountError> {
        let session = self.database().await?;
        let found = users::by_id(&session, id).await?;
        let user = found.ok_or(AccountError::NotSignedIn)?.user;
        if user.email_verified {
            return Err(AccountError::Conflict(
                "the email address is verified already",
            ));
        }
        self.write_to(&session, EmailKind::VerifyEmail, &user, Value::Null)
            .await?;
        self.wake_outbox();
        self.note("email.verification_asked", true, Some(id), client);
        Ok(())
    }
}

fn is_taken(error: &coinsphere_pipelines::store::StoreError) -> bool {
    use coinsphere_pipelines::store::StoreError;
    matches!(error, StoreError::Statement { source, .. }
        if source.code() == Some(&SqlState::UNIQUE_VIOLATION))
}
