//! The running program before tools that others wrote. Where one is not installed, its test is reported as
//! ignored, with the reason.

mod openapi;
mod schemathesis;
#[path = "../support/mod.rs"]
mod support;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = openapi::trials();
    trials.push(schemathesis::trial());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
