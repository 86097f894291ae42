//! Whom encrypted connections trust: the public authorities, and the operator's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why encrypted connections cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The operator's certificates cannot be used.
    #[error("cannot use the certificates in {}: {reason}", path.display())]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The library refuses.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

fn unusable(path: &Path, reason: String) -> TlsError {
    TlsError::Certificates {
        path: path.to_owned(),
        reason,
    }
}

/// The certificates in a file (PEM), at least one.
///
/// # Errors
/// When it cannot be read or contains none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, error.to_string()))?;
    if read.is_empty() {
        return Err(unusable(path, "it contains no PEM certificate".to_owned()));
    }
    Ok(read)
}

/// The configuration of clients that check a server's certificate against the public authorities and
/// those in `ca_file` (PEM). The provider is aws-lc, whatever the process's default is.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn client_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots
                .add(certificate)
                .map_err(|error| unusable(path, error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let error = |path: &Path| client_config(Some(path)).unwrap_err().to_string();
        assert!(error(&path).contains("ca.pem"), "missing");
        std::fs::write(&path, "no certificate").unwrap();
        let empty = error(&path);
        assert!(
            empty.contains("ca.pem") && empty.contains("no PEM certificate"),
            "{empty}"
        );
        assert!(client_config(None).is_ok());
    }
}
