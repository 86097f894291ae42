//! Emails as a channel, quiet hours, silence, escalation and acknowledgement by link, end to end.

use axum::body::Body;
use axum::http::{Method, Request};
use coinsphere::accounts::Role;
use coinsphere::notifications::channels::Severity;
use coinsphere::user_alerts::limits::MOST_ALERTS;
use serde_json::{Value, json};

use super::alerts::{Judged, create, fired, price_rule};
use super::app::{Answer, App, Place};
use super::channels::{Receiver, app, channel, code_in, deliveries, id_of, notice};
use super::smtp::Sink;
use super::two_factor::{post, verified};

const CHANNELS: &str = "/api/v1/notification-channels";

/// A header of an email, unfolded.
fn header(source: &str, name: &str) -> String {
    let head = source.split("\r\n\r\n").next().unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
        .to_owned()
}

/// The path of a link of the server.
fn path_in(text: &str) -> String {
    let link = text.split("https://coins.example").nth(1).unwrap();
    let end = link
        .find(|character: char| !character.is_ascii_alphanumeric() && !"/-_".contains(character));
    link[..end.unwrap_or(link.len())].to_owned()
}

/// Follows a link as a browser or a mail program does, with nobody signed in.
async fn click(app: &App, method: Method, path: &str, body: &'static str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    app.send_request(request).await
}

pub(crate) async fn an_email_is_a_channel_that_one_click_ends(place: Place) {
    let sink = Sink::start().await;
    let app = place.app_with_mail(&sink).await;
    let _delivering =
        coinsphere::app::notifications::start(&app.state.notifications, &app.statuses);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let body =
        json!({"name": "mail", "kind": "email", "settings": {"address": "alerts@example.org"}});
    let made = post(&app, CHANNELS, &ada.access, body).await.good(201);
    assert_eq!(
        (&made["host"], &made["secret"]),
        (&json!("example.org"), &json!(null))
    );
    for wrong in [
        json!({}),
        json!({"address": "nobody"}),
        json!({"address": "a@example.org", "x": 1}),
    ] {
        let body = json!({"name": "wrong", "kind": "email", "settings": wrong});
        let answer = post(&app, CHANNELS, &ada.access, body).await;
        answer.is_problem(400, "invalid-request");
    }
    let path = format!("{CHANNELS}/{}", made["id"].as_str().unwrap());
    let tested = post(&app, &format!("{path}/test"), &ada.access, Value::Null).await;
    assert_eq!(tested.good(200)["delivered"], true);
    let email = sink.email("alerts@example.org", "Test message").await;
    let code = code_in(&email.source.replace("=\r\n", ""));
    let verify = format!("{path}/verify");
    post(&app, &verify, &ada.access, json!({"code": code}))
        .await
        .good(200);

    // Plain and HTML, escaped, with what ends it at once.
    let said = [("BTC <b>at</b> 60,000", Severity::Normal)];
    let id = notice(&app, &ada, &[&made], &said).await[0];
    deliveries(&app, &ada, id, |found| found[0]["state"] == "delivered").await;
    let email = sink
        .email("alerts@example.org", "BTC <b>at</b> 60,000")
        .await;
    let source = email.source.replace("=\r\n", "");
    assert!(source.contains("text/plain") && source.contains("text/html"));
    assert!(source.contains("price: 60000"), "{source}");
    assert!(source.contains("https://coins.example/api/v1/alerts"));
    assert_eq!(header(&email.source, "Auto-Submitted"), "auto-generated");
    assert_eq!(
        header(&email.source, "List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    let unsubscribe = header(&email.source, "List-Unsubscribe");
    assert!(unsubscribe.starts_with("<https://coins.example/api/v1/notification-links/"));
    let link = path_in(&unsubscribe);

    // Looking at the page changes nothing, the mail program's request does.
    let page = click(&app, Method::GET, &link, "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<form method=\"post\">"), "{page:?}");
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown["state"], "active");
    let one_click = "List-Unsubscribe=One-Click";
    for _ in 0..2 {
        let done = click(&app, Method::POST, &link, one_click).await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (
            &json!("disabled"),
            &json!("unsubscribed by a link in an email")
        )
    );
    let forged = format!("{}A", &link[..link.len() - 1]);
    for wrong in [forged.as_str(), "/api/v1/notification-links/x"] {
        if wrong != link {
            let answer = click(&app, Method::POST, wrong, one_click).await;
            answer.is_problem(404, "not-found");
        }
    }
}

