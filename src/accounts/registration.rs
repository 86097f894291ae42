//! Registering.

use coinsphere_pipelines::store::{GenericClient, execute, failed};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::error::{AccountError, Wrong};
use super::password;
use super::users::{self, Email};
use super::{Accounts, User};
use crate::accounts::RegistrationMode;
use crate::accounts::types::{Client, Role};
use crate::notifications::EmailKind;

/// Data of a registration.
#[derive(Clone)]
pub struct Registration {
    /// The address for mail.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// Display name.
    pub display_name: Option<String>,
    /// Token of the invitation.
    pub invitation: Option<String>,
}

/// A registration whose fields are right.
pub(super) struct Checked {
    pub(super) email: Email,
    pub(super) password: SecretString,
    pub(super) display_name: Option<String>,
}

impl Registration {
    pub(super) fn checked(self) -> Result<Checked, AccountError> {
        let mut wrong: Vec<Wrong> = Vec::new();
        let email = Email::parse(&self.email).map_err(|error| wrong.push(error));
        let given = self.display_name.as_deref().unwrap_or_default();
        let name = users::display_name(given).map_err(|error| wrong.push(error));
        let about = [self.email.trim(), given.trim()];
        let about: Vec<&str> = about.into_iter().filter(|word| !word.is_empty()).collect();
        if let Some(objection) = password::objection(self.password.expose_secret(), &about) {
            wrong.push(Wrong::new("password", objection));
        }
        match (email, name) {
            (Ok(email), Ok(display_name)) if wrong.is_empty() => Ok(Checked {
                email,
                password: self.password,
                display_name,
            }),
            _ => Err(AccountError::Invalid(wrong)),
        }
    }
}

impl Accounts {
    /// Makes an account.
    ///
    /// # Errors
    /// When a field is wrong, registration is not open, the address is taken, or the database is
    /// away.
    pub async fn register(
        &self,
        registration: Registration,
        client: &Client,
    ) -> Result<User, AccountError> {
        let invitation = registration.invitation.clone();
        match self.settings.registration {
            _ if invitation.is_some() => {}
            RegistrationMode::Open => {}
            RegistrationMode::Invitation => return Err(AccountError::InvitationNeeded),
            RegistrationMode::Closed => return Err(AccountError::RegistrationClosed),
        }
        let checked = registration.checked()?;
        let session = self.database().await?;
        // Found out before the hash is made; the insertion decides. Where registration is not open,
        // only who has a good invitation learns whether an address is taken.
        let open = self.settings.registration == RegistrationMode::Open;
        if open && let Some(found) = users::by_email(&session, &checked.email.key).await? {
            self.note("user.register", false, Some(found.user.id), client);
            return Err(AccountError::EmailTaken);
        }
        if let Some(token) = &invitation
            && !self.is_invited(&session, token, &checked.email.key).await?
        {
            self.note("user.register", false, None, client);
            return Err(AccountError::InvitationNeeded);
        }
        // Nothing of the database is held while the hash is made.
        drop(session);
        self.refuse_breached(&checked.password, "password").await?;
        let hash = self
            .passwords
            .hash(checked.password.clone(), self.randomness.bytes())
            .await?;
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("register"))?;
        let role = match &invitation {
            Some(token) => {
                self.use_invitation(&transaction, token, &checked.email.key)
                    .await?
            }
            None => Role::User,
        };
        let user = self.insert_user(&transaction, &checked, hash, role).await?;
        self.write_to(&transaction, EmailKind::VerifyEmail, &user, Value::Null)
            .await?;
        transaction.commit().await.map_err(failed("register"))?;
        self.wake_outbox();
        self.note("user.register", true, Some(user.id), client);
        Ok(user)
    }

    pub(super) async fn insert_user<C: GenericClient>(
        &self,
        database: &C,
        checked: &Checked,
        hash: String,
        role: Role,
    ) -> Result<User, AccountError> {
        let (id, now) = (self.new_user_id(), self.now());
        let inserted = execute(
            database,
            "add a user",
            "INSERT INTO users (id, email, email_key, password_hash, password_changed_at, \
               display_name, role, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $5) ON CONFLICT (email_key) DO NOTHING",
            &[
                &id.0,
                &checked.email.text,
                &checked.email.key,
                &hash,
                &now,
                &checked.display_name,
                &role.name(),
            ],
        )
        .await?;
        if inserted == 0 {
            return Err(AccountError::EmailTaken);
        }
        Ok(User {
            id,
            email: checked.email.text.clone(),
            email_verified: false,
            display_name: checked.display_name.clone(),
            role,
            two_factor: false,
            created_at: now,
            disabled_at: None,
        })
    }
}
