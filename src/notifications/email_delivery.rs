//! Messages that leave as emails, by the outbox.

use coinsphere_pipelines::store::GenericClient;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::channels::Message;
use super::error::NotificationError;
use super::links::NotificationLink;
use super::outbox::{EmailKind, enqueue};
use super::service::Notifications;

/// Characters of a subject.
const SUBJECT: usize = 200;

impl Notifications {
    /// Puts a message into the outbox, for a channel of a user with this address.
    pub(super) async fn enqueue_message<C: GenericClient>(
        &self,
        database: &C,
        to: (Uuid, Uuid, &str),
        message: &Message,
    ) -> Result<(), NotificationError> {
        let (channel, user, address) = to;
        let fields = message.fields.iter();
        let fields = fields.map(|field| format!("{}: {}", field.name, field.value));
        let lines: Vec<String> = std::iter::once(message.body.clone())
            .chain(fields)
            .collect();
        let unsubscribe = self.link_to(NotificationLink::Unsubscribe { channel })?;
        let facts = json!({
            "title": message.title.chars().take(SUBJECT).collect::<String>(),
            "body": lines.join("\n"),
            "more": message.link.as_ref().map(Url::as_str),
            // It can end these emails and nothing else, so it may wait in the database.
            "unsubscribe": unsubscribe.as_str(),
            "thread": message.rule_id,
        });
        let (kind, now) = (EmailKind::Notification, self.now());
        let recipient = (address, Some(user));
        let id = self.0.randomness.id();
        enqueue(database, id, kind, recipient, facts, now).await?;
        Ok(())
    }
}
