//! Sends an email: to an SMTP server, or into a file where there is none.

use std::error::Error;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use coinsphere_pipelines::net::{certificates, with_causes};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;

use crate::notifications::address::recipient;
use crate::notifications::templates::Email;
use crate::notifications::{ChannelError, MailSettings};

/// The time a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);

/// Transport of emails.
pub(crate) enum EmailChannel {
    /// To this server.
    Smtp {
        server: AsyncSmtpTransport<Tokio1Executor>,
        from: Mailbox,
    },
    /// Into this directory, as `.eml` files.
    Files { directory: PathBuf, from: Mailbox },
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// As the URL asks for it, trusting a file's authorities too.
fn tls(url: &Url, ca_file: &Path) -> Result<Tls, ChannelError> {
    let unusable = |error: &dyn Error| {
        ChannelError(format!("cannot use mail.ca_file: {}", with_causes(error)))
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let mut parameters = TlsParameters::builder(host);
    for certificate in certificates(ca_file).map_err(|error| unusable(&error))? {
        let certificate = Certificate::from_der(certificate.to_vec());
        let certificate = certificate.map_err(|error| unusable(&error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters
        .build_rustls()
        .map_err(|error| unusable(&error))?;
    let wanted = url.query_pairs().find(|(name, _)| name == "tls");
    Ok(
        match (url.scheme(), wanted.as_ref().map(|(_, how)| &**how)) {
            ("smtps", _) => Tls::Wrapper(parameters),
            (_, Some("required")) => Tls::Required(parameters),
            (_, Some("opportunistic")) => Tls::Opportunistic(parameters),
            _ => Tls::None,
        },
    )
}

impl EmailChannel {
    pub(crate) fn new(settings: &MailSettings, data_dir: &Path) -> Result<Self, ChannelError> {
        let from: Mailbox = settings.from.parse().map_err(|_| {
            ChannelError(format!(
                "mail.from is no email address: {:?}",
                settings.from
            ))
        })?;
        let Some(url) = &settings.smtp_url else {
            return Ok(Self::Files {
                directory: data_dir.join("outbox"),
                from,
            });
        };
        let unusable =
            |error: &dyn Error| ChannelError(format!("cannot use mail.smtp_url: {error}"));
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|error| unusable(&error))?
            .timeout(Some(PATIENCE));
        if let Some(path) = &settings.ca_file {
            let url = Url::parse(url.expose_secret()).map_err(|error| unusable(&error))?;
            server = server.tls(tls(&url, path)?);
        }
        let server = server.build();
        Ok(Self::Smtp { server, from })
    }

    /// Sends an email. `id` stays the same when it is sent again, so that a reader's program can
    /// tell.
    pub(crate) async fn send(
        &self,
        id: Uuid,
        to: &str,
        email: Email,
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let (Self::Smtp { from, .. } | Self::Files { from, .. }) = self;
        let to = recipient(to).ok_or("no email can be sent to the recipient's address")?;
        let domain = from.email.domain();
        let mut message = Message::builder()
            .from(from.clone())
            .to(to)
            .subject(email.subject)
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{id}@{domain}>")))
            // RFC 3834: no program is to answer.
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(thread) = email.thread {
            message = message.references(format!("<{thread}@{domain}>"));
        }
        if let Some(link) = email.unsubscribe {
            message = message
                .raw_header(raw("List-Unsubscribe", format!("<{link}>")))
                .raw_header(raw(
                    "List-Unsubscribe-Post",
                    "List-Unsubscribe=One-Click".to_owned(),
                ));
        }
        let message = message
            .multipart(MultiPart::alternative_plain_html(email.text, email.html))
            .map_err(|error| format!("cannot put the email together: {error}"))?;
        match self {
            Self::Smtp { server, .. } => server
                .send(message)
                .await
                .map(drop)
                .map_err(|error| with_causes(&error)),
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
                    Ok(Err(error)) => Err(format!("cannot write the email to a file: {error}")),
                    Err(_) => Err("writing the email panicked".to_owned()),
                }
            }
        }
    }
}
