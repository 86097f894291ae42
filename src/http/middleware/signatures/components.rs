//! The parts of a request that a signature is over, and the text it is made of: the signature base
//! (RFC 9421, sections 2.1, 2.2 and 2.5).

use axum::http::header::HOST;
use axum::http::{HeaderMap, Method, Uri};

use super::Fault;
use super::claim::{Claim, shown};

/// A request without its body.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Message<'a> {
    pub(in crate::http) method: &'a Method,
    /// As it was sent: its path and query are signed as they are, escapes included.
    pub(in crate::http) uri: &'a Uri,
    /// `https` or `http`, as the client sees it.
    pub(in crate::http) scheme: &'static str,
    pub(in crate::http) headers: &'a HeaderMap,
}

/// Signature base: a line for each component, then one for the parameters.
pub(super) fn base(claim: &Claim, message: &Message<'_>) -> Result<String, Fault> {
    let mut base = String::new();
    for name in claim.names() {
        let value = message.value(name)?;
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {}", claim.parameters()));
    Ok(base)
}

impl Message<'_> {
    fn value(&self, name: &str) -> Result<String, Fault> {
        let query = self.uri.query();
        let asked = query.map(|query| format!("?{query}")).unwrap_or_default();
        Ok(match name {
            "@method" => self.method.as_str().to_owned(),
            "@scheme" => self.scheme.to_owned(),
            "@authority" => self.authority()?,
            "@path" => self.path().to_owned(),
            // Section 2.2.7: without a query it is a question mark alone.
            "@query" => format!("?{}", query.unwrap_or_default()),
            "@request-target" => format!("{}{asked}", self.path()),
            "@target-uri" => {
                let authority = self.authority()?;
                format!("{}://{authority}{}{asked}", self.scheme, self.path())
            }
            _ if name.starts_with('@') => return Err(Fault::UnknownComponent(shown(name))),
            _ => self.field(name)?,
        })
    }

    fn path(&self) -> &str {
        match self.uri.path() {
            "" => "/",
            path => path,
        }
    }

    /// Section 2.2.3: in lower case, without the scheme's own port.
    fn authority(&self) -> Result<String, Fault> {
        let absent = || Fault::Absent("`@authority`".to_owned());
        // A request to a proxy names it in its first line, and that counts (RFC 9112, 3.2.2).
        let host = match self.uri.authority() {
            Some(authority) => authority.as_str().to_owned(),
            None => {
                let mut lines = self.headers.get_all(HOST).iter();
                let (Some(host), None) = (lines.next(), lines.next()) else {
                    return Err(absent());
                };
                host.to_str().map_err(|_| absent())?.trim().to_owned()
            }
        };
        let host = host.to_ascii_lowercase();
        let port = match self.scheme {
            "https" => ":443",
            _ => ":80",
        };
        let host = host.strip_suffix(port).unwrap_or(&host);
        match host.is_empty() || host.contains('@') {
            true => Err(absent()),
            false => Ok(host.to_owned()),
        }
    }

    /// Section 2.1: each line trimmed, all of them joined by commas.
    fn field(&self, name: &str) -> Result<String, Fault> {
        let absent = || Fault::Absent(shown(name));
        // Names are covered in lower case; `HeaderMap` would not mind.
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(Fault::UnknownComponent(shown(name)));
        }
        let lines = self.headers.get_all(name).iter();
        let lines = lines.map(|line| line.to_str().map(str::trim));
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|_| absent())?;
        match lines.is_empty() {
            true => Err(absent()),
            false => Ok(lines.join(", ")),
        }
    }
}
