//! The channels of a user: made, verified by a code that a test message carries, changed and removed.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{Transaction, execute, failed, query};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use uuid::Uuid;

use super::channels::{Message, WebhookSecret};
use super::error::NotificationError;
use super::quiet_hours::QuietHours;
use super::sealed_settings::{StoredSettings, Transport};
use super::service::Notifications;
use crate::secrets;

/// The most channels of a user.
pub const MOST_CHANNELS: i64 = 20;

/// The time for which a code is valid.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(30);

/// Wrong codes until another test message is needed.
const WRONG_CODES: i32 = 5;

/// The time for which a replaced secret signs too.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// A channel, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChannel {
    /// The id.
    pub id: Uuid,
    /// Its kind.
    pub kind: String,
    /// The name that its user gave it.
    pub name: String,
    /// The host that it sends to.
    pub host: Option<String>,
    /// `unverified`, `active` or `disabled`.
    pub state: String,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// When it is quiet: what is not urgent waits until afterwards.
    pub quiet_hours: Option<QuietHours>,
    /// Failures in a row.
    pub failures: i32,
    /// When a message was delivered last.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}

/// Outcome of a test message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutcome {
    /// True if the receiver took it.
    pub delivered: bool,
    /// The fault.
    pub error: Option<String>,
}

/// A channel as it was read, with its settings: a change is made to these and no others.
struct Stored {
    channel: UserChannel,
    settings: StoredSettings,
    sealed: Vec<u8>,
}

/// Lets one at a time add to a user's channels or rename them, so that count and names are right.
async fn lock_names(database: &Transaction<'_>, user: Uuid) -> Result<(), NotificationError> {
    let sql = "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    query(database, "lock a user", sql, &[&user]).await?;
    Ok(())
}

fn changed_meanwhile() -> NotificationError {
    NotificationError::Conflict("the channel was changed at the same time: try again".to_owned())
}

const CHANNEL: &str = "id, kind, name, settings, state, reason, failures, last_success_at, created_at, \
     to_char(quiet_from, 'HH24:MI'), to_char(quiet_to, 'HH24:MI'), quiet_zone";

fn name_of(text: &str) -> Result<&str, NotificationError> {
    let name = text.trim();
    match (1..=100).contains(&name.chars().count()) && !name.contains(char::is_control) {
        true => Ok(name),
        false => Err(NotificationError::wrong("name", "use 1 to 100 characters")),
    }
}

impl Notifications {
    fn channel_of(&self, row: &Row) -> UserChannel {
        let id = row.get(0);
        let settings = self.unseal(id, row.get(3));
        UserChannel {
            id,
            kind: row.get(1),
            name: row.get(2),
            host: settings.ok().and_then(|settings| settings.host()),
            state: row.get(4),
            reason: row.get(5),
            failures: row.get(6),
            last_success_at: row.get(7),
            created_at: row.get(8),
            quiet_hours: QuietHours::of(row.get(9), row.get(10), row.get(11)),
        }
    }

