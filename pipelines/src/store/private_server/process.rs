//! The server's process: starting, recognising, adopting and stopping it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_postgres::NoTls;

use super::error::{Io as _, PrivateServerError};
use super::locate::Installation;
use super::log_file;
use super::place::{PORT, Place};

/// The interval at which to look whether the server has come up or gone.
const POLL: Duration = Duration::from_millis(25);

/// The time a fast shutdown may take before an immediate one is asked for.
const FAST_SHUTDOWN: Duration = Duration::from_secs(60);

/// Settings for a small machine that also runs us.
const SETTINGS: [&str; 21] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=coinsphere",
    "max_connections=50",
    "shared_buffers=64MB",
    "effective_cache_size=512MB",
    "work_mem=8MB",
    "maintenance_work_mem=64MB",
    "huge_pages=off",
    // Candles are written in steady batches; a larger log between checkpoints only costs disk.
    "min_wal_size=80MB",
    "max_wal_size=512MB",
    "wal_compression=on",
    "synchronous_commit=on",
    "random_page_cost=1.1",
    // Parallel plans need shared memory that containers give 64 MB of.
    "max_parallel_workers_per_gather=0",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_destination=stderr",
    "log_min_messages=warning",
    // Our own log shows the statements, without values.
    "log_min_error_statement=panic",
];

/// A running server, a child of ours or adopted.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    child: Option<Child>,
}

/// Contents of `postmaster.pid`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pid: i32,
    pub(super) socket_dir: PathBuf,
}

/// Makes a program run as the server's user, away from our terminal and our PostgreSQL settings.
pub(super) fn run_as(command: &mut Command, place: &Place) {
    // A group of its own: Ctrl-C in the terminal reaches only us.
    command.process_group(0).current_dir("/");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    if let Some(account) = place.account {
        command.uid(account.uid).gid(account.gid);
    }
}

/// The server that `postmaster.pid` names, if that process is alive and is this cluster's.
pub(super) fn recorded(place: &Place) -> Option<Recorded> {
    let text = std::fs::read_to_string(place.cluster.join("postmaster.pid")).ok()?;
    parse_pid_file(&text).filter(|recorded| is_ours(recorded.pid, &place.cluster))
}

/// Line 1 is the process, line 5 the socket's directory:
/// <https://www.postgresql.org/docs/15/storage-file-layout.html>, `utils/pidfile.h`.
fn parse_pid_file(text: &str) -> Option<Recorded> {
    let lines: Vec<&str> = text.lines().collect();
    let pid = lines.first()?.trim().parse().ok().filter(|pid| *pid > 1)?;
    let socket_dir = lines.get(4).map(|line| line.trim()).unwrap_or_default();
    Some(Recorded {
        pid,
        socket_dir: PathBuf::from(socket_dir),
    })
}

/// Returns whether a process is alive and is the server of this cluster, and not a stranger that has been
/// given the number since.
fn is_ours(pid: i32, cluster: &Path) -> bool {
    if !is_alive(Pid::from_raw(pid)) {
        return false;
    }
    // A server works in its cluster. Without /proc its being alive must do.
    match std::fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(directory) => cluster
            .canonicalize()
            .is_ok_and(|cluster| cluster == directory),
        Err(error) => {
            error.kind() == std::io::ErrorKind::NotFound && !Path::new("/proc/self").exists()
        }
    }
}

fn is_alive(pid: Pid) -> bool {
    matches!(kill(pid, None), Ok(()) | Err(Errno::EPERM))
}

