//! The second factor: enrolled with a QR code, confirmed with a first code, asked for at login and
//! wherever one proves again who one is. Each code counts once; recovery codes stand in for a lost
//! device.

use aws_lc_rs::digest;
use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use data_encoding::BASE32_NOPAD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::json;
use uuid::Uuid;

use super::credentials::{Proof, Proven};
use super::error::AccountError;
use super::lockout::{At, Attempts};
use super::users::{self, Email};
use super::{Accounts, User, totp};
use crate::accounts::SecondFactorRule;
use crate::accounts::types::{Client, Role, UserId};
use crate::notifications::EmailKind;

/// Number of recovery codes.
const RECOVERY_CODES: usize = 10;

/// Random bytes of one: from 112 bits on a plain hash keeps it (OWASP ASVS 5.0, 6.5.2).
const RECOVERY_BYTES: usize = 15;

/// Who the codes are for, as authenticator programs show it.
const ISSUER: &str = "Coinsphere";

/// Data that an authenticator program needs.
#[derive(Clone)]
pub struct Enrolment {
    /// The secret, base32, for typing.
    pub secret: String,
    /// The same with names, `otpauth://…`.
    pub url: String,
    /// The same as a QR code, SVG.
    pub qr_svg: String,
}

impl Accounts {
    /// Begins to enrol a second factor; one that was begun before and not confirmed is forgotten.
    ///
    /// # Errors
    /// When the proof is wrong, there is a second factor already, or the database is away.
    pub async fn enrol_second_factor(
        &self,
        id: UserId,
        proof: &Proof,
        client: &Client,
    ) -> Result<Enrolment, AccountError> {
        let Proven { user, .. } = self.proven(id, proof, "password", client).await?;
        if user.two_factor {
            return Err(AccountError::Conflict(
                "there is a second factor already: remove it first",
            ));
        }
        let secret: [u8; totp::SECRET] = self.randomness.bytes();
        let sealed = self
            .cipher
            .seal(id.0.as_bytes(), &secret, self.randomness.bytes())?;
        let database = self.database().await?;
        let begun = execute(
            &database,
            "begin to enrol a second factor",
            "INSERT INTO totp_factors (user_id, secret, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET secret = $2, created_at = $3, last_step = 0 \
             WHERE totp_factors.confirmed_at IS NULL",
            &[&id.0, &sealed, &self.now()],
        )
        .await?;
        if begun == 0 {
            return Err(AccountError::Conflict(
                "there is a second factor already: remove it first",
            ));
        }
        self.note("second_factor.begun", true, Some(id), client);
        let url = totp::url(ISSUER, &user.email, &secret);
        let picture = QrCode::new(url.as_bytes())
            .map_err(|error| AccountError::Internal(format!("cannot draw a QR code: {error}")))?
            .render::<svg::Color<'_>>()
            .min_dimensions(220, 220)
            .build();
        Ok(Enrolment {
            secret: totp::shown(&secret),
            url,
            qr_svg: picture,
        })
    }

    /// Confirms the second factor with a first code; from now on it is asked for. Answers the
    /// recovery codes, which are shown this once.
    ///
    /// # Errors
    /// When the code is wrong, nothing was begun, or the database is away.
    pub async fn confirm_second_factor(
        &self,
        id: UserId,
        code: &str,
        client: &Client,
    ) -> Result<Vec<String>, AccountError> {
        let mut session = self.database().await?;
        let found = users::by_id(&session, id).await?;
        let user = found.ok_or(AccountError::NotSignedIn)?.user;
        if user.two_factor {
            return Err(AccountError::Conflict(
                "the second factor is confirmed already",
            ));
        }
        let attempts = Attempts::at_second_factor(&Email::key_of(&user.email), At::Session);
        attempts.begin(&session, self.now()).await?;
        let transaction = session.transaction().await.map_err(failed("confirm"))?;
        if !self.use_code(&transaction, id, code).await? {
            self.note("second_factor.confirm", false, Some(id), client);
            return Err(AccountError::WrongCode);
        }
        execute(
            &transaction,
            "confirm a second factor",
            "UPDATE totp_factors SET confirmed_at = $2 WHERE user_id = $1",
            &[&id.0, &self.now()],
        )
        .await?;
        let codes = self.new_recovery_codes(&transaction, id).await?;
        attempts.succeeded(&transaction).await?;
        let facts = json!({ "change": "added" });
        self.write_to(&transaction, EmailKind::SecondFactorChanged, &user, facts)
            .await?;
        transaction.commit().await.map_err(failed("confirm"))?;
        self.wake_outbox();
        self.note("second_factor.confirm", true, Some(id), client);
        Ok(codes)
    }

