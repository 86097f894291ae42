//! Portfolios: what is stored is what was sent, an import is all or nothing and adds nothing twice, and
//! nobody else sees any of it but by a link.

use axum::http::{Method, header};
use coinsphere::accounts::Role;
use coinsphere::user_portfolios::PortfolioChanged;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::app::{Answer, App, Pair, Place};
use super::portfolio_figures::{BTC, btc, import_closes};
use super::program::Program;
use super::two_factor::{post, verified};

const PORTFOLIOS: &str = "/api/v1/portfolios";

/// Two equal fills of one second, a rewarded coin, a move inside the account and a failed row.
const HISTORY: &str = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n\
    1,2024-01-08 07:05:12,Spot,Deposit,EUR,1000.00,\n\
    1,2024-01-08 07:06:00,Spot,Transaction Spend,EUR,-100.00,\n\
    1,2024-01-08 07:06:00,Spot,Transaction Buy,BTC,0.00250000,\n\
    1,2024-01-09 00:00:00,Spot,Simple Earn Flexible Interest,BTC,0.00000010,\n\
    1,2024-01-09 00:00:00,Spot,Simple Earn Flexible Interest,BTC,0.00000010,\n";

async fn ada(app: &App) -> Pair {
    verified(app, "ada@example.org", Role::User).await
}

async fn create(app: &App, token: &str, body: Value) -> String {
    let made = post(app, PORTFOLIOS, token, body).await.good(201);
    format!("{PORTFOLIOS}/{}", made["id"].as_str().unwrap())
}

async fn import(app: &App, token: &str, path: &str, body: Value) -> Answer {
    post(app, &format!("{path}/import"), token, body).await
}

fn file(name: &str, text: &str) -> Value {
    json!({"name": name, "text": text})
}

async fn export(app: &App, token: &str, path: &str, format: &str) -> String {
    let answer = app
        .get(&format!("{path}/export?format={format}"), token)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn send(app: &App, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
    app.send(method, path, Some(token), body.as_ref()).await
}

/// Every asset's quantity, by the transactions that are listed page by page.
async fn numbers(app: &App, token: &str, path: &str, query: &str) -> Vec<i64> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = format!("{path}/transactions?limit=2{query}{cursor}");
        let page = app.get(&page, token).await.good(200);
        let data = page["data"].as_array().unwrap();
        seen.extend(data.iter().map(|row| row["number"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

pub(crate) async fn a_portfolio_has_a_name_and_settings(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let wanted = json!({"name": " Long term ", "currency": "gbp", "time_zone": "Europe/London",
        "method": "uk", "fees_in_kind": "at_cost"});
    let path = create(&app, &ada.access, wanted).await;
    let shown = app.get(&path, &ada.access).await.good(200);
    for (field, value) in [
        ("name", "Long term"),
        ("currency", "GBP"),
        ("time_zone", "Europe/London"),
        ("method", "uk"),
        ("scope", "portfolio"),
        ("fees_in_kind", "at_cost"),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    app.advance(1);
    let defaults = create(&app, &ada.access, json!({"name": "plain"})).await;
    let plain = app.get(&defaults, &ada.access).await.good(200);
    assert_eq!(
        (&plain["currency"], &plain["time_zone"], &plain["method"]),
        (&json!("USD"), &json!("UTC"), &json!("fifo"))
    );
    let wrong = json!({"name": "x", "method": "best", "scope": "world", "time_zone": "Mars"});
    let problem = post(&app, PORTFOLIOS, &ada.access, wrong).await;
    let problem = problem.is_problem(400, "invalid-request");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["time_zone", "method", "scope"]);
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "a\u{7}b"}), "name"),
        (json!({"name": "x", "currency": "shells"}), "currency"),
        (json!({"name": "x", "colour": "red"}), "colour"),
    ] {
        let problem = post(&app, PORTFOLIOS, &ada.access, body).await;
        let problem = problem.is_problem(400, "invalid-request");
        assert!(problem["errors"].to_string().contains(field), "{problem}");
    }
    post(&app, PORTFOLIOS, &ada.access, json!({"name": "plain"}))
        .await
        .is_problem(409, "conflict");

    let patch = async |path: &str, body: Value| {
        send(&app, Method::PATCH, path, &ada.access, Some(body)).await
    };
    let before = plain["version"].as_i64().unwrap();
    let changed = patch(&defaults, json!({"name": "plainer", "method": "hifo"})).await;
    let changed = changed.good(200);
    assert_eq!(changed["name"], "plainer");
    assert_eq!(changed["method"], "hifo");
    assert_eq!(changed["version"], before + 1);
    patch(&defaults, json!({"name": "Long term"}))
        .await
        .is_problem(409, "conflict");
    // Values are in the currency: it stays once there are any.
    patch(&defaults, json!({"currency": "bitcoin"}))
        .await
        .good(200);
    patch(&defaults, json!({"currency": "EUR"})).await.good(200);
    let buy = json!({"time": "2024-01-08T07:05:12Z", "kind": "opening", "account": "box",
        "received": {"asset": "BTC", "quantity": "1", "value": "40000"}});
    post(&app, &format!("{defaults}/transactions"), &ada.access, buy)
        .await
        .good(201);
    patch(&defaults, json!({"currency": "USD"}))
        .await
        .is_problem(409, "conflict");

    let listed = app.get(PORTFOLIOS, &ada.access).await.good(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed["data"][0]["transactions"], 0);
    send(&app, Method::DELETE, &defaults, &ada.access, None)
        .await
        .good(204);
    app.get(&defaults, &ada.access)
        .await
        .is_problem(404, "not-found");
    let left = app
        .rows("SELECT FROM portfolio_transactions UNION ALL SELECT FROM portfolio_accounts")
        .await;
    assert!(left.is_empty());
}

