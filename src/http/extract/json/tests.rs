use axum::body::Body;
use axum::routing::post;
use serde::Deserialize;
use tower::ServiceExt as _;

use super::*;

#[derive(Debug, Deserialize, Validate, PartialEq)]
struct Order {
    #[garde(length(min = 1, max = 10))]
    name: Line,
    #[garde(range(min = 1, max = 5))]
    count: u32,
    #[garde(dive)]
    #[serde(default)]
    lines: Vec<Item>,
    #[garde(skip)]
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Deserialize, Validate, PartialEq)]
struct Item {
    #[garde(length(min = 2))]
    what: String,
}

fn errors(body: &str) -> Vec<(String, String)> {
    let problem = read::<Order>(body.as_bytes()).expect_err(body);
    let found = problem.errors().iter();
    found
        .map(|error| (error.field.clone(), error.detail.clone()))
        .collect()
}

fn fields(body: &str) -> Vec<String> {
    errors(body).into_iter().map(|(field, _)| field).collect()
}

#[test]
fn good_bodies_are_read_and_trimmed() {
    let order: Order =
        read(br#" {"name":"  Anna ","count":2,"lines":[{"what":"xy"}],"note":"a\nb"} "#).unwrap();
    assert_eq!(&*order.name, "Anna");
    assert_eq!(order.lines[0].what, "xy");
    assert_eq!(order.note.as_deref(), Some("a\nb"));
}

#[test]
fn each_wrong_field_is_named() {
    for (body, wanted) in [
        (
            r#"{"name":"","count":9,"lines":[{"what":"xy"},{"what":"x"}]}"#,
            &["count", "lines[1].what", "name"][..],
        ),
        (r#"{"count":1}"#, &["name"]),
        (
            r#"{"name":"a","count":1,"admin":true,"lines":[{"what":"xy","x":1}]}"#,
            &["admin", "lines.0.x"],
        ),
        (r#"{"name":"a","count":"1"}"#, &["count"]),
        (r#"{"name":"a","count":-1}"#, &["count"]),
        (r#"{"name":"a","count":1.5}"#, &["count"]),
        (r#"{"name":"a","count":1,"lines":[{}]}"#, &["lines[0].what"]),
        (
            r#"{"name":"a","count":1,"__proto__":{"a":1},"constructor":1}"#,
            &["__proto__", "constructor"],
        ),
        (
            r#"{"name":"a","count":1,"lines":[{"what":"ab","prototype":0}]}"#,
            &["lines[0].prototype"],
        ),
        (r#"{"name":"a","name":"b","count":1}"#, &["name"]),
        (r#"{"name":"a\u0000b","count":1}"#, &["name"]),
        (
            r#"{"name":"a\u001bb","count":1,"note":"\u0007"}"#,
            &["name", "note"],
        ),
        (r#"{"name":"a\nb","count":1}"#, &["name"]),
        (r#"{"name":"a","count":1,"\u0000":1}"#, &["body"]),
        ("", &["body"]),
        ("{", &["body"]),
        ("[]", &["body"]),
        (r#"{"name":"a","count":1} x"#, &["body"]),
    ] {
        let mut found = fields(body);
        found.sort();
        assert_eq!(found, wanted, "{body}: {:?}", errors(body));
    }
    assert_eq!(errors(r#"{"count":1}"#)[0].1, "is missing");
    let found = &errors(r#"{"name":"a","count":"hunter2"}"#)[0].1;
    assert_eq!(found, "invalid type: expected u32", "values may be secrets");
}

#[test]
fn depth_and_number_of_errors_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(strict::read(nested(strict::MAX_DEPTH).as_bytes()).is_ok());
    let deep = strict::read(nested(strict::MAX_DEPTH + 1).as_bytes()).unwrap_err();
    assert!(deep[0].detail.contains("32 deep"), "{deep:?}");
    assert!(strict::read(nested(100_000).as_bytes()).is_err());
    let many: Vec<String> = (0..1_000).map(|n| format!("\"k{n}\":1")).collect();
    let body = format!("{{\"name\":\"a\",\"count\":1,{}}}", many.join(","));
    assert_eq!(fields(&body).len(), TOLD);
}

#[tokio::test]
async fn the_media_type_and_the_size_are_checked_first() {
    let app = axum::Router::new().route(
        "/",
        post(async |JsonBody(order): JsonBody<Order>| order.name.into_string()),
    );
    let send = async |media: Option<&str>, body: String| {
        let mut request = Request::post("/");
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let request = request.body(Body::from(body)).unwrap();
        app.clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let good = || r#"{"name":"a","count":1}"#.to_owned();
    assert_eq!(send(Some("application/json"), good()).await, 200);
    assert_eq!(
        send(Some("Application/JSON; charset=utf-8"), good()).await,
        200
    );
    assert_eq!(send(None, good()).await, 415);
    assert_eq!(send(Some("text/plain"), good()).await, 415);
    let large = format!("{}{}", good(), " ".repeat(3 << 20));
    assert_eq!(send(Some("application/json"), large).await, 413);
}
