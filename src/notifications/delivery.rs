//! Delivers what is due by one channel, and notes what became of it. What is due together goes out as one
//! message, except to webhooks.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use tokio_postgres::Row;
use url::Url;
use uuid::Uuid;

use super::bundle::bundle;
use super::channels::{DeliveryError, Field, Message, MessageKind, Severity};
use super::error::NotificationError;
use super::links::NotificationLink;
use super::names::{kind_named, severity_named};
use super::notify::{NewNotification, notify};
use super::sealed_settings::{EMAIL, Transport};
use super::service::Notifications;

/// Notifications that are read of a channel at once, and webhook requests made of them.
const READ: i64 = 200;
const WEBHOOK_READ: i64 = 20;

/// Seconds between two messages to people, and between two emails: what is due meanwhile is one message.
const PACE: i32 = 10;
const EMAIL_PACE: i32 = 300;

/// The wait of a channel whose receiver has too much to do and does not say for how long.
const SLOW_DOWN: TimeDelta = TimeDelta::seconds(30);

/// Seconds from the first attempt to each one, for a day.
const ATTEMPTS: [i64; 10] = [
    0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
];

/// A channel is disabled after so many failures in a row, over at least this time.
const FAILURES: i32 = 5;
const FAILING: TimeDelta = TimeDelta::hours(24);

/// A channel that is this process's for a while.
pub(super) struct Taken {
    pub(super) id: Uuid,
    pub(super) user: Uuid,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) sealed: Vec<u8>,
    pub(super) leased_until: DateTime<Utc>,
    /// Its pace lets normal messages, and urgent ones, through.
    pub(super) takes_normal: bool,
    pub(super) takes_urgent: bool,
}

impl Taken {
    /// The time for which a channel is a process's: longer than a message may take.
    pub(super) const LEASE: TimeDelta = TimeDelta::seconds(25);

    /// Less than this, and another message may take longer.
    const LEAST: TimeDelta = TimeDelta::seconds(17);

    fn is_webhook(&self) -> bool {
        self.kind == "webhook"
    }

    fn pace(&self) -> i32 {
        match self.kind.as_str() {
            "webhook" => 0,
            EMAIL => EMAIL_PACE,
            _ => PACE,
        }
    }
}

struct Due {
    notification: Uuid,
    number: i64,
    /// Who is to acknowledge it can by a link.
    asks: bool,
    attempts: i32,
    is_urgent: bool,
    message: Message,
}

