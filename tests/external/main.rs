//! The running program before tools that others wrote. Where one is not installed, its test is reported as
//! ignored, with the reason.

mod schemathesis;
#[path = "../support/mod.rs"]
mod support;

use libtest_mimic::Arguments;

fn main() {
    let trials = vec![schemathesis::trial()];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
