//! The audit log's tables.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{
    GenericClient, PooledConnection, StoreError, execute, failed, query,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::chain::{GENESIS, Link, origin};
use super::entry::AuditEntry;
use super::error::AuditError;

/// One writer at a time, in whatever process: the chain has one end. Ends with the transaction.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('coinsphere.audit'))";

const HEAD: &str = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";

const ADD: &str = "INSERT INTO audit_log (seq, at, event, outcome, actor, target, subject, origin, \
     detail, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const ADD_ORIGIN: &str = "INSERT INTO audit_origins (seq, salt, address) VALUES ($1, $2, $3)";

const ADD_PERSON: &str = "INSERT INTO audit_people (pseudonym, user_id) VALUES ($1, $2) \
     ON CONFLICT (user_id) DO NOTHING";

const PERSON: &str = "SELECT pseudonym FROM audit_people WHERE user_id = $1";

const FORGET_ORIGINS: &str = "DELETE FROM audit_origins o USING audit_log l, audit_people p \
     WHERE p.user_id = $1 AND o.seq = l.seq AND (l.actor = p.pseudonym OR l.target = p.pseudonym)";

const FORGET_PERSON: &str = "DELETE FROM audit_people WHERE user_id = $1";

const GONE: &str = "SELECT p.user_id FROM audit_people p \
     WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = p.user_id) LIMIT 1000";

const PAGE: &str = "SELECT l.seq, l.at, l.event, l.outcome, l.actor, l.target, l.subject, l.origin, \
     l.detail, l.previous, l.hash, o.salt, o.address, a.user_id, t.user_id \
     FROM audit_log l LEFT JOIN audit_origins o USING (seq) \
     LEFT JOIN audit_people a ON a.pseudonym = l.actor \
     LEFT JOIN audit_people t ON t.pseudonym = l.target \
     WHERE l.seq > $1 ORDER BY l.seq LIMIT 1000";

const SIGN: &str = "INSERT INTO audit_signatures (seq, hash, at, key, signature) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";

const SIGNATURES: &str = "SELECT seq, hash, at, key, signature FROM audit_signatures ORDER BY seq";

/// A stored row.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) link: Link,
    pub(super) hash: Vec<u8>,
    /// Salt and address, while they are not forgotten.
    pub(super) origin: Option<(Vec<u8>, String)>,
    pub(super) actor: Option<Uuid>,
    pub(super) target: Option<Uuid>,
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) seq: i64,
    pub(super) hash: Vec<u8>,
    pub(super) at: DateTime<Utc>,
    pub(super) key: String,
    pub(super) signature: Vec<u8>,
}

/// Adds entries to the end of the chain, all or none.
pub(super) async fn append(
    session: &mut PooledConnection,
    entries: &[(DateTime<Utc>, AuditEntry)],
) -> Result<(), AuditError> {
    let transaction = session
        .transaction()
        .await
        .map_err(failed("begin to write the audit log"))?;
    query(&transaction, "wait for other audit entries", LOCK, &[]).await?;
    let (mut seq, mut previous) = head(&transaction)
        .await?
        .unwrap_or_else(|| (0, GENESIS.to_vec()));
    for (at, entry) in entries {
        seq += 1;
        previous = add(&transaction, seq, *at, entry, previous).await?;
    }
    transaction
        .commit()
        .await
        .map_err(failed("commit audit entries"))?;
    Ok(())
}

