//! The binary.

use clap::Parser;
use coinsphere::cli::Cli;

fn main() {
    Cli::parse();
}
