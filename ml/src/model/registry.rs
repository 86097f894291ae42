//! The registry: which versions of each model there are, which one serves, and which did before.
//! It knows directories and names; what a version holds is [`super::file`]'s.
//!
//! ```text
//! ROOT/bitcoin/1h/current.json       what serves, what served before, and why
//! ROOT/bitcoin/1h/lock               held by whoever changes this directory
//! ROOT/bitcoin/1h/versions/ID/...    a version
//! ```
//! Every change is a rename: a reader sees the state before or after it, and so does whoever
//! comes after a crash. Several processes may use one registry.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::card::Card;
use super::error::{RegistryError, failed};
use super::file::{self, ModelFileError};
use super::id::{ModelId, ModelKey};
use super::pointer::{Pointer, Promotion};
use crate::bar::Interval;
use crate::live::LiveModel;

/// The largest `current.json` that is read.
const MAX_POINTER: u64 = 1 << 20;

const POINTER: &str = "current.json";
const LOCK: &str = "lock";
const VERSIONS: &str = "versions";
/// Prefix of a version's name while it is being written.
const UNFINISHED: &str = ".unfinished-";

/// A version as it lies in the registry.
#[derive(Debug)]
pub struct Version {
    /// Which.
    pub id: ModelId,
    /// Its card, or why it is not usable.
    pub card: Result<Card, ModelFileError>,
    /// True if it serves.
    pub serves: bool,
}

/// The version that serves, and one that should serve but cannot.
#[derive(Debug)]
pub struct Serving {
    /// The newest promoted version that is sound; `None` if there is none.
    pub model: Option<LiveModel>,
    /// Later promoted versions that were refused, the latest first: this is to be shown.
    pub refused: Vec<(ModelId, RegistryError)>,
}

/// A directory of models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    root: PathBuf,
}

