//! The table of emails to be sent. It holds what to say and to whom; links are made when an email
//! is sent, so that no secret waits here, and asking for an email takes as long whether there is such
//! a user or not.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, StoreError, Transaction, execute, query};
use serde_json::Value;
use uuid::Uuid;

use crate::user_data::{DataSubject, UserData, rows_of};

/// Attempts before an email is given up: the last is made a day after the first.
const ATTEMPTS: i32 = 12;

/// Kind of email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmailKind {
    /// With a link that proves the address.
    VerifyEmail,
    /// With a code to set another password.
    ResetPassword,
    /// To a new address, with a link that makes it the user's.
    ChangeEmail,
    /// To the old address: there is another now.
    EmailChanged,
    /// The password was changed.
    PasswordChanged,
    /// A second factor was added or removed.
    SecondFactorChanged,
    /// Somebody signed in as nobody has before.
    NewSignIn,
    /// An identity at a provider was linked to the account.
    IdentityLinked,
    /// The account has been deleted.
    AccountDeleted,
    /// Notifications, by a channel of the user's.
    Notification,
}

impl EmailKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::SecondFactorChanged,
        Self::NewSignIn,
        Self::IdentityLinked,
        Self::AccountDeleted,
        Self::Notification,
    ];

    /// As it is stored; for emails with links, the link's purpose too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorChanged => "second_factor_changed",
            Self::NewSignIn => "new_sign_in",
            Self::IdentityLinked => "identity_linked",
            Self::AccountDeleted => "account_deleted",
            Self::Notification => "notification",
        }
    }

    fn named(name: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| StoreError::Unreadable(format!("the kind of email {name:?}")))
    }
}

/// An email that is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) id: Uuid,
    pub(crate) kind: EmailKind,
    pub(crate) recipient: String,
    pub(crate) user: Option<Uuid>,
    pub(crate) facts: Value,
    pub(crate) attempts: i32,
}

/// An email, as shown to the operator.
#[derive(Debug, Clone)]
pub struct OutboxView {
    /// Which.
    pub id: Uuid,
    /// Kind of email.
    pub kind: String,
    /// To whom.
    pub recipient: String,
    /// Since when it waits or waited.
    pub created_at: DateTime<Utc>,
    /// The number of times it was tried.
    pub attempts: i32,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was given up.
    pub dropped_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed, or it was given up.
    pub last_error: Option<String>,
}

/// Puts an email into the outbox.
pub(crate) async fn enqueue<C: GenericClient>(
    database: &C,
    id: Uuid,
    kind: EmailKind,
    to: (&str, Option<Uuid>),
    facts: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (recipient, user) = to;
    execute(
        database,
        "put an email into the outbox",
        "INSERT INTO outbox (id, kind, recipient, user_id, facts, created_at, next_attempt_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        &[&id, &kind.name(), &recipient, &user, &facts, &now],
    )
    .await?;
    Ok(())
}

/// Takes emails that are due; each is due again later, should this process not live to say that it
/// was sent.
pub(crate) async fn take<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<Vec<Due>, StoreError> {
    let rows = query(
        database,
        "take emails out of the outbox",
        "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = \
           $1 + least(30 * power(2, least(attempts, 20)), 14400) * interval '1 second' \
         WHERE id IN (SELECT id FROM outbox WHERE sent_at IS NULL AND dropped_at IS NULL \
           AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT 10 FOR UPDATE SKIP LOCKED) \
         RETURNING id, kind, recipient, user_id, facts, attempts",
        &[&now],
    )
    .await?;
    let mut due = Vec::new();
    for row in &rows {
        due.push(Due {
            id: row.get(0),
            kind: EmailKind::named(row.get(1))?,
            recipient: row.get(2),
            user: row.get::<_, Option<Uuid>>(3),
            facts: row.get(4),
            attempts: row.get(5),
        });
    }
    Ok(due)
}

/// Outcome of an email.
#[derive(Debug)]
pub(crate) enum Outcome {
    Sent,
    /// Nobody to write to, or nothing to say any more.
    Pointless(&'static str),
    Failed(String),
}

pub(crate) async fn settle<C: GenericClient>(
    database: &C,
    due: &Due,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (sent, dropped, error) = match outcome {
        Outcome::Sent => (Some(now), None, None),
        Outcome::Pointless(why) => (None, Some(now), Some((*why).to_owned())),
        Outcome::Failed(why) => {
            let given_up = due.attempts >= ATTEMPTS;
            (None, given_up.then_some(now), Some(why.clone()))
        }
    };
    execute(
        database,
        "note what became of an email",
        // Of an account that is gone, the address stays no longer than it must.
        "UPDATE outbox SET sent_at = $2, dropped_at = $3, last_error = $4, \
           recipient = CASE WHEN kind = 'account_deleted' AND coalesce($2::timestamptz, $3::timestamptz) IS NOT NULL \
             THEN '' ELSE recipient END WHERE id = $1 AND dropped_at IS NULL",
        &[&due.id, &sent, &dropped, &error],
    )
    .await?;
    Ok(())
}

/// Removes emails that nobody needs any more.
pub(crate) async fn tidy<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let old = now - TimeDelta::days(30);
    let sql = "DELETE FROM outbox WHERE sent_at < $1 OR dropped_at < $1";
    execute(database, "remove old emails", sql, &[&old]).await?;
    Ok(())
}

/// The newest emails of the outbox, newest first.
pub(crate) async fn newest<C: GenericClient>(
    database: &C,
    limit: u32,
) -> Result<Vec<OutboxView>, StoreError> {
    let rows = query(
        database,
        "list the outbox",
        "SELECT id, kind, recipient, created_at, attempts, sent_at, dropped_at, last_error \
             FROM outbox ORDER BY created_at DESC, id LIMIT $1",
        &[&i64::from(limit)],
    )
    .await?;
    let view = |row: &tokio_postgres::Row| OutboxView {
        id: row.get(0),
        kind: row.get(1),
        recipient: row.get(2),
        created_at: row.get(3),
        attempts: row.get(4),
        sent_at: row.get(5),
        dropped_at: row.get(6),
        last_error: row.get(7),
    };
    Ok(rows.iter().map(view).collect())
}

/// A user's emails in the outbox.
pub(crate) struct OutboxUserData;

#[async_trait]
impl UserData for OutboxUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["outbox"]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        let sql = "SELECT kind, recipient, created_at, sent_at FROM outbox WHERE user_id = $1 \
                   ORDER BY created_at";
        Ok(vec![("emails", rows_of(database, sql, user).await?)])
    }

    async fn erase(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE user_id = $1 OR lower(recipient) = $2";
        execute(database, "remove emails", sql, &[&user.id, &user.email_key]).await?;
        Ok(())
    }
}
