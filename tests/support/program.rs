//! The real program in a process of its own.

use std::ffi::OsStr;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{eventually, http, postgres};

/// Time for the program to start: initdb on a machine that compiles something else too.
const START: Duration = Duration::from_secs(90);
/// Time for it to stop in order.
const STOP: Duration = Duration::from_secs(60);

/// The program with these arguments, free of the settings of whoever runs the tests, in a working
/// directory without a configuration file.
pub(crate) fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinsphere"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["COINSPHERE_", "DATABASE_", "REDIS_", "PG"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    // Only the test of forecasts turns these on: they would keep both cores busy.
    command
        .env("COINSPHERE_FORECASTS__LOAD_HISTORY", "false")
        .env("COINSPHERE_FORECASTS__TRAIN", "false")
        // Tests of gaps look at gaps that stay.
        .env("COINSPHERE_CANDLES__REPAIR", "false");
    let parent = data_dir.parent().unwrap_or(data_dir);
    command.current_dir(parent).env("HOME", parent);
    // Tests ask more often than anybody may.
    for limit in ["ANONYMOUS", "USER", "AUTHENTICATION", "STRICT"] {
        command.env(format!("COINSPHERE_LIMITS__{limit}"), "1000000");
    }
    // What they read is no secret, and signing in has tests of its own.
    command.env("COINSPHERE_PUBLIC_MARKET_DATA", "true");
    command
}

/// Runs a command to its end.
pub(crate) fn run<A: AsRef<OsStr>>(
    data_dir: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> Output {
    command(data_dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started")
}

/// Standard error as text.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A long-running program. Dropping it kills it, and the private database that it would leave.
pub(crate) struct Program {
    child: Child,
    data_dir: PathBuf,
    log: PathBuf,
}

impl Program {
    /// Starts the program with its messages in a file next to the data directory.
    pub(crate) fn start<A: AsRef<OsStr>>(
        data_dir: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::start_with(data_dir, arguments, |_| {})
    }

    /// The same, with more of its surroundings changed.
    pub(crate) fn start_with<A: AsRef<OsStr>>(
        data_dir: &Path,
        arguments: impl IntoIterator<Item = A>,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut name = data_dir.file_name().expect("a name").to_owned();
        name.push(".log");
        let log = data_dir.with_file_name(name);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let mut command = command(data_dir);
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(data_dir)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log file once more"))
            .stderr(file);
        change(&mut command);
        let before = log.metadata().map_or(0, |file| file.len());
        let child = command.spawn().expect("the program can be started");
        let program = Self {
            child,
            data_dir: data_dir.to_owned(),
            log,
        };
        program.note(&format!("--- started at byte {before} of its log"));
        program
    }

    /// Starts the program's server on a free port and waits until it listens.
    pub(crate) fn serve<A: AsRef<OsStr>>(
        data_dir: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> (Self, SocketAddr) {
        Self::serve_with(data_dir, arguments, |_| {})
    }

    /// The same, with more of its surroundings changed.
    pub(crate) fn serve_with<A: AsRef<OsStr>>(
        data_dir: &Path,
        arguments: impl IntoIterator<Item = A>,
        change: impl FnOnce(&mut Command),
    ) -> (Self, SocketAddr) {
        let before = log_of(data_dir).len();
        let mut program = Self::start_with(data_dir, arguments, |command| {
            command.args(["--listen", "127.0.0.1:0"]);
            change(command);
        });
        let address = eventually("the program listens", START, || {
            if let Some(status) = program.child.try_wait().expect("its status") {
                panic!("the program ended: {status}");
            }
            let log = log_of(data_dir);
            let line = log[before..].lines().find(|line| line.contains("(docs: "));
            let address = line.and_then(|line| {
                let rest = line.split_once("http://")?.1;
                rest.split_whitespace().next()?.parse().ok()
            });
            address.ok_or_else(|| "it has not said where".to_owned())
        });
        (program, address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has written.
    pub(crate) fn log(&self) -> String {
        log_of(&self.data_dir)
    }

    /// Resident memory, bytes; 0 when it is gone.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let kilobytes = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
        kilobytes.unwrap_or(0) * 1_024
    }

    /// Kills it as a crash would. The private database lives on.
    pub(crate) fn crash(mut self) {
        self.child.kill().expect("it runs");
        let status = self.child.wait().expect("its status");
        assert_eq!(status.signal(), Some(9), "it had ended before: {status}");
        // What is left to drop must not stop the database: the next start adopts it.
        self.data_dir = PathBuf::new();
    }

    /// Asks it to stop and waits.
    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("it runs");
        self.wait(STOP)
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        eventually("the program ends", within, || {
            let ended = self.child.try_wait().expect("its status");
            ended.ok_or_else(|| "it runs".to_owned())
        })
    }

    /// True while it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    fn note(&self, text: &str) {
        use std::io::Write;
        let file = File::options().append(true).open(&self.log);
        let _ = file.and_then(|mut file| writeln!(file, "{text}"));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.data_dir.as_os_str().is_empty() {
            return;
        }
        if std::thread::panicking() {
            let log = self.log();
            let start = log.len().saturating_sub(12_000);
            let start = (start..log.len()).find(|&at| log.is_char_boundary(at));
            eprintln!(
                "--- the end of {}:\n{}",
                self.log.display(),
                &log[start.unwrap_or(0)..]
            );
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        postgres::stop_private(&self.data_dir);
    }
}

fn log_of(data_dir: &Path) -> String {
    let mut name = data_dir.file_name().expect("a name").to_owned();
    name.push(".log");
    let bytes = std::fs::read(data_dir.with_file_name(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until every part runs.
pub(crate) fn ready(address: SocketAddr) -> Value {
    eventually("the program is ready", START, || {
        http::get(address, "/health")
    })
}

/// The sum of a metric over the lines that hold all of `labels`.
pub(crate) fn metric(address: SocketAddr, name: &str, labels: &[&str]) -> f64 {
    let text = http::ask(address, "GET", "/metrics", "").map_or(String::new(), |a| a.body);
    text.lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name))
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