impl Registry {
    /// The registry in this directory, which is created if need be.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(root: &Path) -> Result<Self, RegistryError> {
        fs::create_dir_all(root).map_err(failed("create the model registry", root))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every model that has a version, sorted by asset and interval.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn keys(&self) -> Result<Vec<ModelKey>, RegistryError> {
        let mut keys = Vec::new();
        for asset in names(&self.root)? {
            for interval in Interval::ALL {
                if let Ok(key) = ModelKey::new(&asset, interval)
                    && !self.ids(&key)?.is_empty()
                {
                    keys.push(key);
                }
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// The versions of a model, oldest first, unusable ones too. Their checksums are verified.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn versions(&self, key: &ModelKey) -> Result<Vec<Version>, RegistryError> {
        let serving = self
            .pointer(key)
            .ok()
            .and_then(|pointer| pointer.current().map(|current| current.id.clone()));
        Ok(self
            .ids(key)?
            .into_iter()
            .map(|id| Version {
                card: file::read_card(&self.version_dir(key, &id)),
                serves: serving.as_ref() == Some(&id),
                id,
            })
            .collect())
    }

    /// Which model a version is of.
    ///
    /// # Errors
    /// When the directories cannot be read.
    pub fn find(&self, id: &ModelId) -> Result<Option<ModelKey>, RegistryError> {
        Ok(self
            .keys()?
            .into_iter()
            .find(|key| self.version_dir(key, id).is_dir()))
    }

    /// The card of a version.
    ///
    /// # Errors
    /// When there is no such version, or it is not usable.
    pub fn card(&self, key: &ModelKey, id: &ModelId) -> Result<Card, RegistryError> {
        self.existing(key, id)
            .and_then(|dir| Ok(file::read_card(&dir)?))
    }

    /// A version, ready to forecast.
    ///
    /// # Errors
    /// When there is no such version, or it is corrupt, truncated or of another program.
    pub fn load(&self, key: &ModelKey, id: &ModelId) -> Result<LiveModel, RegistryError> {
        let model = file::read(&self.existing(key, id)?)?;
        let found = model.card().key();
        if found != *key {
            return Err(RegistryError::Misplaced {
                key: key.clone(),
                id: id.clone(),
                found,
            });
        }
        Ok(model)
    }

    /// Keeps a version. It serves once it is promoted.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind then.
    pub fn save(&self, model: &LiveModel) -> Result<ModelId, RegistryError> {
        let key = model.card().key();
        let id = model.card().id.clone();
        let _lock = self.lock(&key)?;
        let versions = self.versions_dir(&key);
        remove_unfinished(&versions)?;
        let target = self.version_dir(&key, &id);
        if target.exists() {
            return Err(RegistryError::Duplicate { key, id });
        }
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&versions)
            .map_err(failed("create a directory in", &versions))?;
        file::write(unfinished.path(), model)?;
        // From here on the rename decides; the guard must not remove what it moved.
        let written = unfinished.keep();
        if let Err(source) = fs::rename(&written, &target) {
            // It is unfinished: the next save removes it if this cannot.
            let _ = fs::remove_dir_all(&written);
            return Err(failed("rename a finished model to", &target)(source));
        }
        sync_dir(&versions)?;
        Ok(id)
    }

    /// Reads the version that serves and the ones that did before. Empty if nothing was ever
    /// promoted.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn pointer(&self, key: &ModelKey) -> Result<Pointer, RegistryError> {
        let path = self.dir(key).join(POINTER);
        let text = match file::read_bounded(&path, MAX_POINTER) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pointer::default()),
            Err(source) => return Err(failed("read", &path)(source)),
        };
        let wrong = |why: String| RegistryError::Pointer {
            path: path.clone(),
            why,
        };
        let pointer: Pointer =
            serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        pointer.check().map_err(wrong)?;
        Ok(pointer)
    }

    /// The serving model: the promoted version or, if that is not usable, the one that served
    /// before it.
    ///
    /// # Errors
    /// When the pointer cannot be read.
    pub fn serving(&self, key: &ModelKey) -> Result<Serving, RegistryError> {
        let mut serving = Serving {
            model: None,
            refused: Vec::new(),
        };
        for promotion in self.pointer(key)?.promotions().iter().rev() {
            match self.load(key, &promotion.id) {
                Ok(model) => {
                    serving.model = Some(model);
                    break;
                }
                Err(error) => serving.refused.push((promotion.id.clone(), error)),
            }
        }
        Ok(serving)
    }

    /// Makes a version serve from `at` on. Nothing happens if it already does.
    ///
    /// # Errors
    /// When there is no such version, or it is not usable: what serves goes on serving.
    pub fn promote(
        &self,
        key: &ModelKey,
        id: &ModelId,
        at: DateTime<Utc>,
        why: &str,
    ) -> Result<Pointer, RegistryError> {
        let _lock = self.lock(key)?;
        self.load(key, id)?;
        let mut pointer = match self.pointer(key) {
            Ok(pointer) => pointer,
            // The way out of an unreadable pointer is to promote.
            Err(RegistryError::Pointer { .. }) => Pointer::default(),
            Err(error) => return Err(error),
        };
        if pointer.current().is_some_and(|current| current.id == *id) {
            return Ok(pointer);
        }
        pointer.promote(Promotion {
            id: id.clone(),
            at,
            why: why.to_owned(),
        });
        self.write_pointer(key, &pointer)?;
        Ok(pointer)
    }

    /// Makes the version serve that did before the current one. Versions that are gone or not
    /// usable are passed over.
    ///
    /// # Errors
    /// When there is none: what serves goes on serving.
    pub fn roll_back(&self, key: &ModelKey, at: DateTime<Utc>) -> Result<Pointer, RegistryError> {
        let _lock = self.lock(key)?;
        let mut pointer = self.pointer(key)?;
        let Some(from) = pointer.step_back() else {
            return Err(RegistryError::NothingBefore(key.clone()));
        };
        while let Some(previous) = pointer.current() {
            if previous.id != from.id && self.load(key, &previous.id).is_ok() {
                let event = Promotion {
                    id: previous.id.clone(),
                    at,
                    why: format!("rolled back from {}", from.id),
                };
                pointer.record(event);
                self.write_pointer(key, &pointer)?;
                return Ok(pointer);
            }
            pointer.step_back();
        }
        Err(RegistryError::NothingBefore(key.clone()))
    }

    /// Removes all but the newest `keep` versions, the serving one and the one before it. Returns
    /// those removed.
    ///
    /// # Errors
    /// When the directory cannot be changed.
    pub fn prune(&self, key: &ModelKey, keep: usize) -> Result<Vec<ModelId>, RegistryError> {
        let _lock = self.lock(key)?;
        let mut pointer = self.pointer(key)?;
        let mut removed = self.ids(key)?;
        removed.truncate(removed.len().saturating_sub(keep));
        let promotions = pointer.promotions();
        let kept = &promotions[promotions.len().saturating_sub(2)..];
        removed.retain(|id| kept.iter().all(|promotion| promotion.id != *id));
        if removed.is_empty() {
            return Ok(removed);
        }
        // The pointer first: it must never name what is gone.
        pointer.forget(&removed);
        self.write_pointer(key, &pointer)?;
        let versions = self.versions_dir(key);
        for id in &removed {
            let dir = self.version_dir(key, id);
            // Out of sight at once, then gone: half a version is never seen.
            let hidden = versions.join(format!("{UNFINISHED}{id}"));
            fs::rename(&dir, &hidden).map_err(failed("remove", &dir))?;
            fs::remove_dir_all(&hidden).map_err(failed("remove", &hidden))?;
        }
        sync_dir(&versions)?;
        Ok(removed)
    }

    fn dir(&self, key: &ModelKey) -> PathBuf {
        self.root.join(key.asset()).join(key.interval().name())
    }

    fn versions_dir(&self, key: &ModelKey) -> PathBuf {
        self.dir(key).join(VERSIONS)
    }

    fn version_dir(&self, key: &ModelKey, id: &ModelId) -> PathBuf {
        self.versions_dir(key).join(id.as_str())
    }

    fn existing(&self, key: &ModelKey, id: &ModelId) -> Result<PathBuf, RegistryError> {
        let dir = self.version_dir(key, id);
        if dir.is_dir() {
            Ok(dir)
        } else {
            Err(RegistryError::Unknown {
                key: key.clone(),
                id: id.clone(),
            })
        }
    }

    /// Oldest first.
    fn ids(&self, key: &ModelKey) -> Result<Vec<ModelId>, RegistryError> {
        let dir = self.versions_dir(key);
        if !dir.is_dir() {
            return Ok(Vec::new());
        }
        let mut ids: Vec<ModelId> = names(&dir)?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        ids.sort();
        Ok(ids)
    }

    /// Keeps other processes and threads from changing this model's directory meanwhile.
    fn lock(&self, key: &ModelKey) -> Result<File, RegistryError> {
        let versions = self.versions_dir(key);
        fs::create_dir_all(&versions).map_err(failed("create", &versions))?;
        let path = self.dir(key).join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        lock.lock().map_err(failed("lock", &path))?;
        Ok(lock)
    }

    fn write_pointer(&self, key: &ModelKey, pointer: &Pointer) -> Result<(), RegistryError> {
        let dir = self.dir(key);
        let path = dir.join(POINTER);
        let mut text = serde_json::to_vec_pretty(pointer)
            .map_err(io::Error::other)
            .map_err(failed("write", &path))?;
        text.push(b'\n');
        let mut unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&dir)
            .map_err(failed("create a file in", &dir))?;
        io::Write::write_all(&mut unfinished, &text).map_err(failed("write", &path))?;
        unfinished
            .as_file()
            .sync_all()
            .map_err(failed("write", &path))?;
        unfinished
            .persist(&path)
            .map_err(|error| failed("replace", &path)(error.error))?;
        sync_dir(&dir)
    }
}

/// The names of the directories in one, in no order.
fn names(dir: &Path) -> Result<Vec<String>, RegistryError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed("list", dir))? {
        let entry = entry.map_err(failed("list", dir))?;
        if let Ok(name) = entry.file_name().into_string()
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Removes what a process left that died while it wrote. Only under the lock.
fn remove_unfinished(dir: &Path) -> Result<(), RegistryError> {
    for name in names(dir)? {
        if name.starts_with(UNFINISHED) {
            let path = dir.join(name);
            fs::remove_dir_all(&path).map_err(failed("remove the unfinished", &path))?;
        }
    }
    Ok(())
}

/// Makes a rename in this directory outlive a power cut.
fn sync_dir(dir: &Path) -> Result<(), RegistryError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("write", dir))
}