/// Adopts a server that outlived us, once it answers. Clears a `postmaster.pid` that names a
/// stranger; one that names nobody is left to the server, which also looks for orphans of its
/// predecessor.
pub(super) async fn adopt(
    place: &Place,
    deadline: Instant,
) -> Result<Option<Postmaster>, PrivateServerError> {
    let file = place.cluster.join("postmaster.pid");
    let Some(recorded) = recorded(place) else {
        let stranger = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| parse_pid_file(&text))
            .is_some_and(|recorded| is_alive(Pid::from_raw(recorded.pid)));
        if stranger {
            std::fs::remove_file(&file).doing("remove the stale", &file)?;
        }
        return Ok(None);
    };
    let mut postmaster = Postmaster {
        pid: Pid::from_raw(recorded.pid),
        child: None,
    };
    if recorded.socket_dir != place.socket_dir {
        // Started with another idea of where sockets belong (the directory was moved).
        postmaster.stop(place).await?;
        return Ok(None);
    }
    match await_answer(place, &mut postmaster, deadline).await {
        Ok(()) => Ok(Some(postmaster)),
        // It was on its way out: a new one can be started.
        Err(_) if !is_alive(postmaster.pid) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Starts the server and waits until it answers.
pub(super) async fn start(
    installation: &Installation,
    place: &Place,
    deadline: Instant,
) -> Result<Postmaster, PrivateServerError> {
    loop {
        let said_before = place.log.metadata().map_or(0, |file| file.len());
        let mut postmaster = spawn(installation, place)?;
        let Err(error) = await_answer(place, &mut postmaster, deadline).await else {
            return Ok(postmaster);
        };
        postmaster.ask_to_stop();
        let said = log_file::tail(&place.log, said_before);
        // The last sessions of a killed server take a moment to notice.
        let orphans = said.contains("pre-existing shared memory block");
        if !orphans || Instant::now() > deadline {
            return Err(match error {
                PrivateServerError::NotStarted { cluster, log, .. } => {
                    PrivateServerError::NotStarted {
                        cluster,
                        log,
                        reason: said,
                    }
                }
                other => other,
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn spawn(installation: &Installation, place: &Place) -> Result<Postmaster, PrivateServerError> {
    let log = log_file::open(&place.log)?;
    let program = installation.program("postgres");
    let mut command = Command::new(&program);
    command.arg("-D").arg(&place.cluster);
    command.arg("-k").arg(&place.socket_dir);
    command.args(["-p", &PORT.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().doing("open", &place.log)?)
        .stderr(log);
    run_as(&mut command, place);
    let child = command.spawn().doing("run", &program)?;
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| PrivateServerError::NotStarted {
            cluster: place.cluster.clone(),
            reason: "it ended at once".to_owned(),
            log: place.log.clone(),
        })?;
    Ok(Postmaster {
        pid: Pid::from_raw(pid),
        child: Some(child),
    })
}

async fn await_answer(
    place: &Place,
    postmaster: &mut Postmaster,
    deadline: Instant,
) -> Result<(), PrivateServerError> {
    let admin = super::url(&place.socket_dir).with_database("postgres");
    loop {
        let reason = match admin.config().connect(NoTls).await {
            Ok(_) => return Ok(()),
            Err(error) => crate::store::server_message::explain(&error),
        };
        let not_started = |reason| PrivateServerError::NotStarted {
            cluster: place.cluster.clone(),
            reason,
            log: place.log.clone(),
        };
        if !postmaster.is_running() {
            return Err(not_started("it ended".to_owned()));
        }
        if Instant::now() > deadline {
            return Err(not_started(format!("it does not answer in time: {reason}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

impl Postmaster {
    pub(super) const fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Returns whether it runs. A child that has ended is a process until its end is taken note of, which
    /// this does.
    pub(super) fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_alive(self.pid),
        }
    }

    /// Asks for a fast shutdown without waiting.
    pub(super) fn ask_to_stop(&mut self) {
        if self.is_running() {
            // It may end between the question and the signal.
            let _ = kill(self.pid, Signal::SIGINT);
        }
    }

    /// Stops the server: fast, or if that takes too long at once, leaving it to the next start to
    /// recover.
    pub(super) async fn stop(&mut self, place: &Place) -> Result<(), PrivateServerError> {
        for (signal, patience) in [
            (Signal::SIGINT, FAST_SHUTDOWN),
            (Signal::SIGQUIT, Duration::from_secs(10)),
        ] {
            if !self.is_running() {
                return Ok(());
            }
            // It may end between the question and the signal.
            let _ = kill(self.pid, signal);
            let deadline = Instant::now() + patience;
            while Instant::now() < deadline {
                // A number may be given to a stranger as soon as an adopted server has gone.
                if !self.is_running() || !is_ours(self.pid.as_raw(), &place.cluster) {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Err(PrivateServerError::NotStopped {
            pid: self.pid.as_raw(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_pid_file() {
        let text = "4711\n/data/pg\n1700000000\n5432\n/data/pg.socket\n\n  1 2\nready   \n";
        let recorded = parse_pid_file(text).unwrap();
        assert_eq!(recorded.pid, 4711);
        assert_eq!(recorded.socket_dir, Path::new("/data/pg.socket"));
        assert_eq!(parse_pid_file(""), None);
        assert_eq!(parse_pid_file("-1\n"), None);
        assert_eq!(parse_pid_file("1\n"), None);
    }

    #[test]
    fn a_stranger_is_not_our_server() {
        let directory = tempfile::tempdir().unwrap();
        let us = i32::try_from(std::process::id()).unwrap();
        assert!(!is_ours(us, directory.path()));
        assert!(is_ours(us, &std::env::current_dir().unwrap()));
    }
}
