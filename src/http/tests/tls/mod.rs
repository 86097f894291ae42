//! HTTPS, with a certificate of a test authority whose key was thrown away (localhost, until 2126).

mod renewal;

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::server::{PATIENCE, Running};
use super::*;

/// Where the certificates are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/tests/tls")
}

fn with_certificate(certificate: &str, key: &str) -> App {
    let folder = folder();
    App::with(PushLimits::default(), |config| {
        config.http.tls_certificate = Some(folder.join(certificate));
        config.http.tls_key = Some(folder.join(key));
    })
}

/// A connection of one who trusts this authority alone.
async fn connect(server: &Running, authority: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(folder().join(authority)).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

#[tokio::test]
async fn https_is_served_and_strangers_do_not_hinder() {
    let server = Running::start(&with_certificate("server.pem", "server.key")).await;
    // Neither one who says nothing nor one who speaks HTTP keeps others out.
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, plain.read_to_end(&mut answer))
        .await
        .unwrap();
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP is not answered");

    let mut socket = connect(&server, "ca.pem").await.unwrap();
    let request = "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(
        text.contains("strict-transport-security: max-age="),
        "{text}"
    );
    drop(silent);
    let stopped = server.stop();
    timeout(PATIENCE + Duration::from_secs(10), stopped)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_said_at_the_start() {
    for (certificate, key) in [
        ("none.pem", "server.key"),
        ("server.pem", "ca.pem"),
        ("server.key", "server.key"),
    ] {
        let app = with_certificate(certificate, key);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = serve(
            listener,
            app.state.clone(),
            &app.statuses,
            std::future::pending(),
        )
        .await
        .unwrap_err();
        assert!(
            error.to_string().contains("cannot serve HTTPS with "),
            "{error}"
        );
    }
}
