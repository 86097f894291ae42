//! Writing what was found: events, states of rules, markets and offsets, in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::store::{PooledConnection, Transaction, execute, failed, query};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::EvaluationError;
use super::judge::{Fired, MarketWrite};
use crate::alerts::Cause;
use crate::notifications::channels::{Field, MessageKind, Severity};
use crate::notifications::{NewNotification, notify};
use crate::secrets::Randomness;
use crate::user_alerts::CHANNEL;
use crate::user_alerts::alert::{EscalationStep, escalation as stored_escalation};
use crate::user_alerts::test::link;

/// An event that is recorded later than this after its trade arrived is late.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// The state of a rule to store.
pub(super) struct RuleWrite {
    pub(super) id: Uuid,
    /// Only if the alert is still of this version: a newer one is taken up next.
    pub(super) version: i64,
    pub(super) evaluator_state: Option<Value>,
    /// The alert's own state; none: it stays.
    pub(super) state: Option<&'static str>,
    /// It was armed now.
    pub(super) is_armed: bool,
    pub(super) armed_price: Option<Decimal>,
}

/// Everything that one transaction writes.
pub(super) struct Commit<'a> {
    pub(super) log: Uuid,
    /// Of each partition that has advanced: from where, and to where.
    pub(super) offsets: Vec<(u32, Offset, Offset)>,
    pub(super) fired: &'a [Fired],
    pub(super) rules: Vec<RuleWrite>,
    /// Alerts that are gone for their users.
    pub(super) deleted: Vec<Uuid>,
    pub(super) markets: Vec<MarketWrite<'a>>,
    /// Somebody waits for changes to be taken up.
    pub(super) applies: bool,
    pub(super) now: DateTime<Utc>,
}

/// An event in words.
fn notification(
    row: &Row,
    fired: &Fired,
    now: DateTime<Utc>,
) -> Result<NewNotification, EvaluationError> {
    let (alert, name): (Uuid, String) = (row.get(2), row.get(4));
    let firing = &fired.firing;
    let mut fields = Vec::new();
    let mut field = |name: &str, value: String| {
        let name = name.to_owned();
        fields.push(Field { name, value });
    };
    let body = match &firing.cause {
        Cause::Trade {
            instrument,
            trade_id,
            time,
            price,
        } => {
            field("instrument", instrument.to_string());
            field("price", price.to_string());
            field("trade", trade_id.to_string());
            format!("{instrument} traded at {price} at {time}")
        }
        Cause::Candle {
            instrument, close, ..
        } => {
            field("instrument", instrument.to_string());
            field("close", close.to_string());
            format!("{instrument} closed at {close} at {}", firing.cause.time())
        }
        Cause::Gap {
            instrument,
            from,
            to,
        } => {
            field("instrument", instrument.to_string());
            format!("trades of {instrument} are missing from {from} to {to}")
        }
        Cause::Silence {
            instrument, since, ..
        } => {
            field("instrument", instrument.to_string());
            format!("{instrument} has not traded since {since}")
        }
        Cause::Outside { name, value, .. } => format!("{name} is {value}"),
    };
    let silenced_until: Option<DateTime<Utc>> = row.get(8);
    let (channels, escalation) = match silenced_until.is_some_and(|until| now < until) {
        true => (Vec::new(), Vec::new()),
        false => (row.get(6), later(stored_escalation(row.get(7))?)),
    };
    let note: Option<String> = row.get(9);
    let body = match note.filter(|note| !note.is_empty()) {
        Some(note) => format!("{body}\n{note}"),
        None => body,
    };
    Ok(NewNotification {
        id: row.get(0),
        user: row.get(1),
        kind: MessageKind::AlertFired,
        severity: match row.get(5) {
            "info" => Severity::Info,
            "urgent" => Severity::Urgent,
            _ => Severity::Normal,
        },
        title: name,
        body,
        link: Some(link(alert)),
        fields,
        rule: Some(alert),
        event_key: row.get(3),
        channels,
        escalation,
        time: DateTime::from_timestamp_nanos(firing.at.0),
    })
}

/// The channels of an escalation, each with its wait.
fn later(steps: Vec<EscalationStep>) -> Vec<(TimeDelta, Uuid)> {
    let channels = |step: EscalationStep| {
        let after = TimeDelta::minutes(step.after_minutes.into());
        step.channels
            .into_iter()
            .map(move |channel| (after, channel))
    };
    steps.into_iter().flat_map(channels).collect()
}

/// Numbers of a commit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) events: usize,
    pub(super) late: usize,
}

