//! `/api/v1/predictions` and `/api/v1/models`.

use std::sync::Mutex;

use async_trait::async_trait;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Interval};
use coinsphere_pipelines::store::{Forecast, Outcome, PriceRange, StoredForecast};
use serde_json::json;

use super::memory::key;
use super::*;

pub(super) const TOKEN: &str = "a-token-of-administrators";

/// Forecasts of bitcoin from hourly candles, and two versions of its model.
#[derive(Default)]
pub(super) struct MemoryForecasts {
    serves: Mutex<Option<String>>,
    has_skill: bool,
}

const HOUR: Interval = Interval::Hour1;

fn stored(open_time: &str, horizon: u32, realised: bool) -> StoredForecast {
    let open_time = at(open_time);
    let decimal = |text: &str| text.parse().unwrap();
    let range = |low, high| PriceRange {
        low: decimal(low),
        high: decimal(high),
    };
    StoredForecast {
        forecast: Forecast {
            horizon,
            open_time,
            target_time: open_time + HOUR.duration() * (horizon + 1),
            model: "one".to_owned(),
            method: "ridge".to_owned(),
            base_price: decimal("61837.630"),
            expected_return: 0.001,
            price: decimal("61899.500"),
            ranges: Some([
                range("61800", "62000"),
                range("61700", "62100"),
                range("61000", "63000"),
            ]),
            made_at: open_time + HOUR.duration(),
        },
        revision: 0,
        outcome: realised.then(|| Outcome {
            price: decimal("62050"),
            log_return: 0.003,
            realised_at: open_time + HOUR.duration() * (horizon + 1),
        }),
    }
}

impl MemoryForecasts {
    fn skill(&self) -> Skill {
        let estimate = |value: f64| Estimate {
            value,
            low: value - 0.01,
            high: value + 0.01,
        };
        Skill {
            mase: estimate(if self.has_skill { 0.9 } else { 1.002 }),
            directional_accuracy: estimate(0.51),
            coverage: Some([0.5, 0.81, 0.95]),
            forecasts: 400,
            has_skill: self.has_skill,
        }
    }

    fn version(&self, id: &str) -> ModelVersion {
        ModelVersion {
            id: id.to_owned(),
            token: "bitcoin".to_owned(),
            interval: HOUR,
            serves: self.serves.lock().unwrap().as_deref() == Some(id),
            error: (id == "broken").then(|| "its checksum is wrong".to_owned()),
            card: Some(json!({"id": id})),
            horizons: vec![(1, "ridge".to_owned(), Some(self.skill()))],
            created_at: Some(at("2024-08-08T00:00:00Z")),
        }
    }
}

#[async_trait]
impl Forecasts for MemoryForecasts {
    async fn newest(&self, token: &AssetId, interval: Interval) -> Result<Vec<Judged>, ReadError> {
        if token.as_str() != "bitcoin" || interval != HOUR {
            return Ok(Vec::new());
        }
        let of = |horizon| Judged {
            stored: stored("2024-08-08T23:00:00Z", horizon, false),
            evaluated: Some(self.skill()),
            live: None,
        };
        Ok(vec![of(1), of(24), of(168)])
    }

    async fn past(&self, query: &PastQuery) -> Result<Vec<StoredForecast>, ReadError> {
        let all = [
            "2024-08-08T23:00:00Z",
            "2024-08-08T22:00:00Z",
            "2024-08-08T21:00:00Z",
        ];
        let all = all.map(|time| stored(time, query.horizon, time < "2024-08-08T22"));
        let asked = all.into_iter().filter(|stored| {
            query
                .before
                .is_none_or(|before| stored.forecast.open_time < before)
        });
        Ok(asked.take(query.limit).collect())
    }

    async fn track_record(&self, query: &PastQuery) -> Result<Option<Skill>, ReadError> {
        Ok((query.horizon == 1).then(|| self.skill()))
    }

    async fn instrument(&self, _: &AssetId) -> Result<Option<InstrumentKey>, ReadError> {
        Ok(Some(key("binance", "BTCUSDT")))
    }

