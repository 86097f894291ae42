//! Passwords: what may be one, and how they are hashed and checked. Hashing takes memory and time on
//! purpose, so only a few run at once, on threads of their own, and few may wait.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use super::breached::Breached;
use super::error::AccountError;
use crate::accounts::AccountSettings;
use crate::secrets::Randomness;

/// The fewest characters (ASVS 5.0, 6.2.1).
pub(super) const SHORTEST: usize = 8;
/// The most characters (ASVS 5.0, 6.2.9).
pub(super) const LONGEST: usize = 128;

/// Number of callers that may wait for each that hashes; more are refused.
const WAITING: usize = 32;

/// bcrypt reads this many bytes of a password, the zero byte at its end included, and ignores the rest.
const BCRYPT_READS: usize = 72;

/// An imported hash that costs more than this is not worked on: 2^16 rounds take seconds.
const DEAREST_BCRYPT: u32 = 16;

/// The passwords that are tried first, in lower case, one a line.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

/// The form in which a password is counted, hashed and compared, so that it is the same from every
/// keyboard: other spaces become the ASCII space, and what looks alike by compatibility is one
/// (the string class `OpaqueString` of RFC 8265, section 4.2, with NFKC as NIST SP 800-63B has it).
pub(super) fn normalised(password: &str) -> String {
    let is_space = |c: char| c != ' ' && !c.is_control() && c.is_whitespace();
    password
        .chars()
        .map(|c| if is_space(c) { ' ' } else { c })
        .nfkc()
        .collect()
}

/// Returns whether a text is worth hashing: nobody has a longer password.
pub(super) fn is_plausible(password: &str) -> bool {
    // Composed characters are at most four times as many when they are typed decomposed.
    password.chars().count() <= 4 * LONGEST && normalised(password).chars().count() <= LONGEST
}

/// Why a text may not be a password; `about` are the user's own words (address, name), which others
/// try first too.
pub(super) fn objection(password: &str, about: &[&str]) -> Option<String> {
    if password.chars().count() > 4 * LONGEST {
        return Some(format!("use at most {LONGEST} characters"));
    }
    let password = normalised(password);
    let length = password.chars().count();
    if length < SHORTEST {
        return Some(format!("use at least {SHORTEST} characters"));
    }
    if length > LONGEST {
        return Some(format!("use at most {LONGEST} characters"));
    }
    let lower = password.to_lowercase();
    if COMMON.contains(lower.as_str()) {
        return Some("this is one of the most common passwords: use another".to_owned());
    }
    let own = |word: &&str| {
        let word = word.to_lowercase();
        lower == word || word.split('@').next().is_some_and(|name| lower == name)
    };
    if about.iter().any(own) {
        return Some("this is your own address or name: use another".to_owned());
    }
    None
}

/// Message for a password of the file of breached ones.
pub(super) const BREACHED: &str = "this password is known from a breach: use another";

/// Outcome of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// True if it is the password.
    pub(super) matches: bool,
    /// True if the password should be hashed again, with today's parameters.
    pub(super) outdated: bool,
}

/// Hashes and checks passwords.
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    gate: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    breached: Option<Breached>,
    /// Hash that an unknown account's password is compared with, so that it takes as long.
    nobody: String,
}

