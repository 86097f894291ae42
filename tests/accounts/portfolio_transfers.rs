//! Withdrawals and deposits that become transfers, and the remembered answers to what imports asked.

use axum::http::Method;
use coinsphere::accounts::Role;
use serde_json::{Value, json};

use super::app::Place;
use super::portfolio_figures::{add, create};
use super::two_factor::{post, verified};

pub(crate) async fn two_sides_become_a_transfer_and_files_still_know_them(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    for body in [
        json!({"id": "bought", "time": "2024-01-07T09:00:00Z", "kind": "buy", "account": "venue",
            "sent": {"asset": "USD", "quantity": "44000"}, "received": {"asset": "BTC", "quantity": "1"}}),
        json!({"id": "w-1", "time": "2024-01-08T09:00:00Z", "kind": "withdrawal", "account": "venue",
            "sent": {"asset": "BTC", "quantity": "0.5"}}),
        json!({"id": "d-1", "time": "2024-01-08T09:20:00Z", "kind": "deposit", "account": "wallet",
            "received": {"asset": "BTC", "quantity": "0.4999"}, "note": "hardware"}),
        json!({"id": "d-2", "time": "2024-03-08T09:20:00Z", "kind": "deposit", "account": "wallet",
            "received": {"asset": "BTC", "quantity": "0.4999"}}),
    ] {
        add(&app, &ada.access, &path, body).await;
    }
    let before = app
        .get(&format!("{path}/export?format=json"), &ada.access)
        .await;
    let proposals = format!("{path}/transfers/proposals");
    let found = app.get(&proposals, &ada.access).await.good(200);
    let found = found["data"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["withdrawal"], &found[0]["deposit"]),
        (&json!("w-1"), &json!("d-1"))
    );
    assert_eq!(found[0]["certain"], true);

    let transfers = format!("{path}/transfers");
    let book = async |withdrawal: &str, deposit: &str| {
        let sides = json!({"withdrawal": withdrawal, "deposit": deposit});
        post(&app, &transfers, &ada.access, sides).await
    };
    book("w-1", "d-2").await.is_problem(409, "conflict");
    book("bought", "d-1").await.is_problem(409, "conflict");
    book("w-1", "unknown").await.is_problem(404, "not-found");
    let booked = book("w-1", "d-1").await.good(201);
    assert_eq!(
        (&booked["id"], &booked["kind"]),
        (&json!("w-1"), &json!("transfer"))
    );
    for (field, value) in found[0]["transfer"].as_object().unwrap() {
        assert_eq!(booked[field], *value, "{field}");
    }
    assert_eq!(booked["fees"][0]["quantity"], "0.0001");
    book("w-1", "d-1").await.is_problem(404, "not-found");
    let left = app.get(&proposals, &ada.access).await.good(200);
    assert_eq!(left["data"], json!([]));
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown["transactions"], 3);
    // Its lots have kept their cost: all but that of the fee. The other deposit never had one.
    let holdings = app.get(&format!("{path}/holdings"), &ada.access).await;
    let bitcoin = &holdings.good(200)["data"][0];
    assert_eq!(bitcoin["basis"], "43995.6", "{bitcoin}");
    assert_eq!(bitcoin["unknown_quantity"], "0.4999", "{bitcoin}");

    // The file that has both sides adds neither of them again.
    let files = json!({"files": [{"name": "before.json", "text": before.body}]});
    let again = post(&app, &format!("{path}/import"), &ada.access, files).await;
    let again = again.good(201);
    assert_eq!(again["added"], 0, "{again}");
}

pub(crate) async fn answers_to_imports_are_listed_and_forgotten(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let history = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n\
        1,2024-01-08 07:05:12,Spot,Zodiac Bonus/2,BTC,0.5,\n";
    let import = async |body: Value| post(&app, &format!("{path}/import"), &ada.access, body).await;
    let files = json!([{"name": "history.csv", "text": history}]);
    let mapped = json!({"files": files, "operations": {"Zodiac Bonus/2": "reward"}});
    import(mapped).await.good(201);
    let choices = "/api/v1/portfolios/import-choices";
    let listed = app.get(choices, &ada.access).await.good(200);
    let expected = json!([{"subject": "operation", "name": "Zodiac Bonus/2", "meaning": "reward"}]);
    assert_eq!(listed["data"], expected);
    let of_eve = app.get(choices, &eve.access).await.good(200);
    assert_eq!(of_eve["data"], json!([]));

    let forget = async |token: &str, query: &str| {
        let path = format!("{choices}?{query}");
        app.send(Method::DELETE, &path, Some(token), None).await
    };
    let of_it = "subject=operation&name=Zodiac%20Bonus%2F2";
    forget(&eve.access, of_it)
        .await
        .is_problem(404, "not-found");
    for wrong in ["", "subject=operation", "subject=row&name=x", "name=x"] {
        forget(&ada.access, wrong)
            .await
            .is_problem(400, "invalid-request");
    }
    forget(&ada.access, of_it).await.good(204);
    forget(&ada.access, of_it)
        .await
        .is_problem(404, "not-found");
    // The next import asks again.
    let second = history.replace("07:05:12", "08:05:12");
    let files = json!({"files": [{"name": "second.csv", "text": second}]});
    import(files).await.is_problem(422, "import-refused");
}
