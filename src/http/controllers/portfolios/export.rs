//! `GET /api/v1/portfolios/{id}/export`

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::files::{write_csv, write_json};

/// What is written.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
}

/// All transactions of a portfolio as a file that can be imported again, to the digit.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/export", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("format" = Option<String>, Query, description = "`json` (by default), with currency, time zone and prices; or `csv`, the transactions alone")
    ),
    responses(
        (status = 200, description = "The file", content(
            (serde_json::Value = "application/json"),
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
