//! No bytes make reading a recording, plain or gzipped, panic.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::{admission::Admission, binance::Binance};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Cursor::new(bytes.to_vec());
    let Ok(reader) = RecordingReader::new(Path::new("fuzz"), source) else {
        return;
    };
    let mut feed = RecordingPlayback::new(reader, &Binance, 4, Admission::FILE, ConnectionId(1));
    while let Ok(Some(_)) = feed.next_batch() {}
});
