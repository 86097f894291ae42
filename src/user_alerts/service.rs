//! Creating, changing and deleting alerts. A change is answered once the evaluator judges by it.

use std::time::Duration;

use coinsphere_pipelines::signal::Waiter;
use coinsphere_pipelines::store::{GenericClient, StoreError, Transaction, execute, failed, query};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::alert::{AlertState, COLUMNS, EscalationStep, alert};
use super::evaluation::LOCK;
use super::limits::MOST_ALERTS;
use super::{Alert, AlertError, AlertRequest, Severity, UserAlerts};
use crate::alerts::Rule;

/// The longest time in which the evaluator may take up a change.
const PATIENCE: Duration = Duration::from_secs(5);

/// Interval between looks whether it has, if no notification says so.
const LOOK: Duration = Duration::from_millis(500);

const NOBODY: &str = "alerts are not evaluated at the moment: try again soon";

/// The outcome of a change.
enum Applied {
    /// Trades are judged by it.
    Yes(Box<Alert>),
    /// The alert is gone.
    Gone,
    /// There is no evaluator that could judge otherwise.
    Nobody(Box<Alert>),
}

fn steps(escalation: Option<&[EscalationStep]>) -> Result<Option<Value>, AlertError> {
    let json = escalation.map(serde_json::to_value).transpose();
    json.map_err(|error| StoreError::Unreadable(format!("an escalation: {error}")).into())
}

fn stored(rule: &Rule) -> Result<Value, AlertError> {
    serde_json::to_value(rule)
        .map_err(|error| StoreError::Unreadable(format!("a rule: {error}")).into())
}

async fn find<C: GenericClient>(
    database: &C,
    user: Uuid,
    id: Uuid,
) -> Result<Option<Alert>, AlertError> {
    let sql =
        format!("SELECT {COLUMNS} FROM alerts WHERE id = $1 AND user_id = $2 AND NOT is_deleted");
    let rows = query(database, "look up an alert", &sql, &[&id, &user]).await?;
    Ok(rows.first().map(alert).transpose()?)
}

/// The alert, locked until the transaction ends.
async fn lock(database: &Transaction<'_>, user: Uuid, id: Uuid) -> Result<Alert, AlertError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE id = $1 AND user_id = $2 AND NOT is_deleted \
         FOR NO KEY UPDATE"
    );
    let rows = query(database, "lock an alert", &sql, &[&id, &user]).await?;
    let row = rows.first().ok_or(AlertError::Unknown("alert"))?;
    Ok(alert(row)?)
}