pub(crate) async fn an_alert_is_tried_out(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let hook = channel(&app, &ada, &receiver, "webhook", "hook").await;
    judged.prices(1, &["59990"]).await;
    let body = json!({"name": "BTC", "condition": price_rule("crosses_up", "60000"),
        "channels": [hook["id"]]});
    let alert = create(&app, &ada, body).await;
    let path = format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap());
    let tested = post(&app, &format!("{path}/test"), &ada.access, Value::Null).await;
    let tested = tested.good(202);
    let received = receiver.after(1, 1).await.remove(0);
    assert_eq!(
        received.header("webhook-id"),
        tested["notification"].as_str().unwrap()
    );
    let message = received.json();
    assert_eq!(message["type"], "alert.test");
    assert_eq!(message["data"]["title"], "Test of BTC");
    let events = app.get(&format!("{path}/events"), &ada.access).await;
    assert_eq!(events.good(200)["data"], json!([]), "nothing has fired");
}

pub(crate) async fn what_is_not_urgent_waits_for_the_end_of_quiet_hours(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let phone = channel(&app, &ada, &receiver, "ntfy", "phone").await;
    let path = format!("{CHANNELS}/{}", phone["id"].as_str().unwrap());
    // It is noon.
    for (hours, field) in [
        (
            json!({"from": "25:00", "to": "07:00", "time_zone": "UTC"}),
            "quiet_hours.from",
        ),
        (
            json!({"from": "07:00", "to": "07:00", "time_zone": "UTC"}),
            "quiet_hours.to",
        ),
        (
            json!({"from": "12:00", "to": "07:00", "time_zone": "Europe/Atlantis"}),
            "quiet_hours.time_zone",
        ),
    ] {
        let body = json!({"quiet_hours": hours});
        let answer = app
            .send(Method::PATCH, &path, Some(&ada.access), Some(&body))
            .await;
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let hours = json!({"from": "12:30", "to": "14:00", "time_zone": "Europe/Berlin"});
    let body = json!({"quiet_hours": hours});
    let changed = app
        .send(Method::PATCH, &path, Some(&ada.access), Some(&body))
        .await;
    let changed = changed.good(200);
    assert_eq!(
        (&changed["quiet_hours"], &changed["state"]),
        (&hours, &json!("active"))
    );

    let seen = receiver.server.received().len();
    notice(&app, &ada, &[&phone], &[("a", Severity::Normal)]).await;
    let held = notice(&app, &ada, &[&phone], &[("b", Severity::Info)]).await[0];
    notice(&app, &ada, &[&phone], &[("now", Severity::Urgent)]).await;
    let received = receiver.after(seen, 1).await;
    assert_eq!(received[0].json()["title"], "now", "urgent ones are sent");
    let waiting = deliveries(&app, &ada, held, |_| true).await;
    assert_eq!(
        (&waiting[0]["state"], &waiting[0]["attempts"]),
        (&json!("waiting"), &json!(0))
    );

    // 13:00 in Berlin was noon here; at 14:00 there what was held back is one message.
    app.advance(3600);
    let ada = app.login("ada@example.org").await;
    deliveries(&app, &ada, held, |found| found[0]["state"] == "delivered").await;
    let received = receiver.after(seen + 1, 1).await.remove(0).json();
    assert_eq!(received["title"], "2 notifications", "{received}");

    let body = json!({"quiet_hours": null});
    let changed = app
        .send(Method::PATCH, &path, Some(&ada.access), Some(&body))
        .await;
    assert_eq!(changed.good(200)["quiet_hours"], json!(null));

    // When clocks are put forward at 2:00, 2:30 is 3:00; when they are put back, both 2:15 count.
    for (at, from, to, is_quiet) in [
        ("2026-03-29T00:59:00Z", "22:00", "02:30", true),
        ("2026-03-29T01:00:00Z", "22:00", "02:30", false),
        ("2026-10-25T00:15:00Z", "22:00", "02:30", true),
        ("2026-10-25T00:45:00Z", "22:00", "02:30", false),
        ("2026-10-25T01:15:00Z", "22:00", "02:30", true),
        ("2026-10-25T01:45:00Z", "22:00", "02:30", false),
        ("2026-07-01T11:00:00Z", "13:00", "14:00", true),
        ("2026-07-01T12:00:00Z", "13:00", "14:00", false),
    ] {
        let sql = format!("SELECT is_quiet('{at}', '{from}', '{to}', 'Europe/Berlin')");
        assert_eq!(app.rows(&sql).await[0].get::<_, bool>(0), is_quiet, "{at}");
    }
}

pub(crate) async fn what_nobody_acknowledges_goes_further(place: Place) {
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let mut app = place
        .app_with(|config| {
            let open = [&first, &second].map(|receiver| receiver.server.allowed());
            config.notifications.allow_private =
                open.iter().map(|open| open.parse().unwrap()).collect();
            config.accounts.public_url = Some("https://coins.example".to_owned());
        })
        .await;
    app.keep_up().await;
    let _delivering =
        coinsphere::app::notifications::start(&app.state.notifications, &app.statuses);
    let judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let hook = channel(&app, &ada, &first, "webhook", "hook").await;
    let other = channel(&app, &ada, &second, "webhook", "other").await;
    judged.prices(1, &["59990"]).await;
    let step = |minutes: u32, channel: &Value| json!({"after_minutes": minutes, "channels": [channel["id"]]});
    let mut body = json!({"name": "BTC", "condition": price_rule("crosses", "60000"),
        "repeat": "always", "cooldown_seconds": 0, "channels": [hook["id"]]});
    let nobodys = json!({"id": "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60"});
    for wrong in [
        json!([step(0, &other)]),
        json!([step(5, &other), step(5, &hook)]),
        json!([step(5, &other), step(6, &other)]),
        json!([{"after_minutes": 5, "channels": []}]),
        json!([step(5, &nobodys)]),
    ] {
        body["escalation"] = wrong;
        let answer = post(&app, "/api/v1/alerts", &ada.access, body.clone()).await;
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], "escalation", "{problem}");
    }
    body["escalation"] = json!([step(5, &other)]);
    let alert = create(&app, &ada, body).await;
    assert_eq!(alert["escalation"], json!([step(5, &other)]));

    // Unacknowledged for five minutes: the other channel hears of it.
    judged.prices(2, &["60001"]).await;
    let event = fired(&app, &ada, &alert, 1).await.remove(0);
    let message = first.after(1, 1).await.remove(0).json();
    assert_eq!(message["data"]["title"], "BTC");
    assert_eq!(
        message["data"]["fields"][3]["name"], "Acknowledge",
        "{message}"
    );
    deliveries(&app, &ada, id_of(&event), |found| {
        found
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["state"] == "delivered")
    })
    .await;
    assert_eq!(second.server.received().len(), 1, "the test message");
    app.advance(5 * 60);
    let further = second.after(1, 1).await.remove(0);
    assert_eq!(further.header("webhook-id"), event["id"].as_str().unwrap());
    let further = further.json();
    assert_eq!(further["data"]["title"], "Not acknowledged: BTC");

    // The next is acknowledged by the link, on which nothing more happens.
    judged.prices(3, &["59999"]).await;
    let events = fired(&app, &ada, &alert, 2).await;
    let message = first.after(2, 1).await.remove(0).json();
    let link = path_in(message["data"]["fields"][3]["value"].as_str().unwrap());
    let page = click(&app, Method::GET, &link, "").await;
    assert!(page.body.contains("Acknowledge"), "{page:?}");
    assert_eq!(events[0]["acknowledged_at"], json!(null));
    assert_eq!(click(&app, Method::POST, &link, "").await.status, 200);
    let path = format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap());
    let events = fired(&app, &ada, &alert, 2).await;
    assert!(events[0]["acknowledged_at"].is_string(), "{events:?}");
    assert_eq!(events[1]["acknowledged_at"], json!(null), "only this one");
    let ended = deliveries(&app, &ada, id_of(&events[0]), |found| {
        found
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["state"] == "delivered")
    })
    .await;
    let states = ended
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap());
    let mut states: Vec<&str> = states.collect();
    states.sort_unstable();
    assert_eq!(states, ["cancelled", "delivered"]);

    // Acknowledging the event over HTTP does the same; a link is good for a day.
    app.advance(86_400);
    let ada = app.login("ada@example.org").await;
    click(&app, Method::POST, &link, "")
        .await
        .is_problem(404, "not-found");
    let inbox = app
        .get("/api/v1/notifications", &ada.access)
        .await
        .good(200);
    assert!(inbox["data"][0]["acknowledged_at"].is_string(), "{inbox}");

    // Silenced, an event is recorded and goes nowhere.
    let body = json!({"silenced_until": "2026-03-05T00:00:00Z"});
    let silenced = app
        .send(Method::PATCH, &path, Some(&ada.access), Some(&body))
        .await;
    assert_eq!(silenced.good(200)["silenced_until"], "2026-03-05T00:00:00Z");
    judged.prices(4, &["60001"]).await;
    let events = fired(&app, &ada, &alert, 3).await;
    let none = deliveries(&app, &ada, id_of(&events[0]), |_| true).await;
    assert_eq!(none, json!([]));
    let body = json!({"silenced_until": null});
    let heard = app
        .send(Method::PATCH, &path, Some(&ada.access), Some(&body))
        .await;
    assert_eq!(heard.good(200)["silenced_until"], json!(null));
    judged.prices(5, &["59999"]).await;
    fired(&app, &ada, &alert, 4).await;
    first.after(3, 1).await;
}

