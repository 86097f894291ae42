//! A file of transactions to its report: what it takes to compute, what it takes from the bytes of the file to
//! the bytes of the report, and how much memory the process took at most:
//! `cargo bench -p coinsphere-portfolios --bench one_file -- FILE [ROUNDS] [METHOD]`. Prints one JSON object, in
//! milliseconds of CPU time. `side_by_side/run.sh` compares it with rp2.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::io;
use std::sync::OnceLock;
use std::time::Instant;

use coinsphere_portfolios::Method;
use coinsphere_portfolios::files::read_json;
use coinsphere_portfolios::report::{ReportOptions, report, write_report};

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let Some(path) = arguments.first() else {
        println!("give a file of transactions: one_file FILE [ROUNDS] [METHOD]");
        return;
    };
    let rounds = arguments.get(1).map_or(5, |text| text.parse().unwrap());
    let method = arguments
        .get(2)
        .map_or(Method::Fifo, |text| text.parse().unwrap());
    let options = ReportOptions::new(method);
    let (mut whole, mut computing) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = cpu_milliseconds();
        let file = read_json(&std::fs::read(path).unwrap()).unwrap();
        write_report(&file, &options, io::sink()).unwrap();
        whole.push(cpu_milliseconds() - start);
    }
    let peak = peak_kilobytes();
    let file = read_json(&std::fs::read(path).unwrap()).unwrap();
    let mut last = None;
    for _ in 0..rounds {
        let start = cpu_milliseconds();
        let made = report(&file, &options).unwrap();
        computing.push(cpu_milliseconds() - start);
        last = Some(made);
    }
    let shown = serde_json::json!({
        "computing": computing,
        "whole": whole,
        "realized": last.as_ref().map(|report| report.realized),
        "income": last.as_ref().map(|report| report.income),
        "peak_kilobytes": peak,
    });
    println!("{shown}");
}

/// CPU time of this thread; where the system does not tell, the time since the first call.
fn cpu_milliseconds() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = FIRST.get_or_init(Instant::now);
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = read.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| first.elapsed().as_secs_f64() * 1e3, |run| run / 1e6)
}

/// The most memory that was resident, where the system tells.
fn peak_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