impl UserAlerts {
    /// A user's alert.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn alert(&self, user: Uuid, id: Uuid) -> Result<Alert, AlertError> {
        let session = self.session().await?;
        let found = find(&session, user, id).await?;
        found.ok_or(AlertError::Unknown("alert"))
    }

    /// The alerts of a user, the oldest first; as many as there may be.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, user: Uuid) -> Result<Vec<Alert>, AlertError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM alerts WHERE user_id = $1 AND NOT is_deleted \
             ORDER BY created_at, id LIMIT $2"
        );
        let rows = query(&session, "list alerts", &sql, &[&user, &MOST_ALERTS]).await?;
        Ok(rows.iter().map(alert).collect::<Result<_, _>>()?)
    }

    /// Checks a rule and its instruments.
    ///
    /// # Errors
    /// Names each field that is wrong, and what was probably meant.
    pub async fn check(
        &self,
        request: &AlertRequest,
        base: Option<&Rule>,
    ) -> Result<Rule, AlertError> {
        let rule = request.rule.read(base);
        let texts = request.texts();
        let rule = match (rule, texts) {
            (Ok(rule), Ok(_)) => rule,
            (rule, texts) => {
                let mut wrong = texts.err().unwrap_or_default();
                wrong.extend(rule.err().unwrap_or_default());
                return Err(AlertError::Invalid(wrong));
            }
        };
        self.check_instruments(&rule).await?;
        Ok(rule)
    }

    /// Refuses channels that the user does not have.
    async fn check_channels(&self, user: Uuid, request: &AlertRequest) -> Result<(), AlertError> {
        let steps = request.escalation.iter().flatten();
        let channels = request.channels.iter().flatten();
        let channels = channels.chain(steps.flat_map(|step| &step.channels));
        let channels: Vec<Uuid> = channels.copied().collect();
        if channels.is_empty() {
            return Ok(());
        }
        let session = self.session().await?;
        let sql = "SELECT named FROM unnest($1::uuid[]) AS named WHERE NOT EXISTS \
             (SELECT FROM notification_channels c WHERE c.id = named AND c.user_id = $2)";
        let rows = query(&session, "look for channels", sql, &[&channels, &user]).await?;
        match rows.first() {
            None => Ok(()),
            Some(row) => {
                let unknown: Uuid = row.get(0);
                let is_of_a_step = !request.channels.iter().flatten().any(|one| *one == unknown);
                let field = if is_of_a_step {
                    "escalation"
                } else {
                    "channels"
                };
                Err(AlertError::wrong(
                    field,
                    format!("you have no channel {unknown}"),
                ))
            }
        }
    }

    /// Creates an alert, and waits until it is armed.
    ///
    /// # Errors
    /// When a field is wrong, there are as many as a user may have, nobody evaluates, or the database is away.
    pub async fn create(&self, user: Uuid, request: AlertRequest) -> Result<Alert, AlertError> {
        if request.name.is_none() {
            return Err(AlertError::wrong("name", "is missing"));
        }
        let rule = self.check(&request, None).await?;
        self.check_channels(user, &request).await?;
        let texts = request.texts().map_err(AlertError::Invalid)?;
        let mut session = self.session().await?;
        let waiter = self.0.applied.waiter();
        let id = self.0.randomness.id();
        let database = session
            .transaction()
            .await
            .map_err(failed("begin creating an alert"))?;
        // One at a time for each user, so that the count is right.
        let sql = "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
        query(&database, "lock a user", sql, &[&user]).await?;
        let made = execute(
            &database,
            "create an alert",
            "INSERT INTO alerts (id, user_id, name, rule, channels, note, severity, state, created_at, \
               silenced_until, escalation) \
             SELECT $1, $2, $3, $4, $5, $6, $7, 'armed', $8, $10, $11 \
             WHERE (SELECT count(*) FROM alerts WHERE user_id = $2 AND NOT is_deleted) < $9",
            &[
                &id,
                &user,
                &texts.name,
                &stored(&rule)?,
                &request.channels.unwrap_or_default(),
                &request.note.clone().flatten(),
                &texts.severity.unwrap_or(Severity::Normal).name(),
                &self.now(),
                &MOST_ALERTS,
                &request.silenced_until.flatten(),
                &steps(request.escalation.as_deref())?.unwrap_or_else(|| json!([])),
            ],
        )
        .await?;
        database.commit().await.map_err(failed("create an alert"))?;
        drop(session);
        if made == 0 {
            return Err(AlertError::Conflict(format!(
                "there are {MOST_ALERTS} alerts already, as many as one may have: delete some first"
            )));
        }
        match self.applied(user, id, waiter).await {
            Ok(Applied::Yes(alert)) => Ok(*alert),
            Ok(Applied::Gone) => Err(AlertError::Unknown("alert")),
            Ok(Applied::Nobody(_)) | Err(AlertError::NotEvaluated(_)) => {
                // It was never armed, so whoever asks again makes no second one.
                self.remove(user, id).await?;
                Err(AlertError::NotEvaluated(NOBODY))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes an alert, and waits until it is judged by as it is then. A changed rule is armed now.
    ///
    /// # Errors
    /// When the user has none of this id, a field is wrong, nobody evaluates, or the database is away.
    pub async fn change(
        &self,
        user: Uuid,
        id: Uuid,
        request: AlertRequest,
    ) -> Result<Alert, AlertError> {
        let before = self.alert(user, id).await?;
        let checked = self.check(&request, Some(&before.rule)).await?;
        self.check_channels(user, &request).await?;
        let texts = request.texts().map_err(AlertError::Invalid)?;
        let mut session = self.session().await?;
        let waiter = self.0.applied.waiter();
        let database = session
            .transaction()
            .await
            .map_err(failed("begin changing an alert"))?;
        let now = lock(&database, user, id).await?;
        let rule = match now.rule == before.rule {
            true => checked,
            // Somebody else was faster: the fields go on top of theirs.
            false => request
                .rule
                .read(Some(&now.rule))
                .map_err(AlertError::Invalid)?,
        };
        let arms = !request.rule.is_empty() && rule != now.rule;
        execute(
            &database,
            "change an alert",
            "UPDATE alerts SET name = coalesce($2, name), note = CASE WHEN $11 THEN $3 ELSE note END, \
             channels = coalesce($4, channels), severity = coalesce($5, severity), rule = $6, \
             silenced_until = CASE WHEN $8 THEN $9 ELSE silenced_until END, \
             escalation = coalesce($10, escalation), \
             revision = revision + $7::int, version = version + $7::int, \
             evaluator_state = CASE WHEN $7 = 1 THEN NULL ELSE evaluator_state END, \
             state = CASE WHEN $7 = 0 OR state = 'paused' THEN state ELSE 'armed' END \
             WHERE id = $1",
            &[
                &id,
                &texts.name,
                &request.note.clone().flatten(),
                &request.channels,
                &texts.severity.map(Severity::name),
                &stored(&rule)?,
                &i32::from(arms),
                &request.silenced_until.is_some(),
                &request.silenced_until.flatten(),
                &steps(request.escalation.as_deref())?,
                &request.note.is_some(),
            ],
        )
        .await?;
        database.commit().await.map_err(failed("change an alert"))?;
        drop(session);
        self.changed(user, id, waiter).await
    }

    /// Pauses an alert, and waits until no trade is judged by it.
    ///
    /// # Errors
    /// When the user has none of this id, it has fired or expired, or the database is away.
    pub async fn pause(&self, user: Uuid, id: Uuid) -> Result<Alert, AlertError> {
        let sql = "UPDATE alerts SET state = 'paused', version = version + 1 \
             WHERE id = $1 AND state = 'armed'";
        match self.set_state(user, id, sql, &[AlertState::Paused]).await? {
            alert if alert.state == AlertState::Paused => Ok(alert),
            alert => Err(AlertError::Conflict(format!(
                "it is {}, so there is nothing to pause",
                alert.state.name()
            ))),
        }
    }

    /// Arms an alert at the value there is now: one that was paused, has fired or has expired.
    ///
    /// # Errors
    /// When the user has none of this id, nobody evaluates, or the database is away.
    pub async fn resume(&self, user: Uuid, id: Uuid) -> Result<Alert, AlertError> {
        let sql = "UPDATE alerts SET state = 'armed', revision = revision + 1, \
             version = version + 1, evaluator_state = NULL WHERE id = $1 AND state <> 'armed'";
        self.set_state(user, id, sql, &[AlertState::Armed]).await
    }

    async fn set_state(
        &self,
        user: Uuid,
        id: Uuid,
        sql: &str,
        already: &[AlertState],
    ) -> Result<Alert, AlertError> {
        let mut session = self.session().await?;
        let waiter = self.0.applied.waiter();
        let database = session
            .transaction()
            .await
            .map_err(failed("begin changing an alert"))?;
        let before = lock(&database, user, id).await?;
        if !already.contains(&before.state) {
            execute(&database, "change the state of an alert", sql, &[&id]).await?;
        }
        database
            .commit()
            .await
            .map_err(failed("change the state of an alert"))?;
        drop(session);
        self.changed(user, id, waiter).await
    }

    /// Deletes an alert and its events, and waits until no trade is judged by it.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn delete(&self, user: Uuid, id: Uuid) -> Result<(), AlertError> {
        let mut session = self.session().await?;
        let waiter = self.0.applied.waiter();
        let database = session
            .transaction()
            .await
            .map_err(failed("begin deleting an alert"))?;
        lock(&database, user, id).await?;
        let sql = "UPDATE alerts SET is_deleted = true, version = version + 1 WHERE id = $1";
        execute(&database, "delete an alert", sql, &[&id]).await?;
        database.commit().await.map_err(failed("delete an alert"))?;
        drop(session);
        match self.applied(user, id, waiter).await? {
            Applied::Yes(_) | Applied::Gone => Ok(()),
            Applied::Nobody(_) => self.remove(user, id).await,
        }
    }

    /// Removes an alert by which nobody judges.
    async fn remove(&self, user: Uuid, id: Uuid) -> Result<(), AlertError> {
        let session = self.session().await?;
        let sql = "DELETE FROM alerts WHERE id = $1 AND user_id = $2";
        execute(&session, "remove an alert", sql, &[&id, &user]).await?;
        Ok(())
    }

    async fn changed(&self, user: Uuid, id: Uuid, waiter: Waiter) -> Result<Alert, AlertError> {
        match self.applied(user, id, waiter).await? {
            Applied::Yes(alert) => Ok(*alert),
            Applied::Gone => Err(AlertError::Unknown("alert")),
            // What is paused is armed by nobody.
            Applied::Nobody(alert) if alert.state != AlertState::Armed => Ok(*alert),
            Applied::Nobody(_) => Err(AlertError::NotEvaluated(
                "alerts are not evaluated at the moment: the change is stored, and counts as soon as they are again",
            )),
        }
    }

    /// Waits until trades are judged by an alert as it is stored.
    async fn applied(
        &self,
        user: Uuid,
        id: Uuid,
        mut waiter: Waiter,
    ) -> Result<Applied, AlertError> {
        let begun = Instant::now();
        loop {
            let session = self.session().await?;
            let sql = format!("SELECT {COLUMNS} FROM alerts WHERE id = $1 AND user_id = $2");
            let rows = query(&session, "look up an alert", &sql, &[&id, &user]).await?;
            let Some(found) = rows.first().map(alert).transpose()? else {
                return Ok(Applied::Gone);
            };
            if found.is_applied() {
                return Ok(Applied::Yes(Box::new(found)));
            }
            let waited = begun.elapsed();
            if waited >= LOOK {
                let sql = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
                let rows = query(&session, "look for the evaluator", sql, &[&LOCK]).await?;
                if rows.first().is_some_and(|row| row.get(0)) && waited >= 4 * LOOK {
                    return Ok(Applied::Nobody(Box::new(found)));
                }
            }
            if waited >= PATIENCE {
                return Err(AlertError::NotEvaluated(NOBODY));
            }
            drop(session);
            // Whoever is not woken looks again.
            let _ = timeout(LOOK, waiter.raised()).await;
        }
    }
}
