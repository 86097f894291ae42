//! Emails to users, composed when they are sent. Links and codes are made here, at the last
//! moment.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::store::{execute, query};

use super::error::AccountError;
use super::types::UserId;
use super::users::{self, Email};
use super::{Accounts, User};
use crate::notifications::{self, Composer, Composition, Due, EmailKind, OutboxView};
use crate::secrets;

/// Links of one purpose that may be valid at a time; more are not sent.
const LINKS: i64 = 5;

#[async_trait]
impl Composer for Accounts {
    async fn compose(&self, due: &Due) -> Result<Composition, String> {
        self.composition(due)
            .await
            .map_err(|error| error.to_string())
    }

    fn now(&self) -> DateTime<Utc> {
        Self::now(self)
    }
}

impl Accounts {
    /// Sends emails whenever some are due. Runs until dropped.
    pub(crate) async fn keep_mail(&self, context: &LoopContext) {
        self.outbox_worker.run(self, context).await;
    }

    /// Sends some of the emails that are due; answers how many were taken.
    ///
    /// # Errors
    /// When the database is away. An email that cannot be sent is tried again later.
    pub async fn send_due(&self) -> Result<usize, AccountError> {
        let sent = self.outbox_worker.send_due(self).await?;
        sent.ok_or(AccountError::Unavailable)
    }

    /// The newest emails of the outbox, newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxView>, AccountError> {
        let database = self.database().await?;
        Ok(notifications::newest(&database, limit).await?)
    }

    /// Removes old emails and links.
    pub(super) async fn tidy_mail(&self) -> Result<(), AccountError> {
        let (database, now) = (self.database().await?, self.now());
        notifications::tidy(&database, now).await?;
        execute(
            &database,
            "remove old links",
            "DELETE FROM mail_links WHERE expires_at < $1",
            &[&(now - TimeDelta::days(30))],
        )
        .await?;
        Ok(())
    }

    async fn composition(&self, due: &Due) -> Result<Composition, AccountError> {
        let Some((user, to)) = self.addressee(due).await? else {
            return Ok(Composition::Pointless("there is nobody to write to"));
        };
        let has_link = matches!(
            due.kind,
            EmailKind::VerifyEmail | EmailKind::ResetPassword | EmailKind::ChangeEmail
        );
        if due.kind == EmailKind::VerifyEmail
            && user.as_ref().is_none_or(|user| user.email_verified)
        {
            return Ok(Composition::Pointless("the address is verified already"));
        }
        let token = match (has_link, &user) {
            (true, Some(user)) => match self.link_of(due, user, &to).await? {
                Some(token) => Some(token),
                None => {
                    return Ok(Composition::Pointless(
                        "its link was used, there are enough others, or it was dropped",
                    ));
                }
            },
            _ => None,
        };
        Ok(Composition::Email {
            to,
            name: user.and_then(|user| user.display_name),
            token,
        })
    }

    /// Whom an email is for, and at which address; the user may have gone meanwhile.
    async fn addressee(&self, due: &Due) -> Result<Option<(Option<User>, String)>, AccountError> {
        let database = self.database().await?;
        let found = match (due.kind, due.user) {
            (EmailKind::AccountDeleted, _) => return Ok(Some((None, due.recipient.clone()))),
            // Asked for by somebody who is not signed in: only now is looked whether there is one.
            (EmailKind::ResetPassword, _) => {
                users::by_email(&database, &Email::key_of(&due.recipient)).await?
            }
            (_, Some(user)) => users::by_id(&database, UserId(user)).await?,
            (_, None) => None,
        };
        Ok(found.map(|found| {
            let to = match due.kind {
                EmailKind::ResetPassword => found.user.email.clone(),
                _ => due.recipient.clone(),
            };
            (Some(found.user), to)
        }))
    }

    /// The token of an email's link, which follows from the email's id; its hash is stored. `None` when
    /// it was used already, there are enough others, or the email was dropped meanwhile.
    async fn link_of(
        &self,
        due: &Due,
        user: &User,
        to: &str,
    ) -> Result<Option<String>, AccountError> {
        let (now, kind) = (self.now(), due.kind);
        let expires = match kind {
            EmailKind::ResetPassword => now + TimeDelta::hours(1),
            _ => now + TimeDelta::days(1),
        };
        let token = self.derivation.email_link(due.id);
        let hash = secrets::hash(&token);
        let database = self.database().await?;
        let rows = query(
            &database,
            "count links",
            "SELECT count(*) FROM mail_links \
             WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 \
               AND hash <> $4",
            &[&user.id.0, &kind.name(), &now, &hash],
        )
        .await?;
        if rows
            .first()
            .is_some_and(|row| row.get::<_, i64>(0) >= LINKS)
        {
            return Ok(None);
        }
        let added = execute(
            &database,
            "add a link",
            // The lock: who drops the email waits for the link, and then uses it up, or was first.
            "INSERT INTO mail_links (hash, purpose, user_id, email, created_at, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6 FROM outbox \
             WHERE id = $7 AND dropped_at IS NULL FOR SHARE \
             ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at \
             WHERE mail_links.used_at IS NULL",
            &[
                &hash,
                &kind.name(),
                &user.id.0,
                &to,
                &now,
                &expires,
                &due.id,
            ],
        )
        .await?;
        Ok((added == 1).then_some(token))
    }
}
