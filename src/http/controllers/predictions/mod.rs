//! Forecasts of a token, what came of earlier ones, and how far to trust them.

pub(in crate::http) mod history;
pub(in crate::http) mod show;
pub(in crate::http) mod track_record;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

use coinsphere_pipelines::market::{AssetId, Interval};

use crate::forecasts::{SERIES, horizons};
use crate::http::controllers::predictions::views::horizon_of;
use crate::http::extract::params::Params;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::ForecastState;

/// Which forecasts.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents what Asked::read reads; a test compares the two"
)]
pub(in crate::http) struct SeriesParams {
    /// Horizon: `1h`, `24h` or `7d`.
    horizon: Option<String>,
    /// Length of the candles that the forecasts are based on: `1h` (default) or `1d`, which has no
    /// `1h` horizon.
    interval: Option<String>,
}

/// Which forecasts were asked for.
struct Asked {
    interval: Interval,
    /// In candles; `None`: all.
    horizon: Option<u32>,
}

impl Asked {
    fn read(params: &mut Params) -> Self {
        let interval = params.take("interval", forecast_interval);
        let interval = interval.unwrap_or(Interval::Hour1);
        let horizon = params.take("horizon", |text| {
            let known = horizons(interval).iter().copied();
            let found = known
                .clone()
                .find(|candles| horizon_of(interval, *candles) == text);
            found.ok_or_else(|| {
                let names: Vec<String> = known.map(|h| horizon_of(interval, h)).collect();
                format!("use one of {}", names.join(", "))
            })
        });
        Self { interval, horizon }
    }

    /// The horizon asked for, else the shortest.
    fn one_horizon(&self) -> u32 {
        // Only intervals that are forecast are read.
        let shortest = horizons(self.interval).first().copied();
        self.horizon.or(shortest).unwrap_or(1)
    }
}

/// An interval that is forecast.
pub(in crate::http) fn forecast_interval(text: &str) -> Result<Interval, String> {
    let mut known = SERIES.iter().map(|(interval, _)| *interval);
    known
        .find(|interval| interval.name() == text)
        .ok_or_else(|| "use 1h or 1d".to_owned())
}

/// There is nothing to show of a token.
fn nothing_of(state: &ForecastState, token: &AssetId, interval: Interval) -> Problem {
    let followed = &state.forecast_tokens;
    let detail = if followed.iter().any(|id| id == token.as_str()) {
        format!(
            "there is no forecast of {token} from {interval} candles yet: its model is trained in the background"
        )
    } else {
        format!(
            "{token} is not forecast; forecasts.tokens lists what is: {}",
            followed.join(", ")
        )
    };
    Problem::new(Kind::NoForecast).with_detail(detail)
}

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(show::show_predictions), Policy::market_data())
        .add(
            routes!(history::list_past_predictions),
            Policy::market_data(),
        )
        .add(
            routes!(track_record::show_track_record),
            Policy::market_data(),
        )
}
