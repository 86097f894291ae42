//! Email templates: a file each, with a subject and paragraphs, from which text and HTML are made.
//! Whatever a user typed is escaped where it becomes HTML.
//!
//! `{name}` stands for a fact of that name, `{server}` for where the server is reached; a paragraph that
//! is `{link}` or `{code}` alone is what the reader is to use.

use serde_json::Value;

use super::EmailKind;

/// The frame of every HTML part.
const LAYOUT: &str = include_str!("layout.html");

/// An email without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Where one click, or one request of a mail program's (RFC 8058), ends emails of this kind.
    pub(crate) unsubscribe: Option<String>,
    /// What emails about the same have in common.
    pub(crate) thread: Option<String>,
}

/// Contents of an email beyond its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The user's display name.
    pub(crate) name: Option<&'a str>,
    /// Where the server is reached.
    pub(crate) server: &'a str,
    /// The secret of its link or code.
    pub(crate) token: Option<&'a str>,
    /// More, by kind.
    pub(crate) facts: &'a Value,
}

const fn template(kind: EmailKind) -> &'static str {
    match kind {
        EmailKind::VerifyEmail => include_str!("verify_email.txt"),
        EmailKind::ResetPassword => include_str!("reset_password.txt"),
        EmailKind::ChangeEmail => include_str!("change_email.txt"),
        EmailKind::EmailChanged => include_str!("email_changed.txt"),
        EmailKind::PasswordChanged => include_str!("password_changed.txt"),
        EmailKind::SecondFactorChanged => include_str!("second_factor_changed.txt"),
        EmailKind::NewSignIn => include_str!("new_sign_in.txt"),
        EmailKind::IdentityLinked => include_str!("identity_linked.txt"),
        EmailKind::AccountDeleted => include_str!("account_deleted.txt"),
        EmailKind::Notification => include_str!("notification.txt"),
    }
}

/// Makes an email of its kind's template.
pub(crate) fn render(kind: EmailKind, context: Context<'_>) -> Email {
    let mut paragraphs = template(kind).split("\n\n").map(str::trim);
    let subject = paragraphs.next().unwrap_or_default();
    let subject = subject.strip_prefix("Subject: ").unwrap_or(subject);
    let subject = fill(subject, &context).replace(char::is_control, " ");
    let greeting = match context.name {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    };
    let mut text = format!("{greeting}\r\n\r\n");
    let mut body = format!("<p>{}</p>", escape(&greeting));
    for paragraph in paragraphs {
        let filled = fill(paragraph, &context);
        if filled.is_empty() {
            continue;
        }
        let lines: Vec<&str> = filled.lines().collect();
        text.push_str(&lines.join("\r\n"));
        text.push_str("\r\n\r\n");
        let shown = escape(&filled).replace('\n', "<br>");
        body.push_str(&match paragraph {
            "{link}" | "{more}" => format!("<p><a href=\"{shown}\">{shown}</a></p>"),
            "{code}" => format!("<p><code>{shown}</code></p>"),
            _ => format!("<p>{shown}</p>"),
        });
    }
    text.push_str(&format!("-- \r\nCoinsphere at {}\r\n", context.server));
    // The body last: what a user typed is never searched for places to fill.
    let html = LAYOUT
        .trim_end()
        .replace("{subject}", &escape(&subject))
        .replace("{server}", &escape(context.server))
        .replace("{body}", &body);
    Email {
        subject,
        text,
        html,
        unsubscribe: context.facts["unsubscribe"].as_str().map(str::to_owned),
        thread: context.facts["thread"].as_str().map(str::to_owned),
    }
}

/// Puts values in their places, each once: a value is not searched for places.
fn fill(paragraph: &str, context: &Context<'_>) -> String {
    let token = context.token.unwrap_or_default();
    let mut filled = String::new();
    let mut rest = paragraph;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        match name {
            "server" => filled.push_str(context.server),
            "code" => filled.push_str(token),
            "link" => {
                filled.push_str(context.server);
                filled.push_str("/api/v1/auth/verify-email/");
                filled.push_str(token);
            }
            fact => filled.push_str(context.facts[fact].as_str().unwrap_or_default()),
        }
        rest = after;
    }
    filled + rest
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_user_typed_is_only_text() {
        let email = render(
            EmailKind::EmailChanged,
            Context {
                name: Some("<script>alert('{server}')</script>"),
                server: "https://c.example",
                token: None,
                facts: &json!({"email": "a&b@\"{server}\".org"}),
            },
        );
        assert!(email.text.starts_with("Hello <script>"));
        assert!(
            email
                .html
                .contains("Hello &lt;script&gt;alert(&#39;{server}&#39;)&lt;/script&gt;,")
        );
        assert!(email.html.contains("a&amp;b@&quot;{server}&quot;.org"));
    }

    #[test]
    fn a_link_stands_in_both_forms() {
        let email = render(
            EmailKind::VerifyEmail,
            Context {
                name: None,
                server: "https://c.example",
                token: Some("T0k-en_"),
                facts: &Value::Null,
            },
        );
        let link = "https://c.example/api/v1/auth/verify-email/T0k-en_";
        assert!(
            email.text.contains(&format!("\r\n{link}\r\n")),
            "{}",
            email.text
        );
        assert!(email.html.contains(&format!("<a href=\"{link}\">")));
    }

    #[test]
    fn every_template_has_a_subject_and_fills_every_place() {
        let facts = json!({
            "email": "E", "change": "C", "why": "W", "at": "A", "address": "D",
            "user_agent": "U", "issuer": "I", "title": "T", "body": "B", "more": "M",
            "unsubscribe": "S",
        });
        for kind in EmailKind::ALL {
            assert!(template(kind).starts_with("Subject: "), "{kind:?}");
            for paragraph in template(kind).split("\n\n").skip(1) {
                for place in paragraph.split('{').skip(1) {
                    let name = place.split('}').next().unwrap();
                    assert!(
                        ["server", "link", "code"].contains(&name) || facts[name].is_string(),
                        "{kind:?} has a place {name} that nothing fills"
                    );
                }
            }
        }
    }
}
