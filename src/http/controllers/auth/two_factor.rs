//! `POST /api/v1/auth/two-factor/enrol`, `confirm`, `remove` and `recovery-codes`: the second factor.

use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::ProofBody;
use crate::accounts::Client;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::identity::VerifiedUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The secret for an authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpEnrolment)]
pub(in crate::http) struct EnrolmentView {
    /// The secret in base32, for typing.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The secret as an `otpauth://` URI.
    #[schema(example = "otpauth://totp/Coinsphere:ada%40example.org?secret=JBSWY3DP…")]
    otpauth_url: String,
    /// The URI as a QR code, SVG.
    #[schema(example = "<?xml version=\"1.0\" standalone=\"yes\"?><svg …")]
    qr_svg: String,
}

/// Starts the enrolment of a second factor. It is required once it is confirmed.
#[utoipa::path(
    post, path = "/api/v1/auth/two-factor/enrol", tag = "accounts",
    request_body = ProofBody,
    responses(
        (status = 200, description = "The secret for an authenticator app; shown only once", body = EnrolmentView),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 409, description = "`conflict`: there is a second factor already"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn enrol_two_factor(
    State(state): State<AccountState>,
    verified: VerifiedUser,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ProofBody>,
) -> Result<NoStore<EnrolmentView>, Problem> {
    params.finish()?;
    let enrolment = state
        .accounts
        .enrol_second_factor(verified.user.id, &body.into(), &client)
        .await?;
    Ok(NoStore(EnrolmentView {
        secret: enrolment.secret,
        otpauth_url: enrolment.url,
        qr_svg: enrolment.qr_svg,
    }))
}

/// The first code of a second factor.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = TotpConfirmation)]
pub(in crate::http) struct ConfirmBody {
    /// The code that the authenticator app shows.
    #[schema(example = "492039")]
    totp_code: String,
}

/// Recovery codes, for when the device is lost.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(in crate::http) struct RecoveryView {
    /// Each replaces a second-factor code once. Shown only once.
    #[schema(example = json!(["ABCD-EFGH-IJKL-MNOP-QRST-UVWX"]))]
    recovery_codes: Vec<String>,
}

/// Confirms the second factor with its first code; from then on it is required.
#[utoipa::path(
    post, path = "/api/v1/auth/two-factor/confirm", tag = "accounts",
    request_body = ConfirmBody,
    responses(
        (status = 200, description = "Recovery codes", body = RecoveryView),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `wrong-code`"),
        (status = 409, description = "`conflict`: the second factor is confirmed already"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn confirm_two_factor(
    State(state): State<AccountState>,
    verified: VerifiedUser,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ConfirmBody>,
) -> Result<NoStore<RecoveryView>, Problem> {
    params.finish()?;
    let recovery_codes = state
        .accounts
        .confirm_second_factor(verified.user.id, &body.totp_code, &client)
        .await?;
    Ok(NoStore(RecoveryView { recovery_codes }))
}

/// Removes the second factor and its recovery codes.
#[utoipa::path(
    post, path = "/api/v1/auth/two-factor/remove", tag = "accounts",
    request_body = ProofBody,
    responses(
        (status = 204, description = "The public key is removed"),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 409, description = "`conflict`: there is no second factor"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn remove_two_factor(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ProofBody>,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state
        .accounts
        .remove_second_factor(principal.user, &body.into(), &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the recovery codes.
#[utoipa::path(
    post, path = "/api/v1/auth/two-factor/recovery-codes", tag = "accounts",
    request_body = ProofBody,
    responses(
        (status = 200, description = "Recovery codes", body = RecoveryView),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 409, description = "`conflict`: there is no second factor"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn renew_recovery_codes(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ProofBody>,
) -> Result<NoStore<RecoveryView>, Problem> {
    params.finish()?;
    let recovery_codes = state
        .accounts
        .renew_recovery_codes(principal.user, &body.into(), &client)
        .await?;
    Ok(NoStore(RecoveryView { recovery_codes }))
}
