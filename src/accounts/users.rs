//! The rows of users, and what may stand in them.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{GenericClient, StoreError, execute, query};
use tokio_postgres::Row;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::Accounts;
use super::error::{AccountError, Wrong};
use crate::accounts::types::{Role, UserId};
use crate::notifications::address::{ascii_domain, recipient};

/// The longest address for mail (RFC 5321, 4.5.3.1.3, less the brackets).
const LONGEST_EMAIL: usize = 254;

/// The longest display name, in characters.
const LONGEST_NAME: usize = 80;

/// A user, as shown to themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The address for mail, as it was typed.
    pub email: String,
    /// True if the address is known to be theirs.
    pub email_verified: bool,
    /// Display name.
    pub display_name: Option<String>,
    /// Role of the user.
    pub role: Role,
    /// True if a code is asked for at login.
    pub two_factor: bool,
    /// Since when there is the account.
    pub created_at: DateTime<Utc>,
    /// Since when an admin has disabled it.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A user and what their password is known by.
pub(super) struct StoredUser {
    pub(super) user: User,
    pub(super) password_hash: Option<String>,
    /// When it was set: two reads that differ in it saw different passwords.
    pub(super) password_set_at: DateTime<Utc>,
    /// When a temporary password expires.
    pub(super) password_expires_at: Option<DateTime<Utc>>,
}

pub(super) const USER: &str = "SELECT u.id, u.email, u.email_verified_at IS NOT NULL, u.display_name, u.role, \
     EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL), \
     u.created_at, u.password_hash, u.disabled_at, u.password_changed_at, u.password_expires_at \
     FROM users u";

pub(super) fn stored_user(row: &Row) -> Result<StoredUser, StoreError> {
    Ok(StoredUser {
        user: User {
            id: UserId(row.get(0)),
            email: row.get(1),
            email_verified: row.get(2),
            display_name: row.get(3),
            role: Role::named(row.get(4))?,
            two_factor: row.get(5),
            created_at: row.get(6),
            disabled_at: row.get(8),
        },
        password_hash: row.get(7),
        password_set_at: row.get(9),
        password_expires_at: row.get(10),
    })
}

/// The user with this id.
pub(super) async fn by_id<C: GenericClient>(
    client: &C,
    id: UserId,
) -> Result<Option<StoredUser>, AccountError> {
    let sql = format!("{USER} WHERE u.id = $1");
    let rows = query(client, "look up a user", &sql, &[&id.0]).await?;
    Ok(rows.first().map(stored_user).transpose()?)
}

/// The user with this address, in the form that is compared.
pub(super) async fn by_email<C: GenericClient>(
    client: &C,
    key: &str,
) -> Result<Option<StoredUser>, AccountError> {
    let sql = format!("{USER} WHERE u.email_key = $1");
    let rows = query(client, "look up a user", &sql, &[&key]).await?;
    Ok(rows.first().map(stored_user).transpose()?)
}

/// An address for mail that can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Email {
    /// As it was typed.
    pub(super) text: String,
    /// As it is compared: two addresses have the same key where every mail system delivers them to the
    /// same mailbox, or nobody would tell them apart by the case of a letter.
    pub(super) key: String,
}

impl Email {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        let refused = || {
            Wrong::new(
                "email",
                format!(
                    "use an email address of at most {LONGEST_EMAIL} characters, e.g. somebody@example.org"
                ),
            )
        };
        if text.len() > LONGEST_EMAIL || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refused());
        }
        recipient(text).ok_or_else(refused)?;
        Ok(Self {
            text: text.to_owned(),
            key: Self::key_of(text),
        })
    }

    /// As it is compared, of whatever was typed at login: what is no address is nobody's.
    ///
    /// The domain is compared in its ASCII form (IDNA, UTS #46). Of the local part, which is the
    /// receiving system's own business (RFC 5321, 2.4), only ASCII letters are compared without case, and
    /// canonically equal characters are equal (RFC 6532, 3.1): folding more would join strangers.
    pub(super) fn key_of(text: &str) -> String {
        let text = text.trim();
        let Some((local, domain)) = text.rsplit_once('@') else {
            return text.to_ascii_lowercase();
        };
        // In this order: U+212A, the Kelvin sign, composes to a K that is nobody else's k.
        let local: String = local.to_ascii_lowercase().nfc().collect();
        let domain = ascii_domain(domain).unwrap_or_else(|| domain.to_ascii_lowercase());
        format!("{local}@{domain}")
    }
}

