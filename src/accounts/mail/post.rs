//! Takes letters out of the outbox and sends them. Links and codes are made here, at the last moment.

use std::time::Duration;

use chrono::TimeDelta;
use coinsphere_pipelines::store::{execute, query};

use super::letters::{About, write};
use super::outbox::{Due, Kind, Outcome, settle, take, tidy};
use crate::accounts::error::AccountError;
use crate::accounts::users::{self, Email};
use crate::accounts::{Accounts, User};
use crate::secrets;

/// How often the outbox is looked at when nobody says that there is something in it.
const ROUND: Duration = Duration::from_secs(15);

/// Links of one purpose that may hold at a time; more are not sent.
const LINKS: i64 = 5;

impl Accounts {
    /// Sends what is due, whenever something is. Runs until dropped.
    pub(in crate::accounts) async fn keep_mail(&self) {
        loop {
            match self.send_due().await {
                Ok(0) => {
                    tokio::select! {
                        () = tokio::time::sleep(ROUND) => {}
                        () = self.outbox_grew.notified() => {}
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot look into the outbox");
                    tokio::time::sleep(ROUND).await;
                }
            }
        }
    }

    /// Sends some of the letters that are due; answers how many were taken.
    ///
    /// # Errors
    /// When the database is away. A letter that cannot be sent is tried again later.
    pub async fn send_due(&self) -> Result<usize, AccountError> {
        let now = self.now();
        let due = {
            let database = self.database().await?;
            take(&database, now).await?
        };
        for letter in &due {
            let outcome = match self.send(letter).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Failed(error.to_string()),
            };
            let label = match &outcome {
                Outcome::Sent => "sent",
                Outcome::Pointless(_) => "pointless",
                Outcome::Failed(why) => {
                    tracing::warn!(kind = letter.kind.name(), attempt = letter.attempts, error = %why, "a letter could not be sent");
                    "failed"
                }
            };
            metrics::counter!("coinsphere_mail_total", "outcome" => label).increment(1);
            let database = self.database().await?;
            settle(&database, letter, &outcome, self.now()).await?;
        }
        Ok(due.len())
    }

    /// Removes old letters and links.
    pub(in crate::accounts) async fn tidy_mail(&self) -> Result<(), AccountError> {
        tidy(&self.database().await?, self.now()).await
    }

    async fn send(&self, due: &Due) -> Result<Outcome, AccountError> {
        let Some((user, to)) = self.addressee(due).await? else {
            return Ok(Outcome::Pointless("there is nobody to write to"));
        };
        let has_link = matches!(
            due.kind,
            Kind::VerifyEmail | Kind::ResetPassword | Kind::ChangeEmail
        );
        if due.kind == Kind::VerifyEmail && user.as_ref().is_none_or(|user| user.email_verified) {
            return Ok(Outcome::Pointless("the address is verified already"));
        }
        let token = match (has_link, &user) {
            (true, Some(user)) => match self.link_of(due, user, &to).await? {
                Some(token) => Some(token),
                None => {
                    return Ok(Outcome::Pointless(
                        "its link was used, there are enough others, or it was dropped",
                    ));
                }
            },
            _ => None,
        };
        let letter = write(
            due.kind,
            About {
                name: user.as_ref().and_then(|user| user.display_name.as_deref()),
                server: &self.public_url,
                token: token.as_deref(),
                facts: &due.facts,
            },
        );
        let sent = self.delivery.send(due.id, &to, letter, self.now()).await;
        Ok(match sent {
            Ok(()) => Outcome::Sent,
            // Perhaps only the server's answer was lost: the link is valid, and the next attempt sends
            // the same one.
            Err(why) => Outcome::Failed(why),
        })
    }

    /// Whom a letter is for, and at which address; the user may have gone meanwhile.
    async fn addressee(&self, due: &Due) -> Result<Option<(Option<User>, String)>, AccountError> {
        let database = self.database().await?;
        let found = match (due.kind, due.user) {
            (Kind::AccountDeleted, _) => return Ok(Some((None, due.recipient.clone()))),
            // Asked for by somebody who is not signed in: only now is looked whether there is one.
            (Kind::ResetPassword, _) => {
                users::by_email(&database, &Email::key_of(&due.recipient)).await?
            }
            (_, Some(user)) => users::by_id(&database, user).await?,
            (_, None) => None,
        };
        Ok(found.map(|found| {
            let to = match due.kind {
                Kind::ResetPassword => found.user.email.clone(),
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
            Kind::ResetPassword => now + TimeDelta::hours(1),
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
            // The lock: who drops the letter waits for the link, and then uses it up, or was first.
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
