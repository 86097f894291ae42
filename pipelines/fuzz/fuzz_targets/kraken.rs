//! No bytes make Kraken's decoder panic. Seeds: the lines of `corpus/kraken.jsonl`.
#![no_main]

use coinsphere_pipelines::venues::{VenueProtocol, kraken::Kraken};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: &str| {
    let mut decoder = Kraken.decoder();
    let mut events = Vec::new();
    for frame in frames.lines() {
        let _ = decoder.decode(frame, &mut events);
    }
});
