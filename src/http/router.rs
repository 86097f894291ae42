//! Every route, together with its place in the OpenAPI document.

use axum::Router;
use axum::http::Method;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_swagger_ui::SwaggerUi;

use crate::http::controllers;
use crate::http::dashboard;
use crate::http::middleware::browser;
use crate::http::middleware::layers;
use crate::http::policy::{Policies, Policy, RateLimit};
use crate::http::respond::problem::ProblemBody;
use crate::http::state::{ApiState, SharedState};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Coinsphere",
        description = "Self-hosted crypto market data: candles built from exchange trades that say what they miss. Decimals are strings, times are RFC 3339 in UTC, and lists are paginated by cursor. Errors are RFC 9457 problem details with a stable `type`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The server this document came from")),
    components(schemas(ProblemBody)),
    modifiers(&Schemes),
    tags(
        (name = "accounts", description = "Signing in, and your own account; see docs/accounts.md"),
        (name = "administration", description = "The accounts of other users, for admins"),
        (name = "market", description = "Tokens, instruments and candles"),
        (name = "forecasts", description = "Forecasts with prediction intervals and skill, and the models that make them"),
        (name = "portfolios", description = "Your portfolios: accounts, transactions, imports, share links"),
        (name = "alerts", description = "Your alerts: rules on prices, what fired, previews"),
        (name = "notifications", description = "Your notifications, and the channels that deliver them; see docs/notifications.md"),
        (name = "stream", description = "Live trades and candles over WebSocket; see docs/stream.md"),
        (name = "operation", description = "The state of the server")
    )
)]
struct Document;

/// Security schemes by which requests prove who sends them.
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
                "An admin's access token, or the server's token (`http.admin_token`).",
            ))
            .build();
        components.add_security_scheme("admin", SecurityScheme::Http(admin));
    }
}

/// Every route, with its policy and its place in the document.
fn routes() -> Routes {
    // What users keep of their own is refused to strangers before there is a handler for it.
    let personal = [
        "/api/v1/portfolios",
        "/api/v1/holdings",
        "/api/v1/transactions",
        "/api/v1/exchange-connections",
        "/api/v1/wallets",
        "/api/v1/alerts",
        "/api/v1/notifications",
        "/api/v1/notification-channels",
    ];
    let explaining = [
        "/docs",
        "/openapi.json",
        "/health",
        "/metrics",
        "/.well-known",
    ];
    let mut routes = controllers::routes(Routes::new(Document::openapi()));
    for prefix in personal {
        routes = routes.reserve(prefix, Policy::user().verified_email());
    }
    for prefix in explaining {
        routes = routes.reserve(prefix, Policy::anonymous().rate_limit(RateLimit::Unlimited));
    }
    routes
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> serde_json::Value {
    routes().into_parts().1
}

/// The policy of every route.
#[cfg(test)]
pub(in crate::http) fn policies() -> Policies {
    routes().into_parts().2
}

/// Routes that are being gathered.
#[must_use]
pub(in crate::http) struct Routes {
    router: OpenApiRouter<SharedState>,
    policies: Policies,
}

impl Routes {
    fn new(document: utoipa::openapi::OpenApi) -> Self {
        Self {
            router: OpenApiRouter::with_openapi(document),
            policies: Policies::default(),
        }
    }

    /// Adds handlers of one path, all with this policy.
    pub(in crate::http) fn add(
        mut self,
        routes: UtoipaMethodRouter<SharedState>,
        policy: Policy,
    ) -> Self {
        for (path, item) in &routes.1.paths {
            for (method, operation) in [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ] {
                if operation.is_some() {
                    self.policies.insert(method, path.clone(), policy);
                }
            }
        }
        self.router = self.router.routes(routes);
        self
    }

    /// Gives what nothing answers yet, at this path and below it, a policy.
    fn reserve(mut self, prefix: &'static str, policy: Policy) -> Self {
        self.policies.insert_prefix(prefix, policy);
        self
    }

    fn into_parts(self) -> (Router<SharedState>, serde_json::Value, Policies) {
        let (router, described) = self.router.split_for_parts();
        let document = super::openapi::complete(&described, &self.policies);
        (router, document, self.policies)
    }
}

/// The whole application: API, dashboard, documentation, limits, tracing.
pub fn router(state: ApiState) -> Router {
    let state = SharedState::new(state);
    let (api, document, mut policies) = routes().into_parts();
    let page = Policy::anonymous().rate_limit(RateLimit::Unlimited);
    let mut routes = api;
    let files = coinsphere_dashboard::files().iter();
    let unhashed = files.filter(|file| !file.is_immutable() && file.path() != "index.html");
    let paths = unhashed.map(|file| format!("/{}", file.path()));
    for path in paths.chain(["/", "/assets/{*file}"].map(str::to_owned)) {
        routes = routes.route(&path, get(dashboard::file));
        policies.insert(Method::GET, path, page);
    }
    let routes = routes
        .merge(SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", document))
        .fallback(dashboard::fallback);
    layers::around(routes, policies, &state).with_state(state)
}
