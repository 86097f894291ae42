//! Creating a cluster, so that a half-made one is never taken for a whole one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::NAME;
use super::error::{Io as _, PrivateServerError};
use super::locate::Installation;
use super::place::{Place, make_dir};
use super::process::run_as;

/// The major version that made the cluster; `None` if there is no cluster.
pub(super) fn major_version(cluster: &Path) -> Result<Option<u32>, PrivateServerError> {
    let file = cluster.join("PG_VERSION");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !cluster.exists() => {
            return Ok(None);
        }
        Err(error) => return Err(error).doing("read", &file),
    };
    text.trim()
        .parse()
        .map(Some)
        .map_err(|_| PrivateServerError::Unusable {
            cluster: cluster.to_owned(),
            reason: format!(
                "{} holds {:?} instead of a version",
                file.display(),
                text.trim()
            ),
        })
}

/// Makes the cluster next to its place and renames it into it: after a crash in between there is
/// only something to throw away.
pub(super) async fn create(
    installation: &Installation,
    place: &Place,
) -> Result<(), PrivateServerError> {
    let unfinished: PathBuf = place.base().join("pg.tmp");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).doing("remove the unfinished", &unfinished)?;
    }
    make_dir(&unfinished, 0o700, place.account)?;
    let mut command = Command::new(installation.program("initdb"));
    command
        .arg("--pgdata")
        .arg(&unfinished)
        .args(["--username", NAME])
        // Who can reach the socket's directory is the server's user or root already.
        .args(["--auth-local=trust", "--auth-host=reject"])
        // Names and symbols sort by byte, alike on every machine.
        .args(["--encoding=UTF8", "--locale=C", "--no-instructions"])
        .stdin(Stdio::null());
    run_as(&mut command, place);
    let initdb = installation.program("initdb");
    let output = command.output().await.doing("run", &initdb)?;
    if !output.status.success() {
        let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        let from = text
            .char_indices()
            .rev()
            .nth(1500)
            .map_or(0, |(index, _)| index);
        return Err(PrivateServerError::NotCreated {
            cluster: place.cluster.clone(),
            output: text[from..].trim().to_owned(),
        });
    }
    fs::rename(&unfinished, &place.cluster).doing("move the new cluster to", &place.cluster)?;
    let base = fs::File::open(place.base()).doing("open", place.base())?;
    base.sync_all().doing("sync", place.base())
}
