//! Time-based one-time passwords (RFC 6238): six digits, 30 seconds, SHA-1, as every authenticator
//! program has them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, section 4, R6).
pub(super) const SECRET: usize = 20;

/// Seconds of a step.
const STEP: i64 = 30;

/// The step that a time is in.
pub(super) fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP)
}

/// The code of a step.
pub(super) fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    // Dynamic truncation, RFC 4226, section 5.3: the last four bits say where.
    let at = usize::from(bytes[bytes.len() - 1] & 0x0f);
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    let number = (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000;
    format!("{number:06}")
}

/// The step whose code this is: the present one, or one to either side for clocks that differ.
pub(super) fn matching_step(secret: &[u8], given: &str, now: DateTime<Utc>) -> Option<i64> {
    let step = step_at(now);
    // All three are compared, so that the time taken says nothing.
    [step - 1, step, step + 1]
        .into_iter()
        .fold(None, |found, step| {
            let expected = code(secret, step);
            let same = verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok();
            if same { Some(step) } else { found }
        })
}

/// A secret as people type it.
pub(super) fn shown(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

/// URL that authenticator programs read:
/// <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
pub(super) fn url(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (escape(issuer), escape(account));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP}",
        shown(secret)
    )
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn the_codes_of_the_rfc() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = DateTime::from_timestamp_secs(seconds).unwrap();
            let secret = b"12345678901234567890";
            assert_eq!(code(secret, step_at(now)), expected, "{seconds}");
            assert_eq!(matching_step(secret, expected, now), Some(step_at(now)));
        }
    }

    #[test]
    fn one_step_to_either_side_holds() {
        let now = DateTime::from_timestamp_secs(1_700_000_010).unwrap();
        let (secret, step) = ([7; SECRET], step_at(now));
        for (away, valid) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let given = code(&secret, step + away);
            assert_eq!(
                matching_step(&secret, &given, now).is_some(),
                valid,
                "{away}"
            );
        }
        for given in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(matching_step(&secret, given, now), None, "{given}");
        }
    }

    #[test]
    fn names_are_escaped_in_the_url() {
        let url = url("Coin sphere", "a&b@c.org", &[0xff; 5]);
        assert!(
            url.starts_with(
                "otpauth://totp/Coin%20sphere:a%26b%40c.org?secret=77777777&issuer=Coin%20sphere&"
            ),
            "{url}"
        );
    }
}
