//! Signing in by an identity provider (OpenID Connect).

pub(in crate::http) mod callback;
pub(in crate::http) mod login;
pub(in crate::http) mod second_factor;
pub(in crate::http) mod show;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::accounts::AccountError;
use crate::http::respond::problem::Problem;

/// Sends the browser elsewhere with a new `GET`.
fn see_other(place: &str) -> Result<Response, Problem> {
    let place = HeaderValue::try_from(place).map_err(|_| {
        let words = "cannot send a browser to the identity provider: its address is no header";
        Problem::from(AccountError::Internal(words.to_owned()))
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(show::show_oidc), Policy::anonymous())
        .add(
            routes!(login::begin_oidc_login),
            Policy::anonymous().rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(callback::finish_oidc_login),
            Policy::anonymous().rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(second_factor::complete_oidc_login),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
}
