//! A certificate that is replaced on disk, as renewal programs do it, while the server runs.

use std::fs;

use super::*;
use crate::http::server::tls::PART;

/// Sends a request on a connection that stays; the status line of its answer.
async fn ask(socket: &mut TlsStream<TcpStream>) -> String {
    let request = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The body is short and ends so.
    while !answer.ends_with('}') {
        let mut part = [0; 4_096];
        let reading = timeout(PATIENCE, socket.read(&mut part));
        let length = reading.await.unwrap().unwrap();
        assert_ne!(length, 0, "ended early: {answer}");
        answer.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let (certificate, key) = (place.path().join("c.pem"), place.path().join("k.pem"));
    let install = |name: &str| {
        // One after the other, as renewal programs do: between the two nothing fits.
        for (suffix, to) in [("pem", &certificate), ("key", &key)] {
            let from = folder().join(format!("{name}.{suffix}"));
            fs::write(to, fs::read(from).unwrap()).unwrap();
        }
    };
    install("server");
    let app = App::with(PushLimits::default(), |config| {
        config.http.tls_certificate = Some(certificate.clone());
        config.http.tls_key = Some(key.clone());
    });
    let server = Running::start(&app).await;
    let mut old = connect(&server, "ca.pem").await.unwrap();
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK");
    let early = connect(&server, "renewed-ca.pem").await;
    assert!(early.is_err(), "not yet renewed");

    // What looks for it panics, and is started again.
    app.statuses.faults().inject(PART);
    let restarted = async {
        while app.statuses.snapshot()[PART].restarts == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, restarted).await.expect("it panicked");
    install("renewed");
    let renewed = async {
        loop {
            if let Ok(socket) = connect(&server, "renewed-ca.pem").await {
                break socket;
            }
        }
    };
    let mut new = timeout(PATIENCE, renewed).await.expect("it is renewed");
    assert_eq!(ask(&mut new).await, "HTTP/1.1 200 OK");
    let late = connect(&server, "ca.pem").await;
    assert!(late.is_err(), "the old one is not served any more");
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK", "nobody is cut off");
    drop((old, new));
    timeout(PATIENCE, server.stop())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