async fn add(
    on: &impl GenericClient,
    seq: i64,
    at: DateTime<Utc>,
    entry: &AuditEntry,
    previous: Vec<u8>,
) -> Result<Vec<u8>, AuditError> {
    // Random, and in no way derived from the address.
    let salt = Uuid::new_v4().into_bytes();
    let address = entry.address.map(|address| address.to_string());
    let detail = serde_json::json!(entry.detail).to_string();
    if detail.len() > 4_096 || entry.event.len() > 80 {
        return Err(AuditError::TooLarge {
            event: entry.event.to_owned(),
        });
    }
    let link = Link {
        seq,
        at,
        event: entry.event.to_owned(),
        outcome: entry.outcome.name().to_owned(),
        actor: pseudonym(on, entry.actor).await?,
        target: pseudonym(on, entry.target).await?,
        subject: entry.subject,
        origin: address
            .as_deref()
            .map(|address| origin(&salt, address).to_vec()),
        detail,
        previous,
    };
    let hash = link.hash().to_vec();
    let Link {
        seq,
        at,
        event,
        outcome,
        actor,
        target,
        subject,
        origin,
        detail,
        previous,
    } = &link;
    execute(
        on,
        "add an audit entry",
        ADD,
        &[
            seq, at, event, outcome, actor, target, subject, origin, detail, previous, &hash,
        ],
    )
    .await?;
    if let Some(address) = address {
        execute(
            on,
            "add an audit entry's origin",
            ADD_ORIGIN,
            &[seq, &&salt[..], &address],
        )
        .await?;
    }
    Ok(hash)
}

/// The user's pseudonym, a new one where there is none.
async fn pseudonym(
    on: &impl GenericClient,
    user: Option<Uuid>,
) -> Result<Option<Uuid>, StoreError> {
    let Some(user) = user else { return Ok(None) };
    let doing = "look a pseudonym up";
    if let Some(row) = query(on, doing, PERSON, &[&user]).await?.first() {
        return Ok(Some(row.get(0)));
    }
    let fresh = Uuid::new_v4();
    execute(on, "add a pseudonym", ADD_PERSON, &[&fresh, &user]).await?;
    Ok(Some(fresh))
}

/// Removes what identifies the user behind entries.
pub(super) async fn forget(session: &mut PooledConnection, user: Uuid) -> Result<(), StoreError> {
    let transaction = session
        .transaction()
        .await
        .map_err(failed("begin to forget a user in the audit log"))?;
    execute(
        &transaction,
        "forget where a user was",
        FORGET_ORIGINS,
        &[&user],
    )
    .await?;
    execute(
        &transaction,
        "forget a user's pseudonym",
        FORGET_PERSON,
        &[&user],
    )
    .await?;
    transaction
        .commit()
        .await
        .map_err(failed("forget a user in the audit log"))
}

/// The users who are named and have no account any more, some of them.
pub(super) async fn gone(on: &impl GenericClient) -> Result<Vec<Uuid>, StoreError> {
    let rows = query(on, "look for users who are gone", GONE, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The newest entry's number and hash.
pub(super) async fn head(on: &impl GenericClient) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let rows = query(on, "read the end of the audit log", HEAD, &[]).await?;
    Ok(rows.first().map(|row| (row.get(0), row.get(1))))
}

/// The entries after this one, at most 1,000.
pub(super) async fn page(on: &impl GenericClient, after: i64) -> Result<Vec<Stored>, StoreError> {
    let rows = query(on, "read the audit log", PAGE, &[&after]).await?;
    Ok(rows.iter().map(stored).collect())
}

fn stored(row: &Row) -> Stored {
    let salt: Option<Vec<u8>> = row.get(11);
    let address: Option<String> = row.get(12);
    Stored {
        link: Link {
            seq: row.get(0),
            at: row.get(1),
            event: row.get(2),
            outcome: row.get(3),
            actor: row.get(4),
            target: row.get(5),
            subject: row.get(6),
            origin: row.get(7),
            detail: row.get(8),
            previous: row.get(9),
        },
        hash: row.get(10),
        origin: salt.zip(address),
        actor: row.get(13),
        target: row.get(14),
    }
}

pub(super) async fn sign(on: &impl GenericClient, head: &Signature) -> Result<(), StoreError> {
    let Signature {
        seq,
        hash,
        at,
        key,
        signature,
    } = head;
    execute(
        on,
        "keep the audit log's signed head",
        SIGN,
        &[seq, hash, at, key, signature],
    )
    .await?;
    Ok(())
}

pub(super) async fn signatures(on: &impl GenericClient) -> Result<Vec<Signature>, StoreError> {
    let rows = query(on, "read the audit log's signed heads", SIGNATURES, &[]).await?;
    let signature = |row: &Row| Signature {
        seq: row.get(0),
        hash: row.get(1),
        at: row.get(2),
        key: row.get(3),
        signature: row.get(4),
    };
    Ok(rows.iter().map(signature).collect())
}
