//! Trying an alert out: a message as of an event, by the alert's channels.

use coinsphere_pipelines::store::failed;
use uuid::Uuid;

use super::{AlertError, Severity, UserAlerts};
use crate::notifications::channels::{MessageKind, Severity as Urgency};
use crate::notifications::{NewNotification, notify};

impl UserAlerts {
    /// Sends a test message by an alert's channels, and answers the notification's id. Nothing has fired.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn test(&self, user: Uuid, id: Uuid) -> Result<Uuid, AlertError> {
        let alert = self.alert(user, id).await?;
        let (notification, now) = (self.0.randomness.id(), self.now());
        let new = NewNotification {
            id: notification,
            user,
            kind: MessageKind::AlertTest,
            severity: match alert.severity {
                Severity::Info => Urgency::Info,
                Severity::Normal => Urgency::Normal,
                Severity::Urgent => Urgency::Urgent,
            },
            title: format!("Test of {}", alert.name),
            body: "Events of this alert arrive like this. Nothing has happened.".to_owned(),
            link: Some(link(id)),
            fields: Vec::new(),
            rule: Some(id),
            event_key: format!("alert.test {notification}"),
            channels: alert.channels,
            escalation: Vec::new(),
            time: now,
        };
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin testing an alert"))?;
        notify(&database, &[new], now).await?;
        database.commit().await.map_err(failed("test an alert"))?;
        Ok(notification)
    }
}

/// The dashboard's page of an alert.
pub(super) fn link(alert: Uuid) -> String {
    format!("/alerts/{alert}")
}
