//! Addresses that an email can be sent to.

use lettre::Address;
use lettre::message::Mailbox;

/// A domain as DNS has it; a literal address as it is.
pub(crate) fn ascii_domain(domain: &str) -> Option<String> {
    if domain.starts_with('[') {
        return Some(domain.to_ascii_lowercase());
    }
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    Some(ascii.trim_end_matches('.').to_owned())
}

/// Whom an email to this address is sent to; `None` for an address that none can be sent to. The domain
/// is the one DNS has, since few servers take another (RFC 6531 makes it optional).
pub(crate) fn recipient(address: &str) -> Option<Mailbox> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let address = Address::new(local, ascii_domain(domain)?).ok()?;
    // As it will stand in the header: what a reader's program cannot take apart again, it cannot show.
    let mailbox = Mailbox::new(None, address);
    (mailbox.to_string().parse::<Mailbox>().ok()? == mailbox).then_some(mailbox)
}
