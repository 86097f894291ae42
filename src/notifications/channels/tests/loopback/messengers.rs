//! Telegram, Discord, Slack, ntfy, Gotify and Apprise against servers that refuse what the real ones refuse.

use std::time::Duration;

use bytes::Bytes;
use coinsphere_channels::{Attempt, Message, OutboundPolicy, Severity};
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use crate::server::{Received, Server, answer};
use crate::{channel, client, deliver, long_message, message, no_lookup};

fn units(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.encode_utf16().count())
}

/// Messages that every server must take: the usual, long ones, markup, nothing at all.
fn messages() -> Vec<Message> {
    let markup = "*bold* _it_ ~s~ `c` ||x|| # h > q [t](https://evil.example) <!channel> <@1> @everyone & \\ &amp;";
    let with = |text: &str| Message {
        title: text.to_owned(),
        body: text.to_owned(),
        ..message()
    };
    let mut messages: Vec<Message> = ['x', '"', '&', '*', '\u{1}', '€', '😀']
        .into_iter()
        .map(long_message)
        .collect();
    let long_body = Message {
        body: long_message('x').body,
        ..message()
    };
    messages.extend([
        message(),
        long_body,
        with(markup),
        with("line\nline"),
        with("  "),
    ]);
    messages.push(Message {
        fields: Vec::new(),
        link: None,
        ..with("")
    });
    messages
}

async fn delivers_all(server: &Server, settings: Value) -> Vec<Received> {
    let client = client(&[server.allowed()], no_lookup());
    let channel = channel(settings);
    for message in messages() {
        let sent = deliver(&channel, &client, &message).await;
        let title: String = message.title.chars().take(20).collect();
        assert!(sent.is_ok(), "{title:?}: {}", sent.unwrap_err());
    }
    server.received()
}

/// Returns whether a text belongs to the usual message, which comes before the one with its title and a long body.
fn is_usual(text: &Value) -> bool {
    text.as_str().unwrap().starts_with("BTC")
}

type Answering = Response<Full<Bytes>>;

/// `sendMessage` as the Bot API judges it.
fn telegram(received: &Received) -> Answering {
    let wrong = |description: &str| {
        let body = json!({"ok": false, "error_code": 400, "description": description});
        answer(400, body.to_string())
    };
    if received.target != "/bot123:AAE_-x/sendMessage" {
        return answer(
            404,
            r#"{"ok":false,"error_code":404,"description":"Not Found"}"#,
        );
    }
    let body = received.json();
    if body["chat_id"] != "42" {
        return wrong("Bad Request: chat not found");
    }
    let text = body["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return wrong("Bad Request: message text is empty");
    }
    let length = text.encode_utf16().count();
    if length > 4096 {
        return wrong("Bad Request: message is too long");
    }
    if body.get("parse_mode").is_some() {
        return wrong("Bad Request: can't parse entities");
    }
    for entity in body["entities"].as_array().into_iter().flatten() {
        let end = entity["offset"].as_u64().unwrap() + entity["length"].as_u64().unwrap();
        if text.trim() != text || usize::try_from(end).unwrap() > length {
            return wrong("Bad Request: entity beyond the text");
        }
    }
    answer(200, r#"{"ok":true,"result":{}}"#)
}

fn telegram_settings(server: &Server) -> Value {
    json!({"kind": "telegram", "server": server.url("/"), "token": "123:AAE_-x", "chat_id": "42"})
}

#[tokio::test]
async fn telegram_takes_every_message() {
    let server = Server::start(telegram).await;
    let received = delivers_all(&server, telegram_settings(&server)).await;
    let usual = received
        .iter()
        .map(Received::json)
        .find(|body| is_usual(&body["text"]))
        .unwrap();
    assert_eq!(
        usual["text"],
        "BTC above 60,000 & rising\nBTCUSDT traded at <60,001.50> on Binance.\n\
         Price: 60,001.50 USDT\nhttps://coinsphere.example/alerts/7?a=1&b=2"
    );
    assert_eq!(
        usual["entities"],
        json!([{"type": "bold", "offset": 0, "length": 25}])
    );
    assert_eq!(usual["disable_notification"], false);
    let longest = received
        .iter()
        .map(|body| units(&body.json()["text"]))
        .max();
    assert_eq!(longest, Some(4096));
}

#[tokio::test]
async fn telegram_says_when_to_try_again_and_when_never() {
    for (status, body, wait, disables) in [
        (
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}"#,
            Some(17),
            false,
        ),
        (
            403,
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            None,
            true,
        ),
        (
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
            None,
            true,
        ),
        (
            400,
            r#"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#,
            None,
            false,
        ),
        (502, "<html>Bad Gateway</html>", None, false),
    ] {
        let server = Server::start(move |_| answer(status, body)).await;
        let client = client(&[server.allowed()], no_lookup());
        let error = deliver(&channel(telegram_settings(&server)), &client, &message()).await;
        let error = error.unwrap_err();
        assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{body}");
        assert_eq!(error.disables_channel(), disables, "{body}");
        assert_eq!(error.is_retriable(), matches!(status, 429 | 502), "{body}");
        assert!(!error.to_string().contains("blocked"), "no body is shown");
    }
}