pub(crate) async fn transactions_are_kept_to_the_digit_and_in_their_order(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let list = format!("{path}/transactions");
    let mut changes = app.state.portfolios.changes();
    let sent = json!({
        "id": "T4X-99", "time": "2024-01-08T08:05:12.000000001+01:00", "kind": "buy",
        "account": "kraken", "sent": {"asset": "EUR", "quantity": "683.600"},
        "received": {"asset": "ETH", "quantity": "0.300000000000000001", "value": "0.10"},
        "fees": [{"asset": "BNB", "quantity": "0.0016900", "value": "0.48"}, {"asset": "eur", "quantity": "1.0"}],
        "note": "zwölf \"Stück\"\nmehr", "tags": ["a;b", "long term"]
    });
    let kept = post(&app, &list, &ada.access, sent.clone()).await.good(201);
    let mut expected = sent.clone();
    expected["number"] = json!(1);
    expected["import"] = Value::Null;
    // Symbols are assets from here on.
    expected["received"]["asset"] = json!("ethereum");
    expected["fees"][1]["asset"] = json!("EUR");
    assert_eq!(kept, expected);
    assert_eq!(
        app.get(&format!("{list}/1"), &ada.access).await.good(200),
        expected
    );
    let PortfolioChanged { version, since, .. } = changes.try_recv().unwrap();
    assert_eq!((version, since), (Some(2), Some(1_704_697_512_000_000_001)));
    post(&app, &list, &ada.access, sent.clone())
        .await
        .is_problem(409, "conflict");

    // Of one instant, those that were added first happened first.
    let at = |id: &str, time: &str, kind: &str| {
        json!({"id": id, "time": time, "kind": kind, "account": "bank",
            "received": {"asset": "EUR", "quantity": "10"}})
    };
    let noon = "2024-02-01T12:00:00Z";
    let bulk = json!({"transactions": [
        at("b", noon, "deposit"), at("a", noon, "interest"), at("c", "2024-01-31T00:00:00Z", "deposit")
    ]});
    let bulk_path = format!("{list}/bulk");
    let added = post(&app, &bulk_path, &ada.access, bulk.clone()).await;
    assert_eq!(added.good(201), json!({"added": 3, "first_number": 2}));
    assert_eq!(numbers(&app, &ada.access, &path, "").await, [3, 2, 4, 1]);
    // All or none.
    let half = json!({"transactions": [at("d", noon, "deposit"), at("a", noon, "deposit")]});
    post(&app, &bulk_path, &ada.access, half)
        .await
        .is_problem(409, "conflict");
    let wrong = json!({"transactions": [at("d", noon, "deposit"), at("e", "yesterday", "found")]});
    let problem = post(&app, &bulk_path, &ada.access, wrong).await;
    let problem = problem.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "transactions[1].time");
    assert_eq!(problem["errors"][1]["field"], "transactions[1].kind");
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown["transactions"], 4);

    for (query, found) in [
        ("&asset=ETH", vec![1]),
        ("&asset=BNB", vec![1]),
        ("&asset=EUR&kind=deposit", vec![2, 4]),
        ("&account=bank&from=2024-02-01T12:00:00Z", vec![3, 2]),
        ("&to=2024-02-01T12:00:00Z", vec![4, 1]),
        ("&tag=a%3Bb", vec![1]),
        ("&tag=a", vec![]),
        ("&account=nowhere", vec![]),
    ] {
        let seen = numbers(&app, &ada.access, &path, query).await;
        assert_eq!(seen, found, "{query}");
    }
    let wrong = app
        .get(&format!("{list}?kind=gift&cursor=7&limit=0"), &ada.access)
        .await;
    let wrong = wrong.is_problem(400, "invalid-request");
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 3, "{wrong}");

    for (time, status) in [
        ("1677-09-21T00:12:43.145224192Z", 200),
        ("2262-04-11T23:47:16.854775807Z", 200),
        ("1677-09-21T00:12:43.145224191Z", 400),
        ("9999-12-31T23:59:59Z", 400),
    ] {
        for name in ["from", "to"] {
            let answer = app.get(&format!("{list}?{name}={time}"), &ada.access).await;
            answer.good(status);
        }
    }
    for place in ["8000000000000000-1", "7fffffffffffffff-8000000000000000"] {
        let answer = app
            .get(&format!("{list}?cursor={place}"), &ada.access)
            .await;
        answer.good(200);
    }

    // What makes no sense is refused by name.
    for (change, words) in [
        (json!({"sent": {"asset": "EUR", "quantity": "-1"}}), "sent"),
        (
            json!({"sent": {"asset": "EUR", "quantity": "1e3"}}),
            "sent.quantity",
        ),
        (json!({"to_account": "box"}), "to_account"),
        (json!({"received": null}), "received"),
        (json!({"value": "0.0000000000000000001"}), "value"),
        (json!({"id": "another"}), "id"),
    ] {
        let mut body = sent.clone();
        for (field, value) in change.as_object().unwrap() {
            body[field] = value.clone();
        }
        let path = format!("{list}/1");
        let answer = send(&app, Method::PUT, &path, &ada.access, Some(body)).await;
        let problem = answer.is_problem(400, "invalid-request");
        assert!(problem["errors"].to_string().contains(words), "{problem}");
    }
    let mut body = sent.clone();
    body["received"]["quantity"] = json!("0.5");
    body.as_object_mut().unwrap().remove("id");
    let replaced = send(
        &app,
        Method::PUT,
        &format!("{list}/1"),
        &ada.access,
        Some(body),
    )
    .await;
    assert_eq!(replaced.good(200)["id"], "T4X-99");
    // Undone, everything is as before.
    let restored = send(
        &app,
        Method::PUT,
        &format!("{list}/1"),
        &ada.access,
        Some(sent),
    )
    .await;
    assert_eq!(restored.good(200), expected);
    send(
        &app,
        Method::DELETE,
        &format!("{list}/4"),
        &ada.access,
        None,
    )
    .await
    .good(204);
    send(
        &app,
        Method::DELETE,
        &format!("{list}/4"),
        &ada.access,
        None,
    )
    .await
    .is_problem(404, "not-found");
    assert_eq!(numbers(&app, &ada.access, &path, "").await, [3, 2, 1]);
}

