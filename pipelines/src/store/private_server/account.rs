//! Who runs the server. PostgreSQL refuses root, as which programs run in containers: then an
//! unprivileged user runs it, who must be able to reach its directory.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Uid, User};

use super::error::PrivateServerError;

/// A user to run the server as, other than ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Users to try, in this order. PostgreSQL's packages make the first; the last is everywhere.
const NAMES: [&str; 3] = ["postgres", "_postgresql", "nobody"];

/// `None`: ourselves, because we are not root.
pub(super) fn server_account() -> Result<Option<Account>, PrivateServerError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    NAMES
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .filter(|user| !user.uid.is_root())
        .map(|user| {
            Some(Account {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })
        })
        .ok_or(PrivateServerError::NoAccount)
}

impl Account {
    /// Returns whether this user may pass through the directory.
    pub(super) fn may_enter(self, directory: &Path) -> bool {
        directory.metadata().is_ok_and(|metadata| {
            let mode = metadata.mode();
            let bit = if metadata.uid() == self.uid {
                0o100
            } else if metadata.gid() == self.gid {
                0o010
            } else {
                0o001
            };
            mode & bit != 0
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_class_that_applies_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let owner = path.metadata().unwrap();
        let us = Account {
            uid: owner.uid(),
            gid: owner.gid(),
        };
        let group = Account {
            uid: u32::MAX,
            ..us
        };
        let other = Account {
            uid: u32::MAX,
            gid: u32::MAX,
        };
        let entering = |mode| {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            [us, group, other].map(|account| account.may_enter(path))
        };
        assert_eq!(entering(0o711), [true, true, true]);
        assert_eq!(entering(0o700), [true, false, false]);
        assert_eq!(entering(0o617), [false, true, true]);
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
}
