//! HTTPS: the certificate as configured, read again when its files change, so that a renewed one is
//! used without a restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use coinsphere_actors::supervision::{LoopContext, StatusRegistry, SupervisedLoop};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::http::settings::HttpSettings;

/// The interval at which the files are looked at; a test does not wait so long.
const LOOK: Duration = match cfg!(test) {
    false => Duration::from_secs(30),
    true => Duration::from_millis(20),
};

/// The part's name, and how long it may go without having looked.
pub(in crate::http) const PART: &str = "certificate";
const PROGRESS: Duration = Duration::from_secs(120);

/// The time a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Certificate files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve HTTPS with {}: {reason}", path.display())]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

/// Shakes hands with the newest certificate.
pub(in crate::http) struct Tls {
    newest: watch::Receiver<Arc<ServerConfig>>,
    _looking: SupervisedLoop,
}

impl Tls {
    /// `None` where no certificate is configured.
    pub(in crate::http) fn open(
        settings: &HttpSettings,
        statuses: &StatusRegistry,
    ) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (&settings.tls_certificate, &settings.tls_key) else {
            return Ok(None);
        };
        let (certificate, key) = (certificate.clone(), key.clone());
        let stamp = stamp(&certificate, &key);
        let (sender, newest) = watch::channel(load(&certificate, &key)?);
        let sender = Arc::new(sender);
        let looking = SupervisedLoop::start(statuses, PART, PROGRESS, move |context| {
            let (certificate, key) = (certificate.clone(), key.clone());
            let (sender, of) = (Arc::clone(&sender), context.clone());
            context.until_quit(async move { look(&certificate, &key, stamp, &sender, &of).await })
        });
        Ok(Some(Self {
            newest,
            _looking: looking,
        }))
    }

    /// Shakes hands; `None` when the client did not in time, or speaks something else.
    pub(in crate::http) async fn greet(
        newest: watch::Receiver<Arc<ServerConfig>>,
        socket: TcpStream,
    ) -> Option<TlsStream<TcpStream>> {
        let config = Arc::clone(&newest.borrow());
        let greeting = TlsAcceptor::from(config).accept(socket);
        match tokio::time::timeout(HANDSHAKE, greeting).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    pub(in crate::http) fn newest(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.newest.clone()
    }
}

/// Uses what is in the files whenever they are others than those that were seen.
async fn look(
    certificate: &Path,
    key: &Path,
    mut seen: Option<Stamp>,
    newest: &watch::Sender<Arc<ServerConfig>>,
    context: &LoopContext,
) {
    context.running();
    loop {
        tokio::time::sleep(LOOK).await;
        context.progressed();
        let now = stamp(certificate, key);
        if now == seen || now.is_none() {
            continue;
        }
        match load(certificate, key) {
            Ok(config) => {
                seen = now;
                newest.send_replace(config);
                context.running();
                tracing::info!(certificate = %certificate.display(), "the certificate was renewed");
            }
            // Half written, perhaps: the old one is used until both fit.
            Err(error) => {
                tracing::warn!(%error, "the changed certificate cannot be used yet");
                context.degraded(format!(
                    "the changed certificate cannot be used yet: {error}"
                ));
            }
        }
    }
}

/// When the certificate and the key were written.
type Stamp = (SystemTime, SystemTime);

/// When the files were written.
fn stamp(certificate: &Path, key: &Path) -> Option<Stamp> {
    let written = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    Some((written(certificate)?, written(key)?))
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path, reason: String| TlsError {
        path: path.to_owned(),
        reason,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(
            certificate,
            "it contains no PEM certificate".to_owned(),
        ));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    Ok(Arc::new(config))
}
