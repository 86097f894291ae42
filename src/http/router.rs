//! Every route, together with its place in the OpenAPI document.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Router;
use axum::http::Method;
use axum::response::Redirect;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::http::controllers::admin::users as admin_users;
use crate::http::controllers::{
    auth, health, instruments, metrics, models, predictions, stream, tokens, well_known,
};
use crate::http::middleware::browser;
use crate::http::middleware::layers;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Coinsphere",
        description = "Self-hosted crypto market data: exchange trades to gap-free candles. Decimals are strings, times RFC 3339 UTC, lists paginate by cursor. Errors are RFC 9457 problem details with a stable `type`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody)),
    modifiers(&Schemes),
    tags(
        (name = "accounts", description = "Signing in, and one's own account; docs/accounts.md explains"),
        (name = "administration", description = "The accounts of others, for admins"),
        (name = "market", description = "Tokens, instruments and candles"),
        (name = "forecasts", description = "Forecasts with their intervals and skill, and the models that make them"),
        (name = "stream", description = "Live trades and candles over WebSocket; docs/stream.md specifies the messages"),
        (name = "operation", description = "How the server is doing")
    )
)]
struct Document;

/// How requests prove who sends them.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An access token from `/api/v1/auth/login`, or an API key.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        browser::describe(components);
        let admin = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An admin's access token, or the administrators' token (`http.admin_token`).",
            ))
            .build();
        components.add_security_scheme("admin", SecurityScheme::Http(admin));
    }
}

fn documented() -> (Router<ApiState>, utoipa::openapi::OpenApi) {
    let (router, described) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::show::show))
        .routes(routes!(health::live::live))
        .routes(routes!(metrics::show::show))
        .routes(routes!(tokens::list::list, tokens::add::add))
        .routes(routes!(tokens::show::show))
        .routes(routes!(tokens::history::history))
        .routes(routes!(instruments::list::list))
        .routes(routes!(instruments::candles::candles))
        .routes(routes!(predictions::show::show))
        .routes(routes!(predictions::history::history))
        .routes(routes!(predictions::track_record::track_record))
        .routes(routes!(models::list::list))
        .routes(routes!(models::show::show))
        .routes(routes!(models::promote::promote))
        .routes(routes!(models::train::train))
        .routes(routes!(stream::connect::connect))
        .routes(routes!(auth::register::register))
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::browser::login::login))
        .routes(routes!(
            auth::browser::csrf::show,
            auth::browser::csrf::renew
        ))
        .routes(routes!(auth::oidc::show::show))
        .routes(routes!(auth::oidc::login::login))
        .routes(routes!(auth::oidc::callback::callback))
        .routes(routes!(auth::oidc::second_factor::second_factor))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::logout_all::logout_all))
        .routes(routes!(auth::me::show, auth::me::change))
        .routes(routes!(auth::me::export))
        .routes(routes!(auth::me::delete))
        .routes(routes!(auth::password::change))
        .routes(routes!(auth::password_reset::request))
        .routes(routes!(auth::password_reset::confirm))
        .routes(routes!(auth::verify_email::verify_email))
        .routes(routes!(auth::resend_verification::resend_verification))
        .routes(routes!(auth::two_factor::enrol))
        .routes(routes!(auth::two_factor::confirm))
        .routes(routes!(auth::two_factor::remove))
        .routes(routes!(auth::two_factor::recovery_codes))
        .routes(routes!(auth::invitations::invite))
        .routes(routes!(
            auth::api_keys::list::list,
            auth::api_keys::make::make
        ))
        .routes(routes!(auth::api_keys::revoke::revoke))
        .routes(routes!(auth::api_keys::rotate::rotate))
        .routes(routes!(
            auth::api_keys::public_key::set,
            auth::api_keys::public_key::remove
        ))
        .routes(routes!(auth::sessions::list))
        .routes(routes!(auth::sessions::revoke))
        .routes(routes!(admin_users::list::list))
        .routes(routes!(
            admin_users::show::show,
            admin_users::change::change,
            admin_users::delete::delete
        ))
        .routes(routes!(
            admin_users::sessions::list,
            admin_users::sessions::revoke_all
        ))
        .routes(routes!(admin_users::sessions::revoke))
        .routes(routes!(well_known::jwks::jwks))
        .split_for_parts();
    (router, super::openapi::complete(&described))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().1
}

/// Whether the route is one of the API and has other methods only.
pub(in crate::http) fn lacks(method: &Method, route: &str) -> bool {
    static ROUTES: LazyLock<HashMap<String, Vec<Method>>> = LazyLock::new(|| {
        let paths = documented().1.paths.paths.into_iter();
        let methods = paths.map(|(path, item)| {
            let of = [
                (Method::GET, item.get),
                (Method::POST, item.post),
                (Method::PUT, item.put),
                (Method::PATCH, item.patch),
                (Method::DELETE, item.delete),
            ];
            let there = of.into_iter().filter(|(_, operation)| operation.is_some());
            (path, there.map(|(method, _)| method).collect())
        });
        methods.collect()
    });
    let methods = ROUTES.get(route);
    methods.is_some_and(|methods| !methods.contains(method))
}

/// The whole application: API, documentation, limits, tracing.
pub fn router(state: ApiState) -> Router {
    let (api, document) = documented();
    let routes = api
        .route("/", get(async || Redirect::temporary("/docs")))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(async || Problem::of_status(axum::http::StatusCode::NOT_FOUND));
    layers::around(routes, &state).with_state(state)
}
