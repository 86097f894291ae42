//! Which account somebody has whom a provider vouches for: the one that this identity signed in with
//! before, one of the same proven address, or a new one.

use coinsphere_pipelines::store::{GenericClient, PooledConnection, execute, failed, query};
use serde_json::{Value, json};

use super::provider::Identity;
use crate::accounts::RegistrationMode;
use crate::accounts::error::AccountError;
use crate::accounts::types::{Client, Role, UserId};
use crate::accounts::users::{self, Email};
use crate::accounts::{Accounts, User};
use crate::notifications::EmailKind;

/// An account, and whether this identity is linked to it.
pub(super) struct Account {
    pub(super) user: User,
    pub(super) linked: bool,
}

impl Accounts {
    /// The account of this identity, made if need be. One of the same address is not linked yet: its
    /// second factor, if it has one, is to be shown first.
    pub(super) async fn account_of(
        &self,
        database: &mut PooledConnection,
        identity: &Identity,
        client: &Client,
    ) -> Result<Account, AccountError> {
        self.check_domain(identity)?;
        if let Some(user) = self.linked(database, identity).await? {
            return Ok(Account { user, linked: true });
        }
        let email = identity.email.as_deref().map(Email::parse);
        let Some(Ok(email)) = email else {
            return Err(AccountError::SignInRefused(
                "the provider sent no email address: it has to grant the scope email and put the address into the ID token".to_owned(),
            ));
        };
        match users::by_email(database, &email.key).await? {
            // Either alone would let somebody in who merely claims the address.
            Some(found) if !(identity.email_verified && found.user.email_verified) => {
                self.note("identity.linked", false, Some(found.user.id), client);
                Err(AccountError::IdentityNotLinked)
            }
            Some(found) => Ok(Account {
                user: found.user,
                linked: false,
            }),
            None => {
                let user = self.register_identity(database, identity, &email).await?;
                self.note("user.register", true, Some(user.id), client);
                Ok(Account { user, linked: true })
            }
        }
    }

    /// Links an identity to the account of its address, and informs its user.
    pub(super) async fn link(
        &self,
        database: &mut PooledConnection,
        (issuer, subject): (&str, &str),
        user: &User,
        client: &Client,
    ) -> Result<(), AccountError> {
        let transaction = database.transaction().await.map_err(failed("link"))?;
        // Of two at once, one informs.
        if self
            .add_link(&transaction, (issuer, subject), user.id)
            .await?
        {
            let facts = json!({ "issuer": issuer });
            self.write_to(&transaction, EmailKind::IdentityLinked, user, facts)
                .await?;
        }
        transaction.commit().await.map_err(failed("link"))?;
        self.wake_outbox();
        self.note("identity.linked", true, Some(user.id), client);
        Ok(())
    }

    async fn register_identity(
        &self,
        database: &mut PooledConnection,
        identity: &Identity,
        email: &Email,
    ) -> Result<User, AccountError> {
        match self.settings.registration {
            RegistrationMode::Open => {}
            RegistrationMode::Invitation => return Err(AccountError::InvitationNeeded),
            RegistrationMode::Closed => return Err(AccountError::RegistrationClosed),
        }
        let transaction = database.transaction().await.map_err(failed("register"))?;
        let user = self.add_user(&transaction, identity, email).await?;
        if !user.email_verified {
            self.write_to(&transaction, EmailKind::VerifyEmail, &user, Value::Null)
                .await?;
        }
        let link = (identity.issuer.as_str(), identity.subject.as_str());
        self.add_link(&transaction, link, user.id).await?;
        transaction.commit().await.map_err(failed("register"))?;
        self.wake_outbox();
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
                "the provider has not verified an address of a domain that may sign in here",
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

    /// False when the identity was linked meanwhile.
    async fn add_link<C: GenericClient>(
        &self,
        database: &C,
        (issuer, subject): (&str, &str),
        user: UserId,
    ) -> Result<bool, AccountError> {
        let added = execute(
            database,
            "link an identity",
            "INSERT INTO user_identities (issuer, subject, user_id, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, $4) ON CONFLICT (issuer, subject) DO NOTHING",
            &[&issuer, &subject, &user.0, &self.now()],
        )
        .await?;
        Ok(added == 1)
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
            disabled_at: None,
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
