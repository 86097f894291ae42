//! Keys in files that only we may read, in one directory. It knows nothing of what a key is for.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::SecretError;

/// A directory of keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyFiles {
    directory: PathBuf,
}

impl KeyFiles {
    /// Makes the directory if there is none, and closes it to everybody else.
    pub(crate) fn open(directory: &Path) -> Result<Self, SecretError> {
        let failed = |error: io::Error| trouble("make the directory", directory, &error);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        let found = fs::metadata(directory).map_err(failed)?;
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// The names of the files, those being written left out.
    pub(crate) fn names(&self) -> Result<Vec<String>, SecretError> {
        let failed = |error: io::Error| trouble("list", &self.directory, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file's content; `None` when there is no such file. One that others may read is refused.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SecretError> {
        let path = self.directory.join(name);
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble("read", &path, &error)),
        };
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError(format!(
                "the key file {} may be read by others (mode {mode:o}): run chmod 600 on it, and replace the key if somebody may have read it",
                path.display()
            )));
        }
        fs::read(&path)
            .map(Some)
            .map_err(|error| trouble("read", &path, &error))
    }

    /// Writes a new file, whole or not at all. When another process has just made it, theirs stays
    /// and is answered.
    pub(crate) fn create(&self, name: &str, content: &[u8]) -> Result<Vec<u8>, SecretError> {
        let path = self.directory.join(name);
        let draft = self.draft(name, content)?;
        // A link, unlike a rename, never replaces what is there.
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(|error| trouble("remove", &draft, &error))?;
        match linked {
            Ok(()) => {
                self.sync()?;
                Ok(content.to_owned())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self
                .read(name)?
                .ok_or_else(|| trouble("read", &path, &error)),
            Err(error) => Err(trouble("write", &path, &error)),
        }
    }

    /// Replaces a file's content, whole or not at all.
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> Result<(), SecretError> {
        let path = self.directory.join(name);
        let draft = self.draft(name, content)?;
        fs::rename(&draft, &path).map_err(|error| trouble("write", &path, &error))?;
        self.sync()
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SecretError> {
        let path = self.directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(trouble("remove", &path, &error))
            }
            _ => self.sync(),
        }
    }

    fn draft(&self, name: &str, content: &[u8]) -> Result<PathBuf, SecretError> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = self
            .directory
            .join(format!(".{name}.{}.{number}", std::process::id()));
        let failed = |error: io::Error| trouble("write", &draft, &error);
        // One left by a process of the same id that was killed.
        if draft.exists() {
            fs::remove_file(&draft).map_err(failed)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failed)?;
        file.write_all(content)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok(draft)
    }

    fn sync(&self) -> Result<(), SecretError> {
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| trouble("write", &self.directory, &error))
    }
}

fn trouble(doing: &str, path: &Path, error: &io::Error) -> SecretError {
    SecretError(format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ours_alone_and_never_replaced_by_chance() {
        let place = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(&place.path().join("keys")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.path().join("keys")), 0o700);
        assert_eq!(files.read("a").unwrap(), None);
        assert_eq!(files.create("a", b"first").unwrap(), b"first");
        assert_eq!(files.create("a", b"second").unwrap(), b"first");
        assert_eq!(mode(&place.path().join("keys/a")), 0o600);
        files.replace("a", b"third").unwrap();
        assert_eq!(files.read("a").unwrap().unwrap(), b"third");
        assert_eq!(files.names().unwrap(), ["a"]);
        fs::set_permissions(place.path().join("keys/a"), Permissions::from_mode(0o644)).unwrap();
        let error = files.read("a").unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        files.remove("a").unwrap();
        files.remove("a").unwrap();
        assert_eq!(files.names().unwrap(), Vec::<String>::new());
    }
}
