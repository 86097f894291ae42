//! No bytes make Coinbase's decoder panic. Seeds: the lines of `corpus/coinbase.jsonl`.
#![no_main]

use coinsphere_pipelines::venues::{VenueProtocol, coinbase::Coinbase};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: &str| {
    let mut decoder = Coinbase.decoder();
    let mut events = Vec::new();
    for frame in frames.lines() {
        let _ = decoder.decode(frame, &mut events);
    }
});