pub(crate) async fn a_link_acknowledges_what_its_message_is_about(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let phone = channel(&app, &ada, &receiver, "ntfy", "phone").await;
    let path = format!("{CHANNELS}/{}", phone["id"].as_str().unwrap());
    let hours = json!({"from": "00:00", "to": "23:59", "time_zone": "UTC"});
    app.send(
        Method::PATCH,
        &path,
        Some(&ada.access),
        Some(&json!({"quiet_hours": hours})),
    )
    .await
    .good(200);

    // The one in the middle is held back.
    let seen = receiver.server.received().len();
    let of = [
        ("one", Severity::Urgent),
        ("held", Severity::Normal),
        ("two", Severity::Urgent),
    ];
    let ids = notice(&app, &ada, &[&phone], &of).await;
    let message = receiver.after(seen, 1).await.remove(0).json();
    assert_eq!(message["title"], "2 notifications", "{message}");
    let text = message["message"].as_str().unwrap();
    let link = &text[text.find("/api/v1/notification-links/").unwrap()..];
    let link = link.split_whitespace().next().unwrap();
    assert_eq!(click(&app, Method::POST, link, "").await.status, 200);
    let inbox = app
        .get("/api/v1/notifications", &ada.access)
        .await
        .good(200);
    let inbox = inbox["data"].as_array().unwrap();
    for (id, is_acknowledged) in ids.iter().zip([true, false, true]) {
        let found = inbox.iter().find(|one| id_of(one) == *id).unwrap();
        assert_eq!(
            found["acknowledged_at"].is_string(),
            is_acknowledged,
            "{found}"
        );
    }
}