impl Notifications {
    pub(super) async fn deliver_by(&self, mut taken: Taken) -> Result<(), NotificationError> {
        let opened = self.unseal(taken.id, &taken.sealed).and_then(|settings| {
            settings.transport(self.now()).map_err(|_| {
                NotificationError::Conflict("the channel's settings are out of date".to_owned())
            })
        });
        let transport = match opened {
            Ok(transport) => transport,
            Err(error) => {
                tracing::warn!(channel = %taken.id, %error, "a channel cannot be used");
                return self.disable(&taken, &error.to_string()).await;
            }
        };
        let due = self.due(&taken).await?;
        let messages: Vec<&[Due]> = match taken.is_webhook() {
            true => due.chunks(1).collect(),
            // The urgent ones come first.
            false => due
                .chunk_by(|one, next| one.is_urgent == next.is_urgent)
                .collect(),
        };
        for due in messages {
            if !self.renew(&mut taken).await? || !self.send(&taken, &transport, due).await? {
                break;
            }
        }
        let session = self.session().await?;
        let sql = "UPDATE notification_channels SET leased_until = NULL \
             WHERE id = $1 AND leased_until = $2";
        let lease: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&taken.id, &taken.leased_until];
        execute(&session, "give a channel back", sql, &lease).await?;
        Ok(())
    }

    async fn due(&self, taken: &Taken) -> Result<Vec<Due>, NotificationError> {
        let session = self.session().await?;
        let limit = match taken.is_webhook() {
            true => WEBHOOK_READ,
            false => READ,
        };
        let rows = query(
            &session,
            "read what is to be delivered",
            "SELECT d.notification_id, d.attempts, d.is_urgent, n.kind, n.severity, n.title, n.body, \
               n.link, n.fields, n.created_at, n.rule_id, n.number, d.is_escalation, \
               n.acknowledged_at IS NULL AND (d.is_urgent OR EXISTS (SELECT FROM deliveries e \
                 WHERE e.notification_id = n.id AND e.is_escalation)) \
             FROM deliveries d JOIN notifications n ON n.id = d.notification_id \
             WHERE d.channel_id = $1 AND d.state = 'waiting' AND d.next_attempt_at <= $2 \
               AND CASE WHEN d.is_urgent THEN $3::bool ELSE $4::bool END \
             ORDER BY d.is_urgent DESC, n.number LIMIT $5",
            &[
                &taken.id,
                &self.now(),
                &taken.takes_urgent,
                &taken.takes_normal,
                &limit,
            ],
        )
        .await?;
        Ok(rows.iter().map(|row| self.due_of(row)).collect())
    }

    fn due_of(&self, row: &Row) -> Due {
        let fields: Vec<Field> = serde_json::from_value(row.get(8)).unwrap_or_default();
        let link: Option<String> = row.get(7);
        let title: String = row.get(5);
        Due {
            notification: row.get(0),
            number: row.get(11),
            asks: row.get(13),
            attempts: row.get(1),
            is_urgent: row.get(2),
            message: Message {
                event_id: row.get(0),
                kind: kind_named(row.get(3)).unwrap_or(MessageKind::AlertFired),
                severity: severity_named(row.get(4)).unwrap_or(Severity::Normal),
                title: match row.get(12) {
                    true => format!("Not acknowledged: {title}"),
                    false => title,
                },
                body: row.get(6),
                link: link.and_then(|link| self.link(&link)),
                fields,
                time: row.get(9),
                rule_id: row.get(10),
            },
        }
    }

    /// A path of the server as a URL.
    fn link(&self, link: &str) -> Option<Url> {
        match link.starts_with('/') {
            true => Url::parse(&format!("{}{link}", self.0.server)).ok(),
            false => Url::parse(link).ok(),
        }
    }

    /// Keeps a channel while there is more to send; answers whether it is this process's still.
    async fn renew(&self, taken: &mut Taken) -> Result<bool, NotificationError> {
        let now = self.now();
        if taken.leased_until - now >= Taken::LEAST {
            return Ok(true);
        }
        let session = self.session().await?;
        let sql = "UPDATE notification_channels SET leased_until = $3 \
             WHERE id = $1 AND leased_until = $2 AND state = 'active' RETURNING leased_until";
        let until = now + Taken::LEASE;
        let lease: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&taken.id, &taken.leased_until, &until];
        let rows = query(&session, "keep a channel", sql, &lease).await?;
        if let Some(row) = rows.first() {
            taken.leased_until = row.get(0);
        }
        Ok(!rows.is_empty())
    }

    /// These as one message, with a link that acknowledges those that ask for it.
    fn message(&self, taken: &Taken, due: &[Due]) -> Result<Option<Message>, NotificationError> {
        let messages: Vec<&Message> = due.iter().map(|due| &due.message).collect();
        let Some(mut message) = bundle(&messages) else {
            return Ok(None);
        };
        let asking = || due.iter().filter(|due| due.asks).map(|due| due.number);
        if let (Some(first), Some(last)) = (asking().min(), asking().max()) {
            let is_urgent = due.iter().any(|due| due.is_urgent);
            let link =
                NotificationLink::acknowledge(taken.id, (first, last), is_urgent, self.now());
            message.fields.push(Field {
                name: "Acknowledge".to_owned(),
                value: self.link_to(link)?.into(),
            });
        }
        Ok(Some(message))
    }

    /// Sends these as one message; answers whether others may follow at once.
    async fn send(
        &self,
        taken: &Taken,
        transport: &Transport,
        due: &[Due],
    ) -> Result<bool, NotificationError> {
        let Some(message) = self.message(taken, due)? else {
            return Ok(false);
        };
        if let Transport::Request(channel) = transport {
            let random = || self.0.randomness.bytes::<32>();
            let attempt = self.attempt(&random);
            let sent = channel.deliver(&self.0.client, &message, &attempt).await;
            let outcome = match &sent {
                Ok(()) => "delivered",
                Err(_) => "failed",
            };
            metrics::counter!("coinsphere_deliveries_total", "outcome" => outcome).increment(1);
            if let Err(error) = sent {
                return self.failed(taken, due, &error).await;
            }
        }
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin noting what was delivered"))?;
        if let Transport::Email(settings) = transport {
            let to = (taken.id, taken.user, settings.address.as_str());
            self.enqueue_message(&database, to, &message).await?;
        }
        self.delivered(&database, taken, due).await?;
        database
            .commit()
            .await
            .map_err(failed("note what was delivered"))?;
        Ok(true)
    }

    async fn delivered<C: GenericClient>(
        &self,
        database: &C,
        taken: &Taken,
        due: &[Due],
    ) -> Result<(), NotificationError> {
        let now = self.now();
        let ids: Vec<Uuid> = due.iter().map(|due| due.notification).collect();
        execute(
            database,
            "note what was delivered",
            "WITH done AS (UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, \
               finished_at = $3, last_error = NULL \
               WHERE channel_id = $1 AND notification_id = ANY($2) AND state = 'waiting') \
             UPDATE notification_channels SET failures = 0, failing_since = NULL, \
               last_success_at = $3 WHERE id = $1",
            &[&taken.id, &ids, &now],
        )
        .await?;
        if taken.is_webhook() {
            return Ok(());
        }
        // A message each two minutes, of which thirty may be taken in advance: sixty in any hour.
        let sql = |next: &str, budget: &str| {
            format!(
                "UPDATE notification_channels SET {next} = greatest({next}, \
                   $2::timestamptz + $3::int * interval '1 second', \
                   greatest({budget}, $2) - interval '58 minutes'), \
                   {budget} = greatest({budget}, $2) + interval '2 minutes' \
                 WHERE id IN (SELECT id FROM notification_channels WHERE id = $1 OR recipient = \
                   (SELECT recipient FROM notification_channels WHERE id = $1) \
                   ORDER BY id FOR NO KEY UPDATE)"
            )
        };
        let sql = match due.iter().any(|due| due.is_urgent) {
            true => sql("urgent_next_at", "urgent_budget_at"),
            false => sql("next_at", "budget_at"),
        };
        let pace: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&taken.id, &now, &taken.pace()];
        execute(database, "keep the pace of a recipient", &sql, &pace).await?;
        Ok(())
    }

    async fn failed(
        &self,
        taken: &Taken,
        due: &[Due],
        error: &DeliveryError,
    ) -> Result<bool, NotificationError> {
        let now = self.now();
        tracing::info!(channel = %taken.id, %error, "a notification was not delivered");
        let is_tried_again = error.is_retriable() || error.disables_channel();
        let asked = error
            .retry_after()
            .and_then(|wait| TimeDelta::from_std(wait).ok());
        let slow = error.slows_down().then_some(SLOW_DOWN);
        let wait = asked.or(slow).unwrap_or_default();
        let (mut ids, mut states, mut nexts) = (Vec::new(), Vec::new(), Vec::new());
        for one in due {
            let next = self.next_attempt(one, now).filter(|_| is_tried_again);
            ids.push(one.notification);
            states.push(if next.is_some() { "waiting" } else { "failed" });
            nexts.push(next.map_or(now, |next| next.max(now + wait)));
        }
        let pace = match taken.is_webhook() {
            true => wait,
            false => wait.max(TimeDelta::seconds(taken.pace().into())),
        };
        let session = self.session().await?;
        let rows = query(
            &session,
            "note what was not delivered",
            "WITH done AS (UPDATE deliveries d SET state = o.state, attempts = d.attempts + 1, \
               next_attempt_at = o.next, last_error = $5, \
               finished_at = CASE WHEN o.state = 'failed' THEN $6::timestamptz END \
               FROM unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS o(id, state, next) \
               WHERE d.channel_id = $1 AND d.notification_id = o.id AND d.state = 'waiting') \
             UPDATE notification_channels SET failures = failures + 1, \
               failing_since = coalesce(failing_since, $6), \
               next_at = greatest(next_at, $7, p.until), \
               urgent_next_at = greatest(urgent_next_at, $7, p.until) \
             FROM (SELECT id, CASE WHEN failures >= 4 THEN $6::timestamptz \
                 + least(power(2, least(failures - 4, 9)), 300) * interval '1 second' END AS until \
               FROM notification_channels WHERE id = $1) p \
             WHERE notification_channels.id = p.id RETURNING failures, failing_since, \
               least(next_at, urgent_next_at) <= $6",
            &[
                &taken.id,
                &ids,
                &states,
                &nexts,
                &error.to_string(),
                &now,
                &(now + pace),
            ],
        )
        .await?;
        drop(session);
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        if error.disables_channel() {
            self.disable(taken, &error.to_string()).await?;
            return Ok(false);
        }
        let (failures, since): (i32, Option<DateTime<Utc>>) = (row.get(0), row.get(1));
        if failures >= FAILURES && since.is_some_and(|since| now - since >= FAILING) {
            let reason = format!("nothing was delivered for a day: {error}");
            self.disable(taken, &reason).await?;
            return Ok(false);
        }
        Ok(row.get(2))
    }

    /// When the next attempt is due; none after the last.
    fn next_attempt(&self, due: &Due, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let made = usize::try_from(due.attempts).ok()?;
        let wait = ATTEMPTS.get(made + 1)? - ATTEMPTS.get(made)?;
        // A tenth earlier or later, so that receivers that were away are not met by all at once.
        let jitter = i64::from(u16::from_be_bytes(self.0.randomness.bytes::<2>())) - 32_768;
        Some(now + TimeDelta::milliseconds(wait * 1_000 + wait * 100 * jitter / 32_768))
    }

    /// Disables a channel, and says so in the inbox and by the user's other channels.
    async fn disable(&self, taken: &Taken, reason: &str) -> Result<(), NotificationError> {
        let now = self.now();
        let mut session = self.session().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("begin disabling a channel"))?;
        let disabled = execute(
            &transaction,
            "disable a channel",
            "UPDATE notification_channels SET state = 'disabled', reason = $3, leased_until = NULL \
             WHERE id = $1 AND state = 'active' AND settings = $2",
            &[&taken.id, &taken.sealed, &reason],
        )
        .await?;
        if disabled == 0 {
            // It has other settings by now, which may be right.
            return Ok(());
        }
        let others = query(
            &transaction,
            "find other channels",
            "SELECT id FROM notification_channels WHERE user_id = $1 AND state = 'active'",
            &[&taken.user],
        )
        .await?;
        let id = self.0.randomness.id();
        let new = NewNotification {
            id,
            user: taken.user,
            kind: MessageKind::ChannelDisabled,
            severity: Severity::Normal,
            title: format!("The channel {} was disabled", taken.name),
            body: format!(
                "{reason}. What it was to deliver waits for three days: verify it again."
            ),
            link: None,
            fields: Vec::new(),
            rule: None,
            event_key: format!("channel.disabled {} {id}", taken.id),
            channels: others.iter().map(|row| row.get(0)).collect(),
            escalation: Vec::new(),
            time: now,
        };
        notify(&transaction, &[new], now).await?;
        transaction
            .commit()
            .await
            .map_err(failed("disable a channel"))?;
        Ok(())
    }
}
