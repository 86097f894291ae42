//! A Redis server of this test's own: on a free port of the loopback, in memory, with a password. It
//! ends with whoever holds it, and with this process should that be killed.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PASSWORD: &str = "for-tests";

pub(crate) struct RedisServer {
    child: Child,
    watchdog: Child,
    port: u16,
}

impl RedisServer {
    pub(crate) fn is_installed() -> bool {
        let version = Command::new("redis-server").arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    }

    pub(crate) fn start() -> Self {
        // Another process may take the port in between: then try another one.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a free port")
                .port();
            if let Some(server) = Self::try_at(port) {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// On the port of one that was killed.
    pub(crate) fn at(port: u16) -> Self {
        Self::try_at(port).expect("redis-server starts on the same port again")
    }

    fn try_at(port: u16) -> Option<Self> {
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
            .args(["--requirepass", PASSWORD, "--loglevel", "warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server can be started");
        let watchdog = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "cat > /dev/null; kill -KILL {} 2> /dev/null",
                child.id()
            ))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a watchdog");
        let mut server = Self {
            child,
            watchdog,
            port,
        };
        let deadline = deadline();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.child.try_wait().expect("its status").is_some() || past(deadline) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would; answers the port.
    pub(crate) fn crash(self) -> u16 {
        self.port
    }
}

#[allow(clippy::disallowed_methods, reason = "waiting for another process")]
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[allow(clippy::disallowed_methods, reason = "waiting for another process")]
fn past(deadline: Instant) -> bool {
    Instant::now() > deadline
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}
