//! `GET /api/v1/portfolios/{id}/export`

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use super::transactions::views::TransactionBody;
use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::files::{write_csv, write_json};

/// The format of the file.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
}

/// A file of transactions.
#[derive(Debug, ToSchema)]
#[schema(as = TransactionFile)]
#[expect(dead_code, reason = "documents what write_json writes")]
pub(in crate::http) struct TransactionFileView {
    /// Always `coinsphere.transactions`.
    #[schema(example = "coinsphere.transactions")]
    format: String,
    /// Always 1.
    #[schema(example = 1)]
    version: u32,
    /// The portfolio's currency.
    #[schema(example = "GBP")]
    currency: String,
    /// The portfolio's time zone.
    #[schema(example = "Europe/London")]
    timezone: String,
    /// By time; those of one instant in the order in which they were added.
    transactions: Vec<TransactionBody>,
    /// Closing prices that imports brought, by asset and day; absent if there are none.
    #[schema(example = json!({"bitcoin": {"2024-01-08": "36000.00"}}))]
    prices: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// Exports all transactions of a portfolio as a file that can be imported again, to the digit.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/export", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("format" = Option<String>, Query, description = "`json` (by default), with currency, time zone and prices; or `csv`, the transactions alone")
    ),
    responses(
        (status = 200, description = "The file", content(
            (TransactionFileView = "application/json"),
            (String = "text/csv")
        )),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn export_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    let format = params.take("format", |text| match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        _ => Err("use json or csv".to_owned()),
    });
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    state
        .portfolios
        .portfolio(principal.user.0, portfolio)
        .await?;
    let (_, file) = state.portfolios.file(portfolio).await?;
    let (media, name, text) = match format.unwrap_or(Format::Json) {
        Format::Json => ("application/json", "portfolio.json", write_json(&file)),
        Format::Csv => (
            "text/csv; charset=utf-8",
            "portfolio.csv",
            write_csv(&file.transactions),
        ),
    };
    let headers = [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, text).into_response())
}