pub(crate) async fn of_two_who_take_a_name_at_once_one_is_refused(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let one = create(&app, &ada.access, json!({"name": "one"})).await;
    let two = create(&app, &ada.access, json!({"name": "two"})).await;
    for round in 0..5 {
        let wanted = json!({"name": format!("wanted {round}")});
        let rename = |path: &str| {
            let (path, wanted) = (path.to_owned(), wanted.clone());
            let (app, token) = (&app, &ada.access);
            async move { send(app, Method::PATCH, &path, token, Some(wanted)).await }
        };
        let (a, b) = tokio::join!(rename(&one), rename(&two));
        let mut answers = [a.status, b.status];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409], "{a:?} {b:?}");
        let wanted = json!({"name": format!("new {round}")});
        let (a, b) = tokio::join!(
            post(&app, PORTFOLIOS, &ada.access, wanted.clone()),
            post(&app, PORTFOLIOS, &ada.access, wanted.clone())
        );
        let mut answers = [a.status, b.status];
        answers.sort_unstable();
        assert_eq!(answers, [201, 409], "{a:?} {b:?}");
    }
}

pub(crate) async fn a_transaction_by_hand_has_an_id_of_its_own_kind(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let deposit = json!({"time": "2024-01-08T07:05:12Z", "kind": "deposit", "account": "binance",
        "received": {"asset": "EUR", "quantity": "1000"}});
    let kept = post(&app, &format!("{path}/transactions"), &ada.access, deposit).await;
    let kept = kept.good(201);
    let id = kept["id"].as_str().unwrap();
    assert!(id.starts_with("manual/"), "{id}");
    // It has no id of a venue, so a file that tells of it adds nothing.
    let files = json!({"files": [file("history.csv", HISTORY)]});
    let done = import(&app, &ada.access, &path, files).await.good(201);
    assert_eq!(done["import"]["duplicates"], 1, "{done}");
    assert_eq!(kept["import"], Value::Null);
}

