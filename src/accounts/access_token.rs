//! Access tokens: JWTs (RFC 9068) signed with RS256, for 15 minutes. They say who and in which
//! session, and nothing that may change meanwhile: role and verification are asked of the database.

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, Header, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ACCESS_TOKEN_LIFE;
use super::error::AccountError;
use super::signing_keys::SigningKeys;
use crate::accounts::types::{SessionId, UserId};

/// The header's `typ`: a token made for another purpose is none of ours (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";

/// A longer text is no token of ours.
const LONGEST: usize = 2_048;

/// Claims of an access token.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    /// The session.
    sid: Uuid,
    iat: i64,
    exp: i64,
}

/// Who a good access token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// Issues and verifies access tokens.
pub(super) struct AccessTokens {
    keys: SigningKeys,
    issuer: String,
    audience: String,
}

impl AccessTokens {
    pub(super) fn new(keys: SigningKeys, issuer: &str, audience: &str) -> Self {
        Self {
            keys,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        }
    }

    /// The keys.
    pub(super) const fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// A token for this session.
    pub(super) fn issue(&self, access: Access, now: DateTime<Utc>) -> Result<String, AccountError> {
        let ring = self.keys.ring();
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(ring.signer_id.clone()),
            ..Header::new(Algorithm::RS256)
        };
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: access.user.0,
            sid: access.session.0,
            iat: now.timestamp(),
            exp: (now + ACCESS_TOKEN_LIFE).timestamp(),
        };
        encode(&header, &claims, &ring.signer)
            .map_err(|error| AccountError::Internal(format!("cannot sign a token: {error}")))
    }

    /// Who the token speaks for, if it is one of ours and has not expired. Whether its session has
    /// been revoked is another question.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Access, AccountError> {
        if token.len() > LONGEST {
            return Err(AccountError::BadToken("it is too long"));
        }
        let unreadable = AccountError::BadToken("it cannot be read");
        let header = decode_header(token).map_err(|_| unreadable)?;
        if header.alg != Algorithm::RS256 || header.typ.as_deref() != Some(TYPE) {
            return Err(AccountError::BadToken("it is of another kind"));
        }
        // A key verifies one algorithm, whatever the header claims.
        let key = header
            .kid
            .as_deref()
            .and_then(|id| self.keys.verifier(id, now))
            .ok_or(AccountError::BadToken("its key is unknown"))?;
        let wrong = || AccountError::BadToken("its signature or claims are wrong");
        let (message, signature) = token.rsplit_once('.').ok_or_else(wrong)?;
        let signature = BASE64URL_NOPAD
            .decode(signature.as_bytes())
            .map_err(|_| wrong())?;
        key.verify_sig(message.as_bytes(), &signature)
            .map_err(|_| wrong())?;
        // Its signature was verified above, with a key that is parsed already; times are judged by
        // the injected clock below.
        let claims: Claims = insecure_decode_claims(token).map_err(|_| wrong())?;
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(wrong());
        }
        // Issued in the future: another clock, or another key holder.
        let skewed = claims.iat > now.timestamp() + 60;
        if claims.exp <= now.timestamp() || skewed {
            return Err(AccountError::BadToken("it has expired"));
        }
        Ok(Access {
            user: UserId(claims.sub),
            session: SessionId(claims.sid),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use data_encoding::BASE64URL_NOPAD;
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::*;
    use crate::secrets::KeyFiles;

    struct Fixture {
        _place: tempfile::TempDir,
        files: KeyFiles,
        tokens: AccessTokens,
        now: DateTime<Utc>,
        access: Access,
    }

    fn fixture() -> Fixture {
        let place = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(place.path()).unwrap();
        let now = DateTime::from_timestamp_secs(1_700_000_000).unwrap();
        let keys = SigningKeys::open(files.clone(), now).unwrap();
        Fixture {
            _place: place,
            files,
            tokens: AccessTokens::new(keys, "us", "our-api"),
            now,
            access: Access {
                user: UserId(Uuid::from_u128(1)),
                session: SessionId(Uuid::from_u128(2)),
            },
        }
    }

    fn part(token: &str, at: usize) -> Value {
        let text = token.split('.').nth(at).unwrap();
        serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_who_and_holds_for_fifteen_minutes() {
        let Fixture {
            tokens,
            now,
            access,
            ..
        } = fixture();
        let token = tokens.issue(access, now).unwrap();
        let header = part(&token, 0);
        assert_eq!(
            (&header["alg"], &header["typ"]),
            (&json!("RS256"), &json!("at+jwt"))
        );
        let public = tokens.keys.ring().public(now);
        assert_eq!(header["kid"], json!(public.keys[0].common.key_id));
        let claims = part(&token, 1);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!("us"), &json!("our-api"))
        );
        for (later, good) in [(0, true), (899, true), (900, false), (901, false)] {
            let verified = tokens.verify(&token, now + TimeDelta::seconds(later));
            assert_eq!(verified.is_ok(), good, "{later}: {verified:?}");
        }
        assert_eq!(tokens.verify(&token, now).unwrap(), access);
        assert!(tokens.verify(&token, now - TimeDelta::minutes(5)).is_err());
    }

    /// Algorithm, type, key, issuer and audience are ours to say, not the token's.
    #[test]
    fn what_was_not_signed_by_us_for_this_is_refused() {
        let Fixture {
            tokens,
            now,
            access,
            ..
        } = fixture();
        let good = tokens.issue(access, now).unwrap();
        let ring = tokens.keys.ring();
        let forge = |change: &dyn Fn(&mut Value, &mut Value), key: Option<&EncodingKey>| {
            let (mut header, mut claims) = (part(&good, 0), part(&good, 1));
            change(&mut header, &mut claims);
            let header: Header = serde_json::from_value(header).unwrap();
            encode(&header, &claims, key.unwrap_or(&ring.signer)).unwrap()
        };
        let other = fixture();
        let theirs = other.tokens.issue(access, now).unwrap();
        // The public key used as an HMAC secret: works where the header chooses the algorithm.
        let secret =
            EncodingKey::from_secret(serde_json::to_string(&ring.public(now)).unwrap().as_bytes());
        let none = format!(
            "{}.{}.",
            BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"at+jwt"}"#),
            good.split('.').nth(1).unwrap()
        );
        let mut broken = good.clone().into_bytes();
        let last = broken.len() - 10;
        broken[last] = if broken[last] == b'A' { b'B' } else { b'A' };
        for (what, token) in [
            ("another's key", theirs),
            (
                "an id of ours with another's key",
                forge(&|_, _| {}, Some(&other.tokens.keys.ring().signer)),
            ),
            (
                "hmac",
                forge(&|header, _| header["alg"] = json!("HS256"), Some(&secret)),
            ),
            ("none", none),
            (
                "type",
                forge(&|header, _| header["typ"] = json!("JWT"), None),
            ),
            (
                "no key id",
                forge(
                    &|header, _| {
                        header.as_object_mut().unwrap().remove("kid");
                    },
                    None,
                ),
            ),
            (
                "audience",
                forge(&|_, claims| claims["aud"] = json!("other"), None),
            ),
            (
                "issuer",
                forge(&|_, claims| claims["iss"] = json!("other"), None),
            ),
            (
                "no expiry",
                forge(
                    &|_, claims| {
                        claims.as_object_mut().unwrap().remove("exp");
                    },
                    None,
                ),
            ),
            ("signature", String::from_utf8(broken).unwrap()),
            ("nothing", String::new()),
            ("words", "not.a.token".to_owned()),
            ("length", "x".repeat(5_000)),
        ] {
            assert!(tokens.verify(&token, now).is_err(), "{what}: {token}");
        }
        assert!(
            tokens.verify(&forge(&|_, _| {}, None), now).is_ok(),
            "unchanged"
        );
    }

    #[test]
    fn a_rotated_key_verifies_until_its_tokens_have_expired() {
        let Fixture {
            _place,
            files,
            tokens,
            now,
            access,
        } = fixture();
        let before = tokens.issue(access, now).unwrap();
        // Another process of the same directory.
        let other = AccessTokens::new(
            SigningKeys::open(files.clone(), now).unwrap(),
            "us",
            "our-api",
        );
        let later = now + TimeDelta::seconds(10);
        let id = tokens.keys.rotate(later).unwrap();
        let after = tokens.issue(access, later).unwrap();
        assert_eq!(part(&after, 0)["kid"], json!(id));
        assert_ne!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
        assert_eq!(
            other.verify(&after, later).unwrap(),
            access,
            "found by its id"
        );
        assert_eq!(tokens.verify(&before, later).unwrap(), access);
        assert_eq!(tokens.keys.ring().public(later).keys.len(), 2);
        let much_later = later + KEPT;
        assert_eq!(tokens.keys.ring().public(much_later).keys.len(), 1);
        tokens.keys.rotate(much_later).unwrap();
        tokens.keys.rotate(much_later + KEPT).unwrap();
        assert_eq!(files.names().unwrap().len(), 2, "useless ones are removed");
    }

    const KEPT: TimeDelta = TimeDelta::minutes(20);
}
