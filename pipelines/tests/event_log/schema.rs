//! `docs/event-log.proto` says what `events/wire.rs` does.

use std::collections::BTreeSet;

use libtest_mimic::Trial;

const DOCUMENT: &str = include_str!("../../../docs/event-log.proto");
const PROGRAM: &str = include_str!("../../src/events/wire.rs");

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("schema::is_documented_as_it_is", || {
        let documented = documented(DOCUMENT);
        let programmed = programmed(PROGRAM);
        assert!(documented.len() > 20, "{documented:#?}");
        assert_eq!(documented, programmed);
        Ok(())
    })]
}

/// `Message: repeated type name = number`, whatever the language it is written in.
type Fields = BTreeSet<String>;

fn documented(text: &str) -> Fields {
    let mut fields = Fields::new();
    let mut message = String::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
    {
        if let Some(name) = block(line, "message ").or_else(|| block(line, "enum ")) {
            message = name;
        } else if let Some((_, number)) = line.split_once(" = ")
            && number.trim_end_matches(';').parse::<u32>().is_ok()
        {
            fields.insert(format!("{message}: {}", line.trim_end_matches(';')));
        }
    }
    fields
}

fn block(line: &str, keyword: &str) -> Option<String> {
    let name = line.strip_prefix(keyword)?.split_once([' ', '{'])?.0;
    Some(name.to_owned())
}

fn programmed(text: &str) -> Fields {
    let mut fields = Fields::new();
    let (mut message, mut attribute) = (String::new(), None);
    for line in text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
    {
        if let Some(name) = line
            .strip_prefix("struct ")
            .or_else(|| line.strip_prefix("enum "))
        {
            message = named(name.split([' ', '{']).next().unwrap_or(name));
        } else if line.starts_with('}') {
            message.clear();
        } else if let Some(inside) = line.strip_prefix("#[prost(") {
            attribute = Some(inside.trim_end_matches(")]").to_owned());
        } else if message == "DisconnectReason" {
            if let Some((name, number)) = line.trim_end_matches(',').split_once(" = ") {
                fields.insert(format!("{message}: {} = {number}", shouted(name)));
            }
        } else if let Some(attribute) = attribute.take()
            && !attribute.starts_with("oneof")
        {
            fields.insert(format!("{message}: {}", field(&attribute, line)));
        }
    }
    fields
}

/// `sint64, repeated, tag = "2"` before `id_steps: Vec<i64>,` is `repeated sint64 id_steps = 2`.
fn field(attribute: &str, line: &str) -> String {
    let mut parts = attribute.split(", ").collect::<Vec<_>>();
    let tag = parts
        .pop()
        .unwrap()
        .trim_start_matches("tag = ")
        .trim_matches('"');
    let repeated = if parts.contains(&"repeated") {
        "repeated "
    } else {
        ""
    };
    let line = line.trim_end_matches(',');
    // A field, or a variant of a `oneof`.
    let (name, content) = match line.split_once(": ") {
        Some((name, content)) => (name.to_owned(), content),
        None => {
            let (variant, content) = line.split_once('(').unwrap();
            (variant.to_lowercase(), content)
        }
    };
    let kind = if parts[0] == "message" {
        let inner = content.rsplit_once('<').map_or(content, |(_, inner)| inner);
        named(inner.trim_end_matches(['>', ')']))
    } else if let Some(name) = parts[0].strip_prefix("enumeration = ") {
        named(name.trim_matches('"'))
    } else {
        parts[0].to_owned()
    };
    format!("{repeated}{kind} {name} = {tag}")
}

/// The documented name of a type of the program.
fn named(name: &str) -> String {
    match name.trim_start_matches("Wire") {
        "Reason" => "DisconnectReason".into(),
        // The variants of the `oneof` are fields of the record.
        "Body" => "Record".into(),
        name => name.into(),
    }
}

/// `LogFull` is `LOG_FULL`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for (i, letter) in name.char_indices() {
        if i > 0 && letter.is_uppercase() {
            shouted.push('_');
        }
        shouted.extend(letter.to_uppercase());
    }
    shouted
}
