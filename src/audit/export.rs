//! Prints the log as JSON lines, one entry a line, oldest first.

use std::io::Write;

use coinsphere_pipelines::store::PooledConnection;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::chain::hex;
use super::error::AuditError;
use super::table::{self, Stored};

/// A line. `actor` and `target` are pseudonyms; whom they stand for, and the address, are shown while
/// the account exists.
#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    at: chrono::DateTime<chrono::Utc>,
    event: &'a str,
    outcome: &'a str,
    actor: Option<Uuid>,
    actor_user: Option<Uuid>,
    target: Option<Uuid>,
    target_user: Option<Uuid>,
    subject: Option<Uuid>,
    address: Option<&'a str>,
    detail: &'a RawValue,
    previous: String,
    hash: String,
}

/// Writes every entry to `out`; answers how many.
///
/// # Errors
/// When the database cannot be read, a row is not ours, or `out` takes no more.
pub async fn export(session: &PooledConnection, out: &mut impl Write) -> Result<u64, AuditError> {
    let (mut after, mut written) = (0, 0);
    loop {
        let page = table::page(session, after).await?;
        let Some(last) = page.last() else {
            out.flush()?;
            return Ok(written);
        };
        after = last.link.seq;
        for stored in &page {
            write(stored, out)?;
            written += 1;
        }
    }
}

fn write(stored: &Stored, out: &mut impl Write) -> Result<(), AuditError> {
    let link = &stored.link;
    let detail: &RawValue =
        serde_json::from_str(&link.detail).map_err(|_| AuditError::Unreadable(link.seq))?;
    let line = Line {
        seq: link.seq,
        at: link.at,
        event: &link.event,
        outcome: &link.outcome,
        actor: link.actor,
        actor_user: stored.actor,
        target: link.target,
        target_user: stored.target,
        subject: link.subject,
        address: stored.origin.as_ref().map(|(_, address)| &**address),
        detail,
        previous: hex(&link.previous),
        hash: hex(&stored.hash),
    };
    serde_json::to_writer(&mut *out, &line).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
