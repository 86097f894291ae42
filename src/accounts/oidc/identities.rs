//! Which account somebody has whom a provider vouches for: the one that this identity signed in with
//! before, one of the same proven address, or a new one.

use coinsphere_pipelines::store::{GenericClient, Session, execute, failed, query};
use serde_json::{Value, json};

use super::provider::Identity;
use crate::accounts::error::AccountError;
use crate::accounts::mail::Kind;
use crate::accounts::users::{self, Email};
use crate::accounts::{Accounts, Client, Role, User, UserId};
use crate::config::RegistrationMode;

impl Accounts {
    /// The account of this identity, made or linked if need be.
    pub(super) async fn account_of(
        &self,
        database: &mut Session,
        identity: &Identity,
        client: &Client,
    ) -> Result<User, AccountError> {
        self.check_domain(identity)?;
        if let Some(user) = self.linked(database, identity).await? {
            return Ok(user);
        }
        let email = identity.email.as_deref().map(Email::parse);
        let Some(Ok(email)) = email else {
            return Err(AccountError::SignInRefused(
                "the provider tells no mail address: it needs the scope email, and the address in the ID token".to_owned(),
            ));
        };
        let transaction = database.transaction().await.map_err(failed("link"))?;
        let user = match users::by_email(&transaction, &email.key).await? {
            // Either alone would let somebody in who merely claims the address.
            Some(found) if !(identity.email_verified && found.user.email_verified) => {
                self.note("identity.linked", false, Some(found.user.id), client);
                return Err(AccountError::IdentityNotLinked);
            }
            Some(found) => {
                let facts = json!({ "issuer": identity.issuer });
                self.write_to(&transaction, Kind::IdentityLinked, &found.user, facts)
                    .await?;
                self.link(&transaction, identity, found.user.id).await?;
                transaction.commit().await.map_err(failed("link"))?;
                self.note("identity.linked", true, Some(found.user.id), client);
                found.user
            }
            None => {
                match self.settings.registration {
                    RegistrationMode::Open => {}
                    RegistrationMode::Invitation => return Err(AccountError::InvitationNeeded),
                    RegistrationMode::Closed => return Err(AccountError::RegistrationClosed),
                }
                let user = self.add_user(&transaction, identity, &email).await?;
                if !user.email_verified {
                    self.write_to(&transaction, Kind::VerifyEmail, &user, Value::Null)
                        .await?;
                }
                self.link(&transaction, identity, user.id).await?;
                transaction.commit().await.map_err(failed("link"))?;
                self.note("user.register", true, Some(user.id), client);
                user
            }
        };
        self.post();
        Ok(user)
    }

    fn check_domain(&self, identity: &Identity) -> Result<(), AccountError> {
        let allowed = &self.settings.oidc.allowed_domains;
        if allowed.is_empty() {
            return Ok(());
        }
        let email = identity
            .email
            .as_deref()
            .filter(|_| identity.email_verified);
        let domain = email.and_then(|email| email.rsplit_once('@'));
        let fits = domain.is_some_and(|(_, domain)| {
            let fits = |one: &String| one.eq_ignore_ascii_case(domain.trim());
            allowed.iter().any(fits)
        });
        match fits {
            true => Ok(()),
            false => Err(AccountError::Forbidden(
                "the provider does not vouch for an address of a domain that may sign in here",
            )),
        }
    }

    async fn linked<C: GenericClient>(
        &self,
        database: &C,
        identity: &Identity,
    ) -> Result<Option<User>, AccountError> {
        let rows = query(
            database,
            "look up an identity",
            "UPDATE user_identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2 \
             RETURNING user_id",
            &[&identity.issuer, &identity.subject, &self.now()],
        )
        .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let found = users::by_id(database, UserId(row.get(0))).await?;
        Ok(found.map(|found| found.user))
    }

    async fn link<C: GenericClient>(
        &self,
        database: &C,
        identity: &Identity,
        user: UserId,
    ) -> Result<(), AccountError> {
        execute(
            database,
            "link an identity",
            "INSERT INTO user_identities (issuer, subject, user_id, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, $4)",
            &[&identity.issuer, &identity.subject, &user.0, &self.now()],
        )
        .await?;
        Ok(())
    }

    /// A user without a password: the provider vouches for them.
    async fn add_user<C: GenericClient>(
        &self,
        database: &C,
        identity: &Identity,
        email: &Email,
    ) -> Result<User, AccountError> {
        let name = identity.name.as_deref().map(users::display_name);
        let user = User {
            id: self.new_user_id(),
            email: email.text.clone(),
            email_verified: identity.email_verified,
            // What cannot be one of ours is left out.
            display_name: name.and_then(Result::ok).flatten(),
            role: Role::User,
            two_factor: false,
            created_at: self.now(),
        };
        let verified_at = identity.email_verified.then_some(user.created_at);
        let inserted = execute(
            database,
            "add a user",
            "INSERT INTO users (id, email, email_key, email_verified_at, password_changed_at, \
               display_name, role, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $5) ON CONFLICT (email_key) DO NOTHING",
            &[
                &user.id.0,
                &user.email,
                &email.key,
                &verified_at,
                &user.created_at,
                &user.display_name,
                &user.role.name(),
            ],
        )
        .await?;
        if inserted == 0 {
            return Err(AccountError::EmailTaken);
        }
        Ok(user)
    }
}
