//! Beginning of a frame: tells its kind without parsing it. Knows no venue.

/// The first member of a frame that is an object, where its name and value are strings without
/// escapes: `("type", "match")` of `{"type":"match",…`.
pub(super) fn first_member(frame: &str) -> Option<(&str, &str)> {
    let rest = after(frame, '{')?;
    let (name, rest) = string(rest)?;
    let (value, _) = string(after(rest, ':')?)?;
    Some((name, value))
}

/// The text after this character, blanks before it aside.
fn after(text: &str, character: char) -> Option<&str> {
    blanks_skipped(text).strip_prefix(character)
}

/// A string without escapes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let inner = after(text, '"')?;
    let end = inner
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (string, rest) = inner.split_at(end);
    Some((string, rest.strip_prefix('"')?))
}

/// The blanks that JSON allows between values.
fn blanks_skipped(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_first_member_however_it_is_spaced() {
        for (frame, expected) in [
            (r#"{"type":"match","x":1}"#, Some(("type", "match"))),
            (
                " {\t\"type\" :\n \"match\" , \"x\":1}",
                Some(("type", "match")),
            ),
            (r#"{"":""}"#, Some(("", ""))),
            (r#"{"type":7}"#, None),
            (r#"{"ty\u0070e":"match"}"#, None),
            (r#"{"type":"ma\u0074ch"}"#, None),
            (r#"{"type":"match"#, None),
            (r#"["type","match"]"#, None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(first_member(frame), expected, "{frame}");
        }
    }
}
