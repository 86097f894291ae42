//! Takes emails out of the outbox and sends them. What an email says beyond its kind is asked of whoever
//! put it there, at the last moment, so that no secret waits in the database.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::store::{PooledConnection, StoreError, StoreSource};
use tokio::sync::Notify;

use super::EmailChannel;
use super::outbox::{Due, Outcome, settle, take};
use super::templates::{Context, render};

/// The interval at which the outbox is looked at when nobody says that there is something in it.
const ROUND: Duration = Duration::from_secs(3);

/// To whom an email goes, and what it says beyond its kind.
#[derive(Debug)]
pub(crate) enum Composition {
    /// It is to be sent.
    Email {
        /// The address.
        to: String,
        /// The user's display name.
        name: Option<String>,
        /// The secret of its link or code.
        token: Option<String>,
    },
    /// Nobody to write to, or nothing to say any more.
    Pointless(&'static str),
}

/// Knows the users that emails are for.
#[async_trait]
pub(crate) trait Composer: Send + Sync {
    /// Composes the email to send now.
    ///
    /// # Errors
    /// Why that cannot be said now; it is tried again later.
    async fn compose(&self, due: &Due) -> Result<Composition, String>;

    /// The clock's time, as fine as the database keeps it.
    fn now(&self) -> DateTime<Utc>;
}

/// Sends the emails of the outbox.
pub(crate) struct OutboxWorker {
    source: Arc<dyn StoreSource>,
    channel: EmailChannel,
    /// Where users reach the server.
    server: String,
    grew: Notify,
}

impl OutboxWorker {
    pub(crate) fn new(source: Arc<dyn StoreSource>, channel: EmailChannel, server: String) -> Self {
        Self {
            source,
            channel,
            server,
            grew: Notify::new(),
        }
    }

    /// Says that there is something in the outbox.
    pub(crate) fn wake(&self) {
        self.grew.notify_one();
    }

    /// Sends what is due, whenever something is. Runs until dropped.
    pub(crate) async fn run(&self, composer: &dyn Composer, context: &LoopContext) {
        loop {
            match self.send_due(composer).await {
                Ok(Some(taken)) if taken > 0 => context.running(),
                Ok(_) => {
                    context.running();
                    tokio::select! {
                        () = tokio::time::sleep(ROUND) => {}
                        () = self.grew.notified() => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot look into the outbox");
                    context.degraded(format!("cannot look into the outbox: {error}"));
                    tokio::time::sleep(ROUND).await;
                }
            }
        }
    }

    /// Sends some of the emails that are due; answers how many were taken, `None` while the database
    /// has not been reached.
    ///
    /// # Errors
    /// When the database is away. An email that cannot be sent is tried again later.
    pub(crate) async fn send_due(
        &self,
        composer: &dyn Composer,
    ) -> Result<Option<usize>, StoreError> {
        let Some(database) = self.session().await? else {
            return Ok(None);
        };
        let due = take(&database, composer.now()).await?;
        drop(database);
        for email in &due {
            let outcome = match composer.compose(email).await {
                Ok(composition) => self.send(email, composition, composer.now()).await,
                Err(why) => Outcome::Failed(why),
            };
            let label = match &outcome {
                Outcome::Sent => "sent",
                Outcome::Pointless(_) => "pointless",
                Outcome::Failed(why) => {
                    tracing::warn!(kind = email.kind.name(), attempt = email.attempts, error = %why, "an email could not be sent");
                    "failed"
                }
            };
            metrics::counter!("coinsphere_mail_total", "outcome" => label).increment(1);
            if let Some(database) = self.session().await? {
                settle(&database, email, &outcome, composer.now()).await?;
            }
        }
        Ok(Some(due.len()))
    }

    async fn session(&self) -> Result<Option<PooledConnection>, StoreError> {
        match self.source.store() {
            Some(store) => Ok(Some(store.session().await?)),
            None => Ok(None),
        }
    }

    async fn send(&self, due: &Due, composition: Composition, now: DateTime<Utc>) -> Outcome {
        let (to, name, token) = match composition {
            Composition::Email { to, name, token } => (to, name, token),
            Composition::Pointless(why) => return Outcome::Pointless(why),
        };
        let context = Context {
            name: name.as_deref(),
            server: &self.server,
            token: token.as_deref(),
            facts: &due.facts,
        };
        match self
            .channel
            .send(due.id, &to, render(due.kind, context), now)
            .await
        {
            Ok(()) => Outcome::Sent,
            // Perhaps only the server's answer was lost: the link is valid, and the next attempt sends
            // the same one.
            Err(why) => Outcome::Failed(why),
        }
    }
}
