//! The binary: reads the command line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use coinsphere::cli::Cli;
use coinsphere::commands;

fn main() -> ExitCode {
    ExitCode::from(commands::run(Cli::parse()))
}
