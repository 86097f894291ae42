//! Rate limits: sliding windows in shared state. They know keys and classes only; authentication says who
//! is signed in ([`Caller`]).
//!
//! When shared state is away, limits that protect the API let everyone pass, and those that protect
//! accounts are kept in this process; both are counted.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use coinsphere_pipelines::shared_state::{InProcess, RateDecision, SharedState, Window};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::http::client_address::ClientAddress;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::settings::LimitSettings;

/// Who asks, where that is known. Authentication puts it into the request's extensions before limits are looked
/// at; without it a caller is anonymous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Stands for the user (or the API key's user) in limits and idempotency keys, e.g. the user's
    /// id. Not shown to anybody.
    pub subject: Arc<str>,
}

/// Which limit a request counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Not signed in: by address.
    Anonymous,
    /// Signed in: by user.
    User,
    /// Signing in, registering, asking for a reset or another verification mail.
    Authentication,
    /// Costs much or decides much: by caller and endpoint.
    Strict,
}

impl Class {
    /// The label in metrics, and the beginning of keys.
    const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Authentication => "authentication",
            Self::Strict => "strict",
        }
    }

    /// Returns whether guessing is what this limit is against: then it must work without shared state too.
    const fn works_always(self) -> bool {
        matches!(self, Self::Authentication | Self::Strict)
    }
}

/// The limits.
#[derive(Debug)]
pub struct Limits {
    shared: Arc<dyn SharedState>,
    /// The limits that must work while shared state is away.
    own: Arc<InProcess>,
    settings: LimitSettings,
}

/// A limit's decision on a request; becomes the `RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    passage: RateDecision,
    window: Window,
}

impl Limits {
    /// Limits in shared state, with a place of their own to fall back to.
    #[must_use]
    pub fn new(shared: Arc<dyn SharedState>, own: Arc<InProcess>, settings: LimitSettings) -> Self {
        Self {
            shared,
            own,
            settings,
        }
    }

    fn window(&self, class: Class) -> Window {
        let LimitSettings {
            anonymous,
            anonymous_seconds,
            user,
            user_seconds,
            authentication,
            authentication_seconds,
            strict,
            strict_seconds,
        } = self.settings;
        let (limit, seconds) = match class {
            Class::Anonymous => (anonymous, anonymous_seconds),
            Class::User => (user, user_seconds),
            Class::Authentication => (authentication, authentication_seconds),
            Class::Strict => (strict, strict_seconds),
        };
        Window {
            limit,
            length: Duration::from_secs(seconds),
        }
    }

    /// Counts a request of this class by `who`; `None` when nobody could count it and it passes.
    pub async fn pass(&self, class: Class, who: &str) -> Option<Verdict> {
        let window = self.window(class);
        let key = format!("limit:{}:{who}", class.name());
        let passage = match self.shared.pass(&key, window).await {
            Ok(passage) => passage,
            Err(error) => {
                let how = if class.works_always() { "own" } else { "open" };
                metrics::counter!("coinsphere_http_limits_without_shared_total", "class" => class.name(), "how" => how)
                    .increment(1);
                tracing::debug!(%error, class = class.name(), how, "a limit without shared state");
                if !class.works_always() {
                    return None;
                }
                self.own.pass_now(&key, window)
            }
        };
        if !passage.allowed {
            metrics::counter!("coinsphere_http_limited_total", "class" => class.name())
                .increment(1);
            if class.works_always() {
                tracing::info!(class = class.name(), "a limit refused an attempt");
            }
        }
        Some(Verdict { passage, window })
    }

    /// Counts a request as this user's, where the layer could not know whose it is. Answers what
    /// becomes of the answer's headers.
    ///
    /// # Errors
    /// When the limit is reached: the verdict becomes a problem detail (429).
    pub async fn count_for(&self, class: Class, subject: &str) -> Result<Option<Verdict>, Verdict> {
        match self.pass(class, subject).await {
            Some(verdict) if !verdict.passage.allowed => Err(verdict),
            counted => Ok(counted),
        }
    }

