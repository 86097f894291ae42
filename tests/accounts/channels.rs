//! Channels end to end: made and verified over HTTP, and what is delivered by them to receivers on loopback.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::http::Method;
use coinsphere::accounts::Role;
use coinsphere::notifications::channels::{Field, MessageKind, Severity};
use coinsphere::notifications::{NewNotification, notify};
use coinsphere_actors::supervision::SupervisedLoop;
use coinsphere_pipelines::clock::Clock as _;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use uuid::Uuid;

use super::alerts::{Judged, create, fired, price_rule};
use super::app::{Answer, App, Pair, Place};
use super::receiver::{Received, Server, answer};
use super::two_factor::{post, verified};

const CHANNELS: &str = "/api/v1/notification-channels";

const INBOX: &str = "/api/v1/notifications";

const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver whose answer a test may change.
pub(crate) struct Receiver {
    pub(crate) server: Server,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let says = Arc::clone(&status);
        let server = Server::start(move |_| answer(says.load(Ordering::SeqCst), "")).await;
        Self { server, status }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What was received since the last `seen` requests, once it is so many.
    pub(crate) async fn after(&self, seen: usize, count: usize) -> Vec<Received> {
        let waiting = async {
            loop {
                let received = self.server.received();
                if received.len() >= seen + count {
                    return received[seen..].to_vec();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let received = tokio::time::timeout(PATIENCE, waiting).await;
        let received = received.unwrap_or_else(|_| panic!("never {count} more than {seen}"));
        assert_eq!(received.len(), count, "no more than that");
        received
    }
}

/// An application that may send to these receivers, and delivers.
pub(crate) async fn app(place: &Place, receivers: &[&Receiver]) -> (App, SupervisedLoop) {
    let mut app = place
        .app_with(|config| {
            let open = receivers.iter().map(|receiver| receiver.server.allowed());
            config.notifications.allow_private = open.map(|open| open.parse().unwrap()).collect();
        })
        .await;
    app.keep_up().await;
    let delivering = coinsphere::app::notifications::start(&app.state.notifications, &app.statuses);
    (app, delivering)
}

fn path_of(channel: &Value) -> String {
    format!("{CHANNELS}/{}", channel["id"].as_str().unwrap())
}

async fn ask(app: &App, method: Method, path: &str, user: &Pair, body: Option<Value>) -> Answer {
    app.send(method, path, Some(&user.access), body.as_ref())
        .await
}

/// Digits of the code in a message.
pub(crate) fn code_in(text: &str) -> String {
    let code = text.split_once("channel is ").unwrap().1;
    code.chars().take_while(char::is_ascii_digit).collect()
}

/// A channel that has been verified.
pub(crate) async fn channel(
    app: &App,
    user: &Pair,
    receiver: &Receiver,
    kind: &str,
    name: &str,
) -> Value {
    let settings = match kind {
        "webhook" => json!({"url": receiver.server.url("/hook")}),
        _ => json!({"server": receiver.server.url("/"), "topic": name}),
    };
    let body = json!({"name": name, "kind": kind, "settings": settings});
    let made = post(app, CHANNELS, &user.access, body).await.good(201);
    verify(app, user, receiver, &made).await;
    made
}

async fn verify(app: &App, user: &Pair, receiver: &Receiver, channel: &Value) {
    let seen = receiver.server.received().len();
    let path = path_of(channel);
    let tested = ask(app, Method::POST, &format!("{path}/test"), user, None).await;
    assert_eq!(tested.good(200), json!({"delivered": true, "error": null}));
    let received = receiver.after(seen, 1).await;
    let code = code_in(std::str::from_utf8(&received[0].body).unwrap());
    let body = json!({"code": code});
    let now = post(app, &format!("{path}/verify"), &user.access, body).await;
    assert_eq!(now.good(200)["state"], "active");
}

/// Writes notifications as a feature does, all in one transaction; answers their ids.
pub(crate) async fn notice(
    app: &App,
    user: &Pair,
    channels: &[&Value],
    of: &[(&str, Severity)],
) -> Vec<Uuid> {
    let me = app.me(&user.access).await.good(200);
    let channels = channels.iter().map(|channel| id_of(channel));
    let channels: Vec<Uuid> = channels.collect();
    let now = app.clock.now().to_utc();
    let new = of.iter().map(|(title, severity)| {
        let id = Uuid::from_u128(rand::random());
        NewNotification {
            id,
            user: id_of(&me),
            kind: MessageKind::AlertFired,
            severity: *severity,
            title: (*title).to_owned(),
            body: "it happened".to_owned(),
            link: Some("/api/v1/alerts".to_owned()),
            fields: vec![Field {
                name: "price".to_owned(),
                value: "60000".to_owned(),
            }],
            rule: None,
            event_key: id.to_string(),
            channels: channels.clone(),
            escalation: Vec::new(),
            time: now,
        }
    });
    let new: Vec<NewNotification> = new.collect();
    let mut session = app.store.session().await.unwrap();
    let transaction = session.transaction().await.unwrap();
    let written = notify(&transaction, &new, now).await.unwrap();
    assert_eq!(usize::try_from(written).unwrap(), new.len());
    assert_eq!(notify(&transaction, &new, now).await.unwrap(), 0, "once");
    transaction.commit().await.unwrap();
    new.iter().map(|one| one.id).collect()
}

pub(crate) fn id_of(object: &Value) -> Uuid {
    object["id"].as_str().unwrap().parse().unwrap()
}

/// Deliveries of a notification, once they are as wanted.
pub(crate) async fn deliveries(
    app: &App,
    user: &Pair,
    notification: Uuid,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let path = format!("{INBOX}/{notification}/deliveries");
    let waiting = async {
        loop {
            let found = app.get(&path, &user.access).await.good(200)["data"].clone();
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never as wanted: {notification}"))
}

fn signed_by(secret: &str, request: &Received) -> bool {
    let webhook = Webhook::new(secret).unwrap();
    let signed = webhook.sign(
        request.header("webhook-id"),
        request.header("webhook-timestamp").parse().unwrap(),
        &request.body,
    );
    let signed = signed.unwrap();
    let mut signatures = request.header("webhook-signature").split(' ');
    signatures.any(|signature| signature == signed)
}

pub(crate) async fn an_alert_reaches_a_webhook_that_was_verified(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let body = json!({"name": "hook", "kind": "webhook", "settings": {"url": receiver.server.url("/hook")}});
    let made = post(&app, CHANNELS, &ada.access, body.clone())
        .await
        .good(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made["state"], &made["host"]),
        (&json!("unverified"), &json!("127.0.0.1"))
    );
    let again = post(&app, CHANNELS, &ada.access, body).await;
    again.is_problem(409, "conflict");

    // A wrong code does not verify it, and what is not verified is not sent to.
    judged.prices(1, &["59990"]).await;
    let alert = json!({"name": "BTC at 60,000", "condition": price_rule("crosses_up", "60000"),
        "channels": [made["id"]], "severity": "urgent"});
    let alert = create(&app, &ada, alert).await;
    let wrong = json!({"code": "00000000"});
    let path = path_of(&made);
    let answer = post(&app, &format!("{path}/verify"), &ada.access, wrong).await;
    answer.is_problem(400, "invalid-request");
    judged.prices(2, &["60000"]).await;
    let event = fired(&app, &ada, &alert, 1).await.remove(0);
    let id = id_of(&event);
    let waiting = deliveries(&app, &ada, id, |found| found[0]["state"] == "waiting").await;
    assert_eq!(waiting[0]["channel"], made["id"], "{waiting}");
    assert!(receiver.server.received().is_empty());

    // Once it is, what waited is delivered.
    verify(&app, &ada, &receiver, &made).await;
    let test = receiver.server.received().remove(0);
    assert!(signed_by(&secret, &test));
    let received = receiver.after(1, 1).await.remove(0);
    assert_eq!(received.header("webhook-id"), event["id"].as_str().unwrap());
    assert!(signed_by(&secret, &received));
    let message = received.json();
    assert_eq!(message["type"], "alert.fired");
    assert_eq!(message["data"]["rule_id"], alert["id"]);
    assert_eq!(message["data"]["title"], "BTC at 60,000");
    assert_eq!(message["data"]["severity"], "urgent");
    let done = deliveries(&app, &ada, id, |found| found[0]["state"] == "delivered").await;
    assert_eq!(
        (&done[0]["attempts"], &done[0]["last_error"]),
        (&json!(1), &json!(null))
    );

    // It is in the inbox, read and acknowledged once.
    let inbox = app.get(INBOX, &ada.access).await.good(200);
    assert_eq!(inbox["data"][0]["id"], event["id"], "{inbox}");
    for (verb, field) in [("read", "read_at"), ("acknowledge", "acknowledged_at")] {
        let path = format!("{INBOX}/{id}/{verb}");
        let first = ask(&app, Method::POST, &path, &ada, None).await.good(200);
        assert!(first[field].is_string(), "{first}");
        app.advance(1);
        let second = ask(&app, Method::POST, &path, &ada, None).await.good(200);
        assert_eq!(first[field], second[field], "the first time counts");
    }
    let unread = app
        .get(&format!("{INBOX}?unread=true"), &ada.access)
        .await
        .good(200);
    assert_eq!(unread["data"], json!([]));

    // For a day after its secret was replaced, both sign.
    let rotated = ask(
        &app,
        Method::POST,
        &format!("{path}/rotate-secret"),
        &ada,
        None,
    )
    .await;
    let new = rotated.good(200)["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, secret);
    for (seen, is_signed_by_old) in [(2, true), (3, false)] {
        let ada = app.login("ada@example.org").await;
        notice(&app, &ada, &[&made], &[("again", Severity::Normal)]).await;
        let received = receiver.after(seen, 1).await.remove(0);
        assert!(signed_by(&new, &received));
        assert_eq!(signed_by(&secret, &received), is_signed_by_old);
        app.advance(25 * 3600);
    }
    let ada = app.login("ada@example.org").await;

    // Other settings have to be verified again.
    let moved = json!({"settings": {"url": receiver.server.url("/elsewhere")}, "name": "moved"});
    let moved = ask(&app, Method::PATCH, &path, &ada, Some(moved)).await;
    let moved = moved.good(200);
    assert_eq!(
        (&moved["state"], &moved["name"]),
        (&json!("unverified"), &json!("moved"))
    );
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown, moved);
    assert_eq!(
        app.get(CHANNELS, &ada.access).await.good(200)["data"],
        json!([shown])
    );
    assert_eq!(
        ask(&app, Method::DELETE, &path, &ada, None).await.status,
        204
    );
    ask(&app, Method::GET, &path, &ada, None)
        .await
        .is_problem(404, "not-found");
}

pub(crate) async fn what_cannot_be_a_channel_is_refused(place: Place) {
    let (app, _delivering) = app(&place, &[]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    for (kind, settings, words) in [
        ("carrier_pigeon", json!({}), "unknown variant"),
        ("webhook", json!({}), "url"),
        ("webhook", json!({"url": "https://a.example/", "x": 1}), "x"),
        (
            "webhook",
            json!({"url": "https://a.example/", "secret": "whsec_AAAA"}),
            "the server makes the secret",
        ),
        ("webhook", json!({"url": "http://a.example/"}), "https://"),
        (
            "webhook",
            json!({"url": "https://127.0.0.1/"}),
            "not allowed",
        ),
        ("webhook", json!({"url": "https://0x7f.1/"}), "not allowed"),
        (
            "ntfy",
            json!({"server": "https://localhost/", "topic": "t"}),
            "not allowed",
        ),
        (
            "ntfy",
            json!({"server": "https://a.example:8080/", "topic": "t"}),
            "port",
        ),
    ] {
        let body = json!({"name": "x", "kind": kind, "settings": settings});
        let problem = post(&app, CHANNELS, &ada.access, body).await;
        let problem = problem.is_problem(400, "invalid-request");
        let error = &problem["errors"][0];
        assert_eq!(error["field"], "settings", "{problem}");
        assert!(
            error["detail"].as_str().unwrap().contains(words),
            "{words}: {problem}"
        );
    }
    let named = |name: String| {
        json!({"name": name, "kind": "ntfy",
            "settings": {"server": "https://ntfy.sh", "topic": "t"}})
    };
    let problem = post(&app, CHANNELS, &ada.access, named(" ".to_owned())).await;
    problem.is_problem(400, "invalid-request");
    for number in 0..20 {
        post(&app, CHANNELS, &ada.access, named(format!("{number}")))
            .await
            .good(201);
    }
    let problem = post(&app, CHANNELS, &ada.access, named("more".to_owned())).await;
    problem.is_problem(409, "conflict");

    // Of two that are to have the same name at once, one gets it.
    let made = app.get(CHANNELS, &ada.access).await.good(200);
    let path = |at: usize| format!("{CHANNELS}/{}", made["data"][at]["id"].as_str().unwrap());
    let paths = [path(0), path(1)];
    for round in 0..10 {
        let name = Some(json!({"name": format!("both {round}")}));
        let [one, other] =
            [0, 1].map(|at| ask(&app, Method::PATCH, &paths[at], &ada, name.clone()));
        let (one, other) = tokio::join!(one, other);
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{one:?} {other:?}");
    }
}

pub(crate) async fn an_event_is_sent_until_it_arrives_or_the_channel_is_gone(place: Place) {
    let (failing, other) = (Receiver::start().await, Receiver::start().await);
    let (app, _delivering) = app(&place, &[&failing, &other]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let hook = channel(&app, &ada, &failing, "webhook", "hook").await;
    let phone = channel(&app, &ada, &other, "ntfy", "phone").await;

    // Tried again later, with the same id.
    failing.answers(503);
    let id = notice(&app, &ada, &[&hook], &[("first", Severity::Normal)]).await[0];
    let waiting = deliveries(&app, &ada, id, |found| found[0]["attempts"] == 1).await;
    assert_eq!(waiting[0]["state"], "waiting");
    assert_eq!(
        waiting[0]["last_error"],
        "the receiver answered 503 Service Unavailable"
    );
    let shown = app.get(&path_of(&hook), &ada.access).await.good(200);
    assert_eq!(
        (&shown["failures"], &shown["state"]),
        (&json!(1), &json!("active"))
    );
    failing.answers(204);
    app.advance(6);
    deliveries(&app, &ada, id, |found| found[0]["state"] == "delivered").await;
    let received = failing.server.received();
    let ids: Vec<&str> = received[1..]
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!(ids, [id.to_string(), id.to_string()]);

    // What says that it is gone is disabled, and the user's other channel says so.
    failing.answers(410);
    let id = notice(&app, &ada, &[&hook], &[("second", Severity::Normal)]).await[0];
    let seen = other.server.received().len();
    let said = other.after(seen, 1).await.remove(0).json();
    assert_eq!(said["title"], "The channel hook was disabled", "{said}");
    let shown = app.get(&path_of(&hook), &ada.access).await.good(200);
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("disabled"), &json!("the receiver answered 410 Gone"))
    );
    let kept = deliveries(&app, &ada, id, |found| found[0]["attempts"] == 1).await;
    assert_eq!(kept[0]["state"], "waiting");

    // Verified again, it gets what it missed.
    failing.answers(200);
    verify(&app, &ada, &failing, &hook).await;
    app.advance(6);
    deliveries(&app, &ada, id, |found| found[0]["state"] == "delivered").await;

    // A channel that fails for a day is disabled too.
    failing.answers(500);
    let id = notice(&app, &ada, &[&hook], &[("third", Severity::Normal)]).await[0];
    for attempt in 1..5 {
        let ada = app.login("ada@example.org").await;
        deliveries(&app, &ada, id, |found| found[0]["attempts"] == attempt).await;
        app.advance(7 * 3600);
    }
    let ada = app.login("ada@example.org").await;
    let waiting = async {
        loop {
            let shown = app.get(&path_of(&hook), &ada.access).await.good(200);
            if shown["state"] == "disabled" {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let shown = tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert!(shown["reason"].as_str().unwrap().contains("for a day"));

    // What it was to deliver ends some days later.
    app.advance(4 * 86_400);
    let ada = app.login("ada@example.org").await;
    let ended = deliveries(&app, &ada, id, |found| found[0]["state"] == "failed").await;
    assert_eq!(ended[0]["last_error"], "the channel was not in use");
    assert_eq!(phone["state"], "unverified", "as it was made");
}

pub(crate) async fn many_events_are_one_message_within_a_budget(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let phone = channel(&app, &ada, &receiver, "ntfy", "phone").await;
    let same = channel(&app, &ada, &receiver, "ntfy", "another").await;
    let moved = json!({"settings": {"server": receiver.server.url("/"), "topic": "phone"}});
    ask(&app, Method::PATCH, &path_of(&same), &ada, Some(moved))
        .await
        .good(200);
    verify(&app, &ada, &receiver, &same).await;
    let mut seen = receiver.server.received().len();

    // The first goes at once; what comes within ten seconds is one message, by this channel or by another with
    // the same recipient.
    let first = notice(&app, &ada, &[&phone], &[("first", Severity::Normal)]).await;
    assert_eq!(receiver.after(seen, 1).await[0].json()["title"], "first");
    deliveries(&app, &ada, first[0], |found| {
        found[0]["state"] == "delivered"
    })
    .await;
    seen += 1;
    let many: Vec<(String, Severity)> = (0..60)
        .map(|number| (format!("event {number}"), Severity::Normal))
        .collect();
    let many: Vec<(&str, Severity)> = many
        .iter()
        .map(|(title, severity)| (title.as_str(), *severity))
        .collect();
    let ids = notice(&app, &ada, &[&phone], &many).await;
    app.advance(1);
    let by_other = notice(&app, &ada, &[&same], &[("other", Severity::Normal)]).await;
    // Urgent ones don't wait for the others.
    notice(&app, &ada, &[&phone], &[("now", Severity::Urgent)]).await;
    assert_eq!(receiver.after(seen, 1).await[0].json()["title"], "now");
    seen += 1;
    app.advance(11);
    deliveries(&app, &ada, ids[59], |found| {
        found[0]["state"] == "delivered"
    })
    .await;
    let received = receiver.after(seen, 1).await.remove(0).json();
    assert_eq!(received["title"], "60 notifications");
    let text = received["message"].as_str().unwrap();
    assert!(
        text.contains("event 0\n") && text.contains("and 50 more"),
        "{text}"
    );
    seen += 1;
    app.advance(11);
    deliveries(&app, &ada, by_other[0], |found| {
        found[0]["state"] == "delivered"
    })
    .await;
    seen += receiver.after(seen, 1).await.len();

    // Sixty messages an hour, of which half may come one after the other. Each round ends once its event is
    // delivered, alone or with those that waited, or the channel has to wait.
    let mut ada = ada;
    for number in 0..120 {
        app.advance(30);
        if number % 20 == 0 {
            ada = app.login("ada@example.org").await;
        }
        let title = format!("budget {number}");
        let id = notice(&app, &ada, &[&phone], &[(&title, Severity::Normal)]).await[0];
        let now = app.clock.now().to_utc();
        let sql = format!(
            "SELECT d.state = 'delivered' OR c.next_at > '{now:?}' FROM deliveries d \
             JOIN notification_channels c ON c.id = d.channel_id WHERE d.notification_id = '{id}'"
        );
        let waiting = async {
            while !app.rows(&sql).await[0].get::<_, bool>(0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }
    let received = receiver.server.received().len() - seen;
    assert!((45..=60).contains(&received), "{received}");
}

pub(crate) async fn two_processes_deliver_each_message_once(place: Place) {
    let receiver = Receiver::start().await;
    let (one, _first) = app(&place, &[&receiver]).await;
    let (_two, _second) = app(&place, &[&receiver]).await;
    let ada = verified(&one, "ada@example.org", Role::User).await;
    let mut channels = Vec::new();
    for number in 0..4 {
        let name = format!("hook {number}");
        channels.push(channel(&one, &ada, &receiver, "webhook", &name).await);
        // Each has a recipient of its own.
        let path = path_of(&channels[number]);
        let url = receiver.server.url(&format!("/{number}"));
        let moved = json!({"settings": {"url": url}});
        ask(&one, Method::PATCH, &path, &ada, Some(moved))
            .await
            .good(200);
        verify(&one, &ada, &receiver, &channels[number]).await;
    }
    let seen = receiver.server.received().len();
    let channels: Vec<&Value> = channels.iter().collect();
    let said = [("event", Severity::Normal); 40];
    let ids = notice(&one, &ada, &channels, &said).await;
    for id in ids {
        deliveries(&one, &ada, id, |found| {
            let found = found.as_array().unwrap();
            found.iter().all(|one| one["state"] == "delivered")
        })
        .await;
    }
    let received = receiver.after(seen, 160).await;
    let distinct: BTreeSet<(&str, &str)> = received
        .iter()
        .map(|request| (request.target.as_str(), request.header("webhook-id")))
        .collect();
    assert_eq!(distinct.len(), 160);
}

pub(crate) async fn channels_and_notifications_of_others_are_not_found(place: Place) {
    let receiver = Receiver::start().await;
    let (app, _delivering) = app(&place, &[&receiver]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let hook = channel(&app, &ada, &receiver, "webhook", "hook").await;
    let id = notice(&app, &ada, &[&hook], &[("hers", Severity::Normal)]).await[0].to_string();
    let document = app
        .send(Method::GET, "/openapi.json", None, None)
        .await
        .good(200);
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let object = match path {
            path if path.starts_with(&format!("{CHANNELS}/{{id}}")) => hook["id"].as_str().unwrap(),
            path if path.starts_with(&format!("{INBOX}/{{id}}")) => &id,
            _ => continue,
        };
        for method in operations.as_object().unwrap().keys() {
            let body = match (method.as_str(), path.rsplit('/').next()) {
                ("patch", _) => Some(json!({"name": "mine"})),
                ("post", Some("verify")) => Some(json!({"code": "00000000"})),
                ("get" | "post" | "delete", _) => None,
                _ => continue,
            };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            asked += 1;
            let path = path.replace("{id}", object);
            let answer = ask(&app, method.clone(), &path, &eve, body.clone()).await;
            answer.is_problem(404, "not-found");
            let answer = app.send(method, &path, None, body.as_ref()).await;
            answer.is_problem(401, "not-signed-in");
        }
    }
    assert_eq!(asked, 9);
    for list in [CHANNELS, INBOX] {
        let list = app.get(list, &eve.access).await.good(200);
        assert_eq!(list["data"], json!([]));
    }
    // Nor does anything reach a channel that is another's.
    notice(&app, &eve, &[&hook], &[("mine", Severity::Normal)]).await;
    assert_eq!(app.rows("SELECT FROM deliveries").await.len(), 1);
}

/// The inbox page by page.
pub(crate) async fn the_inbox_is_read_page_by_page(place: Place) {
    let (app, _delivering) = app(&place, &[]).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let titles = ["a", "b", "c", "d", "e"];
    let all = titles.map(|title| (title, Severity::Info));
    notice(&app, &ada, &[], &all).await;
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}"));
        let path = format!("{INBOX}?limit=2{}", after.unwrap_or_default());
        let page = app.get(&path, &ada.access).await.good(200);
        let data = page["data"].as_array().unwrap();
        found.extend(
            data.iter()
                .map(|one| one["title"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(found, ["e", "d", "c", "b", "a"]);
    for query in ["cursor=zz", "unread=perhaps", "limit=0", "x=1"] {
        let answer = app.get(&format!("{INBOX}?{query}"), &ada.access).await;
        answer.is_problem(400, "invalid-request");
    }
}
