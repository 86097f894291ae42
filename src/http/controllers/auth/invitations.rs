//! `POST /api/v1/auth/invitations`

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{AccountError, Role, Wrong};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::idempotency::DoNotReplay;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The invitation to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = InvitationRequest)]
pub(in crate::http) struct InviteBody {
    /// The only email address that may use it; anybody who has it may, if absent.
    #[schema(example = "eve@example.org")]
    email: Option<String>,
    /// The role: `user` (default) or `admin`.
    #[schema(example = "user")]
    role: Option<String>,
    /// Days until it expires, 1 to 90; 7 if absent.
    #[schema(example = 7, minimum = 1, maximum = 90)]
    days: Option<u32>,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(in crate::http) struct InvitationView {
    /// The id.
    id: Uuid,
    /// The token to register with; shown only once.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    invitation: String,
    /// When it expires.
    expires_at: DateTime<Utc>,
}

/// Creates an invitation to register.
#[utoipa::path(
    post, path = "/api/v1/auth/invitations", tag = "accounts",
    request_body = InviteBody,
    responses(
        (status = 201, description = "The invitation", body = InvitationView)
    )
)]
pub(in crate::http) async fn create_invitation(
    State(state): State<AccountState>,
    admin: AdminUser,
    params: Params,
    JsonBody(body): JsonBody<InviteBody>,
) -> Result<
    (
        StatusCode,
        [(HeaderName, &'static str); 1],
        Extension<DoNotReplay>,
        Json<InvitationView>,
    ),
    Problem,
> {
    params.finish()?;
    let wrong = |field, detail: &str| AccountError::Invalid(vec![Wrong::new(field, detail)]);
    let role = match body.role.as_deref() {
        None | Some("user") => Role::User,
        Some("admin") => Role::Admin,
        Some(_) => return Err(wrong("role", "use user or admin").into()),
    };
    let days = body.days.unwrap_or(7);
    if !(1..=90).contains(&days) {
        return Err(wrong("days", "use a whole number from 1 to 90").into());
    }
    let email = body.email.as_deref();
    let made = state
        .accounts
        .invite(Some(admin.user.id), email, role, days)
        .await?;
    let body = InvitationView {
        id: made.id,
        invitation: made.token,
        expires_at: made.expires_at,
    };
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Extension(DoNotReplay),
        Json(body),
    ))
}
