//! Accounts: signing in and out, and one's own account.

pub(in crate::http) mod api_keys;
pub(in crate::http) mod browser;
pub(in crate::http) mod invitations;
pub(in crate::http) mod login;
pub(in crate::http) mod logout;
pub(in crate::http) mod logout_all;
pub(in crate::http) mod me;
pub(in crate::http) mod oidc;
pub(in crate::http) mod password;
pub(in crate::http) mod password_reset;
pub(in crate::http) mod refresh;
pub(in crate::http) mod register;
pub(in crate::http) mod resend_verification;
pub(in crate::http) mod session_views;
pub(in crate::http) mod sessions;
pub(in crate::http) mod two_factor;
pub(in crate::http) mod verify_email;
mod views;