pub(crate) async fn a_symbol_of_several_tokens_is_not_guessed(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let session = app.store.session().await.unwrap();
    session
        .batch_execute(
            "INSERT INTO assets (id, symbol, name) VALUES ('luna-old', 'LUNA', 'one'), ('luna-new', 'LUNA', 'other')",
        )
        .await
        .unwrap();
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let of = |asset: &str| {
        json!({"time": "2024-01-08T07:05:12Z", "kind": "deposit", "account": "box",
            "received": {"asset": asset, "quantity": "1"}})
    };
    let list = format!("{path}/transactions");
    let problem = post(&app, &list, &ada.access, of("luna")).await;
    let problem = problem.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "received.asset");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("luna-new, luna-old"), "{detail}");
    let kept = post(&app, &list, &ada.access, of("luna-old"))
        .await
        .good(201);
    assert_eq!(kept["received"]["asset"], "luna-old");

    let csv = "id,time,kind,account,received_asset,received_quantity\n\
        x,2024-01-09T00:00:00Z,deposit,box,LUNA,2\n\
        y,2024-01-09T00:00:00Z,deposit,box,NOVA,3\n";
    let body = json!({"files": [file("a.csv", csv)], "dry_run": true});
    let preview = import(&app, &ada.access, &path, body).await.good(200);
    assert_eq!(preview["commit"], "refused");
    assert_eq!(
        preview["questions"],
        json!([
            {"venue": "", "ticker": "LUNA", "candidates": ["luna-new", "luna-old"]},
            {"venue": "", "ticker": "NOVA", "candidates": []}
        ])
    );
    let body = json!({"files": [file("a.csv", csv)]});
    let refused = import(&app, &ada.access, &path, body.clone()).await;
    let refused = refused.is_problem(422, "import-refused");
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2, "{refused}");
    // Answered once, and remembered.
    let mut answered = body.clone();
    answered["tickers"] = json!({"LUNA": "luna-new", "NOVA": "My own coin"});
    import(&app, &ada.access, &path, answered).await.good(201);
    let later = csv.replace("x,", "z,").replace("y,", "w,");
    let body = json!({"files": [file("b.csv", &later)]});
    let result = import(&app, &ada.access, &path, body).await.good(201);
    assert_eq!(result["added"], 2);
    let found = numbers(&app, &ada.access, &path, "&asset=luna-new").await;
    assert_eq!(found.len(), 2);
    let found = numbers(&app, &ada.access, &path, "&asset=My%20own%20coin").await;
    assert_eq!(found.len(), 2);
}

pub(crate) async fn a_second_import_adds_nothing_and_undoing_restores(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let opening = json!({"time": "2023-01-01T00:00:00Z", "kind": "opening", "account": "safe",
        "received": {"asset": "BTC", "quantity": "1.50"}, "basis": "20000.00"});
    post(&app, &format!("{path}/transactions"), &ada.access, opening)
        .await
        .good(201);
    let before = export(&app, &ada.access, &path, "json").await;
    let files = json!({"files": [file("history.csv", HISTORY)]});

    let mut dry = files.clone();
    dry["dry_run"] = json!(true);
    let preview = import(&app, &ada.access, &path, dry).await.good(200);
    assert_eq!(
        (&preview["commit"], &preview["format"], &preview["added"]),
        (
            &json!("accepted"),
            &json!("binance.transactions"),
            &json!(4)
        ),
        "{preview}"
    );
    assert_eq!(
        preview["net"],
        json!({"EUR": "900", "bitcoin": "0.0025002"})
    );
    assert_eq!(preview["transactions"].as_array().unwrap().len(), 4);
    assert_eq!(export(&app, &ada.access, &path, "json").await, before);

    let done = import(&app, &ada.access, &path, files.clone())
        .await
        .good(201);
    assert_eq!(
        (&done["added"], &done["duplicates"]),
        (&json!(4), &json!(0))
    );
    let first = done["import"]["id"].as_str().unwrap().to_owned();
    assert_eq!(done["import"]["files"][0]["format"], "binance.transactions");
    let after = export(&app, &ada.access, &path, "json").await;
    // Both payments of one second count.
    let brought = format!("&import={first}");
    assert_eq!(numbers(&app, &ada.access, &path, &brought).await.len(), 4);
    let interest = numbers(&app, &ada.access, &path, "&kind=interest").await;
    assert_eq!(interest.len(), 2);

    let again = import(&app, &ada.access, &path, files.clone())
        .await
        .good(201);
    assert_eq!(
        (&again["added"], &again["duplicates"], &again["import"]),
        (&json!(0), &json!(4), &Value::Null)
    );
    assert_eq!(export(&app, &ada.access, &path, "json").await, after);
    // What was edited is still what the file says.
    let number = interest[0];
    let one = format!("{path}/transactions/{number}");
    let mut edited = app.get(&one, &ada.access).await.good(200);
    let untouched = edited.clone();
    for gone in ["number", "import", "id"] {
        edited.as_object_mut().unwrap().remove(gone);
    }
    edited["received"]["quantity"] = json!("0.5");
    edited["account"] = json!("elsewhere");
    send(&app, Method::PUT, &one, &ada.access, Some(edited))
        .await
        .good(200);
    // And so is an account that has another name now.
    let accounts = format!("{path}/accounts");
    let list = app.get(&accounts, &ada.access).await.good(200);
    let account = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["transactions"] == 3)
        .unwrap()
        .clone();
    let renamed = format!("{accounts}/{}", account["id"].as_str().unwrap());
    let body = Some(json!({"name": "Binance, mine"}));
    send(&app, Method::PATCH, &renamed, &ada.access, body)
        .await
        .good(200);
    let again = import(&app, &ada.access, &path, files.clone())
        .await
        .good(201);
    assert_eq!(
        (&again["added"], &again["duplicates"]),
        (&json!(0), &json!(4))
    );
    let body = Some(json!({"name": account["name"]}));
    send(&app, Method::PATCH, &renamed, &ada.access, body)
        .await
        .good(200);
    let mut restored = untouched;
    for gone in ["number", "import"] {
        restored.as_object_mut().unwrap().remove(gone);
    }
    send(&app, Method::PUT, &one, &ada.access, Some(restored))
        .await
        .good(200);
    assert_eq!(export(&app, &ada.access, &path, "json").await, after);

    let imports = format!("{path}/imports");
    let list = app.get(&imports, &ada.access).await.good(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let undo = format!("{imports}/{first}");
    send(&app, Method::DELETE, &undo, &ada.access, None)
        .await
        .good(204);
    assert_eq!(export(&app, &ada.access, &path, "json").await, before);
    send(&app, Method::DELETE, &undo, &ada.access, None)
        .await
        .is_problem(404, "not-found");
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown["transactions"], 1);
    let names = app.get(&accounts, &ada.access).await.good(200);
    let names: Vec<&str> = names["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["elsewhere", "safe"]);
    // Afterwards the file is new again.
    let done = import(&app, &ada.access, &path, files).await.good(201);
    assert_eq!(done["added"], 4);
    assert_eq!(export(&app, &ada.access, &path, "json").await, after);
}

