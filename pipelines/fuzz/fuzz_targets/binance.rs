//! No bytes make Binance's decoder panic. Seeds: the lines of `corpus/binance.jsonl`.
#![no_main]

use coinsphere_pipelines::venues::{VenueProtocol, binance::Binance};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: &str| {
    let mut decoder = Binance.decoder();
    let mut events = Vec::new();
    for frame in frames.lines() {
        let _ = decoder.decode(frame, &mut events);
    }
});
