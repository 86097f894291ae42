//! Events: that an alert has fired, and why. Their JSON is the same over HTTP and on streams.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{StoreError, query};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AlertError, UserAlerts};
use crate::alerts::Cause;

pub(super) const COLUMNS: &str = "e.id, e.alert_id, e.sequence, e.revision, e.fired_at, e.late, \
     e.in_gap, e.cause, e.value, e.price_before, e.annotations, e.acknowledged_at, e.user_id, a.name, \
     a.severity";

/// An event of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AlertEvent {
    /// The event: the same in every message about it.
    pub id: Uuid,
    /// The alert that fired.
    pub alert_id: Uuid,
    /// The alert's name now.
    #[schema(example = "BTC at 60,000")]
    pub alert_name: String,
    /// `info`, `normal` or `urgent`.
    #[schema(example = "normal")]
    pub severity: String,
    /// When it was recorded.
    pub fired_at: DateTime<Utc>,
    /// True if that was more than a minute after the trade arrived, because the program was away or behind.
    pub late: bool,
    /// Its cause.
    pub trigger: Trigger,
    /// True if trades are missing right before the one that fired it: the threshold may have been reached
    /// earlier.
    pub in_gap: bool,
    /// The revision of the rule that fired.
    pub revision: i32,
    /// Corrections that were learned later.
    #[schema(value_type = Vec<Object>)]
    pub annotations: Value,
    /// When it was acknowledged.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Its place in the order of events: what a stream goes on after.
    #[schema(value_type = String, example = "1042")]
    #[serde(serialize_with = "text")]
    pub cursor: i64,
    /// Whose alert it is.
    #[serde(skip)]
    pub(crate) user: Uuid,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn text<S: serde::Serializer>(number: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

/// The cause of an event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Trigger {
    /// `trade`, or the kind of what is no trade: `candle`, `gap`, `silence`, `outside`.
    #[schema(example = "trade")]
    pub kind: String,
    /// The venue of the instrument, if it is about one.
    #[schema(example = "binance")]
    pub venue: Option<String>,
    /// The instrument, as the venue spells it.
    #[schema(example = "BTCUSDT")]
    pub symbol: Option<String>,
    /// The venue's number of the trade; null for what is no trade.
    #[schema(example = 3_819_223_111_u64)]
    pub trade_id: Option<u64>,
    /// When it happened, by the venue's clock.
    #[schema(value_type = String, example = "2026-03-01T12:00:00.123Z")]
    pub time: crate::alerts::EventTime,
    /// The trade's price, or the candle's close.
    #[schema(example = "60000.5")]
    pub price: Option<String>,
    /// The price of the trade before, where it is known.
    #[schema(example = "59999.9")]
    pub price_before: Option<String>,
    /// The value of the rule's signal: a price, percent, a factor.
    #[schema(example = "60000.5")]
    pub value: Option<String>,
}

/// The name of a cause's kind.
pub(super) const fn kind(cause: &Cause) -> &'static str {
    match cause {
        Cause::Trade { .. } => "trade",
        Cause::Candle { .. } => "candle",
        Cause::Gap { .. } => "gap",
        Cause::Silence { .. } => "silence",
        Cause::Outside { .. } => "outside",
    }
}

fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

impl Trigger {
    fn new(cause: &Cause, value: Option<Decimal>, before: Option<Decimal>) -> Self {
        let instrument = match cause {
            Cause::Trade { instrument, .. }
            | Cause::Candle { instrument, .. }
            | Cause::Gap { instrument, .. }
            | Cause::Silence { instrument, .. } => Some(instrument),
            Cause::Outside { .. } => None,
        };
        let (trade_id, price) = match cause {
            Cause::Trade {
                trade_id, price, ..
            } => (Some(*trade_id), Some(*price)),
            Cause::Candle { close, .. } => (None, Some(*close)),
            _ => (None, None),
        };
        Self {
            kind: kind(cause).to_owned(),
            venue: instrument.map(|instrument| instrument.venue.to_string()),
            symbol: instrument.map(|instrument| instrument.symbol.to_string()),
            trade_id,
            time: cause.time(),
            price: price.map(plain),
            price_before: before.map(plain),
            value: value.map(plain),
        }
    }
}

pub(super) fn event(row: &Row) -> Result<AlertEvent, StoreError> {
    let cause: Cause = serde_json::from_value(row.get(7))
        .map_err(|error| StoreError::Unreadable(format!("the cause of an event: {error}")))?;
    Ok(AlertEvent {
        id: row.get(0),
        alert_id: row.get(1),
        cursor: row.get(2),
        revision: row.get(3),
        fired_at: row.get(4),
        late: row.get(5),
        in_gap: row.get(6),
        trigger: Trigger::new(&cause, row.get(8), row.get(9)),
        annotations: row.get(10),
        acknowledged_at: row.get(11),
        user: row.get(12),
        alert_name: row.get(13),
        severity: row.get(14),
    })
}

impl UserAlerts {
    /// Events of one of a user's alerts, the newest first, at most `limit`, those before `before` only.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn events(
        &self,
        user: Uuid,
        alert: Uuid,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        self.alert(user, alert).await?;
        let session = self.session().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM alert_events e JOIN alerts a ON a.id = e.alert_id \
             WHERE e.alert_id = $1 AND e.sequence < $2 ORDER BY e.sequence DESC LIMIT $3"
        );
        let before = before.unwrap_or(i64::MAX);
        let rows = query(
            &session,
            "list events",
            &sql,
            &[&alert, &before, &i64::from(limit)],
        )
        .await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Events of a user's alerts after a place in their order, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn events_after(
        &self,
        user: Uuid,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AlertEvent>, AlertError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM alert_events e JOIN alerts a ON a.id = e.alert_id \
             WHERE e.user_id = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3"
        );
        let rows = query(
            &session,
            "list events",
            &sql,
            &[&user, &after, &i64::from(limit)],
        )
        .await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Notes that a user has seen an event. The first acknowledgement counts.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn acknowledge(&self, user: Uuid, id: Uuid) -> Result<(), AlertError> {
        let session = self.session().await?;
        let sql = "UPDATE alert_events SET acknowledged_at = coalesce(acknowledged_at, $3) \
             WHERE id = $1 AND user_id = $2 RETURNING id";
        let rows = query(
            &session,
            "acknowledge an event",
            sql,
            &[&id, &user, &self.now()],
        )
        .await?;
        match rows.is_empty() {
            true => Err(AlertError::Unknown("event")),
            false => Ok(()),
        }
    }
}
