//! A real SMTP server, as small as can be (RFC 5321): it takes emails on a free loopback port and
//! keeps them; plainly, with TLS from the start (RFC 8314) or with STARTTLS (RFC 3207). Told to, it
//! refuses for a while, as busy servers do.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Email that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Email {
    pub(crate) to: String,
    /// As sent, dots undone.
    pub(crate) source: String,
}

/// Encryption of the server's connections, with the certificate of a test authority for
/// `localhost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    None,
    FromTheStart,
    StartTls,
}

/// Where that authority's certificate is.
pub(crate) const AUTHORITY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/tests/tls/ca.pem");

/// The server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    emails: Arc<Mutex<Vec<Email>>>,
    refusing: Arc<AtomicBool>,
    losing_answers: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        Self::start_with(Encryption::None).await
    }

    pub(crate) async fn start_with(encryption: Encryption) -> Self {
        let tls = acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let emails: Arc<Mutex<Vec<Email>>> = Arc::default();
        let refusing: Arc<AtomicBool> = Arc::default();
        let losing_answers: Arc<AtomicBool> = Arc::default();
        let (kept, refuses, loses) = (emails.clone(), refusing.clone(), losing_answers.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let server = MailServer {
                    emails: kept.clone(),
                    refusing: refuses.clone(),
                    losing_answers: loses.clone(),
                };
                tokio::spawn(receive(socket, encryption, tls.clone(), server));
            }
        });
        Self {
            address,
            emails,
            refusing,
            losing_answers,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Takes emails and drops the connection instead of saying so.
    pub(crate) fn lose_answers(&self, losing: bool) {
        self.losing_answers.store(losing, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.emails.lock().unwrap().len()
    }

    /// Waits for an email with this subject to this address, and takes it.
    pub(crate) async fn email(&self, to: &str, subject: &str) -> Email {
        let subject = format!("Subject: {subject}\r\n");
        let waiting = async {
            loop {
                {
                    let mut emails = self.emails.lock().unwrap();
                    let found = emails
                        .iter()
                        .position(|email| email.to == to && email.source.contains(&subject));
                    if let Some(at) = found {
                        return emails.remove(at);
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("no {subject:?} to {to}: {:?}", self.emails.lock().unwrap()))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Email {
    /// The text of a part, transfer encoding undone.
    pub(crate) fn part(&self, media: &str) -> String {
        let start = self.source.find(&format!("Content-Type: {media}")).unwrap();
        let (head, rest) = self.source[start..].split_once("\r\n\r\n").unwrap();
        let body = rest.split("\r\n--").next().unwrap();
        if head.contains("quoted-printable") {
            unquote(body)
        } else {
            assert!(head.contains("7bit"), "{head}");
            body.to_owned()
        }
    }

    /// The secret of its link or code: the one line of the text that holds nothing else.
    pub(crate) fn token(&self) -> String {
        let text = self.part("text/plain");
        let line = text.lines().find(|line| {
            let last = line.rsplit('/').next().unwrap_or_default();
            last.len() == 43 && !line.contains(' ')
        });
        let line = line.unwrap_or_else(|| panic!("no secret in {text}"));
        line.rsplit('/').next().unwrap().to_owned()
    }
}

/// RFC 2045, section 6.7.
fn unquote(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'=' {
            let hex = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn acceptor() -> TlsAcceptor {
    let folder = Path::new(AUTHORITY).parent().unwrap();
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// State shared by the server's connections.
struct MailServer {
    emails: Arc<Mutex<Vec<Email>>>,
    refusing: Arc<AtomicBool>,
    losing_answers: Arc<AtomicBool>,
}

async fn receive(
    socket: TcpStream,
    encryption: Encryption,
    tls: TlsAcceptor,
    server: MailServer,
) -> Option<()> {
    if encryption == Encryption::FromTheStart {
        let socket = tls.accept(socket).await.ok()?;
        return converse(socket, true, false, &server).await.map(drop);
    }
    let offers = encryption == Encryption::StartTls;
    let socket = converse(socket, true, offers, &server).await?;
    let socket = tls.accept(socket).await.ok()?;
    converse(socket, false, false, &server).await.map(drop)
}

/// Takes emails until the client leaves; gives the socket back when TLS is to begin.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    greets: bool,
    offers_tls: bool,
    server: &MailServer,
) -> Option<S> {
    let mut lines = BufReader::new(socket);
    if greets {
        lines.write_all(b"220 sink ESMTP\r\n").await.ok()?;
    }
    let mut to = String::new();
    loop {
        let line = line(&mut lines).await?;
        let verb = line
            .split([' ', '\r'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" | "HELO" if offers_tls => b"250-sink\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
            "EHLO" | "HELO" => b"250-sink\r\n250 8BITMIME\r\n",
            "STARTTLS" if offers_tls => {
                lines.write_all(b"220 go on\r\n").await.ok()?;
                return Some(lines.into_inner());
            }
            // Nobody may receive a secret before.
            "MAIL" if offers_tls => b"530 STARTTLS first\r\n",
            "MAIL" if server.refusing.load(Ordering::SeqCst) => b"451 later, please\r\n",
            "MAIL" | "RSET" | "NOOP" => b"250 fine\r\n",
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                b"250 fine\r\n"
            }
            "DATA" => {
                lines.write_all(b"354 go on\r\n").await.ok()?;
                let mut source = String::new();
                loop {
                    let part = self::line(&mut lines).await?;
                    if part == ".\r\n" {
                        break;
                    }
                    source.push_str(part.strip_prefix('.').unwrap_or(&part));
                }
                let to = to.clone();
                server.emails.lock().unwrap().push(Email { to, source });
                if server.losing_answers.load(Ordering::SeqCst) {
                    return None;
                }
                b"250 kept\r\n"
            }
            "QUIT" => {
                lines.write_all(b"221 bye\r\n").await.ok()?;
                return None;
            }
            _ => b"502 what?\r\n",
        };
        lines.write_all(answer).await.ok()?;
    }
}

async fn line(lines: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let read = lines.read_until(b'\n', &mut bytes).await.ok()?;
    (read > 0).then(|| String::from_utf8(bytes).unwrap())
}