#[tokio::test]
async fn a_token_never_becomes_a_path_of_its_own() {
    let server = Server::start(telegram).await;
    let client = client(&[server.allowed()], no_lookup());
    for token in ["../admin", "1:a/b", "1:a?x", "", "1:a#"] {
        let mut settings = telegram_settings(&server);
        settings["token"] = token.into();
        let error = deliver(&channel(settings), &client, &message()).await;
        assert!(!error.unwrap_err().is_retriable(), "{token}");
    }
    assert_eq!(server.received().len(), 0);
}

/// A webhook as Discord judges it.
fn discord(received: &Received) -> Answering {
    let body = received.json();
    let wrong = |field: &str| answer(400, json!({"code": 50035, "message": field}).to_string());
    if received.target != "/api/webhooks/1/token?thread_id=5&wait=true" {
        return answer(404, r#"{"message": "Unknown Webhook", "code": 10015}"#);
    }
    if units(&body["content"]) > 2000 {
        return wrong("content");
    }
    // Discord would ping; this one refuses.
    if body["allowed_mentions"] != json!({"parse": []}) {
        return wrong("allowed_mentions");
    }
    let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
    if embeds.is_empty() || embeds.len() > 10 {
        return wrong("embeds");
    }
    let mut characters = 0;
    for embed in &embeds {
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
        let mut texts = vec![
            (&embed["title"], 256, true),
            (&embed["description"], 4096, false),
        ];
        for field in &fields {
            texts.extend([(&field["name"], 256, true), (&field["value"], 1024, true)]);
        }
        if fields.len() > 25 {
            return wrong("fields");
        }
        for (text, limit, required) in texts {
            let length = units(text);
            let is_empty = text.as_str().unwrap_or_default().trim().is_empty();
            if length > limit || required && is_empty {
                return wrong("text");
            }
            characters += length;
            if mentions(text.as_str().unwrap_or_default()) {
                return wrong("mention");
            }
        }
    }
    if characters > 6000 {
        return wrong("embed size");
    }
    answer(200, r#"{"id": "1"}"#)
}

/// Returns whether Discord would read a mention.
fn mentions(text: &str) -> bool {
    ["@everyone", "@here", "<@", "<#", "<t:", "](http"]
        .iter()
        .any(|mention| {
            text.match_indices(mention)
                .any(|(at, _)| !text[..at].ends_with('\\'))
        })
}

fn discord_settings(server: &Server) -> Value {
    let url = server.url("/api/webhooks/1/token?thread_id=5");
    json!({"kind": "discord", "url": url})
}

#[tokio::test]
async fn discord_takes_every_message() {
    let server = Server::start(discord).await;
    let received = delivers_all(&server, discord_settings(&server)).await;
    let embeds: Vec<Value> = received
        .iter()
        .map(|body| body.json()["embeds"][0].clone())
        .collect();
    let usual = embeds
        .iter()
        .find(|embed| embed["title"] == "BTC above 60,000 & rising")
        .unwrap();
    assert_eq!(
        usual["description"],
        "BTCUSDT traded at \\<60,001.50\\> on Binance."
    );
    assert_eq!(usual["url"], "https://coinsphere.example/alerts/7?a=1&b=2");
    assert_eq!(usual["fields"][0]["value"], "60,001.50 USDT");
}

/// The server of these tests is as strict as the real one.
#[tokio::test]
async fn discords_limits_are_enforced_here() {
    let embed = |title: &str| json!([{"title": title, "description": "", "fields": []}]);
    let quiet = json!({"parse": []});
    for (body, status) in [
        (
            json!({"content": "x".repeat(2000), "embeds": embed("t"), "allowed_mentions": quiet}),
            200,
        ),
        (
            json!({"content": "x".repeat(2001), "embeds": embed("t"), "allowed_mentions": quiet}),
            400,
        ),
        (json!({"embeds": embed("t")}), 400),
        (
            json!({"embeds": embed("@everyone"), "allowed_mentions": quiet}),
            400,
        ),
        (
            json!({"embeds": embed(&"x".repeat(257)), "allowed_mentions": quiet}),
            400,
        ),
    ] {
        let mut headers = hyper::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let judged = discord(&Received {
            method: hyper::Method::POST,
            target: "/api/webhooks/1/token?thread_id=5&wait=true".to_owned(),
            headers,
            body: body.to_string().into(),
        });
        assert_eq!(judged.status().as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn discord_says_how_long_to_wait() {
    let server = Server::start(|_| {
        let body =
            r#"{"message": "You are being rate limited.", "retry_after": 1.337, "global": false}"#;
        let mut limited = answer(429, body);
        limited
            .headers_mut()
            .insert("retry-after", "2".parse().unwrap());
        limited
    })
    .await;
    let client = client(&[server.allowed()], no_lookup());
    let error = deliver(&channel(discord_settings(&server)), &client, &message()).await;
    let error = error.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1337)));
    assert!(error.is_retriable() && error.slows_down());

    let server = Server::start(discord).await;
    let client = crate::client(&[server.allowed()], no_lookup());
    let settings = json!({"kind": "discord", "url": server.url("/api/webhooks/2/gone")});
    let error = deliver(&channel(settings), &client, &message()).await;
    assert!(error.unwrap_err().disables_channel());
}

/// Text in which every `&` begins one of the three entities, and `<` and `>` stand only around a link.
fn is_escaped(text: &str) -> bool {
    let inside = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix("|Open>"))
        .unwrap_or(text);
    let ampersands = inside.match_indices('&').all(|(at, _)| {
        ["&amp;", "&lt;", "&gt;"]
            .iter()
            .any(|entity| inside[at..].starts_with(entity))
    });
    ampersands && !inside.contains(['<', '>'])
}

/// An incoming webhook as Slack judges it.
fn slack(received: &Received) -> Answering {
    let body = received.json();
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    if received.target != "/services/T/B/x" {
        return answer(404, "no_service");
    }
    if blocks.is_empty() || blocks.len() > 50 {
        return answer(400, "invalid_blocks");
    }
    let mut texts = Vec::new();
    for block in &blocks {
        let fields = block["fields"].as_array().cloned().unwrap_or_default();
        if fields.len() > 10 || block.get("text").is_none() && fields.is_empty() {
            return answer(400, "invalid_blocks");
        }
        texts.extend(block.get("text").map(|text| (text.clone(), 3000)));
        texts.extend(fields.into_iter().map(|field| (field, 2000)));
    }
    for (text, limit) in texts {
        if !(1..=limit).contains(&units(&text["text"])) || text["type"] != "mrkdwn" {
            return answer(400, "invalid_blocks");
        }
        if !is_escaped(text["text"].as_str().unwrap()) || text["verbatim"] != true {
            return answer(400, "invalid_payload");
        }
    }
    if !is_escaped(body["text"].as_str().unwrap()) {
        return answer(400, "invalid_payload");
    }
    answer(200, "ok")
}

#[tokio::test]
async fn slack_takes_every_message() {
    let server = Server::start(slack).await;
    let settings = json!({"kind": "slack", "url": server.url("/services/T/B/x")});
    let received = delivers_all(&server, settings).await;
    let usual = received
        .iter()
        .map(Received::json)
        .find(|body| is_usual(&body["text"]))
        .unwrap();
    assert_eq!(usual["text"], "BTC above 60,000 &amp; rising");
    assert_eq!(
        usual["blocks"][0]["text"]["text"],
        "*BTC above 60,000 &amp; rising*\nBTCUSDT traded at &lt;60,001.50&gt; on Binance."
    );
    assert_eq!(
        usual["blocks"][2]["text"]["text"],
        "<https://coinsphere.example/alerts/7?a=1&amp;b=2|Open>"
    );
}

#[tokio::test]
async fn a_slack_webhook_that_is_gone_disables_the_channel() {
    for (status, body, disables) in [
        (404, "no_service", true),
        (410, "channel_is_archived", true),
        (403, "action_prohibited", true),
        (400, "invalid_payload", false),
        (500, "rollup_error", false),
    ] {
        let server = Server::start(move |_| answer(status, body)).await;
        let client = client(&[server.allowed()], no_lookup());
        let settings = json!({"kind": "slack", "url": server.url("/services/T/B/x")});
        let error = deliver(&channel(settings), &client, &message()).await;
        assert_eq!(error.unwrap_err().disables_channel(), disables, "{body}");
    }
}

/// A topic that asks for a token.
fn ntfy(received: &Received) -> Answering {
    if received.header("authorization") != "Bearer tk_secret" {
        return answer(401, r#"{"code":40101,"http":401,"error":"unauthorized"}"#);
    }
    // It reads no more JSON than this.
    if received.target != "/" || received.body.len() > 8192 {
        return answer(
            400,
            r#"{"code":40024,"http":400,"error":"request body must be valid JSON"}"#,
        );
    }
    let body = received.json();
    let message = body["message"].as_str().unwrap();
    let priority = body["priority"].as_u64().unwrap();
    let actions = body["actions"].as_array().map_or(0, Vec::len);
    if message.len() > 4096 || !(1..=5).contains(&priority) || actions > 3 {
        return answer(
            400,
            r#"{"code":40000,"http":400,"error":"invalid request"}"#,
        );
    }
    answer(200, "{}")
}

#[tokio::test]
async fn ntfy_takes_every_message() {
    let server = Server::start(ntfy).await;
    let settings = json!({
        "kind": "ntfy", "server": server.url("/"), "topic": "my_alerts-1", "token": "tk_secret",
    });
    let received = delivers_all(&server, settings).await;
    let usual = received
        .iter()
        .map(Received::json)
        .find(|body| is_usual(&body["title"]))
        .unwrap();
    assert_eq!(usual["topic"], "my_alerts-1");
    assert_eq!(usual["priority"], 5);
    assert_eq!(
        usual["click"],
        "https://coinsphere.example/alerts/7?a=1&b=2"
    );
    assert_eq!(
        usual["message"],
        "BTCUSDT traded at <60,001.50> on Binance.\nPrice: 60,001.50 USDT"
    );
}

#[tokio::test]
async fn ntfy_refuses_topics_and_tokens_that_are_none() {
    let server = Server::start(ntfy).await;
    let client = client(&[server.allowed()], no_lookup());
    for topic in ["", "a/b", "ä", &"x".repeat(65)] {
        let settings = json!({
            "kind": "ntfy", "server": server.url("/"), "topic": topic, "token": "tk_secret",
        });
        let error = deliver(&channel(settings), &client, &message()).await;
        assert!(!error.unwrap_err().is_retriable(), "{topic}");
    }
    assert_eq!(server.received().len(), 0);
    let settings = json!({"kind": "ntfy", "server": server.url("/"), "topic": "alerts"});
    let error = deliver(&channel(settings), &client, &message()).await;
    assert!(error.unwrap_err().disables_channel());
}

/// An application of a server below a path.
fn gotify(received: &Received) -> Answering {
    if received.target != "/gotify/message" {
        return answer(404, "");
    }
    if received.header("x-gotify-key") != "Asecret" {
        return answer(401, "");
    }
    let body = received.json();
    let priority = body["priority"].as_u64().unwrap();
    let empty = body["message"].as_str().unwrap_or_default().is_empty();
    if empty && !body["title"].as_str().unwrap().is_empty() || priority > 10 {
        return answer(400, "");
    }
    answer(200, "{}")
}

#[tokio::test]
async fn gotify_takes_every_message() {
    let server = Server::start(gotify).await;
    for path in ["/gotify", "/gotify/"] {
        let settings = json!({"kind": "gotify", "server": server.url(path), "token": "Asecret"});
        delivers_all(&server, settings).await;
    }
    let client = client(&[server.allowed()], no_lookup());
    let settings = json!({"kind": "gotify", "server": server.url("/gotify"), "token": "wrong"});
    let error = deliver(&channel(settings), &client, &message()).await;
    assert!(error.unwrap_err().disables_channel());
}

#[tokio::test]
async fn a_token_with_a_line_break_makes_no_header() {
    let server = Server::start(gotify).await;
    let client = client(&[server.allowed()], no_lookup());
    let token = "A\r\nhost: elsewhere";
    let settings = json!({"kind": "gotify", "server": server.url("/gotify"), "token": token});
    let error = deliver(&channel(settings), &client, &message()).await;
    assert!(!error.unwrap_err().is_retriable());
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn apprise_takes_messages_and_says_what_failed() {
    let server = Server::start(|received| {
        let body = received.json();
        match &*received.target {
            "/notify/key" if body["type"] == "warning" && body["tag"] == "phone" => answer(200, ""),
            "/notify/unknown" => answer(204, ""),
            "/notify/failing" => answer(424, ""),
            _ => answer(400, ""),
        }
    })
    .await;
    let client = client(&[server.allowed()], no_lookup());
    let to = |path: &str| {
        let url = server.url(path);
        channel(json!({"kind": "apprise", "url": url, "tag": "phone"}))
    };
    deliver(&to("/notify/key"), &client, &message())
        .await
        .unwrap();
    let unknown = deliver(&to("/notify/unknown"), &client, &message()).await;
    assert!(unknown.unwrap_err().disables_channel());
    let failing = deliver(&to("/notify/failing"), &client, &message()).await;
    assert!(failing.unwrap_err().is_retriable());
    let quiet = Message {
        severity: Severity::Info,
        ..message()
    };
    let refused = deliver(&to("/notify/key"), &client, &quiet).await;
    assert!(!refused.unwrap_err().is_retriable());
}

#[test]
fn settings_are_checked_as_they_are_read() {
    for wrong in [
        json!({"kind": "pigeon"}),
        json!({"kind": "slack"}),
        json!({"kind": "slack", "url": "no url"}),
        json!({"kind": "slack", "url": "https://hooks.slack.com/x", "extra": 1}),
        json!({"kind": "webhook", "url": "https://a.example/", "secret": "whsec_AAAA"}),
        json!({"kind": "gotify", "server": "https://a.example/"}),
    ] {
        let read = serde_json::from_value::<coinsphere_channels::Channel>(wrong.clone());
        assert!(read.is_err(), "{wrong}");
    }
    let public = json!({"kind": "telegram", "token": "1:a", "chat_id": "@channel"});
    assert!(serde_json::from_value::<coinsphere_channels::Channel>(public).is_ok());
}

#[test]
fn settings_are_checked_before_they_are_stored() {
    let attempt = Attempt {
        now: message().time,
        random: &|| [5; 32],
        vapid: None,
    };
    let check = |settings: Value| channel(settings).check(&OutboundPolicy::default(), &attempt);
    let right = json!({"kind": "ntfy", "server": "https://ntfy.sh", "topic": "alerts"});
    assert!(check(right).is_ok());
    for wrong in [
        json!({"kind": "ntfy", "server": "https://ntfy.sh", "topic": "no topic"}),
        json!({"kind": "ntfy", "server": "https://192.168.1.5", "topic": "alerts"}),
        json!({"kind": "ntfy", "server": "http://ntfy.sh", "topic": "alerts"}),
        json!({"kind": "slack", "url": "https://localhost/services/x"}),
        json!({"kind": "slack", "url": "file:///etc/passwd"}),
        json!({"kind": "telegram", "token": "a/b", "chat_id": "1"}),
        json!({"kind": "discord", "url": "https://user@discord.com/api/webhooks/1/x"}),
        json!({"kind": "gotify", "server": "data:x", "token": "a"}),
        json!({
            "kind": "web_push", "endpoint": "https://push.example/1",
            "keys": {"p256dh": "AAAA", "auth": "AAAA"},
        }),
    ] {
        let error = check(wrong.clone()).unwrap_err();
        assert!(!error.is_retriable(), "{wrong}");
    }
}
