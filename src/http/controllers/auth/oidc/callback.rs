//! `GET /api/v1/auth/oidc/callback`

use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;

use super::see_other;
use crate::accounts::{Client, FinishedSignIn, ProviderAnswer, SECOND_FACTOR_LIFE};
use crate::http::middleware::browser::{self, Cookie, Cookies};
use crate::http::respond::problem::{FieldError, Problem};
use crate::http::state::AccountState;

/// The redirect URI of the identity provider.
///
/// Starts a browser session and redirects the browser. If the account has a second factor, and the
/// provider is not trusted with it, `sign_in=second-factor-required` is added to the path of the
/// redirect: `POST /api/v1/auth/oidc/second-factor` then takes the code. Other parameters that a
/// provider adds are ignored.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/callback", tag = "accounts",
    params(
        ("code" = Option<String>, Query, description = "The authorization code"),
        ("state" = Option<String>, Query, description = "The state that was sent to the provider"),
        ("error" = Option<String>, Query, description = "The provider's error, if there is no code"),
        ("iss" = Option<String>, Query, description = "The issuer (RFC 9207)")
    ),
    responses(
        (status = 303, description = "Signed in, or waiting for a second-factor code; the cookies are set"),
        (status = 401, description = "`sign-in-refused`"),
        (status = 403, description = "`registration-closed`, `invitation-needed`; `forbidden`: the domain of the email address may not sign in; `account-disabled`"),
        (status = 404, description = "`not-found`: no provider is configured"),
        (status = 409, description = "`identity-not-linked`, `email-taken`"),
        (status = 503, description = "`identity-provider-unavailable`, `unavailable`")
    )
)]
pub(in crate::http) async fn finish_oidc_login(
    State(state): State<AccountState>,
    client: Client,
    cookies: Cookies,
    headers: HeaderMap,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let cookie = cookies.read(Cookie::SignIn, &headers);
    let finishing = async {
        let answer = answer(query.map(|Query(pairs)| pairs).ok())?;
        let finished = state
            .accounts
            .finish_sign_in(answer, cookie, &client)
            .await?;
        if matches!(finished.0, FinishedSignIn::Session(_)) {
            browser::replace(&state, cookies, &headers, &client).await?;
        }
        go_on(cookies, finished)
    };
    let mut response = finishing.await.unwrap_or_else(Problem::into_response);
    // Whatever came of it, it came once.
    let removal = cookies.removal(Cookie::SignIn);
    response.headers_mut().append(header::SET_COOKIE, removal);
    response
}

fn answer(pairs: Option<Vec<(String, String)>>) -> Result<ProviderAnswer, Problem> {
    let wrong = |field: &str, detail: &str| {
        Problem::invalid(vec![FieldError {
            field: field.to_owned(),
            detail: detail.to_owned(),
        }])
    };
    let mut answer = ProviderAnswer::default();
    let pairs = pairs.ok_or_else(|| wrong("query", "it is not of the form name=value"))?;
    for (name, value) in pairs {
        let twice = match name.as_str() {
            "code" => answer.code.replace(value.into()).is_some(),
            "state" => answer.state.replace(value).is_some(),
            "error" => answer.error.replace(value).is_some(),
            "iss" => answer.issuer.replace(value).is_some(),
            _ => false,
        };
        if twice {
            return Err(wrong(&name, "given more than once"));
        }
    }
    Ok(answer)
}

fn go_on(
    cookies: Cookies,
    (finished, return_to): (FinishedSignIn, String),
) -> Result<Response, Problem> {
    let (place, cookie) = match finished {
        FinishedSignIn::Session(session) => (return_to, cookies.session(&session)),
        FinishedSignIn::SecondFactor(waiting) => {
            let life = SECOND_FACTOR_LIFE.num_seconds();
            (
                asking(&return_to),
                cookies.set(Cookie::SecondFactor, waiting.expose_secret(), life),
            )
        }
    };
    let mut response = see_other(&place)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The path with a word that a code is needed.
fn asking(path: &str) -> String {
    let (path, fragment) = match path.split_once('#') {
        Some((path, fragment)) => (path, format!("#{fragment}")),
        None => (path, String::new()),
    };
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}sign_in=second-factor-required{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_asked_for_in_the_query() {
        let word = "sign_in=second-factor-required";
        assert_eq!(asking("/"), format!("/?{word}"));
        assert_eq!(asking("/a?b=c"), format!("/a?b=c&{word}"));
        assert_eq!(asking("/a#b"), format!("/a?{word}#b"));
    }
}