    /// Removes the second factor and its recovery codes.
    ///
    /// # Errors
    /// When the proof is wrong, there is none, or the database is away.
    pub async fn remove_second_factor(
        &self,
        id: UserId,
        proof: &Proof,
        client: &Client,
    ) -> Result<(), AccountError> {
        let Proven { user, .. } = self.proven(id, proof, "password", client).await?;
        if !user.two_factor {
            return Err(AccountError::Conflict("there is no second factor"));
        }
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("remove a factor"))?;
        self.drop_second_factor(&transaction, &user).await?;
        transaction
            .commit()
            .await
            .map_err(failed("remove a factor"))?;
        self.wake_outbox();
        self.note("second_factor.removed", true, Some(id), client);
        Ok(())
    }

    /// Removes the second factor and its recovery codes, with the email about it.
    pub(super) async fn drop_second_factor<C: GenericClient>(
        &self,
        transaction: &C,
        user: &User,
    ) -> Result<(), AccountError> {
        execute(
            transaction,
            "remove a second factor",
            "WITH codes AS (DELETE FROM recovery_codes WHERE user_id = $1) \
             DELETE FROM totp_factors WHERE user_id = $1",
            &[&user.id.0],
        )
        .await?;
        let facts = json!({ "change": "removed" });
        self.write_to(transaction, EmailKind::SecondFactorChanged, user, facts)
            .await
    }

    /// Returns whether the user must have a second factor and has none. Who has no password signs in by the
    /// identity provider alone, whose factor counts where it is trusted.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn lacks_second_factor(&self, id: UserId) -> Result<bool, AccountError> {
        if self.settings.second_factor == SecondFactorRule::Optional {
            return Ok(false);
        }
        let database = self.database().await?;
        let Some(found) = users::by_id(&database, id).await? else {
            return Ok(false);
        };
        let must = match self.settings.second_factor {
            SecondFactorRule::Optional => false,
            SecondFactorRule::Admins => found.user.role == Role::Admin,
            SecondFactorRule::Everybody => true,
        };
        let elsewhere = self.settings.oidc.trust_second_factor && found.password_hash.is_none();
        Ok(must && !found.user.two_factor && !elsewhere)
    }

    /// New recovery codes in place of the old.
    ///
    /// # Errors
    /// When the proof is wrong, there is no second factor, or the database is away.
    pub async fn renew_recovery_codes(
        &self,
        id: UserId,
        proof: &Proof,
        client: &Client,
    ) -> Result<Vec<String>, AccountError> {
        let Proven { user, .. } = self.proven(id, proof, "password", client).await?;
        if !user.two_factor {
            return Err(AccountError::Conflict("there is no second factor"));
        }
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("renew codes"))?;
        let codes = self.new_recovery_codes(&transaction, id).await?;
        transaction.commit().await.map_err(failed("renew codes"))?;
        self.note("second_factor.recovery_renewed", true, Some(id), client);
        Ok(codes)
    }

    /// Checks a code of the second factor, if the user has one; a recovery code is used up.
    pub(super) async fn check_second_factor<C: GenericClient>(
        &self,
        database: &C,
        user: &User,
        at: At,
        code: Option<&str>,
        client: &Client,
    ) -> Result<(), AccountError> {
        if !user.two_factor {
            return Ok(());
        }
        let code = code.ok_or(AccountError::SecondFactorRequired)?;
        let attempts = Attempts::at_second_factor(&Email::key_of(&user.email), at);
        attempts.begin(database, self.now()).await?;
        let good = self.use_code(database, user.id, code).await?
            || self.use_recovery_code(database, user.id, code).await?;
        if !good {
            self.note("second_factor.failed", false, Some(user.id), client);
            return Err(AccountError::WrongCode);
        }
        attempts.succeeded(database).await
    }

    /// Returns whether this is a code of the present that was not used before; it is used now.
    async fn use_code<C: GenericClient>(
        &self,
        database: &C,
        id: UserId,
        code: &str,
    ) -> Result<bool, AccountError> {
        let rows = query(
            database,
            "look up a second factor",
            "SELECT secret FROM totp_factors WHERE user_id = $1",
            &[&id.0],
        )
        .await?;
        let Some(sealed) = rows.first().map(|row| row.get::<_, &[u8]>(0)) else {
            return Ok(false);
        };
        let secret = self.cipher.unseal(id.0.as_bytes(), sealed)?;
        let given: String = code
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(16)
            .collect();
        let Some(step) = totp::matching_step(&secret, &given, self.now()) else {
            return Ok(false);
        };
        // Of two at once, one finds the step used.
        let used = execute(
            database,
            "use a code",
            "UPDATE totp_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
            &[&id.0, &step],
        )
        .await?;
        Ok(used == 1)
    }

    async fn use_recovery_code<C: GenericClient>(
        &self,
        database: &C,
        id: UserId,
        code: &str,
    ) -> Result<bool, AccountError> {
        let used = execute(
            database,
            "use a recovery code",
            "UPDATE recovery_codes SET used_at = $2 WHERE hash = $1 AND user_id = $3 \
             AND used_at IS NULL",
            &[&recovery_hash(id, code), &self.now(), &id.0],
        )
        .await?;
        Ok(used == 1)
    }

    async fn new_recovery_codes<C: GenericClient>(
        &self,
        database: &C,
        id: UserId,
    ) -> Result<Vec<String>, AccountError> {
        let codes: Vec<String> = (0..RECOVERY_CODES)
            .map(|_| grouped(&BASE32_NOPAD.encode(&self.randomness.bytes::<RECOVERY_BYTES>())))
            .collect();
        let hashes: Vec<Vec<u8>> = codes.iter().map(|code| recovery_hash(id, code)).collect();
        execute(
            database,
            "remove recovery codes",
            "DELETE FROM recovery_codes WHERE user_id = $1",
            &[&id.0],
        )
        .await?;
        execute(
            database,
            "add recovery codes",
            "INSERT INTO recovery_codes (hash, user_id) SELECT unnest($2::bytea[]), $1",
            &[&id.0, &hashes],
        )
        .await?;
        Ok(codes)
    }

    /// Seals every second factor's secret again with the newest key, which is made first where keys
    /// are in a file. Answers how many were sealed.
    ///
    /// # Errors
    /// When a secret cannot be opened, or the database is away.
    pub async fn rotate_sealing_key(&self) -> Result<usize, AccountError> {
        self.cipher.add_key(&self.randomness)?;
        let database = self.database().await?;
        let rows = query(
            &database,
            "read the second factors",
            "SELECT user_id, secret FROM totp_factors",
            &[],
        )
        .await?;
        let mut count = 0;
        for row in &rows {
            let (id, sealed): (Uuid, &[u8]) = (row.get(0), row.get(1));
            if self.cipher.is_current(sealed) {
                continue;
            }
            let secret = self.cipher.unseal(id.as_bytes(), sealed)?;
            let again = self
                .cipher
                .seal(id.as_bytes(), &secret, self.randomness.bytes())?;
            // Enrolled again meanwhile: then it is sealed with the newest key already.
            execute(
                &database,
                "seal a second factor again",
                "UPDATE totp_factors SET secret = $3 WHERE user_id = $1 AND secret = $2",
                &[&id, &sealed, &again],
            )
            .await?;
            count += 1;
        }
        Ok(count)
    }
}

/// In fours, for reading.
fn grouped(text: &str) -> String {
    let groups: Vec<String> = text
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join("-")
}

/// 120 random bits cannot be guessed back from their hash; with the user's id, two users' equal codes
/// do not meet.
fn recovery_hash(id: UserId, code: &str) -> Vec<u8> {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(id.0.as_bytes());
    context.update(plain.as_bytes());
    context.finish().as_ref().to_vec()
}
