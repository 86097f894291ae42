//! The resolver that is given to the connector: addresses of a name are looked up once, judged, and exactly
//! those are connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use super::policy::OutboundPolicy;

/// Looks up the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Asks the operating system.
#[must_use]
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Addresses for one request. One refused address refuses the name.
#[derive(Clone)]
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<OutboundPolicy>,
    pub(super) lookup: Lookup,
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let own = self.clone();
        Box::pin(async move {
            let found = (own.lookup)(name.as_str().to_owned()).await?;
            for address in &found {
                own.policy
                    .check_address(*address, own.port, own.is_encrypted)
                    .map_err(io::Error::other)?;
            }
            let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, own.port));
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}