impl Commit<'_> {
    /// Writes all of it, or nothing.
    pub(super) async fn write(
        &self,
        session: &mut PooledConnection,
        randomness: &Randomness,
    ) -> Result<Written, EvaluationError> {
        let transaction = session
            .transaction()
            .await
            .map_err(failed("begin recording events"))?;
        // First: whoever else judges this log has moved the offsets, and nothing here counts.
        self.advance(&transaction).await?;
        let written = self.record(&transaction, randomness).await?;
        self.store_rules(&transaction).await?;
        self.store_markets(&transaction).await?;
        if !self.deleted.is_empty() {
            let sql = "DELETE FROM alerts WHERE id = ANY($1) AND is_deleted";
            execute(&transaction, "remove deleted alerts", sql, &[&self.deleted]).await?;
        }
        for (is_so, what) in [(written.events > 0, "fired"), (self.applies, "applied")] {
            if is_so {
                let sql = "SELECT pg_notify($1, $2)";
                query(&transaction, "announce", sql, &[&CHANNEL, &what]).await?;
            }
        }
        transaction
            .commit()
            .await
            .map_err(failed("record events"))?;
        Ok(written)
    }

    async fn advance(&self, transaction: &Transaction<'_>) -> Result<(), EvaluationError> {
        let mut partitions: Vec<i32> = Vec::new();
        let (mut from, mut to): (Vec<i64>, Vec<i64>) = (Vec::new(), Vec::new());
        for (partition, before, after) in &self.offsets {
            partitions.push(partition.cast_signed());
            from.push(before.0.cast_signed());
            to.push(after.0.cast_signed());
        }
        let sql = "UPDATE alert_offsets o SET next_offset = n.after, updated_at = now() \
             FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS n (partition, before, after) \
             WHERE o.log_identity = $1 AND o.partition = n.partition AND o.next_offset = n.before";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&self.log, &partitions, &from, &to];
        let moved = execute(transaction, "advance the offsets of alerts", sql, &params).await?;
        match usize::try_from(moved) == Ok(partitions.len()) {
            true => Ok(()),
            false => Err(EvaluationError::Overtaken),
        }
    }

    async fn record(
        &self,
        transaction: &Transaction<'_>,
        randomness: &Randomness,
    ) -> Result<Written, EvaluationError> {
        if self.fired.is_empty() {
            return Ok(Written::default());
        }
        let mut ids: Vec<Uuid> = Vec::new();
        let mut alerts: Vec<Uuid> = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        let mut revisions: Vec<i32> = Vec::new();
        let (mut late, mut in_gap): (Vec<bool>, Vec<bool>) = (Vec::new(), Vec::new());
        let mut causes: Vec<String> = Vec::new();
        let mut values: Vec<Option<Decimal>> = Vec::new();
        let mut before: Vec<Option<Decimal>> = Vec::new();
        for fired in self.fired {
            let firing = &fired.firing;
            let alert = Uuid::from_bytes(firing.rule.0);
            ids.push(randomness.id());
            alerts.push(alert);
            keys.push(format!("{alert} {} {}", firing.revision, firing.cause));
            revisions.push(firing.revision.cast_signed());
            let received_at = fired.received_at.map(|time| time.to_utc());
            late.push(received_at.is_some_and(|at| self.now - at > LATE));
            in_gap.push(fired.in_gap);
            causes.push(serde_json::to_string(&firing.cause).unwrap_or_default());
            values.push(firing.value);
            before.push(fired.price_before);
        }
        let sql = "INSERT INTO alert_events (id, alert_id, user_id, event_key, revision, fired_at, \
               late, in_gap, cause, value, price_before) \
             SELECT e.id, e.alert_id, a.user_id, e.event_key, e.revision, $10::timestamptz, e.late, e.in_gap, \
               e.cause::jsonb, e.value, e.price_before \
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bool[], $6::bool[], \
               $7::text[], $8::numeric[], $9::numeric[]) WITH ORDINALITY \
               AS e (id, alert_id, event_key, revision, late, in_gap, cause, value, price_before, place) \
             JOIN alerts a ON a.id = e.alert_id ORDER BY e.place \
             ON CONFLICT (event_key) DO NOTHING RETURNING id, late";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
            &ids, &alerts, &keys, &revisions, &late, &in_gap, &causes, &values, &before, &self.now,
        ];
        let rows = query(transaction, "record events", sql, &params).await?;
        let recorded: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        let sql = "UPDATE alerts a SET fired_count = a.fired_count + c.events, last_fired_at = $2 \
             FROM (SELECT alert_id, count(*) AS events FROM alert_events WHERE id = ANY($1) \
               GROUP BY alert_id) c WHERE a.id = c.alert_id";
        execute(transaction, "count events", sql, &[&recorded, &self.now]).await?;
        self.notify_owners(transaction, &ids, &recorded).await?;
        Ok(Written {
            events: recorded.len(),
            late: rows.iter().filter(|row| row.get::<_, bool>(1)).count(),
        })
    }

    /// Writes what the owners are notified of, in this transaction: before anything is sent.
    async fn notify_owners(
        &self,
        transaction: &Transaction<'_>,
        ids: &[Uuid],
        recorded: &[Uuid],
    ) -> Result<(), EvaluationError> {
        let fired: HashMap<Uuid, &Fired> = ids.iter().copied().zip(self.fired).collect();
        let sql = "SELECT e.id, e.user_id, e.alert_id, e.event_key, a.name, a.severity, a.channels, \
               a.escalation, a.silenced_until, a.note \
             FROM alert_events e JOIN alerts a ON a.id = e.alert_id WHERE e.id = ANY($1) \
             ORDER BY e.sequence";
        let rows = query(transaction, "read recorded events", sql, &[&recorded]).await?;
        let notifications: Vec<NewNotification> = rows
            .iter()
            .filter_map(|row| {
                let fired = fired.get(&row.get::<_, Uuid>(0))?;
                Some(notification(row, fired, self.now))
            })
            .collect::<Result<_, _>>()?;
        notify(transaction, &notifications, self.now).await?;
        Ok(())
    }

    async fn store_rules(&self, transaction: &Transaction<'_>) -> Result<(), EvaluationError> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = self.rules.iter().map(|write| write.id).collect();
        let versions: Vec<i64> = self.rules.iter().map(|write| write.version).collect();
        let evaluator_states: Vec<Option<String>> = self
            .rules
            .iter()
            .map(|write| write.evaluator_state.as_ref().map(Value::to_string))
            .collect();
        let states: Vec<Option<&str>> = self.rules.iter().map(|write| write.state).collect();
        let armed: Vec<bool> = self.rules.iter().map(|write| write.is_armed).collect();
        let prices: Vec<Option<Decimal>> =
            self.rules.iter().map(|write| write.armed_price).collect();
        let sql = "UPDATE alerts a SET evaluator_state = c.evaluator_state::jsonb, \
               state = coalesce(c.state, a.state), applied_version = c.version, \
               armed_at = CASE WHEN c.is_armed THEN $7 ELSE a.armed_at END, \
               armed_price = CASE WHEN c.is_armed THEN c.price ELSE a.armed_price END \
             FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bool[], $6::numeric[]) \
               AS c (id, version, evaluator_state, state, is_armed, price) \
             WHERE a.id = c.id AND a.version = c.version";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
            &ids,
            &versions,
            &evaluator_states,
            &states,
            &armed,
            &prices,
            &self.now,
        ];
        execute(transaction, "store the states of rules", sql, &params).await?;
        Ok(())
    }

    async fn store_markets(&self, transaction: &Transaction<'_>) -> Result<(), EvaluationError> {
        let known = self.markets.iter();
        let known: Vec<_> = known
            .filter_map(|write| Some((write, write.market.last?)))
            .collect();
        if known.is_empty() {
            return Ok(());
        }
        let venues: Vec<&str> = known.iter().map(|(it, _)| it.key.venue.name()).collect();
        let symbols: Vec<&str> = known.iter().map(|(it, _)| it.key.symbol.as_str()).collect();
        let ids: Vec<Decimal> = known.iter().map(|(_, last)| last.id.into()).collect();
        let times: Vec<i64> = known.iter().map(|(_, last)| last.time.0).collect();
        let prices: Vec<Decimal> = known.iter().map(|(_, last)| last.price).collect();
        let quantities: Vec<Decimal> = known.iter().map(|(_, last)| last.quantity).collect();
        let connections: Vec<Decimal> = known
            .iter()
            .map(|(it, _)| it.market.connection.0.into())
            .collect();
        let taken: Vec<String> = known
            .iter()
            .map(|(it, _)| serde_json::to_string(&it.market.taken).unwrap_or_default())
            .collect();
        let states: Vec<Option<String>> = known
            .iter()
            .map(|(it, _)| serde_json::to_string(it.state.as_ref()?).ok())
            .collect();
        let sql = "INSERT INTO alert_markets \
               (venue, symbol, trade_id, trade_time, price, quantity, connection, taken, state) \
             SELECT m.venue, m.symbol, m.trade_id, m.trade_time, m.price, m.quantity, m.connection, \
               m.taken::jsonb, m.state::jsonb \
             FROM unnest($1::text[], $2::text[], $3::numeric[], $4::bigint[], $5::numeric[], \
               $6::numeric[], $7::numeric[], $8::text[], $9::text[]) \
               AS m (venue, symbol, trade_id, trade_time, price, quantity, connection, taken, state) \
             ON CONFLICT (venue, symbol) DO UPDATE SET trade_id = excluded.trade_id, \
               trade_time = excluded.trade_time, price = excluded.price, \
               quantity = excluded.quantity, connection = excluded.connection, \
               taken = excluded.taken, state = excluded.state";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
            &venues,
            &symbols,
            &ids,
            &times,
            &prices,
            &quantities,
            &connections,
            &taken,
            &states,
        ];
        execute(transaction, "store the markets of alerts", sql, &params).await?;
        Ok(())
    }
}