    /// Checks that a credential that only the database knows (an API key, a cookie) may be looked up
    /// for this client: not after as many failed look-ups as a user may send requests. Kept in this
    /// process, whose connections to the database it protects.
    ///
    /// # Errors
    /// When there were too many: the verdict becomes a problem detail (429).
    pub fn may_look_up(&self, client: ClientAddress) -> Result<(), Verdict> {
        let window = self.window(Class::User);
        let passage = self.own.look_now(&vain_key(client), window);
        if passage.allowed {
            return Ok(());
        }
        metrics::counter!("coinsphere_http_limited_total", "class" => "credentials").increment(1);
        Err(Verdict { passage, window })
    }

    /// A credential of this client's was looked up and is none.
    pub fn record_failed_lookup(&self, client: ClientAddress) {
        let _ = self
            .own
            .pass_now(&vain_key(client), self.window(Class::User));
    }

    /// Counts an attempt on an account (its email address, existing or not) from this client. Never
    /// by account alone, or anybody could lock somebody else out. To be called by what signs in,
    /// registers or resets, before it looks at a password; the count by address alone was taken
    /// before the handler ran.
    ///
    /// # Errors
    /// When the limit is reached: the verdict becomes a problem detail (429).
    pub async fn attempt_on(&self, account: &str, client: ClientAddress) -> Result<(), Verdict> {
        let who = format!("{}:{}", account_key(account), client.limit_key());
        match self.pass(Class::Authentication, &who).await {
            Some(verdict) if !verdict.passage.allowed => Err(verdict),
            _ => Ok(()),
        }
    }
}

fn vain_key(client: ClientAddress) -> String {
    format!("limit:credentials:{}", client.limit_key())
}

/// Addresses are not to be read in Redis: a digest stands for them.
fn account_key(account: &str) -> String {
    let digest = Sha256::digest(account.trim().to_lowercase().as_bytes());
    HEXLOWER.encode(&digest[..16])
}

impl Verdict {
    /// Whole seconds until another request may pass, at least 1.
    fn wait_seconds(&self) -> u64 {
        self.passage.frees_in.as_millis().div_ceil(1_000).max(1) as u64
    }

    /// The answer when the limit is reached.
    fn problem(&self) -> Problem {
        Problem::new(Kind::TooManyRequests)
            .with_detail(format!(
                "at most {} requests in {} seconds; try again in {} seconds",
                self.window.limit,
                self.window.length.as_secs(),
                self.wait_seconds()
            ))
            .with_header(header::RETRY_AFTER, self.wait_seconds().into())
            .with_headers(self.headers())
    }

    /// `RateLimit-*`, as in draft-ietf-httpapi-ratelimit-headers-07: the limit, what is left of it,
    /// seconds until more is, and the policy.
    pub(in crate::http) fn headers(&self) -> [(HeaderName, HeaderValue); 4] {
        let policy = format!("{};w={}", self.window.limit, self.window.length.as_secs());
        [
            (RATE_LIMIT, self.window.limit.into()),
            (RATE_REMAINING, self.passage.remaining.into()),
            (RATE_RESET, self.wait_seconds().into()),
            (
                RATE_POLICY,
                HeaderValue::try_from(policy).expect("digits and punctuation are a header value"),
            ),
        ]
    }

    /// Returns whether the request may pass.
    #[must_use]
    pub const fn allowed(&self) -> bool {
        self.passage.allowed
    }
}

impl From<Verdict> for Problem {
    fn from(verdict: Verdict) -> Self {
        verdict.problem()
    }
}

pub(in crate::http) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(in crate::http) const RATE_REMAINING: HeaderName =
    HeaderName::from_static("ratelimit-remaining");
pub(in crate::http) const RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
pub(in crate::http) const RATE_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
