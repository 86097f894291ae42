//! Where things are: the cluster, the socket's directory, the log.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::account::Account;
use super::error::{Io as _, PrivateServerError};

/// The number in the socket's name; nothing listens on a port.
pub(super) const PORT: u16 = 5432;

/// A socket path holds 107 bytes and a terminating zero (unix(7)).
const SOCKET_PATH_MAX: usize = 107;

/// Where the cluster goes when its user cannot reach the data directory.
const ELSEWHERE: &str = "/var/lib/coinsphere";

/// The directories of one data directory's server.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) data_dir: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) moved_because: Option<String>,
}

impl Place {
    /// Decides, and makes what must exist before the server does.
    pub(super) fn prepare(
        data_dir: &Path,
        account: Option<Account>,
    ) -> Result<Self, PrivateServerError> {
        if !data_dir.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(data_dir)
                .doing("create", data_dir)?;
        }
        let data_dir = data_dir.canonicalize().doing("find", data_dir)?;
        let place = Self::decide(data_dir, account);
        if let Some(account) = account {
            if place.moved_because.is_some() {
                let home = Path::new(ELSEWHERE);
                make_dir(home, 0o711, None)?;
                make_dir(place.base(), 0o711, None)?;
            } else if !account.may_enter(&place.data_dir) {
                open_to_pass(&place.data_dir)?;
            }
        }
        make_dir(&place.socket_dir, 0o700, account)?;
        require_ours(&place.socket_dir, account)?;
        Ok(place)
    }

    /// Where things would be, without making anything; `None` if there is no data directory.
    pub(super) fn look(data_dir: &Path) -> Option<Self> {
        let account = super::account::server_account().ok()?;
        Some(Self::decide(data_dir.canonicalize().ok()?, account))
    }

    fn decide(data_dir: PathBuf, account: Option<Account>) -> Self {
        let closed = account.and_then(|account| {
            data_dir
                .ancestors()
                .skip(1)
                .find(|parent| !account.may_enter(parent))
                .map(Path::to_owned)
        });
        let name = hash_of(&data_dir);
        let (base, moved_because) = match closed {
            None => (data_dir.clone(), None),
            Some(parent) => {
                let base = Path::new(ELSEWHERE).join(&name);
                let reason = format!(
                    "the database is in {} because PostgreSQL, which refuses to run as root, cannot reach {} through {}",
                    base.display(),
                    data_dir.display(),
                    parent.display()
                );
                (base, Some(reason))
            }
        };
        Self {
            cluster: base.join("pg"),
            socket_dir: socket_dir(&base, &name, account),
            log: data_dir.join("pg.log"),
            data_dir,
            account,
            moved_because,
        }
    }

    /// The directory that holds the cluster.
    pub(super) fn base(&self) -> &Path {
        self.cluster.parent().unwrap_or(&self.cluster)
    }
}

fn socket_dir(base: &Path, name: &str, account: Option<Account>) -> PathBuf {
    let wanted = base.join("pg.socket");
    if fits(&wanted) {
        return wanted;
    }
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        // Only ours may enter it, so it is of no use to another user.
        .filter(|dir| account.is_none() && dir.is_dir())
        .map(|dir| dir.join(format!("coinsphere-{name}")))
        .filter(|dir| fits(dir));
    let user = account.map_or_else(|| Uid::effective().as_raw(), |account| account.uid);
    runtime_dir.unwrap_or_else(|| PathBuf::from(format!("/tmp/coinsphere-{user}-{name}")))
}

fn fits(directory: &Path) -> bool {
    let socket = directory.join(format!(".s.PGSQL.{PORT}.lock"));
    socket.as_os_str().len() <= SOCKET_PATH_MAX
}

/// 16 hexadecimal digits that stand for a path: FNV-1a, the same in every release.
fn hash_of(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let hash = crate::fnv::fnv1a(path.as_os_str().as_bytes().iter().copied());
    format!("{hash:016x}")
}

/// Makes a directory with exactly this mode, belonging to the account, if it is missing.
pub(super) fn make_dir(
    path: &Path,
    mode: u32,
    account: Option<Account>,
) -> Result<(), PrivateServerError> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error).doing("create", path),
    }
    // The umask may have taken something away.
    fs::set_permissions(path, Permissions::from_mode(mode)).doing("set the mode of", path)?;
    if let Some(account) = account {
        std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
            .doing("hand over", path)?;
    }
    Ok(())
}

/// Lets others pass through the data directory (not list it): its files have modes of their own.
fn open_to_pass(directory: &Path) -> Result<(), PrivateServerError> {
    let mode = directory.metadata().doing("look at", directory)?.mode() & 0o7777;
    fs::set_permissions(directory, Permissions::from_mode(mode | 0o011))
        .doing("set the mode of", directory)
}

/// In a directory where everyone may create, somebody else may have been first.
fn require_ours(directory: &Path, account: Option<Account>) -> Result<(), PrivateServerError> {
    let metadata = fs::symlink_metadata(directory).doing("look at", directory)?;
    let owner = account.map_or_else(|| Uid::effective().as_raw(), |account| account.uid);
    if metadata.is_dir() && metadata.uid() == owner && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::PermissionDenied,
        "it exists but is not a directory that only the server's user may enter; remove it",
    ))
    .doing("use", directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket_directory() {
        let short = Path::new("/data/coins");
        assert_eq!(
            socket_dir(short, "00", None),
            Path::new("/data/coins/pg.socket")
        );
        let long = PathBuf::from(format!("/{}", "x".repeat(100)));
        let account = Some(Account { uid: 7, gid: 7 });
        let moved = socket_dir(&long, &hash_of(&long), account);
        assert!(fits(&moved), "{moved:?}");
        assert!(moved.starts_with("/tmp"), "{moved:?}");
        let other = PathBuf::from(format!("/{}", "y".repeat(100)));
        assert_ne!(moved, socket_dir(&other, &hash_of(&other), account));
    }

    #[test]
    fn a_foreign_socket_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        make_dir(&open, 0o755, None).unwrap();
        assert!(require_ours(&open, None).is_err());
        let ours = directory.path().join("ours");
        make_dir(&ours, 0o700, None).unwrap();
        assert!(require_ours(&ours, None).is_ok());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&ours, &link).unwrap();
        assert!(require_ours(&link, None).is_err());
    }
}