impl Passwords {
    pub(super) fn new(
        settings: &AccountSettings,
        randomness: &Randomness,
    ) -> Result<Self, AccountError> {
        let params = Params::new(
            settings.password_memory_kib,
            settings.password_passes,
            settings.password_lanes,
            None,
        )
        .map_err(|error| {
            AccountError::Internal(format!(
                "cannot hash with the configured parameters: {error}"
            ))
        })?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let permits = match settings.password_threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2),
            configured => configured as usize,
        }
        .max(1);
        let nobody = hash_now(&argon2, &randomness.token(), &randomness.bytes::<16>())?;
        let breached = settings.breached_passwords.as_deref();
        Ok(Self {
            breached: breached.map(Breached::open).transpose()?,
            argon2,
            gate: Arc::new(Semaphore::new(permits)),
            queue: Arc::new(Semaphore::new(permits * (1 + WAITING))),
            nobody,
        })
    }

    /// Returns whether a password is known from a breach, as far as a file says.
    pub(super) async fn is_breached(&self, password: &SecretString) -> Result<bool, AccountError> {
        match &self.breached {
            // Lists have what people typed; what is compared is the normalised form.
            Some(file) => Ok(file.knows(password).await? || {
                let normalised = normalised(password.expose_secret());
                file.knows(&normalised.into()).await?
            }),
            None => Ok(false),
        }
    }

    /// The hash to store, as a PHC string.
    pub(super) async fn hash(
        &self,
        password: SecretString,
        salt: [u8; 16],
    ) -> Result<String, AccountError> {
        let argon2 = self.argon2.clone();
        self.aside(move || hash_now(&argon2, &normalised(password.expose_secret()), &salt))
            .await?
    }

    /// Checks a password against what is stored; against nothing in particular, for as long, if
    /// nothing is.
    pub(super) async fn check(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verdict, AccountError> {
        let argon2 = self.argon2.clone();
        let somebody = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        let verdict = self
            .aside(move || check_typed(&argon2, password.expose_secret(), &stored))
            .await?;
        Ok(Verdict {
            matches: verdict.matches && somebody,
            ..verdict
        })
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let _queued = Arc::clone(&self.queue)
            .try_acquire_owned()
            .map_err(|_| AccountError::Busy)?;
        let turn = Arc::clone(&self.gate)
            .acquire_owned()
            .await
            .map_err(|_| AccountError::Busy)?;
        tokio::task::spawn_blocking(move || {
            // Given back by the thread: a client that goes away does not let another in early.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| AccountError::Internal("a hashing thread panicked".to_owned()))
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &str, salt: &[u8]) -> Result<String, AccountError> {
    argon2
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|hash| hash.to_string())
        .map_err(|error| AccountError::Internal(format!("cannot hash a password: {error}")))
}

/// Checks what was typed: in the normalised form, then as it was typed if that differs, which is how
/// older and imported hashes were made.
fn check_typed(argon2: &Argon2<'_>, typed: &str, stored: &str) -> Verdict {
    let normalised = normalised(typed);
    let verdict = check_now(argon2, &normalised, stored);
    if verdict.matches || normalised == typed {
        return verdict;
    }
    let verdict = check_now(argon2, typed, stored);
    Verdict {
        // Hashed again in the normalised form; bcrypt's rule is in `check_now`.
        outdated: verdict.outdated || bcrypt_cost(stored).is_none(),
        ..verdict
    }
}

fn check_now(argon2: &Argon2<'_>, password: &str, stored: &str) -> Verdict {
    if let Some(cost) = bcrypt_cost(stored) {
        let affordable = cost <= DEAREST_BCRYPT;
        if affordable {
            count_check();
        }
        let matches = affordable && bcrypt::verify(password, stored).unwrap_or(false);
        return Verdict {
            matches,
            // A longer password was cut when it was hashed: whoever types something else behind what
            // bcrypt read is let in too, and must not choose the password by it.
            outdated: password.len() < BCRYPT_READS,
        };
    }
    let Ok(parsed) = PasswordHash::new(stored) else {
        tracing::error!("a stored password hash has a format that this program does not know");
        return Verdict {
            matches: false,
            outdated: false,
        };
    };
    count_check();
    let matches = argon2.verify_password(password.as_bytes(), &parsed).is_ok();
    let outdated = parsed.algorithm.as_str() != "argon2id"
        || Params::try_from(&parsed).ok().is_none_or(|params| {
            let today = argon2.params();
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (today.m_cost(), today.t_cost(), today.p_cost())
        });
    Verdict { matches, outdated }
}

/// Counts the work of a check, without a label: whether there is such an account is nobody's to see.
fn count_check() {
    metrics::counter!("coinsphere_password_checks_total").increment(1);
}

/// The cost of a bcrypt hash, in any of its versions' spellings; `None` for anything else.
fn bcrypt_cost(stored: &str) -> Option<u32> {
    let mut parts = stored.strip_prefix("$2")?.split('$');
    let version = parts.next()?;
    if !["", "a", "b", "x", "y"].contains(&version) {
        return None;
    }
    parts.next()?.parse().ok()
}

/// Returns whether a hash from elsewhere can be checked here.
pub(super) fn is_importable(stored: &str) -> bool {
    match bcrypt_cost(stored) {
        Some(cost) => (4..=DEAREST_BCRYPT).contains(&cost) && stored.len() == 60,
        None => PasswordHash::new(stored).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id"),
    }
}

#[cfg(test)]
mod work;

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn passwords() -> Passwords {
        let settings = AccountSettings {
            password_memory_kib: 64,
            password_passes: 1,
            password_threads: 1,
            ..AccountSettings::default()
        };
        Passwords::new(&settings, &Randomness::from(StdRng::seed_from_u64(1))).unwrap()
    }

    #[test]
    fn length_and_commonness_are_all_that_is_asked() {
        for good in [
            "correct horse battery staple",
            "nur kleine buchstaben",
            "пароль на русском",
            "zq8#kd!w",
            &"ü".repeat(128),
        ] {
            assert_eq!(objection(good, &["a@example.org"]), None, "{good}");
        }
        for (bad, why) in [
            ("short77", "at least 8"),
            (&"a".repeat(129)[..], "at most 128"),
            ("password", "common"),
            ("PassWord", "common"),
            ("1234567890", "common"),
            ("qwertyuiop", "common"),
            ("somebody@example.org", "your own"),
            ("Somebody", "your own"),
        ] {
            let found = objection(bad, &["somebody@example.org"]).unwrap_or_default();
            assert!(found.contains(why), "{bad}: {found}");
        }
    }

    #[test]
    fn the_bundled_list_holds_what_could_pass_otherwise() {
        assert!(COMMON.len() > 1_000, "{}", COMMON.len());
        for line in COMMON.iter() {
            assert!(
                line.chars().count() >= SHORTEST,
                "{line} is too short anyway"
            );
            assert_eq!(*line, line.to_lowercase(), "compared in lower case");
        }
    }

    #[tokio::test]
    async fn what_was_hashed_is_recognised_and_nothing_else() {
        let passwords = passwords();
        let stored = passwords.hash("one of mine".into(), [7; 16]).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"),
            "{stored}"
        );
        let check = async |password: &str, stored: Option<&str>| {
            let stored = stored.map(str::to_owned);
            passwords.check(password.into(), stored).await.unwrap()
        };
        let good = check("one of mine", Some(&stored)).await;
        assert_eq!((good.matches, good.outdated), (true, false));
        assert!(!check("one of yours", Some(&stored)).await.matches);
        assert!(!check("one of mine", None).await.matches);
        assert!(!check("one of mine", Some("nonsense")).await.matches);
    }

    #[tokio::test]
    async fn older_hashes_are_recognised_and_said_to_be_outdated() {
        let passwords = passwords();
        let bcrypt = bcrypt::hash_with_salt("imported one", 4, [3; 16]).unwrap();
        for version in [
            bcrypt::Version::TwoA,
            bcrypt::Version::TwoB,
            bcrypt::Version::TwoY,
        ] {
            let stored = bcrypt.format_for_version(version);
            let verdict = passwords.check("imported one".into(), Some(stored.clone()));
            let verdict = verdict.await.unwrap();
            assert_eq!(
                (verdict.matches, verdict.outdated),
                (true, true),
                "{stored}"
            );
            let verdict = passwords
                .check("another".into(), Some(stored))
                .await
                .unwrap();
            assert!(!verdict.matches);
        }
        let cheap = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(32, 1, 1, None).unwrap(),
        );
        let stored = hash_now(&cheap, "older one", &[1; 16]).unwrap();
        let verdict = passwords
            .check("older one".into(), Some(stored))
            .await
            .unwrap();
        assert_eq!((verdict.matches, verdict.outdated), (true, true));
        let dear = bcrypt
            .format_for_version(bcrypt::Version::TwoB)
            .replace("$04$", "$31$");
        assert!(
            !passwords
                .check("imported one".into(), Some(dear))
                .await
                .unwrap()
                .matches
        );
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_characters_are_composed() {
        let passwords = passwords();
        let stored = passwords
            .hash("cafe\u{301} \u{fb01}ne 12".into(), [7; 16])
            .await
            .unwrap();
        let check = async |password: &str, stored: &str| {
            let verdict = passwords.check(password.into(), Some(stored.to_owned()));
            let verdict = verdict.await.unwrap();
            (verdict.matches, verdict.outdated)
        };
        for same in [
            "caf\u{e9} fine 12",
            "cafe\u{301}\u{a0}\u{fb01}ne\u{3000}12",
            "caf\u{e9}\u{1680}\u{ff46}ine \u{ff11}2",
        ] {
            assert_eq!(check(same, &stored).await, (true, false), "{same:?}");
        }
        assert_eq!(check("Caf\u{e9} fine 12", &stored).await, (false, false));
        // Hashed as it was typed, before passwords were normalised.
        let older = hash_now(&passwords.argon2, "cafe\u{301} fine 12", &[1; 16]).unwrap();
        assert_eq!(check("cafe\u{301} fine 12", &older).await, (true, true));
        let bcrypt = bcrypt::hash_with_salt("cafe\u{301} fine 12", 4, [3; 16]).unwrap();
        let bcrypt = bcrypt.format_for_version(bcrypt::Version::TwoB);
        assert_eq!(check("cafe\u{301} fine 12", &bcrypt).await, (true, true));
    }

    #[test]
    fn length_and_commonness_are_judged_by_the_normalised_form() {
        assert_eq!(objection(&"e\u{301}".repeat(128), &[]), None);
        assert!(
            objection(&"e\u{301}".repeat(7), &[]).is_some(),
            "7 characters"
        );
        assert!(objection("\u{ff50}assword", &[]).is_some(), "password");
        assert!(
            objection(&"\u{fdfa}".repeat(8), &[]).is_some(),
            "18 characters each"
        );
        assert!(!is_plausible(&"a".repeat(129)));
        assert!(is_plausible(&"e\u{301}".repeat(128)));
    }

    #[tokio::test]
    async fn a_password_that_bcrypt_cut_is_not_hashed_again_as_typed() {
        let passwords = passwords();
        for (length, outdated) in [(71, true), (72, false), (73, false), (100, false)] {
            let chosen = "0123456789".repeat(10)[..length].to_owned();
            let stored = bcrypt::hash_with_salt(&chosen, 4, [3; 16]).unwrap();
            let stored = stored.format_for_version(bcrypt::Version::TwoB);
            let verdict = passwords.check(chosen.into(), Some(stored)).await.unwrap();
            assert_eq!(
                (verdict.matches, verdict.outdated),
                (true, outdated),
                "{length}"
            );
        }
        let chosen = "a".repeat(80);
        let stored = bcrypt::hash_with_salt(&chosen, 4, [3; 16]).unwrap();
        let stored = stored.format_for_version(bcrypt::Version::TwoB);
        let typed = format!("{}another end", "a".repeat(72));
        let verdict = passwords.check(typed.into(), Some(stored)).await.unwrap();
        assert_eq!((verdict.matches, verdict.outdated), (true, false));
    }

    #[tokio::test]
    async fn more_than_can_be_done_soon_are_refused() {
        let passwords = passwords();
        let _all = passwords.gate.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..=WAITING)
            .map(|_| passwords.queue.clone().try_acquire_owned().unwrap())
            .collect();
        let refused = passwords.check("one of mine".into(), None).await;
        assert!(matches!(refused, Err(AccountError::Busy)), "{refused:?}");
        drop(waiting);
    }
}
