//! The program that is measured.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::client::until_live;
use super::venue::INSTRUMENTS;

/// A program that is asked to stop, and waited for, when this goes.
pub(crate) struct Stopped(pub(crate) Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A directory for its data, of a path that is short enough for a socket of PostgreSQL.
pub(crate) fn data_directory() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("cb")
        .tempdir_in("/tmp")
        .unwrap()
}

/// Starts it with these settings after those that every bench has; its address once it answers.
pub(crate) async fn start(dir: &Path, settings: &str) -> (Stopped, SocketAddr) {
    let api = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = dir.join("bench.toml");
    let text = format!(
        "data_dir = {dir:?}\nlisten = \"{api}\"\npublic_market_data = true\n{settings}\n\
         [logging]\nfilter = \"warn\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_coinsphere"));
    // As many requests as a bench makes, not as a stranger or a user may.
    for limit in ["ANONYMOUS", "USER", "AUTHENTICATION", "STRICT"] {
        command.env(format!("COINSPHERE_LIMITS__{limit}"), "100000000");
    }
    let program = command
        .args(["up", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let program = Stopped(program);
    until_live(api).await;
    (program, api)
}

/// Settings for one venue, whose endpoint is a socket of the bench, and no trainings, whose load is no part
/// of it.
pub(crate) fn one_venue(endpoint: SocketAddr) -> String {
    let list = INSTRUMENTS.map(|symbol| format!("{symbol:?}")).join(", ");
    format!(
        "[venues.binance]\nendpoint = \"ws://{endpoint}\"\ninstruments = [{list}]\n\
         [venues.coinbase]\nenabled = false\n[venues.kraken]\nenabled = false\n\
         [forecasts]\ntrain = false"
    )
}