pub(crate) async fn an_unknown_operation_refuses_the_import_until_it_is_settled(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let history = format!("{HISTORY}1,2024-01-10 00:00:00,Spot,Zodiac Bonus,BTC,0.00000005,\n");
    let bytes = BASE64.encode(history.as_bytes());
    let files = json!({"files": [{"name": "history.csv", "base64": bytes}]});
    let refused = import(&app, &ada.access, &path, files.clone()).await;
    let problem = refused.is_problem(422, "import-refused");
    let error = &problem["errors"][0];
    assert!(
        error["field"]
            .as_str()
            .unwrap()
            .contains("history.csv, row 7"),
        "{problem}"
    );
    assert!(error["detail"].as_str().unwrap().contains("Zodiac Bonus"));
    assert!(numbers(&app, &ada.access, &path, "").await.is_empty());
    let list = app.get(&format!("{path}/imports"), &ada.access).await;
    assert_eq!(list.good(200)["data"], json!([]));
    let mut wrong = files.clone();
    wrong["operations"] = json!({"Zodiac Bonus": "luck"});
    import(&app, &ada.access, &path, wrong)
        .await
        .is_problem(400, "invalid-request");
    // One row, this time.
    let mut skipped = files.clone();
    skipped["rows"] = json!([{"file": "history.csv", "row": 7, "meaning": "skip"}]);
    let done = import(&app, &ada.access, &path, skipped).await.good(201);
    assert_eq!(done["added"], 4);
    import(&app, &ada.access, &path, files.clone())
        .await
        .is_problem(422, "import-refused");
    // The word, from now on.
    let mut settled = files.clone();
    settled["operations"] = json!({"Zodiac Bonus": "reward"});
    let done = import(&app, &ada.access, &path, settled).await.good(201);
    assert_eq!(done["added"], 1);
    let again = import(&app, &ada.access, &path, files).await.good(201);
    assert_eq!(again["added"], 0);
    for (body, field) in [
        (json!({"files": []}), "files"),
        (json!({"files": [{"name": "a"}]}), "files[0]"),
        (
            json!({"files": [{"name": "a", "base64": "?"}]}),
            "files[0].base64",
        ),
        (
            json!({"files": [file("a", ""), file("a", "")]}),
            "files[1].name",
        ),
    ] {
        let problem = import(&app, &ada.access, &path, body).await;
        let problem = problem.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let unknown = json!({"files": [file("picture.csv", "neither,fish\n1,2\n")]});
    let problem = import(&app, &ada.access, &path, unknown).await;
    problem.is_problem(422, "import-refused");
}

pub(crate) async fn what_is_exported_is_imported_to_the_byte(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let document = json!({
        "format": "coinsphere.transactions", "version": 1, "currency": "GBP", "timezone": "Europe/London",
        "transactions": [
            {"id": "b", "time": "2024-01-08T07:05:12.5Z", "kind": "deposit", "account": "bank",
             "received": {"asset": "GBP", "quantity": "1000.10"}},
            {"id": "a", "time": "2024-01-08T07:05:12.5+00:00", "kind": "buy", "account": "bank",
             "sent": {"asset": "GBP", "quantity": "30000.00"}, "received": {"asset": "bitcoin", "quantity": "1.000000000000000000"},
             "fees": [{"asset": "ethereum", "quantity": "0.0010", "value": "2.00"}, {"asset": "GBP", "quantity": "1"}]},
            {"id": "c", "time": "2024-02-08T07:05:12Z", "kind": "transfer", "account": "bank", "to_account": "cold",
             "sent": {"asset": "bitcoin", "quantity": "0.5"}, "lots": [{"lot": "a", "quantity": "0.50"}],
             "note": "to the \"safe\", at last", "tags": ["x;y", "z"]}
        ],
        "prices": {"bitcoin": {"2024-01-08": "36000.00", "2024-02-08": "35000.0"}}
    });
    let settings = json!({"currency": "GBP", "time_zone": "Europe/London", "name": "one"});
    let one = create(&app, &ada.access, settings.clone()).await;
    let files = json!({"files": [file("all.json", &document.to_string())]});
    let done = import(&app, &ada.access, &one, files).await.good(201);
    assert_eq!(done["added"], 3, "{done}");
    for format in ["json", "csv"] {
        let written = export(&app, &ada.access, &one, format).await;
        let mut settings = settings.clone();
        settings["name"] = json!(format);
        let other = create(&app, &ada.access, settings).await;
        let files = json!({"files": [file(&format!("all.{format}"), &written)]});
        let done = import(&app, &ada.access, &other, files.clone())
            .await
            .good(201);
        assert_eq!(done["added"], 3, "{done}");
        assert_eq!(export(&app, &ada.access, &other, format).await, written);
        let again = import(&app, &ada.access, &other, files).await.good(201);
        assert_eq!(again["import"], Value::Null);
    }
    let exported = app.get(&format!("{one}/export"), &ada.access).await;
    let disposition = exported.headers[header::CONTENT_DISPOSITION]
        .to_str()
        .unwrap();
    assert!(disposition.contains("portfolio.json"), "{disposition}");
    let exported = exported.good(200);
    assert_eq!(exported["prices"], document["prices"]);
    assert_eq!(exported["timezone"], "Europe/London");
    // Values and prices of another currency are no values here.
    let dollars = create(&app, &ada.access, json!({"name": "usd"})).await;
    let files = json!({"files": [file("all.json", &document.to_string())]});
    let done = import(&app, &ada.access, &dollars, files).await.good(201);
    assert!(done["notes"].to_string().contains("GBP"), "{done}");
    let written = export(&app, &ada.access, &dollars, "json").await;
    assert!(!written.contains("36000") && !written.contains("\"value\""));
}

pub(crate) async fn accounts_are_named_renamed_and_deleted(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let accounts = format!("{path}/accounts");
    let made = post(&app, &accounts, &ada.access, json!({"name": "cold"}))
        .await
        .good(201);
    post(&app, &accounts, &ada.access, json!({"name": "cold"}))
        .await
        .is_problem(409, "conflict");
    let transfer = json!({"time": "2024-01-08T07:05:12Z", "kind": "transfer", "account": "hot",
        "to_account": "cold", "sent": {"asset": "BTC", "quantity": "1"}});
    post(&app, &format!("{path}/transactions"), &ada.access, transfer)
        .await
        .good(201);
    let cold = format!("{accounts}/{}", made["id"].as_str().unwrap());
    send(&app, Method::DELETE, &cold, &ada.access, None)
        .await
        .is_problem(409, "conflict");
    let name = |name: &str| Some(json!({ "name": name }));
    send(&app, Method::PATCH, &cold, &ada.access, name("hot"))
        .await
        .is_problem(409, "conflict");
    let renamed = send(&app, Method::PATCH, &cold, &ada.access, name("vault")).await;
    assert_eq!(renamed.good(200)["transactions"], 1);
    let shown = app
        .get(&format!("{path}/transactions/1"), &ada.access)
        .await
        .good(200);
    assert_eq!(
        (&shown["account"], &shown["to_account"]),
        (&json!("hot"), &json!("vault"))
    );
    send(
        &app,
        Method::DELETE,
        &format!("{path}/transactions/1"),
        &ada.access,
        None,
    )
    .await
    .good(204);
    send(&app, Method::DELETE, &cold, &ada.access, None)
        .await
        .good(204);
    send(&app, Method::DELETE, &cold, &ada.access, None)
        .await
        .is_problem(404, "not-found");
}

pub(crate) async fn a_link_shows_what_it_may_and_nothing_else(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let bought = json!({"id": "secret-id", "time": "2024-01-08T07:05:12Z", "kind": "buy", "account": "hidden account",
        "sent": {"asset": "EUR", "quantity": "683.60"}, "received": {"asset": "BTC", "quantity": "0.01234"},
        "note": "hidden note", "tags": ["hidden tag"]});
    post(&app, &format!("{path}/transactions"), &ada.access, bought)
        .await
        .good(201);
    let links = format!("{path}/share-links");
    let make = async |body: Value| post(&app, &links, &ada.access, body).await;
    let open = make(json!({"name": "open", "hide_amounts": false}))
        .await
        .good(201);
    let hidden = make(json!({"name": "hidden", "expires_in_days": 2}))
        .await
        .good(201);
    assert_eq!(hidden["hide_amounts"], true);
    assert_eq!(hidden["expires_at"], "2026-03-03T12:00:00Z");
    let view = async |link: &Value| {
        app.send(Method::GET, link["path"].as_str().unwrap(), None, None)
            .await
    };
    let shown = view(&open).await;
    assert_eq!(shown.headers[header::CACHE_CONTROL], "no-store");
    let shown = shown.good(200);
    assert_eq!(shown["name"], "a");
    let bitcoin = shown["holdings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|holding| holding["asset"] == "bitcoin")
        .unwrap()
        .clone();
    assert_eq!(bitcoin["quantity"], "0.01234");
    // Without a price there is no value; with one, amounts are shown unless they are hidden.
    assert_eq!(shown["value"], Value::Null);
    assert_eq!(bitcoin["share"], Value::Null);
    let priced = create(&app, &ada.access, json!({"name": "priced"})).await;
    import_closes(&app, &btc(), &BTC).await;
    for opening in [
        json!({"time": "2026-02-27T00:00:00Z", "kind": "opening", "account": "hidden account",
            "received": {"asset": "BTC", "quantity": "0.5"}, "basis": "7777"}),
        json!({"time": "2026-02-27T00:00:00Z", "kind": "deposit", "account": "hidden account",
            "received": {"asset": "USD", "quantity": "30500.125"}}),
    ] {
        post(
            &app,
            &format!("{priced}/transactions"),
            &ada.access,
            opening,
        )
        .await
        .good(201);
    }
    for (hide, value, quantity) in [
        (false, json!("61000.25"), json!("0.5")),
        (true, Value::Null, Value::Null),
    ] {
        let link = json!({"name": "x", "hide_amounts": hide});
        let link = post(&app, &format!("{priced}/share-links"), &ada.access, link).await;
        let shown = view(&link.good(201)).await.good(200);
        assert_eq!(shown["value"], value);
        let bitcoin = &shown["holdings"][1];
        assert_eq!(bitcoin["asset"], "bitcoin", "{shown}");
        assert_eq!(bitcoin["quantity"], quantity);
        assert_eq!(bitcoin["price"], "61000.25");
        assert_eq!(bitcoin["share"], "0.5");
        assert!(!shown.to_string().contains("7777"), "{shown}");
    }
    let without = view(&hidden).await.good(200);
    assert!(!without.to_string().contains("0.01234"), "{without}");
    assert!(!without.to_string().contains("683"), "{without}");
    let id = path.rsplit('/').next().unwrap();
    for words in ["hidden ", "secret-id", "ada", id] {
        for body in [&shown, &without] {
            assert!(!body.to_string().contains(words), "{words}: {body}");
        }
    }
    // It is no credential, and changes nothing.
    let secret = open["secret"].as_str().unwrap();
    app.get(&path, secret)
        .await
        .is_problem(401, "invalid-token");
    let shared = open["path"].as_str().unwrap();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = app.send(method, shared, None, Some(&json!({}))).await;
        answer.is_problem(405, "method-not-allowed");
    }
    let more = format!("{shared}/transactions");
    let answer = app.send(Method::GET, &more, None, None).await;
    answer.is_problem(404, "not-found");
    // Only hashes are kept, and the list shows no secret.
    let listed = app.get(&links, &ada.access).await.good(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(secret));
    let kept = app.rows("SELECT hash FROM portfolio_share_links").await;
    assert!(
        kept.iter()
            .all(|row| row.get::<_, &[u8]>(0) != secret.as_bytes())
    );
    // A link ends at its time, when it is revoked, with its user, and with the portfolio.
    app.advance(2 * 86_400);
    view(&hidden).await.is_problem(404, "not-found");
    view(&open).await.good(200);
    let open_id = open["id"].as_str().unwrap();
    let ada = app.login("ada@example.org").await;
    send(
        &app,
        Method::DELETE,
        &format!("{links}/{open_id}"),
        &ada.access,
        None,
    )
    .await
    .good(204);
    view(&open).await.is_problem(404, "not-found");
    let last = post(&app, &links, &ada.access, json!({"name": "last"})).await;
    let last = last.good(201);
    view(&last).await.good(200);
    let session = app.store.session().await.unwrap();
    let disable = |at: &str| format!("UPDATE users SET disabled_at = {at}");
    session.batch_execute(&disable("now()")).await.unwrap();
    view(&last).await.is_problem(404, "not-found");
    session.batch_execute(&disable("NULL")).await.unwrap();
    view(&last).await.good(200);
    send(&app, Method::DELETE, &path, &ada.access, None)
        .await
        .good(204);
    view(&last).await.is_problem(404, "not-found");
}

/// Every route of a portfolio that the document names, with the body and parameters that it shows as examples.
pub(crate) async fn another_users_portfolio_is_not_found_on_any_route(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let root = verified(&app, "root@example.org", Role::Admin).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let files = json!({"files": [file("history.csv", HISTORY)]});
    let done = import(&app, &ada.access, &path, files).await.good(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let import_id = text(&done["import"]["id"]);
    let accounts = app.get(&format!("{path}/accounts"), &ada.access).await;
    let account_id = text(&accounts.good(200)["data"][0]["id"]);
    let links = format!("{path}/share-links");
    let made = post(&app, &links, &ada.access, json!({"name": "x"})).await;
    let link_id = text(&made.good(201)["id"]);
    let before = export(&app, &ada.access, &path, "json").await;
    let own = create(&app, &eve.access, json!({"name": "mine"})).await;
    let (ada_id, eve_id) = (
        path.rsplit('/').next().unwrap(),
        own.rsplit('/').next().unwrap(),
    );

    let document = coinsphere::http::openapi();
    let mut asked = 0;
    for (route, item) in document["paths"].as_object().unwrap() {
        if !route.starts_with("/api/v1/portfolios/{id}") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let query: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
                .map(|parameter| {
                    let (name, example) = (&parameter["name"], &parameter["example"]);
                    format!("{}={}", name.as_str().unwrap(), example.as_str().unwrap())
                })
                .collect();
            let media = "/requestBody/content/application~1json";
            let body = operation.pointer(media).map(|body| {
                let first = body["examples"].as_object();
                let first = first.and_then(|all| Some(all.values().next()?["value"].clone()));
                first.unwrap_or_else(|| body["example"].clone())
            });
            let fill = |id: &str| {
                let filled = route
                    .replace("{id}", id)
                    .replace("{number}", "1")
                    .replace("{import}", &import_id)
                    .replace("{account}", &account_id)
                    .replace("{link}", &link_id)
                    .replace("{asset}", "bitcoin")
                    .replace("{year}", "2024");
                assert!(!filled.contains('{'), "say here what fills {filled}");
                match query.is_empty() {
                    true => filled,
                    false => format!("{filled}?{}", query.join("&")),
                }
            };
            let crossed = ["{number}", "{import}", "{account}", "{link}"];
            let mut targets = vec![fill(ada_id)];
            if crossed.iter().any(|name| route.contains(name)) {
                targets.push(fill(eve_id));
            }
            for target in targets {
                let answer = send(&app, method.clone(), &target, &eve.access, body.clone()).await;
                answer.is_problem(404, "not-found");
            }
            let target = fill(ada_id);
            let answer = send(&app, method.clone(), &target, &root.access, body.clone()).await;
            answer.is_problem(404, "not-found");
            app.send(method, &target, None, body.as_ref())
                .await
                .is_problem(401, "not-signed-in");
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
    assert_eq!(export(&app, &ada.access, &path, "json").await, before);
    let links = app.get(&links, &ada.access).await.good(200);
    assert_eq!(links["data"].as_array().unwrap().len(), 1);
    let list = app.get(PORTFOLIOS, &eve.access).await.good(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    for unknown in ["7", "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60"] {
        let answer = app
            .get(&format!("{PORTFOLIOS}/{unknown}"), &ada.access)
            .await;
        answer.is_problem(404, "not-found");
    }
}

pub(crate) async fn portfolios_leave_with_their_user_and_are_in_the_export(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let files = json!({"files": [file("history.csv", HISTORY)]});
    import(&app, &ada.access, &path, files).await.good(201);
    let note = json!({"time": "2024-01-08T07:05:12Z", "kind": "deposit", "account": "box",
        "received": {"asset": "EUR", "quantity": "1"}, "tags": ["a"]});
    post(&app, &format!("{path}/transactions"), &ada.access, note)
        .await
        .good(201);
    // A key reads with its scope, and changes nothing with it.
    let reader = Program::make(&app, &ada, "reader", &["portfolio:read"], json!({})).await;
    app.get(&path, &reader.secret).await.good(200);
    send(&app, Method::DELETE, &path, &reader.secret, None)
        .await
        .is_problem(403, "forbidden");
    let exported = app
        .get("/api/v1/auth/me/export", &ada.access)
        .await
        .good(200);
    assert_eq!(exported["portfolios"][0]["name"], "a");
    assert_eq!(exported["portfolio_imports"].as_array().unwrap().len(), 1);
    let rows = exported["portfolio_transactions"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[4]["transaction"]["tags"], json!(["a"]));
    let proof = json!({"password": super::app::PASSWORD});
    post(&app, "/api/v1/auth/me/delete", &ada.access, proof)
        .await
        .good(200);
    for table in [
        "portfolios",
        "portfolio_accounts",
        "portfolio_transactions",
        "portfolio_imports",
        "import_choices",
    ] {
        let left = app.rows(&format!("SELECT FROM {table}")).await;
        assert!(left.is_empty(), "{table}");
    }
}

/// The bound of an import's body is its own.
pub(crate) async fn a_file_may_be_larger_than_other_bodies(place: Place) {
    let app = place
        .app_with(|config| {
            config.http.body_limit_bytes = 4_096;
            config.http.import_limit_bytes = 65_536;
        })
        .await;
    let ada = ada(&app).await;
    let path = create(&app, &ada.access, json!({"name": "a", "currency": "EUR"})).await;
    let rows = |count: usize| {
        let rows = (0..count).map(|row| {
            format!(
                "x{row},2024-01-08T07:05:12Z,deposit,box,EUR,{}.50\n",
                row + 1
            )
        });
        let head = "id,time,kind,account,received_asset,received_quantity\n";
        head.to_owned() + &rows.collect::<String>()
    };
    let body = json!({"files": [file("a.csv", &rows(500))]});
    assert!(body.to_string().len() > 20_000);
    let done = import(&app, &ada.access, &path, body).await.good(201);
    assert_eq!(done["added"], 500);
    let body = json!({"files": [file("a.csv", &rows(2_000))]});
    import(&app, &ada.access, &path, body)
        .await
        .is_problem(413, "payload-too-large");
    let note = json!({"time": "2024-01-08T07:05:12Z", "kind": "deposit", "account": "box",
        "received": {"asset": "EUR", "quantity": "1"}, "note": "x".repeat(5_000)});
    post(&app, &format!("{path}/transactions"), &ada.access, note)
        .await
        .is_problem(413, "payload-too-large");
}
