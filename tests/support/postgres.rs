//! PostgreSQL servers: a private one that a killed program left behind, and one that a test owns and
//! may stop.

use std::path::Path;
use std::time::Duration;

use coinsphere_pipelines::store::private_server::PrivateServer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Runtime;

use super::Place;

/// Time that a server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process of this data directory's private server, if its file says so.
pub(crate) fn private_pid(data_dir: &Path) -> Option<Pid> {
    let file = std::fs::read_to_string(data_dir.join("pg/postmaster.pid")).ok()?;
    Some(Pid::from_raw(file.lines().next()?.parse().ok()?))
}

/// Stops the private server of this data directory, if it runs.
pub(crate) fn stop_private(data_dir: &Path) {
    let Some(pid) = private_pid(data_dir) else {
        return;
    };
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        if kill(pid, signal).is_err() {
            return;
        }
        for _ in 0..100 {
            if kill(pid, None).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A server that a test stops and starts.
pub(crate) struct Postgres {
    server: Option<PrivateServer>,
    runtime: Runtime,
    place: Place,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let mut server = Self {
            server: None,
            runtime: Runtime::new().expect("a runtime"),
            place: Place::new(),
        };
        server.start_again();
        server
    }

    pub(crate) fn start_again(&mut self) {
        let starting = PrivateServer::start(self.place.path(), PATIENCE);
        let server = self.runtime.block_on(starting);
        self.server = Some(server.expect("a PostgreSQL server"));
    }

    /// As `DATABASE_URL` says it.
    pub(crate) fn url(&self) -> String {
        let sockets = self.place.path().join("pg.socket");
        let encoded = sockets.display().to_string().replace('/', "%2F");
        format!("postgres://coinsphere@{encoded}/coinsphere")
    }

    /// Ends it as `pg_ctl stop -m immediate` does: without a checkpoint, sessions cut off.
    pub(crate) fn stop_at_once(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let pid = Pid::from_raw(server.pid());
        kill(pid, Signal::SIGQUIT).expect("it runs");
        super::eventually("the database is gone", PATIENCE, || {
            if server.is_alive() {
                Err("it runs".to_owned())
            } else {
                Ok(())
            }
        });
        let _guard = self.runtime.enter();
        drop(server);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = self.runtime.block_on(server.stop());
        }
        stop_private(self.place.path());
    }
}
