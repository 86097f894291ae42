//! The audit log: open for as long as the program runs.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::database::Database;
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;

use crate::audit::{AuditEntry, AuditLog, ChainSigner, Outcome};
use crate::config::Config;

/// The time for which the audit log may go without a scan for deleted accounts: two of its rounds.
const FORGETTING: Duration = Duration::from_secs(2 * 3_600);

/// Opens it.
///
/// # Errors
/// When its keys cannot be used.
pub(super) fn open(
    config: &Config,
    database: &Arc<Database>,
    clock: &SharedClock,
    statuses: &StatusRegistry,
) -> anyhow::Result<Arc<AuditLog>> {
    let signer = ChainSigner::open(&config.data_dir)?;
    Ok(AuditLog::open(
        Arc::clone(database),
        clock.clone(),
        signer,
        statuses,
    ))
}

/// Records the start, and starts the scan for deleted accounts.
pub(super) fn start(audit: &Arc<AuditLog>, statuses: &StatusRegistry) -> SupervisedLoop {
    let started = AuditEntry::new("program.started", Outcome::Done);
    audit.note(started.with("version", env!("CARGO_PKG_VERSION")));
    let audit = Arc::clone(audit);
    SupervisedLoop::start(statuses, "audit_forgetting", FORGETTING, move |context| {
        let (audit, of) = (Arc::clone(&audit), context.clone());
        context.until_quit(async move { audit.keep_forgetting(|| of.running()).await })
    })
}

/// Records the stop, and writes what is left.
pub(super) async fn close(audit: &AuditLog) {
    audit.note(AuditEntry::new("program.stopped", Outcome::Done));
    audit.close().await;
}
