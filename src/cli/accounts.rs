//! The command line of accounts: users, keys, mail and the audit log.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{MaintainArgs, PlaceArgs};

/// `audit`
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// The command.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// Commands for the audit log.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Read the whole chain and report what was tampered with; exit status 1 if anything was.
    Verify(MaintainArgs),
    /// Print every entry as a JSON line, oldest first.
    Export(AuditExportArgs),
}

/// `audit export`
#[derive(Debug, Clone, Args)]
pub struct AuditExportArgs {
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The file to write; it must not exist yet [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `user …`
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Create an account, whatever the configuration says about registration. Its address counts as
    /// verified.
    Create(UserCreateArgs),
    /// Create an invitation and print its token.
    Invite(UserInviteArgs),
    /// Take over users of another program, with their bcrypt or Argon2id hashes.
    Import(UserImportArgs),
    /// Remove the second factor of a user who has lost it and the recovery codes; verify their identity
    /// first. Their sessions end.
    RemoveSecondFactor(UserArgs),
}

/// `user remove-second-factor`
#[derive(Debug, Clone, Args)]
pub struct UserArgs {
    /// The email address.
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `user create`
#[derive(Debug, Clone, Args)]
pub struct UserCreateArgs {
    /// The email address.
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// Make the user an admin.
    #[arg(long)]
    pub admin: bool,
    /// The display name.
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// Read the password from the first line of standard input [default: print a temporary one].
    #[arg(long)]
    pub password_stdin: bool,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `user invite`
#[derive(Debug, Clone, Args)]
pub struct UserInviteArgs {
    /// The only email address that may use it [default: anybody who has it].
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Make the user an admin.
    #[arg(long)]
    pub admin: bool,
    /// Days until it expires.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub days: u32,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `user import`
#[derive(Debug, Clone, Args)]
pub struct UserImportArgs {
    /// CSV with a header: email, password_hash and, optional, display_name, email_verified.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `keys …`
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Create a new key for signing access tokens; old ones verify until their tokens have expired.
    Rotate(KeysRotateArgs),
}

/// `keys rotate`
#[derive(Debug, Clone, Args)]
pub struct KeysRotateArgs {
    /// Rotate the key that encrypts second factors instead: all are encrypted again.
    #[arg(long)]
    pub totp: bool,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `outbox`
#[derive(Debug, Clone, Args)]
pub struct OutboxArgs {
    /// Number of entries to list, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}