    async fn models(&self) -> Result<Vec<ModelVersion>, ReadError> {
        Ok(["one", "broken"].map(|id| self.version(id)).to_vec())
    }

    async fn model(&self, id: &str) -> Result<Option<ModelVersion>, ReadError> {
        Ok(["one", "broken"].contains(&id).then(|| self.version(id)))
    }

    async fn promote(&self, id: &str) -> Result<ModelVersion, PromoteError> {
        match id {
            "one" => {
                *self.serves.lock().unwrap() = Some(id.to_owned());
                Ok(self.version(id))
            }
            "broken" => Err(PromoteError::Unusable("secret/path is corrupt".to_owned())),
            _ => Err(PromoteError::Unknown),
        }
    }

    async fn train(
        &self,
        token: Option<&AssetId>,
        interval: Option<Interval>,
        _: Option<uuid::Uuid>,
    ) -> Result<Option<Vec<String>>, ReadError> {
        let wanted = token.is_none_or(|token| token.as_str() == "bitcoin");
        let names = [HOUR, Interval::Day1].into_iter();
        let names = names.filter(|of| wanted && interval.is_none_or(|interval| interval == *of));
        Ok(Some(names.map(|of| format!("bitcoin/{of}")).collect()))
    }
}

async fn post(app: &App, path: &str, token: Option<&str>, body: &str) -> Answer {
    let mut request = Request::post(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn forecasts_come_with_intervals_and_say_when_they_have_no_skill() {
    let app = App::new();
    let answer = app.get("/api/v1/predictions/BTC").await.json();
    assert_eq!(answer["token"], "bitcoin");
    assert_eq!(answer["interval"], "1h");
    assert_eq!(answer["instrument"], "binance:BTCUSDT");
    let horizons: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["horizon"])
        .collect();
    assert_eq!(horizons, ["1h", "24h", "7d"]);
    let first = &answer["data"][0];
    assert_eq!(first["base_price"], "61837.63");
    assert_eq!(first["price"], "61899.5");
    assert_eq!(first["target_time"], "2024-08-09T01:00:00Z");
    assert_eq!(
        first["intervals"][1],
        json!({"level": 80, "low": "61700", "high": "62100"})
    );
    assert_eq!(first["skill"]["has_skill"], false);
    let said = first["skill"]["statement"].as_str().unwrap();
    assert!(
        said.starts_with("No skill: not better than repeating the last price"),
        "{said}"
    );
    assert_eq!(first["skill"]["evaluation"]["coverage"]["80"], 0.81);
    assert_eq!(first["skill"]["live"], Value::Null);

    let day = app
        .get("/api/v1/predictions/bitcoin?horizon=24h")
        .await
        .json();
    assert_eq!(day["data"].as_array().unwrap().len(), 1);
    assert_eq!(day["data"][0]["horizon"], "24h");
}

#[tokio::test]
async fn what_is_not_forecast_is_a_problem_with_the_reason() {
    let app = App::new();
    let body = app.get("/api/v1/predictions/bitcoin?interval=1d").await;
    let body = body.is_problem(404, "no-forecast");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("in the background"),
        "{body}"
    );
    let body = app.get("/api/v1/predictions/lonely").await;
    let body = body.is_problem(404, "no-forecast");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("forecasts.tokens"),
        "{body}"
    );
    app.get("/api/v1/predictions/nothing")
        .await
        .is_problem(404, "unknown-token");
    for query in ["interval=1d&horizon=1h", "horizon=2h", "interval=5m"] {
        let answer = app
            .get(&format!("/api/v1/predictions/bitcoin?{query}"))
            .await;
        answer.is_problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn earlier_forecasts_are_paged_with_what_came_of_them() {
    let app = App::new();
    let first = app
        .get("/api/v1/predictions/bitcoin/history?limit=2")
        .await
        .json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(first["data"][0]["outcome"], Value::Null);
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/predictions/bitcoin/history?limit=2&cursor={cursor}");
    let second = app.get(&path).await.json();
    assert_eq!(second["next_cursor"], Value::Null);
    let last = &second["data"][0];
    assert_eq!(last["open_time"], "2024-08-08T21:00:00Z");
    assert_eq!(last["outcome"]["price"], "62050");
    assert_eq!(last["outcome"]["inside"], json!([80, 95]));
    for query in ["cursor=f0", "cursor=x", "limit=0", "model=../x"] {
        let answer = app
            .get(&format!("/api/v1/predictions/bitcoin/history?{query}"))
            .await;
        answer.is_problem(400, "invalid-request");
    }
}

#[tokio::test]
async fn the_track_record_says_what_it_knows() {
    let app = App::new();
    let known = app
        .get("/api/v1/predictions/bitcoin/track-record")
        .await
        .json();
    assert_eq!(known["horizon"], "1h");
    assert_eq!(known["has_skill"], false);
    assert_eq!(known["score"]["forecasts"], 400);
    let unknown = app
        .get("/api/v1/predictions/bitcoin/track-record?horizon=24h")
        .await
        .json();
    assert_eq!(
        (&unknown["score"], &unknown["has_skill"]),
        (&Value::Null, &json!(false))
    );
    assert!(
        unknown["statement"]
            .as_str()
            .unwrap()
            .contains("Nothing is known")
    );
}

#[tokio::test]
async fn models_are_listed_with_what_is_wrong_with_them() {
    let app = App::new();
    let list = app.get("/api/v1/models?token=btc&interval=1h").await.json();
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(ids, ["one", "broken"]);
    assert_eq!(list["data"][1]["error"], "its checksum is wrong");
    assert_eq!(list["data"][0]["horizons"][0]["method"], "ridge");
    let none = app.get("/api/v1/models?interval=1d").await.json();
    assert_eq!(none["data"], json!([]));
    let one = app.get("/api/v1/models/one").await.json();
    assert_eq!(one["card"]["id"], "one");
    app.get("/api/v1/models/two")
        .await
        .is_problem(404, "unknown-model");
}

#[tokio::test]
async fn only_administrators_change_what_serves() {
    let app = App::new();
    for path in ["/api/v1/models/one/promote", "/api/v1/models/train"] {
        let nobody = post(&app, path, None, "").await;
        nobody.is_problem(401, "not-signed-in");
        assert_eq!(nobody.header("www-authenticate"), "Bearer");
        post(&app, path, Some("a-token-of-somebody-else"), "")
            .await
            .is_problem(401, "invalid-token");
    }
    assert_eq!(app.get("/api/v1/models/one").await.json()["serves"], false);
    for _ in 0..2 {
        let promoted = post(&app, "/api/v1/models/one/promote", Some(TOKEN), "").await;
        assert_eq!(
            (promoted.status.as_u16(), &promoted.json()["serves"]),
            (200, &json!(true))
        );
    }
    post(&app, "/api/v1/models/two/promote", Some(TOKEN), "")
        .await
        .is_problem(404, "unknown-model");
    let broken = post(&app, "/api/v1/models/broken/promote", Some(TOKEN), "").await;
    let body = broken.is_problem(409, "unusable-model");
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn trainings_are_queued() {
    let app = App::new();
    let ask = async |body: &str| post(&app, "/api/v1/models/train", Some(TOKEN), body).await;
    ask("")
        .await
        .is(202, json!({"queued": ["bitcoin/1h", "bitcoin/1d"]}));
    ask(r#"{"token":"BTC","interval":"1d"}"#)
        .await
        .is(202, json!({"queued": ["bitcoin/1d"]}));
    ask(r#"{"token":"lonely"}"#)
        .await
        .is_problem(404, "no-forecast");
    ask(r#"{"token":"nobody"}"#)
        .await
        .is_problem(404, "unknown-token");
    ask(r#"{"tokens":[]}"#)
        .await
        .is_problem(400, "invalid-request");
    ask(r#"{"interval":"1m"}"#)
        .await
        .is_problem(400, "invalid-request");
    ask("{").await.is_problem(400, "invalid-request");
}
