//! Why something about an account was refused or could not be done.

use coinsphere_pipelines::store::StoreError;

use crate::notifications::ChannelError;
use crate::secrets::SecretError;

/// Fault in one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field.
    pub field: &'static str,
    /// The fault, and the values allowed.
    pub detail: String,
}

impl Wrong {
    /// This field, for this reason.
    pub fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }
}

/// Why something about an account was refused or could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Fields have values that they cannot have.
    #[error("the request is not valid: {}", .0.iter().map(|wrong| wrong.field).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<Wrong>),
    /// There is no such account, or its password is another: never said which.
    #[error("the email address or the password is wrong")]
    WrongCredentials,
    /// Too many failures: not before this many seconds.
    #[error("too many failed attempts: try again in {0} seconds")]
    Delayed(u64),
    /// The account has a second factor, and no code came with the password.
    #[error("a second-factor code is required")]
    SecondFactorRequired,
    /// The code is wrong, too old, or was used before.
    #[error("the code of the second factor is wrong or was used before")]
    WrongCode,
    /// Somebody has registered this address.
    #[error("this email address is registered already")]
    EmailTaken,
    /// Nobody may register here.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Only who is invited may register, and the invitation is missing, wrong, used or too old.
    #[error("a valid invitation is needed to register")]
    InvitationNeeded,
    /// No access token or key came with the request.
    #[error("signing in is required")]
    NotSignedIn,
    /// The access token or key is wrong, expired or revoked.
    #[error("the access token or key is not valid: {0}")]
    BadToken(&'static str),
    /// The refresh token is unknown, expired, or its session has ended.
    #[error("the refresh token is not valid")]
    BadRefreshToken,
    /// The refresh token had been exchanged before: its session has been ended.
    #[error("the refresh token was used before; its session has been ended")]
    RefreshTokenReused,
    /// The link of a mail is unknown, used or too old.
    #[error("the link is no longer valid")]
    BadLink,
    /// This asks for an address that is known to be the user's.
    #[error("the email address has not been verified")]
    EmailNotVerified,
    /// An admin has disabled the account, or it has gone.
    #[error("the account is disabled")]
    Disabled,
    /// The password was made for the user, and its day is over.
    #[error("the account's temporary password has expired")]
    PasswordExpired,
    /// Accounts of this kind need a second factor here, and this one has none.
    #[error("a second factor must be set up first")]
    SecondFactorMissing,
    /// A cookie alone does not show that the user's own page asks.
    #[error("the CSRF token is not valid: {0}")]
    Csrf(&'static str),
    /// Signing in by the identity provider came to nothing.
    #[error("the sign-in was refused: {0}")]
    SignInRefused(String),
    /// There is an account with the address, but not both sides have proven it.
    #[error(
        "this identity belongs to no account, and may not be linked to the one with its address"
    )]
    IdentityNotLinked,
    /// The identity provider gave no usable answer.
    #[error("the identity provider is unavailable: {0}")]
    ProviderAway(String),
    /// This asks for another role, or a key with another scope.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// The object does not exist, or is somebody else's.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// The object is in that state already, or collides with another.
    #[error("{0}")]
    Conflict(&'static str),
    /// More is asked of the hashing threads than they can do soon.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The database has not been reached yet.
    #[error("the database is unavailable")]
    Unavailable,
    /// The database refused or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is wrong with us.
    #[error("{0}")]
    Internal(String),
}

impl From<ChannelError> for AccountError {
    fn from(error: ChannelError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<SecretError> for AccountError {
    fn from(error: SecretError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl AccountError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable | Self::ProviderAway(_) | Self::Delayed(_) => true,
            Self::Store(error) => error.is_retriable(),
            _ => false,
        }
    }

    /// One wrong field.
    pub(super) fn wrong(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Wrong::new(field, detail)])
    }
}
