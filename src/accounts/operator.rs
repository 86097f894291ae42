//! What the operator does on the command line, without signing in.

use coinsphere_pipelines::store::{execute, failed};
use secrecy::SecretString;

use super::error::AccountError;
use super::registration::Registration;
use super::users::{self, Email};
use super::{Accounts, Client, Role, User, password};

/// A user of another program's table.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The address for mail.
    pub email: String,
    /// A bcrypt or Argon2id hash.
    pub password_hash: String,
    /// What they want to be called.
    pub display_name: Option<String>,
    /// Whether their address was verified there.
    pub email_verified: bool,
}

impl Accounts {
    /// A password nobody can guess, for an account that is made on somebody's behalf.
    #[must_use]
    pub fn random_password(&self) -> String {
        self.entropy.token()
    }

    /// Makes an account whatever the configuration says of registration. The operator vouches for
    /// the address.
    ///
    /// # Errors
    /// When a field is wrong, the address is taken, or the database is away.
    pub async fn create_user(
        &self,
        registration: Registration,
        role: Role,
    ) -> Result<User, AccountError> {
        let checked = registration.checked()?;
        let password: SecretString = checked.password.clone();
        let hash = self.passwords.hash(password, self.entropy.bytes()).await?;
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("add a user"))?;
        let mut user = self.insert_user(&transaction, &checked, hash, role).await?;
        self.vouch_for(&transaction, &mut user).await?;
        transaction.commit().await.map_err(failed("add a user"))?;
        self.note("user.created", true, Some(user.id), &Client::default());
        Ok(user)
    }

    /// Takes over a user of another program's table, with the password they have there.
    ///
    /// # Errors
    /// When a field is wrong, the address is taken, or the database is away.
    pub async fn import_user(&self, imported: Imported) -> Result<User, AccountError> {
        let email =
            Email::parse(&imported.email).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        let name = imported.display_name.as_deref().unwrap_or_default();
        let name = users::display_name(name).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        if !password::is_importable(&imported.password_hash) {
            return Err(AccountError::wrong(
                "password_hash",
                "use a bcrypt hash ($2b$…, of cost 4 to 16) or an Argon2id hash ($argon2id$…)",
            ));
        }
        let checked = super::registration::Checked {
            email,
            password: SecretString::default(),
            display_name: name,
        };
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("import a user"))?;
        let hash = imported.password_hash;
        let mut user = self
            .insert_user(&transaction, &checked, hash, Role::User)
            .await?;
        if imported.email_verified {
            self.vouch_for(&transaction, &mut user).await?;
        }
        transaction
            .commit()
            .await
            .map_err(failed("import a user"))?;
        self.note("user.imported", true, Some(user.id), &Client::default());
        Ok(user)
    }

    async fn vouch_for<C: coinsphere_pipelines::store::GenericClient>(
        &self,
        database: &C,
        user: &mut User,
    ) -> Result<(), AccountError> {
        execute(
            database,
            "verify an address",
            "UPDATE users SET email_verified_at = $2 WHERE id = $1",
            &[&user.id.0, &self.now()],
        )
        .await?;
        user.email_verified = true;
        Ok(())
    }
}
