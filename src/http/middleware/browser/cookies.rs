//! The cookies: their names, what browsers may do with them, and how they are read.
//!
//! With HTTPS they are `Secure` and have the prefix `__Host-`: browsers take such a cookie from this
//! very host over HTTPS only (RFC 6265bis, section 4.1.3.2), so nobody else can plant one. Browsers do
//! not agree on whether `http://127.0.0.1` may set those; there, and only there, the cookies go without
//! the prefix and without `Secure`.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret as _;

use crate::accounts::{BROWSER_SESSION_LIFE, BrowserSession};
use crate::http::state::AccountState;

/// Every name that a session's cookie may have.
pub(in crate::http) const NAMES: [&str; 2] = ["__Host-coinsphere-session", "coinsphere-session"];

/// Purpose of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Cookie {
    /// Stands for a session.
    Session,
    /// Belongs to a sign-in by a provider that was begun.
    SignIn,
    /// Belongs to a sign-in by a provider that waits for a code.
    SecondFactor,
}

impl Cookie {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, true) => NAMES[0],
            (Self::Session, false) => NAMES[1],
            (Self::SignIn, true) => "__Host-coinsphere-sign-in",
            (Self::SignIn, false) => "coinsphere-sign-in",
            (Self::SecondFactor, true) => "__Host-coinsphere-second-factor",
            (Self::SecondFactor, false) => "coinsphere-second-factor",
        }
    }

    /// The `SameSite` attribute: decides whether other sites' links and redirects send it along.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::SecondFactor => "Strict",
            // The provider, another site, sends the browser back.
            Self::SignIn => "Lax",
        }
    }
}

/// Attributes of the cookies that go between us and one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Cookies {
    secure: bool,
}

impl Cookies {
    /// As this request needs them.
    pub(in crate::http) fn of(state: &AccountState, headers: &HeaderMap) -> Self {
        Self {
            secure: speaks_https(state) || !host_of(headers).is_some_and(is_loopback),
        }
    }

    /// The cookie's value, if the request has one.
    pub(in crate::http) fn read(self, cookie: Cookie, headers: &HeaderMap) -> Option<&str> {
        let name = cookie.name(self.secure);
        let lines = headers.get_all(header::COOKIE).iter();
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key.trim() == name).then(|| value.trim()))
    }

    /// Sets the session's cookie.
    pub(in crate::http) fn session(self, session: &BrowserSession) -> HeaderValue {
        let life = BROWSER_SESSION_LIFE.num_seconds();
        self.set(Cookie::Session, session.cookie.expose_secret(), life)
    }

    /// Sets a cookie to a value of ours, for so many seconds.
    pub(in crate::http) fn set(self, cookie: Cookie, value: &str, seconds: i64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!(
            "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={}{secure}",
            cookie.name(self.secure),
            cookie.same_site()
        );
        let mut line = HeaderValue::try_from(line)
            .expect("our names, base64 values and attributes are visible characters");
        line.set_sensitive(true);
        line
    }

    /// Makes the browser forget a cookie.
    pub(in crate::http) fn removal(self, cookie: Cookie) -> HeaderValue {
        self.set(cookie, "", 0)
    }

    /// Returns whether they are for HTTPS.
    pub(super) const fn secure(self) -> bool {
        self.secure
    }
}

impl<S> FromRequestParts<S> for Cookies
where
    S: Send + Sync,
    AccountState: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&AccountState::from_ref(state), &parts.headers))
    }
}

/// Returns whether users reach us by HTTPS: we speak it, or a proxy does, as `accounts.public_url` says.
fn speaks_https(state: &AccountState) -> bool {
    state.http.tls_certificate.is_some() || state.accounts.public_url().starts_with("https://")
}

/// Host and port that the client asked.
pub(super) fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Returns whether a host, perhaps with a port, is the client's own machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_machine_by_name_or_address() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:3001", true),
            ("127.0.0.1:3001", true),
            ("127.8.9.1", true),
            ("[::1]:3001", true),
            ("localhost.example.org", false),
            ("127.0.0.1.example.org", false),
            ("192.168.1.2:3001", false),
            ("[2001:db8::1]", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[test]
    fn a_cookie_is_set_and_read_by_its_name_alone() {
        let (plain, secure) = (Cookies { secure: false }, Cookies { secure: true });
        assert_eq!(
            secure.set(Cookie::Session, "abc", 60),
            "__Host-coinsphere-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            plain.removal(Cookie::Session),
            "coinsphere-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        );
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            "a=b; coinsphere-session=one".parse().unwrap(),
        );
        let line = "__Host-coinsphere-session=two; c=d";
        headers.append(header::COOKIE, line.parse().unwrap());
        assert_eq!(plain.read(Cookie::Session, &headers), Some("one"));
        assert_eq!(secure.read(Cookie::Session, &headers), Some("two"));
        headers.remove(header::COOKIE);
        assert_eq!(plain.read(Cookie::Session, &headers), None);
    }
}
