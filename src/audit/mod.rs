//! The audit log: who did what, when, from where, and what came of it; append-only, hash-chained, its
//! head signed. It knows the database's tables and no business: callers say what happened.
//!
//! - [`AuditLog::append`] waits until the entry is stored; [`AuditLog::note`] does not.
//! - [`AuditLog::forget`] makes an account's entries pseudonymous for good.
//! - [`verify`] reads the chain and names what was tampered with; [`export`] prints it.
//!
//! Nothing secret or personal belongs into `detail`: it cannot be removed.

mod admin_audit;
mod chain;
mod chain_signer;
mod entry;
mod error;
mod export;
mod forgetting;
mod log;
mod table;
mod user_data;
mod verify;

pub use admin_audit::{AdminAction, AdminAudit, AdminAuditLog};
pub use chain_signer::ChainSigner;
pub use entry::{AuditEntry, Outcome};
pub use error::AuditError;
pub use export::export;
pub use log::AuditLog;
pub use user_data::AuditUserData;
pub use verify::{Fault, Verified, verify};
