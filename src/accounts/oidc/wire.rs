//! Requests to the identity provider: bounded in time and bytes, encrypted unless it is on this
//! machine, and never led elsewhere by a redirect. It knows nothing of OpenID Connect.

use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::timeout;

use crate::accounts::error::{AccountError, causes};

/// How long an answer may take: three of them fit into the time that a request of ours may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How large an answer may be; key sets and discovery documents have a few thousand bytes.
const MOST_BYTES: usize = 256 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// It would go over the network unencrypted.
    #[error("will not ask {0}: it is neither https nor on this machine")]
    Plain(String),
    /// No connection, or it broke.
    #[error("cannot ask {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why there was no answer.
        reason: String,
    },
    /// It is too long.
    #[error("the answer of {0} is longer than {MOST_BYTES} bytes")]
    TooLong(String),
    /// It leads elsewhere.
    #[error("{0} redirects elsewhere, which is not followed")]
    Redirect(String),
}

/// What carries requests to the provider.
#[derive(Clone)]
pub(super) struct Wire(Arc<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

/// An answer under way.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, WireError>> + Send>>;

impl Wire {
    /// Trusts the well-known authorities, and those of a file.
    pub(super) fn open(ca_file: Option<&Path>) -> Result<Self, AccountError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = ca_file {
            let unusable = |why: String| {
                let path = path.display();
                AccountError::Internal(format!("cannot use accounts.oidc.ca_file, {path}: {why}"))
            };
            let read = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| unusable(error.to_string()))?;
            if read.is_empty() {
                return Err(unusable("it holds no PEM certificate".to_owned()));
            }
            for certificate in read {
                roots
                    .add(certificate)
                    .map_err(|error| unusable(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| AccountError::Internal(format!("cannot prepare TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self(Arc::new(client)))
    }

    /// As the protocol's library wants it.
    pub(super) fn asker(&self) -> impl Fn(Request<Vec<u8>>) -> Answer + Send + Sync + 'static {
        let wire = self.clone();
        move |request| {
            let wire = wire.clone();
            Box::pin(async move { wire.ask(request).await })
        }
    }

    async fn ask(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WireError> {
        // A query may hold secrets.
        let url = request.uri().to_string();
        let url = url.split('?').next().unwrap_or_default().to_owned();
        if !is_safe(request.uri()) {
            return Err(WireError::Plain(url));
        }
        let unreachable = |reason: String| WireError::Unreachable {
            url: url.clone(),
            reason,
        };
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answering = async {
            let response = self.0.request(request).await;
            let (parts, body) = response
                .map_err(|error| unreachable(causes(&error)))?
                .into_parts();
            if parts.status.is_redirection() {
                return Err(WireError::Redirect(url.clone()));
            }
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => WireError::TooLong(url.clone()),
                None => unreachable(error.to_string()),
            })?;
            if parts.status >= StatusCode::INTERNAL_SERVER_ERROR {
                return Err(unreachable(format!("it answers {}", parts.status)));
            }
            Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        timeout(PATIENCE, answering).await.unwrap_or_else(|_| {
            Err(unreachable(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            )))
        })
    }
}

/// Whether nobody on the way can read along.
fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("https") || (here && uri.scheme_str() == Some("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unencrypted_only_on_this_machine() {
        for (uri, expected) in [
            ("https://id.example/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://[::1]:8080/keys", true),
            ("http://localhost/keys", true),
            ("http://id.example/keys", false),
            ("http://169.254.169.254/latest", false),
            ("http://localhost.example/", false),
            ("/keys", false),
        ] {
            assert_eq!(is_safe(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
