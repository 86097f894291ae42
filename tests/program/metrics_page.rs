//! Page of metrics of a running program, by the rules of `promtool check metrics`, and by promtool
//! itself where it is installed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::program::{Program, metric, ready};
use crate::support::venues::Venues;
use crate::support::{Place, eventually, http};
use coinsphere_simulator::Config;

/// Units that are no base units, and abbreviations of units: a name has neither.
const NO_UNITS: [&str; 18] = [
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "kilobytes",
    "megabytes",
    "gigabytes",
    "kibibytes",
    "mebibytes",
    "bits",
    "percent",
    "ms",
    "us",
    "ns",
    "mb",
];

/// Words that say the type once more.
const TYPES: [&str; 4] = ["counter", "gauge", "histogram", "summary"];

/// Complaints that promtool would make.
fn complaints(page: &str) -> Vec<String> {
    let mut help = BTreeMap::new();
    let mut types = BTreeMap::new();
    let mut complaints = Vec::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some((name, text)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            if text.trim().is_empty() || help.insert(name, text).is_some() {
                complaints.push(format!("{name}: not one HELP"));
            }
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        {
            if types.insert(name, kind).is_some() {
                complaints.push(format!("{name}: two types"));
            }
        } else {
            let sample = line.split(['{', ' ']).next().unwrap_or_default();
            let series = ["_bucket", "_sum", "_count"].into_iter();
            let base = series.filter_map(|end| sample.strip_suffix(end));
            let of = base
                .filter(|base| types.get(base) == Some(&"histogram"))
                .chain([sample])
                .next();
            if !of.is_some_and(|name| types.contains_key(name)) {
                complaints.push(format!("{sample}: no TYPE before it"));
            }
            if line
                .rsplit(' ')
                .next()
                .is_none_or(|value| value.parse::<f64>().is_err())
            {
                complaints.push(format!("{sample}: no value in {line}"));
            }
        }
    }
    for (name, kind) in &types {
        let mut wrong = |what: &str| complaints.push(format!("{name}: {what}"));
        if !help.contains_key(name) {
            wrong("no HELP");
        }
        if (*kind == "counter") != name.ends_with("_total") {
            wrong("counters, and only they, end in _total");
        }
        if name
            .chars()
            .any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        {
            wrong("not in snake_case");
        }
        if ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            wrong("ends as a series of a histogram does");
        }
        if name
            .split('_')
            .any(|word| NO_UNITS.contains(&word) || TYPES.contains(&word))
        {
            wrong("names its type, or a unit that is no base unit");
        }
    }
    complaints
}

fn by_promtool(page: &str) -> Option<String> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = started.ok()?;
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(page.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        output.status.success() || !said.is_empty(),
        "{}",
        output.status
    );
    Some(said)
}

pub(crate) fn a_running_program_shows_what_promtool_wants() {
    let place = Place::new();
    let venues = Venues::start(Config {
        rate: 50.0,
        instruments: Some(vec!["binance:BTCUSDT".to_owned()]),
        ..Config::default()
    });
    let config = place.file("c.toml", venues.toml(&[("binance", &["BTCUSDT"])]));
    let line = ["up", "--config", config.to_str().expect("a path")];
    let (_program, address) = Program::serve(&place.path().join("d"), line);
    ready(address);
    eventually("something was committed", Duration::from_secs(60), || {
        let commits = metric(address, "coinsphere_store_commits_total", &[]);
        (commits > 0.0).then_some(()).ok_or(format!("{commits}"))
    });
    let page = http::ask(address, "GET", "/metrics", "")
        .expect("an answer")
        .body;
    assert_eq!(complaints(&page), Vec::<String>::new(), "in:\n{page}");
    for part in ["database", "feed_binance", "audit_log", "additions"] {
        let of = format!("part=\"{part}\"");
        let status = |status: &str| {
            let labels = [of.as_str(), &format!("status=\"{status}\"")];
            metric(address, "coinsphere_part_status", &labels)
        };
        assert_eq!((status("running"), status("failed")), (1.0, 0.0), "{part}");
        let restarts = format!("coinsphere_part_restarts_total{{{of}}} 0");
        assert!(page.contains(&restarts), "no {restarts} in:\n{page}");
    }
    match by_promtool(&page) {
        Some(said) => assert_eq!(said, "", "promtool"),
        None => println!("promtool is not installed: its rules were checked, it was not asked"),
    }
    // The rules find what they are for.
    for wrong in [
        "# TYPE a_total counter\na_total 1",
        "# HELP a Some\n# TYPE a counter\na 1",
        "# HELP a_ms Some\n# TYPE a_ms gauge\na_ms 1",
        "# HELP aB Some\n# TYPE aB gauge\naB 1",
        "# HELP a_count Some\n# TYPE a_count gauge\na_count 1",
        "a 1",
    ] {
        assert_eq!(complaints(wrong).len(), 1, "{wrong}");
    }
}
