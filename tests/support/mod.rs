//! Helpers that the end-to-end tests share: a directory of their own, the real program on it, the simulated
//! venues it listens to, and candles computed independently. Everything started here is stopped when
//! it is dropped, also by a panic. It knows the program from outside only: its command line, its
//! files' places, HTTP.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of this"
)]

pub(crate) mod bars;
pub(crate) mod http;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod recordings;
pub(crate) mod series;
pub(crate) mod venues;

use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;
use tokio::time::Instant;

/// Every interval by its name, with its seconds.
pub(crate) const INTERVALS: [(&str, i64); 6] = [
    ("1m", 60),
    ("5m", 300),
    ("15m", 900),
    ("1h", 3_600),
    ("4h", 14_400),
    ("1d", 86_400),
];

/// Where a tool for tests is installed: what the variable names, else its place in the user's cache.
pub(crate) fn cache_directory(variable: &str, name: &str) -> Option<PathBuf> {
    let path = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    path(variable).or_else(|| {
        let cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))?;
        Some(cache.join("coinsphere").join(name))
    })
}

/// A directory that goes with the test. Its path is short, because a socket's path must be, and
/// others may pass through it, because PostgreSQL does not run as root.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::Builder::new()
            .prefix("cs")
            .tempdir_in("/tmp")
            .expect("a directory in /tmp");
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).expect("its mode");
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and answers its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }
}

/// Waits until `check` answers something, and fails with its last complaint when that takes too
/// long. Asked every 100 ms: what is waited for happens in another process.
pub(crate) fn eventually<T>(
    what: &str,
    within: Duration,
    mut check: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        match check() {
            Ok(found) => return found,
            Err(why) => assert!(
                Instant::now() < deadline,
                "{what}: not within {within:?}: {why}"
            ),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> i64 {
    use coinsphere_pipelines::clock::{Clock, SystemClock};
    SystemClock.now().nanos()
}

/// A random generator whose seed is printed, and taken from `COINSPHERE_TEST_SEED` where that is set.
pub(crate) fn seeded() -> rand::rngs::StdRng {
    let given = std::env::var("COINSPHERE_TEST_SEED").ok();
    let seed = given.map_or(now_ns() as u64, |seed| seed.parse().expect("a number"));
    println!("COINSPHERE_TEST_SEED={seed}");
    rand::SeedableRng::seed_from_u64(seed)
}

/// A test that cannot run here, and why.
pub(crate) fn ignored(name: &str, reason: &str) -> Trial {
    let report = reason.to_owned();
    Trial::test(format!("{name} (ignored: {reason})"), move || {
        Err(Failed::from(format!("cannot run here: {report}")))
    })
    .with_ignored_flag(true)
}

/// A test that needs recordings: ignored where there are none.
pub(crate) fn with_recordings(name: &str, test: fn(&Path)) -> Trial {
    match std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from) {
        Some(folder) => Trial::test(name, move || {
            test(&folder);
            Ok(())
        }),
        None => ignored(name, "COINSPHERE_MARKET_DATA is not set"),
    }
}
