//! Trains the reference configuration and prints what it cost, for `side_by_side/run.sh`, which runs
//! PyTorch on the same next to it. Arguments: `--epochs N` (5), `--models N` (1) trained at once, each on
//! a thread of its own.

#![allow(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

use std::ops::ControlFlow;
use std::time::Instant;

use coinsphere_ml::lstm::{Architecture, Network, Sequences, TrainConfig, train};

/// Points of the series: 305 windows of 60 and the value after each.
const POINTS: usize = 365;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, otherwise: usize| {
        let place = arguments.iter().position(|argument| argument == name);
        let value = place.and_then(|place| arguments.get(place + 1)?.parse().ok());
        value.unwrap_or(otherwise)
    };
    let (epochs, models) = (number("--epochs", 5), number("--models", 1));

    let (started, cpu) = (Instant::now(), cpu_seconds());
    let losses: Vec<f32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..models)
            .map(|seed| scope.spawn(move || train_once(epochs, seed as u64)))
            .collect();
        let losses = threads.into_iter();
        losses
            .map(|thread| thread.join().expect("trained"))
            .collect()
    });
    println!(
        "{{\"name\": \"coinsphere\", \"models\": {models}, \"epochs\": {epochs}, \"wall\": {:.2}, \
         \"cpu\": {:.2}, \"loss\": {:.6}, \"peak_mb\": {:.1}}}",
        started.elapsed().as_secs_f64(),
        cpu_seconds() - cpu,
        losses[0],
        peak_megabytes()
    );
}

/// The last epoch's training loss.
fn train_once(epochs: usize, seed: u64) -> f32 {
    // The same series as reference.py's.
    let series: Vec<f32> = (0..POINTS)
        .map(|i| (0.5 + 0.4 * (i as f64 / 9.0).sin() + 0.1 * (i as f64 * 12.9898).sin()) as f32)
        .collect();
    let data = Sequences {
        inputs: &series[..POINTS - 1],
        targets: &series[1..],
        runs: std::iter::once(0..POINTS - 1).collect(),
    };
    let config = TrainConfig {
        epochs,
        seed,
        ..TrainConfig::default()
    };
    let network = Network::new(&Architecture::reference(1, 1), seed).expect("possible");
    let observer = &mut |_: &_| ControlFlow::Continue(());
    let trained = train(network, &data, &data.runs, &[], &config, observer).expect("trainable");
    trained
        .curves
        .last()
        .map_or(f32::NAN, |epoch| epoch.train_loss)
}

/// User and system time of this process so far (Linux; elsewhere NaN).
fn cpu_seconds() -> f64 {
    // Fields 14 and 15 of proc(5)'s stat, in hundredths of a second; the name before them may hold
    // spaces, but ends with the last parenthesis.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|field| field.parse::<f64>().ok())
    };
    match (ticks(12), ticks(13)) {
        (Some(user), Some(system)) => (user + system) / 100.0,
        _ => f64::NAN,
    }
}

/// The most memory this process ever held (Linux; elsewhere NaN).
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<f64>()
            .ok()
    });
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}
