//! The binary: reads the command line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use coinsphere::cli::Cli;
use coinsphere::commands;

/// Gives back what training has used. glibc's keeps a heap for each of many threads, each as large as it
/// has ever been: 350 MB of a demo at rest, 110 MB of them in use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(commands::run(Cli::parse()))
}
