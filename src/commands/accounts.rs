//! `user`, `keys` and `outbox`: what the operator does with accounts, next to the running program or
//! without it.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::SecretString;

use super::clock;
use super::stored::with_store;
use crate::accounts::{AccountError, Accounts, Imported, Registration, Role};
use crate::app;
use crate::cli::PlaceArgs;
use crate::cli::accounts::{KeysCommand, OutboxArgs, UserCommand, UserCreateArgs, UserImportArgs};
use crate::config::Config;
use crate::output::{print_line, remark_line};

/// `user …`
pub(super) fn user(command: &UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Create(args) => create(args),
        UserCommand::Invite(args) => with_accounts(&args.place, async |accounts, _| {
            let role = if args.admin { Role::Admin } else { Role::User };
            let email = args.email.as_deref();
            let made = accounts.invite(None, email, role, args.days).await;
            let made = made.map_err(explain)?;
            print_line!("{}", made.token);
            remark_line!(
                "register with this token as `invitation` by {}",
                made.expires_at.format("%Y-%m-%dT%H:%M:%SZ")
            );
            Ok(())
        }),
        UserCommand::Import(args) => import(args),
        UserCommand::RemoveSecondFactor(args) => with_accounts(&args.place, async |accounts, _| {
            let user = accounts.remove_lost_factor(&args.email).await;
            let user = user.map_err(explain)?;
            print_line!(
                "{} no longer has a second factor; their sessions have ended, and they are informed by email",
                user.email
            );
            Ok(())
        }),
    }
}

fn create(args: &UserCreateArgs) -> anyhow::Result<()> {
    let given = match args.password_stdin {
        true => Some(read_password()?),
        false => None,
    };
    with_accounts(&args.place, async |accounts, _| {
        let (password, expires_at) = match given {
            Some(password) => (password, None),
            None => {
                let (password, expires_at) = accounts.random_password();
                (password, Some(expires_at))
            }
        };
        let registration = Registration {
            email: args.email.clone(),
            password: SecretString::from(password.clone()),
            display_name: args.display_name.clone(),
            invitation: None,
        };
        let role = if args.admin { Role::Admin } else { Role::User };
        let user = accounts.create_user(registration, role, expires_at).await;
        let user = user.map_err(explain)?;
        remark_line!("created {} {} ({})", role.name(), user.email, user.id.0);
        if let Some(expires_at) = expires_at {
            remark_line!(
                "the temporary password, to be changed (`POST /api/v1/auth/password`) before it expires at {}:",
                expires_at.format("%Y-%m-%dT%H:%M:%SZ")
            );
            print_line!("{password}");
        }
        Ok(())
    })
}

fn read_password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        remark_line!("password (shown as you type):");
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read a password from standard input")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A row of the file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    email: String,
    password_hash: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

fn import(args: &UserImportArgs) -> anyhow::Result<()> {
    let mut file = csv::Reader::from_path(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let rows: Vec<Row> = file
        .deserialize()
        .collect::<Result<_, _>>()
        .with_context(|| {
            format!(
                "cannot read {}: columns are email, password_hash and, optional, display_name, email_verified (true, false)",
                args.file.display()
            )
        })?;
    with_accounts(&args.place, async |accounts, _| {
        let (mut made, mut left_out) = (0, 0);
        for row in rows {
            let email = row.email.clone();
            let imported = Imported {
                email: row.email,
                password_hash: row.password_hash,
                display_name: row.display_name,
                email_verified: row.email_verified,
            };
            match accounts.import_user(imported).await {
                Ok(_) => made += 1,
                Err(error @ (AccountError::EmailTaken | AccountError::Invalid(_))) => {
                    left_out += 1;
                    remark_line!("skipped {email}: {}", explain(error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        print_line!("imported {made} users, skipped {left_out}");
        Ok(())
    })
}

/// `keys …`
pub(super) fn keys(command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Rotate(args) => with_accounts(&args.place, async |accounts, _| {
            if args.totp {
                let count = accounts.rotate_sealing_key().await?;
                print_line!("encrypted {count} second factors with the newest key");
            } else {
                let id = accounts.rotate_signing_key()?;
                print_line!("access tokens are signed with {id} from now on");
                remark_line!(
                    "running processes follow within a minute; tokens signed before stay valid until they expire"
                );
            }
            Ok(())
        }),
    }
}

/// `outbox`
pub(super) fn outbox(args: &OutboxArgs) -> anyhow::Result<()> {
    with_accounts(&args.place, async |accounts, config| {
        let emails = accounts.outbox(args.limit).await?;
        if emails.is_empty() {
            print_line!("the outbox is empty");
        }
        for email in emails {
            let state = match (email.sent_at, email.dropped_at) {
                (Some(at), _) => format!("sent {}", at.format("%Y-%m-%dT%H:%M:%SZ")),
                (_, Some(_)) => "given up".to_owned(),
                _ => format!("waiting, {} attempts", email.attempts),
            };
            let why = email.last_error.map(|why| format!(": {why}"));
            print_line!(
                "{}  {:<22} {:<32} {state}{}",
                email.created_at.format("%Y-%m-%dT%H:%M:%SZ"),
                email.kind,
                email.recipient,
                why.unwrap_or_default()
            );
            let place = config.data_dir.join("outbox");
            if let Some(file) = file_of(&place, &email.id.to_string()) {
                print_line!("  {file}");
            }
        }
        Ok(())
    })
}

/// The file an email was written to, if it was.
fn file_of(place: &Path, id: &str) -> Option<String> {
    let entries = std::fs::read_dir(place).ok()?;
    let ending = format!("-{id}.eml");
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .map(|path| path.display().to_string())
        .find(|path| path.ends_with(&ending))
}

/// Does something with the accounts of a data directory, whether the program runs or not.
fn with_accounts(
    place: &PlaceArgs,
    work: impl AsyncFnOnce(Arc<Accounts>, &Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    with_store(place, async |opened| {
        let events = Arc::new(crate::accounts::AuditTrail::new(&opened.audit));
        let source = Arc::new(opened.store.clone());
        let accounts = app::accounts::open(opened.config, source, clock(), events)?;
        work(accounts, opened.config).await
    })
}

/// Each wrong field with what is wrong with it.
fn explain(error: AccountError) -> anyhow::Error {
    match error {
        AccountError::Invalid(wrong) => {
            let all: Vec<String> = wrong
                .into_iter()
                .map(|wrong| format!("{}: {}", wrong.field, wrong.detail))
                .collect();
            anyhow::anyhow!("{}", all.join("; "))
        }
        other => other.into(),
    }
}
