//! Opens a WebSocket to a venue: byte stream, TLS, handshake, each within bounded time and memory.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, http};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The largest frames venues send, order books and lists of all tickers, have about 1 MiB.
const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// We send little; a venue that does not read it is dead.
const MAX_UNSENT_BYTES: usize = 1 << 20;
/// A venue may ask us to stay away, but not for good.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// A stream of bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Reaches a host.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Opens a byte stream to the host.
    ///
    /// # Errors
    /// When it cannot be reached.
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>>;
}

/// Reaches a host over TCP.
#[derive(Debug, Clone, Copy)]
pub struct TcpDial;

#[async_trait]
impl Dial for TcpDial {
    async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<Box<dyn ByteStream>>>;

/// Why a WebSocket could not be opened. All are worth another try.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("cannot connect to {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("{url} answered the handshake with http status {status}")]
    Refused {
        url: String,
        status: u16,
        /// The time for which the venue asked us to stay away.
        retry_after: Option<Duration>,
    },
}

impl OpenError {
    /// Time that the venue asked us to stay away, at most an hour.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => retry_after.map(|t| t.min(LONGEST_RETRY_AFTER)),
            Self::Connect { .. } => None,
        }
    }
}

/// Opens a WebSocket to `url`.
pub(super) async fn open(
    url: &str,
    dial: &dyn Dial,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Socket, OpenError> {
    let failed = |reason: String| OpenError::Connect {
        url: url.to_owned(),
        reason,
    };
    let request = url
        .into_client_request()
        .map_err(|error| failed(error.to_string()))?;
    let uri = request.uri();
    let host = uri.host().ok_or_else(|| failed("no host in it".into()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let secure = uri.scheme_str() == Some("wss");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });

    let stream = timeout(CONNECT_WITHIN, dial.dial(host, port))
        .await
        .map_err(|_| failed(format!("no connection within {CONNECT_WITHIN:?}")))?
        .map_err(|error| failed(error.to_string()))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(MAX_UNSENT_BYTES);
    let connector = Connector::Rustls(Arc::clone(tls));
    let connector = if secure { connector } else { Connector::Plain };
    let handshake = client_async_tls_with_config(request, stream, Some(config), Some(connector));
    match timeout(HANDSHAKE_WITHIN, handshake).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(response))) => Err(OpenError::Refused {
            url: url.to_owned(),
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
        }),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no handshake within {HANDSHAKE_WITHIN:?}"))),
    }
}

/// `Retry-After` in seconds, the only form the venues send (RFC 9110 also allows a date).
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
