//! `GET /api/v1/auth/oidc/login`

use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use super::see_other;
use crate::accounts::SIGN_IN_LIFE;
use crate::http::extract::params::Params;
use crate::http::middleware::browser::{Cookie, Cookies};
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The longest path to go to afterwards.
const LONGEST: usize = 300;

/// Redirects the browser to the identity provider to sign in.
///
/// State, nonce and PKCE verifier belong to a cookie that is valid for ten minutes.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/login", tag = "accounts",
    params(("return_to" = Option<String>, Query, description = "The path on this server to go to afterwards; `/` if absent", example = "/", max_length = 300)),
    responses(
        (status = 303, description = "Redirects to the provider; a cookie for the way back is set"),
        (status = 404, description = "`not-found`: no provider is configured"),
        (status = 503, description = "`identity-provider-unavailable`, `unavailable`")
    )
)]
pub(in crate::http) async fn begin_oidc_login(
    State(state): State<AccountState>,
    cookies: Cookies,
    mut params: Params,
) -> Result<Response, Problem> {
    let return_to = params.take("return_to", own_path);
    params.finish()?;
    let return_to = return_to.as_deref().unwrap_or("/");
    let begun = state.accounts.begin_sign_in(return_to).await?;
    let mut response = see_other(&begun.url)?;
    let cookie = cookies.set(
        Cookie::SignIn,
        begun.cookie.expose_secret(),
        SIGN_IN_LIFE.num_seconds(),
    );
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// A path of this server and nothing that browsers take for another host (`//host`, `/\host`).
fn own_path(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let is_path = text.starts_with('/') && !text.starts_with("//");
    match plain && is_path && text.len() <= LONGEST {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "use a path of this server, e.g. /docs/, of at most {LONGEST} characters"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_afterwards() {
        for (text, good) in [
            ("/", true),
            ("/a/b?c=d#e", true),
            ("", false),
            ("a", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("/\t/evil.example", false),
            ("https://evil.example", false),
            (&format!("/{}", "a".repeat(300)), false),
        ] {
            assert_eq!(own_path(text).is_ok(), good, "{text}");
        }
    }
}
