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

pub(crate) async fn undoing_an_import_leaves_the_other_side_of_a_transfer(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = create(&app, &ada.access, json!({"name": "a"})).await;
    let header = "id,time,kind,account,sent_asset,sent_quantity,received_asset,received_quantity\n";
    let sides = [
        format!("{header}w-1,2024-01-08T09:00:00Z,withdrawal,venue,BTC,0.5,,\n"),
        format!("{header}d-1,2024-01-08T09:20:00Z,deposit,wallet,,,BTC,0.4999\n"),
    ];
    let import = async |side: usize| {
        let files = json!({"files": [{"name": "side.csv", "text": sides[side]}]});
        let done = post(&app, &format!("{path}/import"), &ada.access, files).await;
        done.good(201)
    };
    let undo = async |import: &Value| {
        let path = format!(
            "{path}/imports/{}",
            import["import"]["id"].as_str().unwrap()
        );
        app.send(Method::DELETE, &path, Some(&ada.access), None)
            .await
            .good(204);
    };
    let left = async || {
        let list = app.get(&format!("{path}/transactions"), &ada.access).await;
        let list = list.good(200)["data"].as_array().unwrap().clone();
        let shown = app.get(&path, &ada.access).await.good(200);
        assert_eq!(shown["transactions"], list.len());
        list
    };
    for undone in [0, 1] {
        let imports = [import(0).await, import(1).await];
        let booked = json!({"withdrawal": "w-1", "deposit": "d-1"});
        let booked = post(&app, &format!("{path}/transfers"), &ada.access, booked).await;
        booked.good(201);
        assert_eq!(left().await.len(), 1);
        undo(&imports[undone]).await;
        let list = left().await;
        let (id, kind) = [("d-1", "deposit"), ("w-1", "withdrawal")][undone];
        assert_eq!(list.len(), 1, "{list:?}");
        assert_eq!(
            (&list[0]["id"], &list[0]["kind"]),
            (&json!(id), &json!(kind))
        );
        // It is its import's as before: known to the file, and gone with it.
        assert_eq!(import(1 - undone).await["added"], 0);
        undo(&imports[1 - undone]).await;
        assert_eq!(left().await, [0; 0]);
    }
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
