//! `GET /api/v1/portfolios/{id}/tax/{year}`

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;

use super::super::views::{fees_in_kind, id, method, scope};
use super::range::currency;
use super::tax_views::TaxView;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;
use crate::portfolios::report::{Jurisdiction, ReportOptions};
use crate::portfolios::{Method, Scope};
use crate::user_portfolios::PortfolioError;

/// Format of the report.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
    Html,
}

/// The tax report of a year: disposals with their lots, income, and what is left at its end. It is made by
/// the portfolio's settings, or by others that are given.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/tax/{year}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("year" = i32, Path, description = "The tax year, 1970 to 2199; with the method `uk` the one that begins on 6 April of it; of `gb` and `au` the one that begins in it"),
        ("method" = Option<String>, Query, description = "`fifo`, `lifo`, `hifo`, `average`, `uk` or `specific`, instead of the portfolio's"),
        ("scope" = Option<String>, Query, description = "`portfolio` or `account`, instead of the portfolio's; `uk` takes only `portfolio`"),
        ("fees_in_kind" = Option<String>, Query, description = "`dispose` or `at_cost`, instead of the portfolio's"),
        ("jurisdiction" = Option<String>, Query, description = "`us`, `de`, `gb`, `au` or `ca`: whose tax year and terms it goes by; by default the calendar's year and a term of one year, with `uk` the year from 6 April"),
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, each at the closing price of its day, instead of the portfolio's own: `EUR`, `bitcoin`"),
        ("format" = Option<String>, Query, description = "`json` (by default); `csv`: a row for each lot that was disposed of, each receipt of income and each holding at the end; `html`: a page to print")
    ),
    responses(
        (status = 200, description = "The report", content(
            (TaxView = "application/json"),
            (String = "text/csv"),
            (String = "text/html")
        )),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn show_tax_report(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, year)): Path<(String, String)>,
    mut params: Params,
) -> Result<Response, Problem> {
    let by = params.take("method", method);
    let from = params.take("scope", scope);
    let fees = params.take("fees_in_kind", fees_in_kind);
    let of = params.take("jurisdiction", |text| text.parse::<Jurisdiction>());
    let currency = currency(&mut params);
    let format = params.take("format", |text| match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "html" => Ok(Format::Html),
        _ => Err("use json, csv or html".to_owned()),
    });
    if by == Some(Method::Uk) && from == Some(Scope::Account) {
        params.refuse(
            "scope",
            "the method uk pools over all accounts: leave it out",
        );
    }
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let year = year
        .parse()
        .ok()
        .filter(|year| (1970..=2199).contains(year));
    let year: i32 = year.ok_or_else(|| {
        Problem::new(Kind::NotFound).with_detail("there is no such tax year: use 1970 to 2199")
    })?;
    let user = principal.user.0;
    let currency = state
        .figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let asked = move |computed: &crate::portfolios::Computed| {
        let own = computed.options();
        let method = by.unwrap_or(own.method);
        let scope = match method {
            // It knows no accounts, whatever the portfolio's own method goes by.
            Method::Uk => Scope::Portfolio,
            _ => from.unwrap_or(own.scope),
        };
        let options = ReportOptions {
            method,
            scope,
            fees_in_kind: fees.unwrap_or(own.fees_in_kind),
            jurisdiction: of.or(own.jurisdiction),
            year: Some(year),
            history: false,
        };
        computed.report_for(&options, Some(&currency))
    };
    let (_, report) = state.figures.ask(user, portfolio, asked).await?;
    let report = report.map_err(PortfolioError::NoReport)?;
    let no_store = (header::CACHE_CONTROL, "no-store");
    Ok(match format.unwrap_or(Format::Json) {
        Format::Json => NoStore(TaxView::new(year, report)).into_response(),
        Format::Csv => {
            let media = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
            ([media, no_store], report.tax_csv()).into_response()
        }
        Format::Html => {
            let media = (header::CONTENT_TYPE, "text/html; charset=utf-8");
            let page = report.tax_html();
            let policy = [(header::CONTENT_SECURITY_POLICY, page_policy(&page))];
            ([media, no_store], policy, page).into_response()
        }
    })
}

/// The content security policy of a page that has its style within it, and nothing else that acts.
fn page_policy(page: &str) -> String {
    let style = page.split_once("<style>");
    let style = style.and_then(|(_, rest)| Some(rest.split_once("</style>")?.0));
    let hash = BASE64.encode(digest(&SHA256, style.unwrap_or_default().as_bytes()).as_ref());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}
