//! Idempotency keys in the database.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coinsphere_pipelines::store::{PooledConnection, StoreError, Transaction, execute, query};

use crate::idempotency::{Begun, IdempotencyKey, IdempotencyStore, KeptAnswer, LIFETIME};
use crate::market::ReadError;
use crate::user_data::{DataSubject, UserData};
use coinsphere_pipelines::store::StoreSource;

/// Expired keys that go with each new one, so that none stay and no request pays for many.
const SWEEP: &str = "DELETE FROM idempotency_keys WHERE (subject, key) IN (\
     SELECT subject, key FROM idempotency_keys WHERE expires_at <= now() \
     ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)";

const TAKE: &str = "INSERT INTO idempotency_keys AS old (subject, key, request, expires_at) \
     VALUES ($1, $2, $3, now() + make_interval(secs => $4)) \
     ON CONFLICT (subject, key) DO UPDATE SET request = EXCLUDED.request, status = NULL, \
     headers = NULL, body = NULL, expires_at = EXCLUDED.expires_at \
     WHERE old.expires_at <= now() RETURNING true";

const LOOK: &str = "SELECT request, status, headers, body FROM idempotency_keys \
     WHERE subject = $1 AND key = $2";

const KEEP: &str = "UPDATE idempotency_keys SET status = $3, headers = $4, body = $5 \
     WHERE subject = $1 AND key = $2";

const GIVE_BACK: &str =
    "DELETE FROM idempotency_keys WHERE subject = $1 AND key = $2 AND status IS NULL";

/// Keys and answers in the database.
#[derive(Clone)]
pub struct IdempotencyKeys(Arc<dyn StoreSource>);

impl IdempotencyKeys {
    /// In the database of this source, which may be away.
    #[must_use]
    pub fn open(source: impl StoreSource) -> Self {
        Self(Arc::new(source))
    }

    async fn session(&self) -> Result<PooledConnection, ReadError> {
        let store = self.0.store().ok_or_else(|| {
            ReadError::Unavailable("the database has not been reached yet".to_owned())
        })?;
        store.session().await.map_err(trouble)
    }
}

fn trouble(error: StoreError) -> ReadError {
    if error.is_retriable() {
        ReadError::Unavailable(error.to_string())
    } else {
        ReadError::Failed(error.to_string())
    }
}

#[async_trait]
impl IdempotencyStore for IdempotencyKeys {
    async fn begin(&self, key: &IdempotencyKey, request: [u8; 32]) -> Result<Begun, ReadError> {
        let session = self.session().await?;
        execute(&session, "forget expired idempotency keys", SWEEP, &[])
            .await
            .map_err(trouble)?;
        let seconds = LIFETIME.as_secs_f64();
        // Between the two statements a key can be given back: then it is taken in the next turn.
        for _ in 0..3 {
            let taken = query(
                &session,
                "take an idempotency key",
                TAKE,
                &[&&*key.subject, &key.key, &&request[..], &seconds],
            )
            .await
            .map_err(trouble)?;
            if !taken.is_empty() {
                return Ok(Begun::First);
            }
            let known = query(
                &session,
                "look an idempotency key up",
                LOOK,
                &[&&*key.subject, &key.key],
            )
            .await
            .map_err(trouble)?;
            let Some(row) = known.first() else { continue };
            if row.get::<_, &[u8]>(0) != request {
                return Ok(Begun::OtherRequest);
            }
            let Some(status) = row.get::<_, Option<i16>>(1) else {
                return Ok(Begun::InProgress);
            };
            let headers: Option<serde_json::Value> = row.get(2);
            let body: Option<Vec<u8>> = row.get(3);
            return Ok(Begun::Answered(KeptAnswer {
                status: u16::try_from(status).unwrap_or(200),
                headers: headers
                    .and_then(|headers| serde_json::from_value(headers).ok())
                    .unwrap_or_default(),
                body: Bytes::from(body.unwrap_or_default()),
            }));
        }
        Ok(Begun::InProgress)
    }

    async fn finish(&self, key: &IdempotencyKey, answer: &KeptAnswer) -> Result<(), ReadError> {
        let session = self.session().await?;
        let status = i16::try_from(answer.status).unwrap_or(200);
        let headers = serde_json::json!(answer.headers);
        execute(
            &session,
            "keep an answer",
            KEEP,
            &[
                &&*key.subject,
                &key.key,
                &status,
                &headers,
                &&answer.body[..],
            ],
        )
        .await
        .map_err(trouble)?;
        Ok(())
    }

    async fn give_back(&self, key: &IdempotencyKey) -> Result<(), ReadError> {
        let session = self.session().await?;
        execute(
            &session,
            "give an idempotency key back",
            GIVE_BACK,
            &[&&*key.subject, &key.key],
        )
        .await
        .map_err(trouble)?;
        Ok(())
    }
}

/// The answers that are kept for a user: what they say is exported where it belongs to.
pub struct IdempotencyUserData;

#[async_trait]
impl UserData for IdempotencyUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["idempotency_keys"]
    }

    async fn export(
        &self,
        _: &Transaction<'_>,
        _: &DataSubject,
    ) -> Result<Vec<(&'static str, serde_json::Value)>, StoreError> {
        Ok(Vec::new())
    }

    async fn erase(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency_keys WHERE subject = $1";
        execute(database, "forget answers", sql, &[&user.id.to_string()]).await?;
        Ok(())
    }
}
