//! The administrators' token: the configured one, else one that is made at the first start and kept in
//! a file that only the program's user can read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The file's name in the data directory.
const FILE: &str = "admin-token";

/// Random bytes in a token.
const BYTES: usize = 32;

/// The administrators' token, as a hash.
#[derive(Clone)]
pub struct ServerToken(Arc<[u8; 32]>);

impl ServerToken {
    /// Whoever sends this token is an administrator.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self(Arc::new(hash(token.expose_secret())))
    }

    /// The configured token, else the one that is kept in the data directory.
    ///
    /// # Errors
    /// When the file cannot be read or made, or others can read it.
    pub(crate) fn load(configured: Option<&SecretString>, data_dir: &Path) -> anyhow::Result<Self> {
        load(configured, data_dir).map(|token| Self::new(&token))
    }

    /// Returns whether this is it. Takes as long for every wrong token.
    pub(crate) fn is(&self, token: &str) -> bool {
        let given = hash(token);
        let differences = given.iter().zip(self.0.iter());
        std::hint::black_box(differences.fold(0, |all, (a, b)| all | (a ^ b))) == 0
    }
}

impl std::fmt::Debug for ServerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerToken")
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn load(configured: Option<&SecretString>, data_dir: &Path) -> anyhow::Result<SecretString> {
    if let Some(token) = configured {
        return Ok(token.clone());
    }
    let path = data_dir.join(FILE);
    match fs::read_to_string(&path) {
        Ok(token) => {
            let mode = fs::metadata(&path)?.permissions().mode();
            if mode & 0o077 != 0 {
                anyhow::bail!(
                    "{} can be read by others: remove it, so that another is made, or chmod 600 it",
                    path.display()
                );
            }
            let token = token.trim();
            if token.len() < 24 {
                anyhow::bail!(
                    "{} contains no token: remove it, so that a new one is made",
                    path.display()
                );
            }
            Ok(SecretString::from(token))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            make(&path).with_context(|| format!("cannot keep a token in {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn make(path: &Path) -> anyhow::Result<SecretString> {
    let mut bytes = [0; BYTES];
    SysRng
        .try_fill_bytes(&mut bytes)
        .context("no randomness to be had")?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Written next to it and renamed: half a token is never found.
    let unfinished = path.with_extension("tmp");
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    tracing::info!(path = %path.display(), "the administrators' token was created");
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_opens() {
        let token = ServerToken::new(&SecretString::from("0123456789abcdef01234567"));
        assert!(token.is("0123456789abcdef01234567"));
        for wrong in ["", "0123456789abcdef0123456", "0123456789abcdef012345678"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "ServerToken");
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let load = || load(None, dir.path());
        let made = load().unwrap();
        assert_eq!(made.expose_secret().len(), 64);
        assert_eq!(load().unwrap().expose_secret(), made.expose_secret());
        let path = dir.path().join(FILE);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load().unwrap_err().to_string().contains("by others"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(load().unwrap_err().to_string().contains("no token"));

        let configured = SecretString::from("configured-and-long-enough");
        assert_eq!(
            super::load(Some(&configured), dir.path())
                .unwrap()
                .expose_secret(),
            "configured-and-long-enough"
        );
    }
}
