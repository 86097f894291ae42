//! Refusals by the accounts, as clients may see them.

use axum::http::{HeaderValue, header};

use crate::accounts::AccountError;
use crate::http::respond::problem::{FieldError, Kind, Problem};

impl From<AccountError> for Problem {
    /// Internal causes stay in the log.
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(wrong) => {
                let error = |wrong: crate::accounts::Wrong| FieldError {
                    field: wrong.field.to_owned(),
                    detail: wrong.detail,
                };
                Self::invalid(wrong.into_iter().map(error).collect())
            }
            AccountError::NotSignedIn => Self::new(Kind::NotSignedIn)
                .with_detail("send an access token: `Authorization: Bearer TOKEN`")
                .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            // RFC 6750, section 3.1.
            AccountError::BadToken(why) => Self::new(Kind::InvalidToken)
                .with_detail(why)
                .with_header(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer error=\"invalid_token\""),
                ),
            AccountError::WrongCredentials => Self::new(Kind::WrongCredentials),
            AccountError::SecondFactorRequired => Self::new(Kind::SecondFactorRequired)
                .with_detail("send the request again with a code as `totp_code`"),
            AccountError::WrongCode => Self::new(Kind::WrongCode),
            AccountError::BadRefreshToken => Self::new(Kind::InvalidRefreshToken),
            AccountError::RefreshTokenReused => Self::new(Kind::RefreshTokenReused)
                .with_detail("its session has been ended, because somebody else may have the token"),
            AccountError::Delayed(seconds) => Self::new(Kind::TooManyAttempts)
                .with_detail(format!("try again in {seconds} seconds"))
                .with_header(header::RETRY_AFTER, HeaderValue::from(seconds)),
            AccountError::EmailTaken => Self::new(Kind::EmailTaken),
            AccountError::RegistrationClosed => Self::new(Kind::RegistrationClosed),
            AccountError::InvitationNeeded => Self::new(Kind::InvitationNeeded),
            AccountError::EmailNotVerified => Self::new(Kind::EmailNotVerified).with_detail(
                "open the link in the email that was sent to you, or request another at /api/v1/auth/resend-verification",
            ),
            AccountError::Disabled => Self::new(Kind::AccountDisabled)
                .with_detail("an admin has disabled it: contact the operator of this server"),
            AccountError::PasswordExpired => Self::new(Kind::PasswordExpired).with_detail(
                "a temporary password is valid for a day: set a new one at /api/v1/auth/password-reset",
            ),
            AccountError::SecondFactorMissing => Self::new(Kind::SecondFactorMissing).with_detail(
                "this server requires one: enrol at /api/v1/auth/two-factor/enrol",
            ),
            AccountError::Csrf(why) => Self::new(Kind::Csrf).with_detail(format!(
                "{why}: ask for one at /api/v1/auth/csrf and send it as `X-CSRF-Token`"
            )),
            AccountError::SignInRefused(why) => Self::new(Kind::SignInRefused).with_detail(why),
            AccountError::IdentityNotLinked => Self::new(Kind::IdentityNotLinked).with_detail(
                "an account with this email address exists; it is linked once both the provider and this server have verified the address: sign in with its password and verify it",
            ),
            AccountError::ProviderAway(ref why) => {
                tracing::warn!(%why, "the identity provider gave no usable answer");
                Self::new(Kind::ProviderAway)
                    .with_detail("signing in with a password still works; try again soon")
            }
            AccountError::Forbidden(why) => Self::new(Kind::Forbidden).with_detail(why),
            AccountError::BadLink => Self::new(Kind::InvalidLink)
                .with_detail("it is unknown, was used already, or has expired: request another"),
            AccountError::Unknown(what) => {
                Self::new(Kind::NotFound).with_detail(format!("there is no such {what}"))
            }
            AccountError::Conflict(why) => Self::new(Kind::Conflict).with_detail(why),
            AccountError::Busy => Self::new(Kind::Unavailable)
                .with_detail("too many passwords are being checked at the moment; try again soon"),
            AccountError::Unavailable => unavailable(),
            AccountError::Store(ref store) if store.is_retriable() => {
                tracing::warn!(%error, "cannot answer a request");
                unavailable()
            }
            AccountError::Store(_) | AccountError::Internal(_) => {
                tracing::error!(%error, "cannot answer a request");
                Self::new(Kind::Internal)
            }
        }
    }
}

fn unavailable() -> Problem {
    Problem::new(Kind::Unavailable).with_detail("the database is unavailable; try again soon")
}
