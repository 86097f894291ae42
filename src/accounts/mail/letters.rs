//! What letters say, in text and HTML. Whatever a user typed is escaped where it becomes HTML.

use serde_json::Value;

use super::outbox::Kind;

/// A letter without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: &'static str,
    pub(super) text: String,
    pub(super) html: String,
}

/// What a letter is about, beyond its kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// What the user wants to be called.
    pub(super) name: Option<&'a str>,
    /// Where the server is reached.
    pub(super) server: &'a str,
    /// The secret of its link or code.
    pub(super) token: Option<&'a str>,
    /// More, by kind.
    pub(super) facts: &'a Value,
}

/// Writes a letter.
pub(super) fn write(kind: Kind, about: About<'_>) -> Letter {
    let token = about.token.unwrap_or_default();
    let link = format!("{}/api/v1/auth/verify-email/{token}", about.server);
    let fact = |name: &str| about.facts[name].as_str().unwrap_or_default().to_owned();
    let not_you = "If this was not you, reset your password now and look at your sessions.";
    let (subject, paragraphs, action) = match kind {
        Kind::VerifyEmail => (
            "Verify your mail address",
            vec![
                "Please open this link to show that this address is yours. It holds for a day."
                    .to_owned(),
                "If you have not registered, ignore this letter: nothing happens then.".to_owned(),
            ],
            Some(Action::Link(link)),
        ),
        Kind::ChangeEmail => (
            "Confirm your new mail address",
            vec![
                "Please open this link to make this the address of your account. It holds for a day."
                    .to_owned(),
                "If you have not asked for this, ignore this letter.".to_owned(),
            ],
            Some(Action::Link(link)),
        ),
        Kind::ResetPassword => (
            "Reset your password",
            vec![
                format!(
                    "Somebody, hopefully you, wants to set a new password for your account at {}. This code allows it once, within an hour:",
                    about.server
                ),
                "If this was not you, ignore this letter: your password stays as it is.".to_owned(),
            ],
            Some(Action::Code(token.to_owned())),
        ),
        Kind::EmailChanged => (
            "Your mail address was changed",
            vec![
                format!("Your account now uses the address {}.", fact("email")),
                "If this was not you, tell whoever runs the server.".to_owned(),
            ],
            None,
        ),
        Kind::PasswordChanged => (
            "Your password was changed",
            vec![
                "The password of your account was changed, and all its sessions were ended."
                    .to_owned(),
                not_you.to_owned(),
            ],
            None,
        ),
        Kind::SecondFactorChanged => (
            "Your second factor was changed",
            vec![
                format!("The second factor of your account was {}.", fact("change")),
                not_you.to_owned(),
            ],
            None,
        ),
        Kind::NewSignIn => (
            "A new sign-in to your account",
            vec![
                format!(
                    "Somebody signed in to your account at {} {}.",
                    about.server,
                    fact("why")
                ),
                format!(
                    "When: {}. From the address: {}. With the program: {}.",
                    fact("at"),
                    fact("address"),
                    fact("user_agent")
                ),
                format!("If it was you, there is nothing to do. {not_you}"),
            ],
            None,
        ),
        Kind::IdentityLinked => (
            "Your account can be signed in to by an identity provider",
            vec![
                format!(
                    "Somebody, hopefully you, signed in to your account by {}, which vouches for your address. From now on that is enough to sign in.",
                    fact("issuer")
                ),
                "If this was not you, tell whoever runs the server.".to_owned(),
            ],
            None,
        ),
        Kind::AccountDeleted => (
            "Your account was deleted",
            vec!["Your account and what was kept for it have been deleted.".to_owned()],
            None,
        ),
    };
    let greeting = match about.name {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    };
    Letter {
        subject,
        text: text(&greeting, &paragraphs, action.as_ref(), about.server),
        html: html(
            subject,
            &greeting,
            &paragraphs,
            action.as_ref(),
            about.server,
        ),
    }
}

/// What the reader is to use.
enum Action {
    Link(String),
    Code(String),
}

fn text(greeting: &str, paragraphs: &[String], action: Option<&Action>, server: &str) -> String {
    let mut out = format!("{greeting}\r\n\r\n");
    for (at, paragraph) in paragraphs.iter().enumerate() {
        out.push_str(paragraph);
        out.push_str("\r\n\r\n");
        if at == 0
            && let Some(Action::Link(text) | Action::Code(text)) = action
        {
            out.push_str(text);
            out.push_str("\r\n\r\n");
        }
    }
    out.push_str(&format!("-- \r\nCoinsphere at {server}\r\n"));
    out
}

fn html(
    subject: &str,
    greeting: &str,
    paragraphs: &[String],
    action: Option<&Action>,
    server: &str,
) -> String {
    let mut body = format!("<p>{}</p>", escape(greeting));
    for (at, paragraph) in paragraphs.iter().enumerate() {
        body.push_str(&format!("<p>{}</p>", escape(paragraph)));
        match action.filter(|_| at == 0) {
            Some(Action::Link(link)) => {
                let link = escape(link);
                body.push_str(&format!("<p><a href=\"{link}\">{link}</a></p>"));
            }
            Some(Action::Code(code)) => {
                body.push_str(&format!("<p><code>{}</code></p>", escape(code)));
            }
            None => {}
        }
    }
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
         <body>{body}<hr><p>Coinsphere at {}</p></body></html>",
        escape(subject),
        escape(server)
    )
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
        let letter = write(
            Kind::EmailChanged,
            About {
                name: Some("<script>alert('x')</script>"),
                server: "https://c.example",
                token: None,
                facts: &json!({"email": "a&b@\"c\".org"}),
            },
        );
        assert!(letter.text.starts_with("Hello <script>"));
        assert!(
            letter
                .html
                .contains("Hello &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;,")
        );
        assert!(letter.html.contains("a&amp;b@&quot;c&quot;.org"));
    }

    #[test]
    fn a_link_stands_in_both_forms() {
        let letter = write(
            Kind::VerifyEmail,
            About {
                name: None,
                server: "https://c.example",
                token: Some("T0k-en_"),
                facts: &Value::Null,
            },
        );
        let link = "https://c.example/api/v1/auth/verify-email/T0k-en_";
        assert!(
            letter.text.contains(&format!("\r\n{link}\r\n")),
            "{}",
            letter.text
        );
        assert!(letter.html.contains(&format!("<a href=\"{link}\">")));
    }
}
