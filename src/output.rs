//! Output of a command: results on standard output, remarks on standard error. Whoever reads may have seen enough (`|
//! head`): then the rest is dropped, and the command ends quietly with the status that it would have had. Nothing
//! else prints; clippy refuses `println!` and its relatives.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// True if standard output is closed: its reader has seen enough.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Why standard output could not be written, once.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Standard output, whose reader may stop reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Results;

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if is_closed() {
            return Ok(bytes.len());
        }
        unless_closed(io::stdout().lock().write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if is_closed() {
            return Ok(());
        }
        unless_closed(io::stdout().lock().flush(), ())
    }
}

fn unless_closed<T>(written: io::Result<T>, dropped: T) -> io::Result<T> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
            Ok(dropped)
        }
        other => other,
    }
}

/// Returns whether nobody reads standard output any more, so that printing more has no use.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Prints results. That they cannot be written ends the command with an error ([`finish`]).
pub(crate) fn print(text: Arguments<'_>) {
    // In one piece: nothing that the log writes to the same place comes in between.
    if let Err(error) = Results.write_all(text.to_string().as_bytes()) {
        // The first one says why.
        let _ = FAILED.set(error);
    }
}

/// Prints a remark. One that cannot be printed is nobody's concern.
pub(crate) fn remark(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Writes what is still buffered.
///
/// # Errors
/// When results could not be written, now or before.
pub(crate) fn finish() -> anyhow::Result<()> {
    let flushed = Results.flush();
    let failed = FAILED.get().map(ToString::to_string);
    if let Some(reason) = failed.or_else(|| flushed.err().map(|error| error.to_string())) {
        anyhow::bail!("cannot write to standard output: {reason}");
    }
    Ok(())
}

/// Prints a line of results, as `println!` would.
macro_rules! print_line {
    ($($text:tt)*) => {
        $crate::output::print(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// Prints a line of remarks, as `eprintln!` would.
macro_rules! remark_line {
    ($($text:tt)*) => {
        $crate::output::remark(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {print_line, remark_line};
