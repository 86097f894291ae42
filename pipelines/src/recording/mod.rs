//! Recordings: raw frames of one venue, one a line, `<receive time, ns since the epoch> <frame>`,
//! plain or gzipped. Written from a live feed, and read back through the very same state machine
//! that live connections go through.

mod decoding;
mod line;
mod playback;
mod reader;
mod record;
mod source;
mod writer;

pub use playback::{RecordingPlayback, Undecodable};
pub use reader::{RecordedFrame, RecordingError, RecordingReader};
pub use record::{RecordError, Recorded, Recorder};
pub use source::MAX_LINE_BYTES;
pub use writer::RecordingWriter;
