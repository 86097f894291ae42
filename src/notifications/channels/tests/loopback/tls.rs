//! HTTPS: delivered to whom a trusted authority vouches for by name, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_channels::{DeliveryError, Lookup, OutboundClient, OutboundError};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;

use crate::server::{Server, answer};
use crate::{channel, deliver, message, trusting};

fn at_home() -> Lookup {
    Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) }))
}

/// A server with a certificate for `hooks.example`, and a store that trusts it.
async fn server() -> (Server, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["hooks.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = "127.0.0.1:0".parse().unwrap();
    let server = Server::serve(address, Some(tls), |_| answer(200, "ok")).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    (server, roots)
}

async fn post(client: &OutboundClient, host: &str, port: u16) -> Result<(), DeliveryError> {
    let url = format!("https://{host}:{port}/hook");
    deliver(
        &channel(json!({"kind": "slack", "url": url})),
        client,
        &message(),
    )
    .await
}

#[tokio::test]
async fn only_a_verified_server_receives() {
    let (server, roots) = server().await;
    let port = server.address.port();
    let allow = [server.allowed()];
    let trusting = |roots| trusting(roots, Duration::from_secs(5), &allow, at_home());
    let known = trusting(roots);
    post(&known, "hooks.example", port).await.unwrap();
    assert_eq!(server.only().target, "/hook");
    assert_eq!(
        server.only().header("host"),
        format!("hooks.example:{port}")
    );

    let unknown = trusting(RootCertStore::empty());
    for (client, host) in [
        (&unknown, "hooks.example"),
        (&known, "other.example"),
        (&known, "127.0.0.1"),
    ] {
        let error = post(client, host, port).await.unwrap_err();
        assert!(
            matches!(
                error,
                DeliveryError::Outbound(OutboundError::Unreachable(_))
            ),
            "{host}: {error}"
        );
    }
    assert_eq!(server.received().len(), 1);
}
