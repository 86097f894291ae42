//! Bodies of JSON are objects with named fields.

use axum::http::header;

use super::*;

#[tokio::test]
async fn a_list_of_values_does_not_stand_for_fields() {
    let router = App::new().router();
    for (path, body) in [
        (
            "/api/v1/auth/login",
            r#"["ada@example.org", "a quiet river at dawn", null]"#,
        ),
        ("/api/v1/auth/password-reset", r#"["ada@example.org"]"#),
        (
            "/api/v1/auth/password-reset/confirm",
            r#"["code", "a quiet river at dawn", null]"#,
        ),
    ] {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let answer = send(&router, request).await;
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], "body", "{path}: {problem}");
    }
}
