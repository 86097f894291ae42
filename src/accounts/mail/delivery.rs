//! Sends a letter: to an SMTP server, or into a file where there is none.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::{Mailbox, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::letters::Letter;
use crate::accounts::error::AccountError;
use crate::config::MailSettings;

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);

/// How letters leave.
pub(in crate::accounts) enum Delivery {
    /// To this server.
    Smtp {
        server: AsyncSmtpTransport<Tokio1Executor>,
        from: Mailbox,
    },
    /// Into this directory, as `.eml` files.
    Files { directory: PathBuf, from: Mailbox },
}

impl Delivery {
    pub(in crate::accounts) fn new(
        settings: &MailSettings,
        data_dir: &Path,
    ) -> Result<Self, AccountError> {
        let from: Mailbox = settings.from.parse().map_err(|_| {
            AccountError::Internal(format!("mail.from is no mail address: {:?}", settings.from))
        })?;
        let Some(url) = &settings.smtp_url else {
            return Ok(Self::Files {
                directory: data_dir.join("outbox"),
                from,
            });
        };
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|error| AccountError::Internal(format!("cannot use mail.smtp_url: {error}")))?
            .timeout(Some(PATIENCE))
            .build();
        Ok(Self::Smtp { server, from })
    }

    /// Sends a letter. `id` stays the same when it is sent again, so that a reader's program can
    /// tell.
    pub(super) async fn send(
        &self,
        id: Uuid,
        to: &str,
        letter: Letter,
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let (Self::Smtp { from, .. } | Self::Files { from, .. }) = self;
        let to: Mailbox = to.parse().map_err(|_| "the recipient is no mail address")?;
        let message = Message::builder()
            .from(from.clone())
            .to(to)
            .subject(letter.subject)
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{id}@{}>", from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
            .map_err(|error| format!("cannot put the letter together: {error}"))?;
        match self {
            Self::Smtp { server, .. } => server
                .send(message)
                .await
                .map(drop)
                .map_err(|error| all_causes(&error)),
            Self::Files { directory, .. } => {
                let name = format!("{}-{id}.eml", now.format("%Y%m%dT%H%M%SZ"));
                let (path, directory) = (directory.join(name), directory.clone());
                let content = message.formatted();
                let written = tokio::task::spawn_blocking(move || {
                    std::fs::DirBuilder::new()
                        .recursive(true)
                        .mode(0o700)
                        .create(directory)?;
                    std::fs::OpenOptions::new()
                        .write(true)
                        .create(true)
                        .truncate(true)
                        .mode(0o600)
                        .open(path)?
                        .write_all(&content)
                });
                match written.await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(format!("cannot write the letter to a file: {error}")),
                    Err(_) => Err("writing the letter panicked".to_owned()),
                }
            }
        }
    }
}

fn all_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
