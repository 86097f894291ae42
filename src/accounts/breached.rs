//! Passwords that are known from breaches: a file of SHA-1 hashes in ascending order, one a line, as
//! the downloader of Have I Been Pwned writes it (`HASH:COUNT`). Looked up by bisection: some dozens of
//! short reads in a file of any size, and nothing about a password leaves the machine.

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXUPPER;
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AccountError;

/// Hexadecimal digits of a hash.
const DIGITS: usize = 40;

/// Bytes read at once: more than any two lines are long.
const WINDOW: usize = 512;

/// A file of hashes.
#[derive(Debug, Clone)]
pub(super) struct Breached(PathBuf);

impl Breached {
    /// Looks whether the file is one of hashes.
    pub(super) fn open(path: &Path) -> Result<Self, AccountError> {
        let file = File::open(path).map_err(|error| unusable(path, &error.to_string()))?;
        match line_from(&file, 0) {
            Ok(Some(_)) => Ok(Self(path.to_owned())),
            Ok(None) => Err(unusable(path, "it is empty")),
            Err(why) => Err(unusable(path, &why)),
        }
    }

    /// Returns whether the password is in the file.
    pub(super) async fn knows(&self, password: &SecretString) -> Result<bool, AccountError> {
        let hash = digest(
            &SHA1_FOR_LEGACY_USE_ONLY,
            password.expose_secret().as_bytes(),
        );
        let (path, wanted) = (self.0.clone(), HEXUPPER.encode(hash.as_ref()));
        let looking = tokio::task::spawn_blocking(move || {
            let file = File::open(&path).map_err(|error| unusable(&path, &error.to_string()))?;
            find(&file, &wanted).map_err(|why| unusable(&path, &why))
        });
        looking
            .await
            .map_err(|_| AccountError::Internal("looking up a password panicked".to_owned()))?
    }
}

fn unusable(path: &Path, why: &str) -> AccountError {
    AccountError::Internal(format!(
        "cannot use accounts.breached_passwords, {}: {why}; expected lines of SHA-1 hashes in ascending order",
        path.display()
    ))
}

fn find(file: &File, wanted: &str) -> Result<bool, String> {
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        match line_from(file, middle)? {
            Some(line) if line.start < high => match line.hash.as_str().cmp(wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = line.end,
                Ordering::Greater => high = middle,
            },
            _ => high = middle,
        }
    }
    Ok(false)
}

/// A line of the file.
struct Line {
    hash: String,
    start: u64,
    /// Where the next one begins.
    end: u64,
}

/// The first line that begins at this place or after it.
fn line_from(file: &File, place: u64) -> Result<Option<Line>, String> {
    let mut window = [0; WINDOW];
    // The byte before shows whether a line begins right here.
    let from = place.saturating_sub(1);
    let mut filled = 0;
    while filled < WINDOW {
        let read = file.read_at(&mut window[filled..], from + filled as u64);
        match read.map_err(|error| error.to_string())? {
            0 => break,
            bytes => filled += bytes,
        }
    }
    let window = &window[..filled];
    let newline = |from: usize| {
        let rest = window.get(from..)?;
        Some(from + rest.iter().position(|byte| *byte == b'\n')?)
    };
    let start = match place {
        0 => 0,
        _ => match newline(0) {
            Some(at) => at + 1,
            None if filled < WINDOW => return Ok(None),
            None => return Err("it has a line that is too long".to_owned()),
        },
    };
    if start == filled {
        return Ok(None);
    }
    let end = newline(start).map_or(filled, |at| at + 1);
    let hash = window.get(start..start + DIGITS);
    let hash = hash.filter(|hash| hash.iter().all(u8::is_ascii_hexdigit));
    let hash = hash.ok_or("it has a line that does not begin with a hash")?;
    Ok(Some(Line {
        hash: String::from_utf8_lossy(hash).to_ascii_uppercase(),
        start: from + start as u64,
        end: from + end as u64,
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn hash(password: &str) -> String {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        HEXUPPER.encode(hash.as_ref())
    }

    fn file(lines: &[String], ending: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.join(ending).as_bytes()).unwrap();
        file
    }

    async fn knows(path: &Path, password: &str) -> bool {
        let breached = Breached::open(path).unwrap();
        breached.knows(&password.into()).await.unwrap()
    }

    #[tokio::test]
    async fn every_password_of_the_file_is_found_and_no_other() {
        for (count, ending) in [(1, "\n"), (2, "\r\n"), (3, "\n"), (200, "\r\n")] {
            let mut lines: Vec<String> = (0..count)
                .map(|number| format!("{}:{}", hash(&format!("in{number}")), number * 7_919))
                .collect();
            lines.sort();
            // With and without an end of the last line.
            for last in [vec![], vec![String::new()]] {
                let file = file(&[lines.clone(), last].concat(), ending);
                for number in 0..count {
                    assert!(
                        knows(file.path(), &format!("in{number}")).await,
                        "{count} {number}"
                    );
                    assert!(
                        !knows(file.path(), &format!("out{number}")).await,
                        "{count} {number}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn a_hash_is_known_by_its_emails_in_either_case() {
        let file = file(&[hash("correct horse").to_lowercase()], "\n");
        assert!(knows(file.path(), "correct horse").await);
    }

    #[tokio::test]
    async fn what_is_no_file_of_hashes_is_refused_and_never_taken_for_an_answer() {
        for content in ["", "password\nsecret\n", &"G".repeat(2_000)] {
            let file = file(&[content.to_owned()], "\n");
            let error = Breached::open(file.path()).unwrap_err().to_string();
            assert!(error.contains("accounts.breached_passwords"), "{error}");
        }
        assert!(Breached::open(Path::new("/nowhere/at/all")).is_err());
        let broken = file(&[hash("a"), "not a hash".to_owned()], "\n");
        let breached = Breached::open(broken.path()).unwrap();
        std::fs::remove_file(broken.path()).unwrap();
        assert!(breached.knows(&"a".into()).await.is_err());
    }
}
