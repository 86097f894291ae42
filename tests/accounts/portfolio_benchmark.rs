//! The value of a benchmark day by day, beside that of a portfolio.

use coinsphere::accounts::Role;
use coinsphere::portfolios::analysis::benchmark_in;
use coinsphere::portfolios::report::{ReportOptions, days_between};
use coinsphere::portfolios::{Computed, Decimal, Method as LotMethod};
use serde_json::{Value, json};

use super::app::Place;
use super::portfolio_figures::{BTC, btc, filled, import_closes, with_prices};
use super::two_factor::verified;

pub(crate) async fn history_shows_a_benchmark_with_the_same_flows(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let get = async |query: &str| {
        app.get(&format!("{path}/history{query}"), &ada.access)
            .await
    };
    let file = with_prices(&app, &path).await;
    let computed = Computed::new(file, ReportOptions::new(LotMethod::Fifo)).unwrap();
    let weights = [("bitcoin", "0.5"), ("USD", "0.5")];
    let weights: [(String, Decimal); 2] =
        weights.map(|(asset, weight)| (asset.to_owned(), weight.parse().unwrap()));

    assert_eq!(get("").await.good(200)["benchmark"], Value::Null);
    let (from, to) = ("2026-02-27", "2026-02-28");
    for (query, range, currency) in [
        ("?", None, "USD"),
        ("?from=2026-02-27&to=2026-02-28&", Some((from, to)), "USD"),
        ("?currency=BTC&", None, "bitcoin"),
    ] {
        let asked = format!("{query}benchmark=BTC:0.5,usd:0.5");
        let shown = get(&asked).await.good(200);
        let benchmark = &shown["benchmark"];
        let day = |text: &str| text.parse().unwrap();
        let all = computed.days_in(currency).unwrap();
        let (from, to) = range.unzip();
        let days = days_between(&all, from.map(day), to.map(day));
        let wanted = benchmark_in(&computed.ledger(), &days, &weights, true, currency).unwrap();
        let wanted = serde_json::to_value(wanted).unwrap();
        assert_eq!(benchmark["data"], wanted["history"], "{asked}");
        assert_eq!(benchmark["value_reason"], Value::Null);
        assert_eq!(
            benchmark["assets"],
            json!([{"asset": "bitcoin", "weight": "0.5"}, {"asset": "USD", "weight": "0.5"}])
        );
        // A day of the one for each of the other.
        let dates = |list: &Value| -> Vec<Value> {
            let days = list.as_array().unwrap().iter();
            days.map(|day| day["date"].clone()).collect()
        };
        assert_eq!(dates(&benchmark["data"]), dates(&shown["data"]), "{asked}");
        assert!(!dates(&shown["data"]).is_empty());
    }
    let unpriced = get("?benchmark=ETH").await.good(200);
    assert!(
        unpriced["benchmark"]["value_reason"].is_string(),
        "{unpriced}"
    );
    assert_eq!(unpriced["benchmark"]["data"][0]["value"], Value::Null);
    get("?benchmark=bitcoin:0.5")
        .await
        .is_problem(400, "invalid-request");
}
