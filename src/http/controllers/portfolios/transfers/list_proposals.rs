//! `GET /api/v1/portfolios/{id}/transfers/proposals`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::controllers::portfolios::transactions::views::TransactionBody;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::transfers::Proposal;

/// Proposed transfers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferProposals)]
pub(in crate::http) struct TransferProposalsView {
    /// By time; at most 1,000.
    data: Vec<TransferProposalView>,
}

/// A withdrawal and a deposit that may be one transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferProposal)]
pub(in crate::http) struct TransferProposalView {
    /// The withdrawal's id.
    #[schema(example = "w-1")]
    withdrawal: String,
    /// The deposit's id.
    #[schema(example = "d-1")]
    deposit: String,
    /// True when neither matches anything else, or both name one transaction hash.
    certain: bool,
    /// The hash that both name.
    hash: Option<String>,
    /// The transfer that would take the place of both.
    transfer: TransactionBody,
}

impl From<Proposal> for TransferProposalView {
    fn from(proposal: Proposal) -> Self {
        Self {
            withdrawal: proposal.withdrawal,
            deposit: proposal.deposit,
            certain: proposal.certain,
            hash: proposal.hash,
            transfer: proposal.transfer.into(),
        }
    }
}

/// Lists withdrawals and deposits of a portfolio that may be one transfer: nothing is booked until one is accepted.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/transfers/proposals", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The proposals", body = TransferProposalsView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn list_transfer_proposals(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<TransferProposalsView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let found = state
        .figures
        .transfer_proposals(principal.user.0, portfolio)
        .await?;
    let data = found.into_iter().map(Into::into).collect();
    Ok(NoStore(TransferProposalsView { data }))
}
