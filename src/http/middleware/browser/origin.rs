//! Whose page sent a request: browsers say so in headers that pages cannot set.

use axum::http::{HeaderMap, HeaderName, header};

use super::cookies::{Cookies, host_of};
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::AccountState;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks, by what the browser says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Asker {
    /// A page of ours.
    OwnPage,
    /// A page of somebody else's, or of another port or scheme of this host.
    OtherPage,
    /// Nobody says.
    Unsaid,
}

/// Whose page sent the request (`Origin`, RFC 6454; `Sec-Fetch-Site`, W3C Fetch Metadata).
pub(in crate::http) fn asker(state: &AccountState, headers: &HeaderMap) -> Asker {
    let secure = Cookies::of(state, headers).secure();
    judge(headers, state.accounts.public_url(), secure)
}

fn judge(headers: &HeaderMap, public_url: &str, secure: bool) -> Asker {
    let origin = headers.get(header::ORIGIN);
    let site = headers.get(FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin") {
        return Asker::OtherPage;
    }
    let Some(origin) = origin else {
        return match site {
            Some(_) => Asker::OwnPage,
            None => Asker::Unsaid,
        };
    };
    let Some((scheme, host)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else {
        return Asker::OtherPage;
    };
    let is_public = origin_of(public_url).is_some_and(|own| origin == own);
    let scheme_fits = if secure {
        scheme == "https"
    } else {
        scheme == "http" || scheme == "https"
    };
    if is_public || (scheme_fits && host_of(headers) == Some(host)) {
        Asker::OwnPage
    } else {
        Asker::OtherPage
    }
}

/// A URL without its path.
fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

/// Refuses what another site's page sent. Programs say nothing about pages, and pass: what applies to
/// them is the CSRF token.
pub(in crate::http) fn refuse_other_pages(
    state: &AccountState,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    match asker(state, headers) {
        Asker::OwnPage | Asker::Unsaid => Ok(()),
        Asker::OtherPage => Err(Problem::new(Kind::ForbiddenOrigin).with_detail(
            "this is for pages of this server alone; behind a proxy, set accounts.public_url",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_very_origin_are_ours() {
        use Asker::{OtherPage, OwnPage, Unsaid};
        let judged = |origin: Option<&str>, site: Option<&str>, secure: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:3001".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert(FETCH_SITE, site.parse().unwrap());
            }
            judge(&headers, "https://coins.example/some/path", secure)
        };
        for (origin, site, secure, expected) in [
            (None, None, false, Unsaid),
            (None, Some("same-origin"), false, OwnPage),
            (None, Some("none"), false, OtherPage),
            (None, Some("cross-site"), false, OtherPage),
            (Some("http://127.0.0.1:3001"), None, false, OwnPage),
            (Some("http://127.0.0.1:3001"), None, true, OtherPage),
            (Some("https://127.0.0.1:3001"), None, true, OwnPage),
            (Some("https://coins.example"), None, true, OwnPage),
            (Some("https://coins.example.org"), None, true, OtherPage),
            (Some("http://coins.example"), None, true, OtherPage),
            (Some("http://127.0.0.1:9999"), None, false, OtherPage),
            (
                Some("http://127.0.0.1:3001"),
                Some("same-site"),
                false,
                OtherPage,
            ),
            (Some("null"), None, false, OtherPage),
        ] {
            assert_eq!(
                judged(origin, site, secure),
                expected,
                "{origin:?} {site:?} {secure}"
            );
        }
    }
}
