//! Texts cut to a channel's limits, and measured as it measures them.

use std::borrow::Cow;

/// The text in one line, without control characters.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, " ").into()
    } else {
        text.into()
    }
}

/// Replaces characters by what a markup writes for them, up to a limit of units (measured by `width`) for the
/// result. A replacement is never cut apart; an ellipsis stands where something was left out.
pub(crate) fn escaped(
    text: &str,
    limit: usize,
    escape: impl Fn(char) -> Option<&'static str>,
    width: impl Fn(&str) -> usize,
) -> String {
    const ELLIPSIS: &str = "…";
    let mut out = String::with_capacity(text.len());
    let mut buffer = [0; 4];
    let (mut used, mut room_for_ellipsis) = (0, 0);
    for character in text.chars() {
        let piece = match escape(character) {
            Some(replacement) => replacement,
            None => &*character.encode_utf8(&mut buffer),
        };
        used += width(piece);
        if used > limit {
            out.truncate(room_for_ellipsis);
            out.push_str(ELLIPSIS);
            return out;
        }
        out.push_str(piece);
        if used + width(ELLIPSIS) <= limit {
            room_for_ellipsis = out.len();
        }
    }
    out
}

/// UTF-16 code units, by which messengers count at most.
pub(crate) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amp(character: char) -> Option<&'static str> {
        (character == '&').then_some("&amp;")
    }

    #[test]
    fn replacements_are_never_cut_apart() {
        for (text, limit, made) in [
            ("a&b", 7, "a&amp;b"),
            ("a&b", 6, "a…"),
            ("a&&", 7, "a&amp;…"),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("&&&&", 4, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(escaped(text, limit, amp, utf16), made, "{text} {limit}");
        }
        assert_eq!(escaped("😀😀", 3, amp, utf16), "😀…");
        assert_eq!(escaped("😀😀", 4, amp, utf16), "😀😀");
    }

    #[test]
    fn a_title_stays_in_its_line() {
        assert_eq!(one_line("a\r\nb\u{7f}c"), "a  b c");
    }
}
