//! Requests to the identity provider: bounded in time and bytes, encrypted unless it is on this
//! machine, and never led elsewhere by a redirect. It knows nothing of OpenID Connect.

use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{Request, Response, StatusCode, Uri};
use bytes::Bytes;
use coinsphere_pipelines::net::{HttpClient, HttpError, HttpLimits};

use crate::accounts::error::AccountError;

/// Limits of an answer. Time: three of them fit into the time that a request of ours may take.
/// Bytes: key sets and discovery documents have a few thousand.
const LIMITS: HttpLimits = HttpLimits {
    time: Duration::from_secs(3),
    bytes: 256 << 10,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// It would go over the network unencrypted.
    #[error("will not ask {0}: it is neither https nor on this machine")]
    Plain(String),
    /// No connection, or it broke.
    #[error("cannot ask {url}: {reason}")]
    Unreachable {
        /// URL of the request.
        url: String,
        /// Why there was no answer.
        reason: String,
    },
    /// It is too long.
    #[error("the answer of {0} is longer than {limit} bytes", limit = LIMITS.bytes)]
    TooLong(String),
    /// It leads elsewhere.
    #[error("{0} redirects elsewhere, which is not followed")]
    Redirect(String),
}

/// Client for requests to the provider.
#[derive(Clone)]
pub(super) struct Wire(HttpClient);

/// An answer under way.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, WireError>> + Send>>;

impl Wire {
    /// Trusts the well-known authorities, and those of a file.
    pub(super) fn open(ca_file: Option<&Path>) -> Result<Self, AccountError> {
        let client = HttpClient::new(ca_file, LIMITS).map_err(|error| {
            AccountError::Internal(format!("cannot use accounts.oidc.ca_file: {error}"))
        })?;
        Ok(Self(client))
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
        let sent = self.0.send(request.map(Bytes::from)).await;
        let (parts, body) = match sent {
            Ok(response) => response.into_parts(),
            Err(HttpError::TooLong(_)) => return Err(WireError::TooLong(url)),
            Err(error) => return Err(unreachable(error.to_string())),
        };
        if parts.status.is_redirection() {
            return Err(WireError::Redirect(url));
        }
        if parts.status >= StatusCode::INTERNAL_SERVER_ERROR {
            return Err(unreachable(format!("it answers {}", parts.status)));
        }
        Ok(Response::from_parts(parts, body.to_vec()))
    }
}

/// Returns whether nobody on the way can read along.
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