/// Brings the keys of addresses that an earlier version compared otherwise up to date: of those with
/// characters beyond ASCII, all others have had the same key ever since.
pub(super) async fn rekey_addresses<C: GenericClient>(client: &C) -> Result<(), AccountError> {
    let rows = query(
        client,
        "look for addresses to be compared",
        "SELECT id, email, email_key FROM users WHERE email ~ '[^[:ascii:]]'",
        &[],
    )
    .await?;
    for row in &rows {
        let (id, email, stored): (Uuid, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let key = Email::key_of(email);
        if key == stored {
            continue;
        }
        let updated = execute(
            client,
            "update an address's key",
            "UPDATE users SET email_key = $2 WHERE id = $1 AND email_key = $3 \
               AND NOT EXISTS (SELECT FROM users WHERE email_key = $2)",
            &[&id, &key, &stored],
        )
        .await?;
        if updated == 0 {
            tracing::warn!(user = %id, "two accounts have one address: this one is not found by it");
        }
    }
    Ok(())
}

/// A name to be shown; nothing if it is empty.
pub(super) fn display_name(text: &str) -> Result<Option<String>, Wrong> {
    let text = text.trim();
    if text.chars().count() > LONGEST_NAME || text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "display_name",
            format!("use at most {LONGEST_NAME} characters, none of them a control character"),
        ));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

impl Accounts {
    /// The user with this id.
    ///
    /// # Errors
    /// When the account has gone, or the database is away.
    pub async fn user(&self, id: UserId) -> Result<User, AccountError> {
        let session = self.database().await?;
        by_id(&session, id)
            .await?
            .map(|found| found.user)
            .ok_or(AccountError::BadToken("its account is gone"))
    }

    pub(super) fn new_user_id(&self) -> UserId {
        let id: Uuid = self.randomness.id();
        UserId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_kept_as_typed() {
        let email = Email::parse(" Some.Body@Example.ORG ").unwrap();
        assert_eq!(email.text, "Some.Body@Example.ORG");
        assert_eq!(email.key, "some.body@example.org");
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in [
            "",
            "nobody",
            "a@",
            "@b",
            "a b@c.org",
            "a@b\n.org",
            "a\0@b.org",
            &long,
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_equal_where_mail_systems_hold_them_equal() {
        for (a, b, equal) in [
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example", true),
            ("a@B\u{dc}CHER.example", "A@bu\u{308}cher.EXAMPLE", true),
            ("a@b\u{3002}example", "a@b.example", true),
            ("jose\u{301}@example.org", "jos\u{e9}@example.org", true),
            // Another letter for somebody's case folding, another mailbox for every mail system.
            ("\u{212a}evin@example.org", "kevin@example.org", false),
            ("\u{212a}evin@example.org", "Kevin@example.org", false),
            ("\u{130}da@example.org", "ida@example.org", false),
            ("stra\u{df}e@example.org", "strasse@example.org", false),
            ("\u{ff4b}evin@example.org", "kevin@example.org", false),
            ("\u{c9}va@example.org", "\u{e9}va@example.org", false),
        ] {
            assert_eq!(Email::key_of(a) == Email::key_of(b), equal, "{a} and {b}");
        }
    }

    #[test]
    fn an_address_that_no_email_can_be_sent_to_is_refused() {
        for bad in [
            "a@b..example",
            "a@-b.example",
            "a@b_c@d",
            "Somebody <a@b.example>",
            "a,b@example.org",
            "a@b.example, c@d.example",
            "<a@b.example>",
            "a@xn--a.example",
            "a@[300.1.2.3]",
            ".a@b.example",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        for good in [
            "a@b\u{fc}cher.example",
            "a+b'c@example.org",
            "\u{e9}@example.org",
        ] {
            let email = Email::parse(good).unwrap_or_else(|wrong| panic!("{good}: {wrong:?}"));
            let mailbox = recipient(&email.text).unwrap();
            assert!(mailbox.email.domain().is_ascii(), "{mailbox}");
            let written = lettre::Message::builder()
                .from("server@example.org".parse().unwrap())
                .to(mailbox)
                .body(String::new());
            assert!(written.is_ok(), "{good}");
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(display_name("  Ada ").unwrap().as_deref(), Some("Ada"));
        assert_eq!(display_name(" ").unwrap(), None);
        assert!(display_name(&"ü".repeat(80)).is_ok());
        assert!(display_name(&"ü".repeat(81)).is_err());
        assert!(display_name("a\u{7}b").is_err());
    }
}
