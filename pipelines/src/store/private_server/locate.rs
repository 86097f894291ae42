//! Finding an installed PostgreSQL.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::PrivateServerError;

/// The oldest major version whose SQL ours is checked against.
const OLDEST: u32 = 15;

/// Where distributions keep each version's programs, `*` being the version.
const DISTRIBUTION_DIRS: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/pgsql", "bin"),
    ("/usr/local/pgsql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Installation {
    /// The directory that holds `initdb` and `postgres`.
    pub bin: PathBuf,
    /// The major version, e.g. 15.
    pub major: u32,
}

impl Installation {
    /// The path of one of its programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Every installed version, those in PATH first, then the newest first.
#[must_use]
pub fn installations() -> Vec<Installation> {
    let mut seen = BTreeSet::new();
    candidates()
        .into_iter()
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .filter(|bin| seen.insert(bin.canonicalize().unwrap_or_else(|_| bin.clone())))
        .filter_map(|bin| {
            let major = version(&bin.join("postgres"))?;
            Some(Installation { bin, major })
        })
        .collect()
}

/// The version to use: the one that made the cluster, or for a new cluster the first of
/// [`installations`] that is not too old.
///
/// # Errors
/// When there is none.
pub fn find_installation(
    cluster: &Path,
    cluster_major: Option<u32>,
) -> Result<Installation, PrivateServerError> {
    choose(installations(), cluster, cluster_major)
}

fn choose(
    found: Vec<Installation>,
    cluster: &Path,
    cluster_major: Option<u32>,
) -> Result<Installation, PrivateServerError> {
    let versions = found
        .iter()
        .map(|installation| installation.major.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let fits = |installation: &Installation| match cluster_major {
        Some(major) => installation.major == major,
        None => installation.major >= OLDEST,
    };
    if let Some(chosen) = found.into_iter().find(fits) {
        return Ok(chosen);
    }
    match cluster_major {
        Some(cluster_major) if !versions.is_empty() => Err(PrivateServerError::OtherVersion {
            cluster: cluster.to_owned(),
            cluster_major,
            installed: versions,
        }),
        _ => Err(PrivateServerError::NotInstalled {
            searched: DISTRIBUTION_DIRS.map(|(root, _)| root).join(", "),
            found: if versions.is_empty() {
                "found none".to_owned()
            } else {
                format!("found only {versions}")
            },
        }),
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut candidates: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let mut versioned = Vec::new();
    for (root, below) in DISTRIBUTION_DIRS {
        let root = Path::new(root);
        versioned.push((0, root.join(below)));
        // `/usr/lib/postgresql/16`, `/usr/pgsql-16`, `/opt/homebrew/opt/postgresql@16`
        let (folder, prefix) = if root.is_dir() {
            (root, "")
        } else {
            let name = root.file_name().and_then(|name| name.to_str());
            (root.parent().unwrap_or(root), name.unwrap_or(""))
        };
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(prefix)) else {
                continue;
            };
            let rest = rest
                .trim_start_matches("postgresql")
                .trim_start_matches(['-', '@']);
            if let Ok(major) = rest.parse::<u32>() {
                versioned.push((major, entry.path().join(below)));
            }
        }
    }
    versioned.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    candidates.extend(versioned.into_iter().map(|(_, bin)| bin));
    candidates
}

fn version(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The major version in e.g. `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_version(text: &str) -> Option<u32> {
    let after = text.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Installation> {
        majors
            .iter()
            .map(|&major| Installation {
                bin: PathBuf::from(format!("/pg/{major}")),
                major,
            })
            .collect()
    }

    #[test]
    fn reads_versions() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse_version(debian), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("something else 9"), None);
    }

    #[test]
    fn a_cluster_is_served_by_the_version_that_made_it() {
        let cluster = Path::new("/data/pg");
        assert_eq!(
            choose(installed(&[17, 15]), cluster, Some(15))
                .unwrap()
                .major,
            15
        );
        assert_eq!(
            choose(installed(&[17, 15]), cluster, None).unwrap().major,
            17
        );
        let error = choose(installed(&[17, 16]), cluster, Some(15))
            .unwrap_err()
            .to_string();
        assert!(error.contains("made by PostgreSQL 15"), "{error}");
        assert!(error.contains("only 17, 16 is installed"), "{error}");
        assert!(error.contains("postgresql-15"), "{error}");
    }

    #[test]
    fn says_what_to_install() {
        for found in [installed(&[]), installed(&[14])] {
            let error = choose(found, Path::new("/data/pg"), None)
                .unwrap_err()
                .to_string();
            assert!(error.contains("apt-get install postgresql"), "{error}");
        }
    }
}
