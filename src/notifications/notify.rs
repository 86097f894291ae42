//! Writes notifications for users, in the caller's transaction: what they are about and that it is said are
//! recorded together, before anything is sent.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{StoreError, Transaction, execute};
use serde_json::json;
use uuid::Uuid;

use super::channels::{Field, MessageKind, Severity};
use super::names::{kind_name, severity_name};

/// A notification to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Its id: receivers see it in every attempt.
    pub id: Uuid,
    /// For whom.
    pub user: Uuid,
    /// Its occasion.
    pub kind: MessageKind,
    /// Its severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub body: String,
    /// Where to read more: a path of the server, or a URL.
    pub link: Option<String>,
    /// Facts by name.
    pub fields: Vec<Field>,
    /// The rule it comes from: where a channel can, a newer message replaces an older one.
    pub rule: Option<Uuid>,
    /// The key of what it is about: a second notification of the user with the same key is not written. At most 300
    /// characters.
    pub event_key: String,
    /// The channels that deliver it, besides the inbox. Those of others are passed over.
    pub channels: Vec<Uuid>,
    /// Other channels that deliver it if nobody has acknowledged it so long afterwards.
    pub escalation: Vec<(TimeDelta, Uuid)>,
    /// The time of the event.
    pub time: DateTime<Utc>,
}

/// Writes notifications in their order, and what is to be delivered of them from `now` on, by one statement;
/// answers how many there were not yet, by their keys.
///
/// # Errors
/// When they cannot be written; then the transaction has failed.
pub async fn notify(
    transaction: &Transaction<'_>,
    new: &[NewNotification],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = new.iter().map(|one| one.id).collect();
    let users: Vec<Uuid> = new.iter().map(|one| one.user).collect();
    let kinds: Vec<&str> = new.iter().map(|one| kind_name(one.kind)).collect();
    let severities: Vec<&str> = new.iter().map(|one| severity_name(one.severity)).collect();
    let titles: Vec<&str> = new.iter().map(|one| one.title.as_str()).collect();
    let bodies: Vec<&str> = new.iter().map(|one| one.body.as_str()).collect();
    let links: Vec<Option<&str>> = new.iter().map(|one| one.link.as_deref()).collect();
    let fields: Vec<String> = new
        .iter()
        .map(|one| json!(one.fields).to_string())
        .collect();
    let keys: Vec<&str> = new.iter().map(|one| one.event_key.as_str()).collect();
    let times: Vec<DateTime<Utc>> = new.iter().map(|one| one.time).collect();
    let rules: Vec<Option<Uuid>> = new.iter().map(|one| one.rule).collect();
    let (mut delivered, mut channels): (Vec<Uuid>, Vec<Uuid>) = (Vec::new(), Vec::new());
    let (mut due, mut escalates): (Vec<DateTime<Utc>>, Vec<bool>) = (Vec::new(), Vec::new());
    for one in new {
        let at_once = one.channels.iter().map(|channel| (now, *channel, false));
        let later = one.escalation.iter();
        let later = later.map(|(after, channel)| (now + *after, *channel, true));
        for (at, channel, is_later) in at_once.chain(later) {
            delivered.push(one.id);
            channels.push(channel);
            due.push(at);
            escalates.push(is_later);
        }
    }
    execute(
        transaction,
        "write notifications",
        "WITH written AS (INSERT INTO notifications \
           (id, user_id, kind, severity, title, body, link, fields, event_key, created_at, rule_id) \
           SELECT n.id, n.user_id, n.kind, n.severity, n.title, n.body, n.link, n.fields::jsonb, \
             n.event_key, n.time, n.rule_id \
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], \
             $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::uuid[]) WITH ORDINALITY \
             AS n (id, user_id, kind, severity, title, body, link, fields, event_key, time, rule_id, \
               place) \
           ORDER BY n.place ON CONFLICT (user_id, event_key) DO NOTHING \
           RETURNING id, user_id, severity), \
         made AS (INSERT INTO deliveries \
           (notification_id, channel_id, is_urgent, created_at, next_attempt_at, is_escalation) \
           SELECT w.id, c.id, w.severity = 'urgent', d.due_at, d.due_at, d.is_escalation \
           FROM unnest($12::uuid[], $13::uuid[], $14::timestamptz[], $15::bool[]) \
             AS d (notification, channel, due_at, is_escalation) \
           JOIN written w ON w.id = d.notification \
           JOIN notification_channels c ON c.id = d.channel AND c.user_id = w.user_id \
           FOR KEY SHARE OF c ON CONFLICT DO NOTHING) \
         SELECT id FROM written",
        &[
            &ids,
            &users,
            &kinds,
            &severities,
            &titles,
            &bodies,
            &links,
            &fields,
            &keys,
            &times,
            &rules,
            &delivered,
            &channels,
            &due,
            &escalates,
        ],
    )
    .await
}