    /// The channels of a user, oldest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn channels(&self, user: Uuid) -> Result<Vec<UserChannel>, NotificationError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT {CHANNEL} FROM notification_channels WHERE user_id = $1 ORDER BY created_at, id"
        );
        let rows = query(&session, "list channels", &sql, &[&user]).await?;
        Ok(rows.iter().map(|row| self.channel_of(row)).collect())
    }

    async fn stored(&self, user: Uuid, id: Uuid) -> Result<Stored, NotificationError> {
        let session = self.session().await?;
        let sql =
            format!("SELECT {CHANNEL} FROM notification_channels WHERE id = $1 AND user_id = $2");
        let rows = query(&session, "look up a channel", &sql, &[&id, &user]).await?;
        let row = rows.first().ok_or(NotificationError::Unknown("channel"))?;
        Ok(Stored {
            channel: self.channel_of(row),
            settings: self.unseal(id, row.get(3))?,
            sealed: row.get(3),
        })
    }

    /// A channel of a user.
    ///
    /// # Errors
    /// When the user has no such channel, or the database is away.
    pub async fn channel(&self, user: Uuid, id: Uuid) -> Result<UserChannel, NotificationError> {
        Ok(self.stored(user, id).await?.channel)
    }

    /// Makes a channel, which is used once it is verified; answers the secret of a webhook, this once.
    ///
    /// # Errors
    /// When a setting is wrong, the name is taken, there are as many channels as there may be, or the database is
    /// away.
    pub async fn create_channel(
        &self,
        user: Uuid,
        name: &str,
        kind: &str,
        settings: Map<String, Value>,
        quiet_hours: Option<&QuietHours>,
    ) -> Result<(UserChannel, Option<String>), NotificationError> {
        let name = name_of(name)?;
        self.check_quiet_hours(quiet_hours).await?;
        let id = self.0.randomness.id();
        let (stored, secret) = self.checked(kind, settings, None)?;
        let sealed = self.seal(id, &stored)?;
        let now = self.now();
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin making a channel"))?;
        lock_names(&database, user).await?;
        let sql = format!(
            "INSERT INTO notification_channels \
               (id, user_id, kind, name, settings, recipient, state, next_at, urgent_next_at, \
                budget_at, urgent_budget_at, created_at, quiet_from, quiet_to, quiet_zone) \
             SELECT $1, $2, $3, $4, $5, $8, 'unverified', $6, $6, $6, $6, $6, $9::text::time, \
               $10::text::time, $11 \
             WHERE (SELECT count(*) FROM notification_channels WHERE user_id = $2) < $7 \
             ON CONFLICT (user_id, name) DO NOTHING RETURNING {CHANNEL}"
        );
        let (from, to, zone) = QuietHours::parts(quiet_hours);
        let made = query(
            &database,
            "make a channel",
            &sql,
            &[
                &id,
                &user,
                &kind,
                &name,
                &sealed,
                &now,
                &MOST_CHANNELS,
                &stored.recipient(),
                &from,
                &to,
                &zone,
            ],
        )
        .await?;
        database.commit().await.map_err(failed("make a channel"))?;
        let made = made.first().ok_or_else(|| {
            NotificationError::Conflict(format!(
                "there is a channel with this name, or there are {MOST_CHANNELS} already"
            ))
        })?;
        Ok((self.channel_of(made), secret))
    }

    /// Settings that a request can be made of, and that the policy allows; with the secret made for a webhook.
    fn checked(
        &self,
        kind: &str,
        mut settings: Map<String, Value>,
        before: Option<&StoredSettings>,
    ) -> Result<(StoredSettings, Option<String>), NotificationError> {
        let wrong = |detail: String| NotificationError::wrong("settings", detail);
        let mut made = None;
        let mut previous_until = None;
        if kind == "webhook" {
            if settings.contains_key("secret") || settings.contains_key("previous_secret") {
                return Err(wrong(
                    "the server makes the secret: leave it out".to_owned(),
                ));
            }
            let secret = match before.and_then(|before| before.channel.get("secret")) {
                Some(secret) => secret.clone(),
                None => {
                    let secret = self.webhook_secret()?;
                    made = Some(secret.clone());
                    Value::String(secret)
                }
            };
            settings.insert("secret".to_owned(), secret);
            if let Some(before) = before
                && let Some(previous) = before.channel.get("previous_secret")
            {
                settings.insert("previous_secret".to_owned(), previous.clone());
                previous_until = before.previous_until;
            }
        }
        settings.insert("kind".to_owned(), Value::String(kind.to_owned()));
        let stored = StoredSettings {
            channel: settings,
            previous_until,
        };
        let transport = stored
            .transport(self.now())
            .map_err(|error| wrong(error.to_string()))?;
        if let Transport::Request(channel) = transport {
            let random = || self.0.randomness.bytes::<32>();
            channel
                .check(self.0.client.policy(), &self.attempt(&random))
                .map_err(|error| wrong(error.to_string()))?;
        }
        Ok((stored, made))
    }

    fn webhook_secret(&self) -> Result<String, NotificationError> {
        let secret = WebhookSecret::from_bytes(&self.0.randomness.bytes::<32>());
        let secret = secret.ok_or_else(|| {
            NotificationError::Conflict("a webhook's secret cannot be made".to_owned())
        })?;
        Ok(secret.reveal())
    }

    /// Renames a channel, or changes its settings; with other settings it has to be verified again.
    ///
    /// # Errors
    /// As [`Self::create_channel`], and when the user has no such channel.
    pub async fn change_channel(
        &self,
        user: Uuid,
        id: Uuid,
        name: Option<&str>,
        settings: Option<Map<String, Value>>,
        quiet_hours: Option<Option<&QuietHours>>,
    ) -> Result<UserChannel, NotificationError> {
        let name = name.map(name_of).transpose()?;
        self.check_quiet_hours(quiet_hours.flatten()).await?;
        let before = self.stored(user, id).await?;
        let (sealed, recipient) = match settings {
            Some(settings) => {
                let kind = &before.channel.kind;
                let (stored, _) = self.checked(kind, settings, Some(&before.settings))?;
                (Some(self.seal(id, &stored)?), Some(stored.recipient()))
            }
            None => (None, None),
        };
        let mut session = self.session().await?;
        let database = session.transaction().await;
        let database = database.map_err(failed("begin changing a channel"))?;
        lock_names(&database, user).await?;
        let sql = "SELECT FROM notification_channels \
             WHERE user_id = $1 AND name = $2 AND id <> $3";
        let namesakes = query(&database, "look for a name", sql, &[&user, &name, &id]).await?;
        if !namesakes.is_empty() {
            return Err(NotificationError::Conflict(
                "there is a channel with this name".to_owned(),
            ));
        }
        let (from, to, zone) = QuietHours::parts(quiet_hours.flatten());
        let sql = format!(
            "UPDATE notification_channels SET name = coalesce($3, name), \
               settings = coalesce($4, settings), recipient = coalesce($5, recipient), \
               state = CASE WHEN $4::bytea IS NULL THEN state ELSE 'unverified' END, \
               reason = CASE WHEN $4::bytea IS NULL THEN reason END, \
               code_hash = CASE WHEN $4::bytea IS NULL THEN code_hash END, \
               quiet_from = CASE WHEN $7 THEN $8::text::time ELSE quiet_from END, \
               quiet_to = CASE WHEN $7 THEN $9::text::time ELSE quiet_to END, \
               quiet_zone = CASE WHEN $7 THEN $10 ELSE quiet_zone END \
             WHERE id = $1 AND user_id = $2 AND settings = $6 RETURNING {CHANNEL}"
        );
        let changed = query(
            &database,
            "change a channel",
            &sql,
            &[
                &id,
                &user,
                &name,
                &sealed,
                &recipient,
                &before.sealed,
                &quiet_hours.is_some(),
                &from,
                &to,
                &zone,
            ],
        )
        .await?;
        let committed = database.commit().await;
        committed.map_err(failed("change a channel"))?;
        self.wake();
        let changed = changed.first().ok_or_else(changed_meanwhile)?;
        Ok(self.channel_of(changed))
    }

    /// Removes a channel, and what it was to deliver.
    ///
    /// # Errors
    /// When the user has no such channel, or the database is away.
    pub async fn delete_channel(&self, user: Uuid, id: Uuid) -> Result<(), NotificationError> {
        let session = self.session().await?;
        let sql = "DELETE FROM notification_channels WHERE id = $1 AND user_id = $2";
        match execute(&session, "remove a channel", sql, &[&id, &user]).await? {
            0 => Err(NotificationError::Unknown("channel")),
            _ => Ok(()),
        }
    }

    fn test_message(&self, code: &str) -> Message {
        Message {
            body: format!("The code that verifies this channel is {code}."),
            ..Message::test(self.0.randomness.id(), self.now())
        }
    }

    /// Sends a test message with a code, at once.
    ///
    /// # Errors
    /// When the user has no such channel, or the database is away. That the message was not delivered is an
    /// outcome.
    pub async fn test_channel(
        &self,
        user: Uuid,
        id: Uuid,
    ) -> Result<TestOutcome, NotificationError> {
        let stored = self.stored(user, id).await?;
        let transport = stored.settings.transport(self.now()).map_err(|_| {
            NotificationError::Conflict("the channel's settings are out of date".to_owned())
        })?;
        let number = u64::from_be_bytes(self.0.randomness.bytes::<8>()) % 100_000_000;
        let code = format!("{number:08}");
        let session = self.session().await?;
        // The code is of these settings: it goes nowhere else.
        let kept = execute(
            &session,
            "keep the code of a test message",
            "UPDATE notification_channels SET code_hash = $3, code_expires_at = $4, wrong_codes = 0 \
             WHERE id = $1 AND user_id = $2 AND settings = $5",
            &[
                &id,
                &user,
                &secrets::hash(&code),
                &(self.now() + CODE_LIFE),
                &stored.sealed,
            ],
        )
        .await?;
        drop(session);
        if kept == 0 {
            return Err(changed_meanwhile());
        }
        let message = self.test_message(&code);
        let channel = match transport {
            Transport::Request(channel) => channel,
            Transport::Email(settings) => {
                let session = self.session().await?;
                let to = (id, user, settings.address.as_str());
                self.enqueue_message(&session, to, &message).await?;
                return Ok(TestOutcome {
                    delivered: true,
                    error: None,
                });
            }
        };
        let random = || self.0.randomness.bytes::<32>();
        let sent = channel
            .deliver(&self.0.client, &message, &self.attempt(&random))
            .await;
        Ok(TestOutcome {
            delivered: sent.is_ok(),
            error: sent.err().map(|error| error.to_string()),
        })
    }

    /// Verifies a channel by the code of its last test message: it is used from now on.
    ///
    /// # Errors
    /// When the code is wrong or too old, the user has no such channel, or the database is away.
    pub async fn verify_channel(
        &self,
        user: Uuid,
        id: Uuid,
        code: &str,
    ) -> Result<UserChannel, NotificationError> {
        self.channel(user, id).await?;
        let session = self.session().await?;
        let now = self.now();
        let sql = format!(
            "UPDATE notification_channels SET state = 'active', reason = NULL, code_hash = NULL, \
               failures = 0, failing_since = NULL, next_at = $4 \
             WHERE id = $1 AND user_id = $2 AND code_hash = $3 AND code_expires_at > $4 \
               AND wrong_codes < $5 RETURNING {CHANNEL}"
        );
        let hash = secrets::hash(code);
        let verified = query(
            &session,
            "verify a channel",
            &sql,
            &[&id, &user, &hash, &now, &WRONG_CODES],
        )
        .await?;
        if let Some(row) = verified.first() {
            self.wake();
            return Ok(self.channel_of(row));
        }
        let sql = "UPDATE notification_channels SET wrong_codes = wrong_codes + 1 \
             WHERE id = $1 AND user_id = $2";
        execute(&session, "count a wrong code", sql, &[&id, &user]).await?;
        Err(NotificationError::wrong(
            "code",
            "it is not the code of the last test message, or that is too old: have another sent",
        ))
    }

    /// Gives a webhook another secret, which is answered this once; the one before signs too for a day.
    ///
    /// # Errors
    /// When the user has no such webhook, or the database is away.
    pub async fn rotate_channel_secret(
        &self,
        user: Uuid,
        id: Uuid,
    ) -> Result<String, NotificationError> {
        let stored = self.stored(user, id).await?;
        if stored.channel.kind != "webhook" {
            return Err(NotificationError::Conflict(
                "only a webhook has a secret of the server's".to_owned(),
            ));
        }
        let mut settings = stored.settings;
        let secret = self.webhook_secret()?;
        let new = Value::String(secret.clone());
        if let Some(replaced) = settings.channel.insert("secret".to_owned(), new) {
            settings
                .channel
                .insert("previous_secret".to_owned(), replaced);
        }
        settings.previous_until = Some(self.now() + OVERLAP);
        let sealed = self.seal(id, &settings)?;
        let session = self.session().await?;
        let sql = "UPDATE notification_channels SET settings = $3 \
             WHERE id = $1 AND user_id = $2 AND settings = $4";
        let changed = execute(
            &session,
            "replace a webhook's secret",
            sql,
            &[&id, &user, &sealed, &stored.sealed],
        )
        .await?;
        match changed {
            0 => Err(changed_meanwhile()),
            _ => Ok(secret),
        }
    }
}
