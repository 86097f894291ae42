//! A real SMTP server, as small as can be (RFC 5321): it takes letters on a free loopback port and
//! keeps them. Told to, it refuses for a while, as busy servers do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) to: String,
    /// As sent, dots undone.
    pub(crate) source: String,
}

/// The server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    letters: Arc<Mutex<Vec<Letter>>>,
    refusing: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let refusing: Arc<AtomicBool> = Arc::default();
        let (kept, refuses) = (letters.clone(), refusing.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, kept.clone(), refuses.clone()));
            }
        });
        Self {
            address,
            letters,
            refusing,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    /// Waits for a letter with this subject to this address, and takes it.
    pub(crate) async fn letter(&self, to: &str, subject: &str) -> Letter {
        let subject = format!("Subject: {subject}\r\n");
        let waiting = async {
            loop {
                {
                    let mut letters = self.letters.lock().unwrap();
                    let found = letters
                        .iter()
                        .position(|letter| letter.to == to && letter.source.contains(&subject));
                    if let Some(at) = found {
                        return letters.remove(at);
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| {
                panic!("no {subject:?} to {to}: {:?}", self.letters.lock().unwrap())
            })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Letter {
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

async fn converse(
    socket: TcpStream,
    letters: Arc<Mutex<Vec<Letter>>>,
    refusing: Arc<AtomicBool>,
) -> Option<()> {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read);
    write.write_all(b"220 sink ESMTP\r\n").await.ok()?;
    let mut to = String::new();
    loop {
        let line = line(&mut lines).await?;
        let verb = line
            .split([' ', '\r'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" | "HELO" => b"250-sink\r\n250 8BITMIME\r\n",
            "MAIL" if refusing.load(Ordering::SeqCst) => b"451 later, please\r\n",
            "MAIL" | "RSET" | "NOOP" => b"250 fine\r\n",
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                b"250 fine\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut source = String::new();
                loop {
                    let part = self::line(&mut lines).await?;
                    if part == ".\r\n" {
                        break;
                    }
                    source.push_str(part.strip_prefix('.').unwrap_or(&part));
                }
                let to = to.clone();
                letters.lock().unwrap().push(Letter { to, source });
                b"250 kept\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await.ok()?;
                return Some(());
            }
            _ => b"502 what?\r\n",
        };
        write.write_all(answer).await.ok()?;
    }
}

async fn line(lines: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let read = lines.read_until(b'\n', &mut bytes).await.ok()?;
    (read > 0).then(|| String::from_utf8(bytes).unwrap())
}
