//! Names in the documents exist: files and folders, and every name of the code between backticks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the repository that documents name things in.
const FOLDERS: [&str; 13] = [
    "src",
    "actors",
    "pipelines",
    "ml",
    "simulator",
    "tests",
    "benches",
    "migrations",
    "docs",
    "deploy",
    "scripts",
    ".ci",
    "coinsphere.toml.example",
];
/// Files whose words are names of the code.
const SOURCES: [&str; 12] = [
    "rs", "sql", "toml", "sh", "yml", "yaml", "json", "py", "mjs", "cjs", "proto", "example",
];

/// Names of others, which documents may use too: of columns, functions, settings.
const ELSEWHERE: [&str; 4] = [
    "a::b",
    "base_volume",
    "malloc_stats",
    "max_worker_processes",
];

pub(crate) fn every_name_of_the_code_in_the_documents_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files);
    }
    for file in fs::read_dir(root).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            files.push(path);
        }
    }
    let mut words: HashSet<String> = HashSet::new();
    for file in &files {
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        if SOURCES.contains(&&*extension)
            && let Ok(text) = fs::read_to_string(file)
        {
            let found = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            for word in found.filter(|word| word.len() > 2) {
                // As it is serialised.
                words.insert(snake_case(word));
                words.insert(word.to_owned());
            }
        }
    }
    let relative: Vec<String> = files
        .iter()
        .map(|file| {
            file.strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let mut missing = Vec::new();
    let documents = files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    for document in documents {
        let text = fs::read_to_string(document).unwrap();
        let name = document.strip_prefix(root).unwrap().display().to_string();
        for (line, span) in spans(&text) {
            if ELSEWHERE.contains(&span) {
                continue;
            }
            let known = match kind(span) {
                Kind::Path => expanded(span).iter().all(|path| is_there(path, &relative)),
                Kind::Name(word) => words.contains(word),
                Kind::Other => true,
            };
            if !known {
                missing.push(format!("{name}:{line}: {span}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "named and not there:\n{}",
        missing.join("\n")
    );
}

/// Texts between backticks, with their lines; blocks of code are what users type.
fn spans(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (line, text) in text.lines().enumerate() {
        if text.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let quoted = text.split('`').skip(1).step_by(2);
            found.extend(quoted.map(|span| (line + 1, span)));
        }
    }
    found
}

enum Kind<'a> {
    /// A file or folder.
    Path,
    /// A name of the code.
    Name(&'a str),
    Other,
}

fn kind(span: &str) -> Kind<'_> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let first = span.split('/').next().unwrap_or_default();
    if span.contains('/') && !span.contains(' ') && FOLDERS.contains(&first) {
        return Kind::Path;
    }
    if span.ends_with(".rs") && !span.contains(' ') {
        return Kind::Path;
    }
    let last = span
        .rsplit("::")
        .next()
        .unwrap_or_default()
        .trim_end_matches("()");
    if !is_word(last) || span.chars().any(char::is_whitespace) {
        return Kind::Other;
    }
    let is_path = span.contains("::");
    let humps = last.chars().filter(char::is_ascii_uppercase).count();
    let is_type = last.starts_with(|letter: char| letter.is_ascii_uppercase())
        && humps >= 2
        && last.chars().any(|letter| letter.is_ascii_lowercase());
    let is_snake =
        last.trim_matches('_').contains('_') && last.chars().all(|l| !l.is_ascii_uppercase());
    if is_path || is_type || is_snake {
        Kind::Name(last)
    } else {
        Kind::Other
    }
}

/// `a/{b,c}.rs` as the two that it stands for.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let Some((choices, after)) = rest.split_once('}') else {
        return vec![path.to_owned()];
    };
    choices
        .split(',')
        .map(|choice| format!("{before}{}{after}", choice.trim()))
        .collect()
}

fn snake_case(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    for (at, letter) in word.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// True when a file or a folder ends so; `…`, `*`, `<name>` and `NAME` stand for any.
fn is_there(path: &str, files: &[String]) -> bool {
    let path = path
        .trim_end_matches('/')
        .split([':', '#'])
        .next()
        .unwrap_or_default();
    let is_any = |part: &str| {
        part.contains(['*', '…', '<'])
            || part.split('.').next().is_some_and(|name| {
                name.len() > 2 && name.bytes().all(|letter| letter.is_ascii_uppercase())
            })
    };
    let any = path
        .split('/')
        .find(|part| is_any(part) && *part != "README.md");
    let (start, end) = match any.and_then(|part| path.find(part)) {
        Some(at) => (&path[..at], None),
        None => (path, Some(())),
    };
    files.iter().any(|file| {
        let mut places = file.match_indices(start).map(|(at, _)| at);
        places.any(|at| {
            let begins = at == 0 || file.as_bytes()[at - 1] == b'/';
            let rest = &file[at + start.len()..];
            begins && (end.is_none() || rest.is_empty() || rest.starts_with('/'))
        })
    })
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_file() {
        files.push(place.to_owned());
        return;
    }
    for entry in fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()))
    {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && !["node_modules", "target"].contains(&&*name) {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}