pub(crate) async fn limits_are_kept_when_many_ask_at_once(place: Place) {
    let app = place.app().await;
    let _judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let me = app.me(&ada.access).await.good(200);
    app.rows(&format!(
        "INSERT INTO alerts (id, user_id, name, rule, severity, state, applied_version, created_at) \
         SELECT gen_random_uuid(), '{}', 'x', '{}', 'info', 'paused', 1, now() \
         FROM generate_series(1, {})",
        me["id"].as_str().unwrap(),
        json!({"condition": price_rule("above", "1")}),
        MOST_ALERTS - 1,
    ))
    .await;
    let alert = json!({"name": "one more", "condition": price_rule("above", "150")});
    let asked = (0..6).map(|_| post(&app, "/api/v1/alerts", &ada.access, alert.clone()));
    let answers = futures_util::future::join_all(asked).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);

    let channel = |number: usize| {
        json!({"name": format!("{number}"), "kind": "ntfy",
            "settings": {"server": "https://ntfy.sh", "topic": "t"}})
    };
    let bodies: Vec<Value> = (0..26).map(channel).collect();
    let asked = bodies
        .into_iter()
        .map(|body| post(&app, CHANNELS, &ada.access, body));
    let answers = futures_util::future::join_all(asked).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 20);
    assert!(
        answers
            .iter()
            .all(|answer| [201, 409].contains(&answer.status))
    );
}
