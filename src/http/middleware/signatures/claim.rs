//! The claims of a request about its signature: the headers `Signature-Input` and `Signature` (RFC 9421,
//! section 4), which are structured fields (RFC 9651).

use axum::http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, ListSerializer, Parser};

use super::{Fault, SIGNATURE, SIGNATURE_INPUT};

/// More signatures than this are not looked through.
const MOST_SIGNATURES: usize = 8;

/// More components than this are not covered by one.
const MOST_COMPONENTS: usize = 32;

/// A signature and what it says it is over.
#[derive(Debug)]
pub(super) struct Claim {
    input: InnerList,
    names: Vec<String>,
    pub(super) signature: Vec<u8>,
}

impl Claim {
    /// The request's one signature with this `keyid`, whatever its label. Others, made by whoever
    /// passed the request on, are none of ours.
    pub(super) fn read(headers: &HeaderMap, key_id: &str) -> Result<Self, Fault> {
        let mut inputs = dictionary(headers, &SIGNATURE_INPUT)?;
        let mut signatures = dictionary(headers, &SIGNATURE)?;
        if inputs.len() > MOST_SIGNATURES {
            return Err(Fault::Unreadable);
        }
        let is_ours = |entry: &ListEntry| match entry {
            ListEntry::InnerList(input) => {
                let id = input.params.get("keyid").and_then(BareItem::as_string);
                id.is_some_and(|id| id.as_str() == key_id)
            }
            ListEntry::Item(_) => false,
        };
        let mut labels = inputs.iter().filter(|(_, entry)| is_ours(entry));
        let (Some((label, _)), None) = (labels.next(), labels.next()) else {
            return Err(Fault::NotOne);
        };
        let label = label.clone();
        let Some(ListEntry::InnerList(input)) = inputs.swap_remove(&label) else {
            return Err(Fault::Unreadable);
        };
        let signature = match signatures.swap_remove(&label) {
            Some(ListEntry::Item(item)) => item.bare_item,
            _ => return Err(Fault::NoValue),
        };
        let BareItem::ByteSequence(signature) = signature else {
            return Err(Fault::NoValue);
        };
        let names = names(&input)?;
        Ok(Self {
            input,
            names,
            signature,
        })
    }

    /// The components, in the signer's order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|one| one == name)
    }

    /// Returns whether there is such a parameter, of whichever type.
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.input.params.contains_key(parameter)
    }

    pub(super) fn integer(&self, parameter: &str) -> Option<i64> {
        let value = self.input.params.get(parameter)?.as_integer()?;
        Some(value.into())
    }

    pub(super) fn text(&self, parameter: &str) -> Option<&str> {
        let value = self.input.params.get(parameter)?.as_string()?;
        Some(value.as_str())
    }

    /// The value of `@signature-params` (section 2.3): components and parameters, written strictly.
    pub(super) fn parameters(&self) -> String {
        let mut serializer = ListSerializer::new();
        let mut list = serializer.inner_list();
        list.items(&self.input.items);
        list.finish().parameters(&self.input.params);
        serializer.finish().unwrap_or_default()
    }
}

/// Names of components; those with parameters (`;sf`, `;bs`, `;req`, …) are not taken.
fn names(input: &InnerList) -> Result<Vec<String>, Fault> {
    let mut names: Vec<String> = Vec::new();
    if input.items.len() > MOST_COMPONENTS {
        return Err(Fault::Unreadable);
    }
    for item in &input.items {
        let name = item.bare_item.as_string().ok_or(Fault::Unreadable)?;
        let name = name.as_str();
        if !item.params.is_empty() {
            return Err(Fault::UnknownComponent(shown(name)));
        }
        if names.iter().any(|one| one == name) {
            return Err(Fault::Repeated(shown(name)));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// A client's own words, bounded.
pub(super) fn shown(name: &str) -> String {
    format!("`{}`", name.chars().take(60).collect::<String>())
}

/// Lines of one header are one dictionary (RFC 9651, section 4.2).
pub(super) fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, Fault> {
    let lines: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(|line| line.as_bytes())
        .collect();
    if lines.is_empty() {
        return Err(Fault::Unreadable);
    }
    let whole = lines.join(&b", "[..]);
    Parser::new(&whole).parse().map_err(|_| Fault::Unreadable)
}
