//! No frame, however damaged, makes a decoder panic; and a trade that comes out is one that a
//! market can have. Frames are those the venues send, mutated.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::market::{Symbol, Timestamp};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::frame_assembler::FrameAssembler;
use coinsphere_pipelines::venues::{self, DecodeError, VenueEvent, VenueProtocol};
use proptest::prelude::*;

/// Frames of every kind that each venue sends; the fuzz targets start from the same.
const CORPUS: [(&str, &str); 3] = [
    ("binance", include_str!("../fuzz/corpus/binance.jsonl")),
    ("coinbase", include_str!("../fuzz/corpus/coinbase.jsonl")),
    ("kraken", include_str!("../fuzz/corpus/kraken.jsonl")),
];

/// Numbers at which parsers break.
const EXTREMES: [&str; 16] = [
    "0",
    "-0",
    "-1",
    "1e999",
    "1e-999",
    "1E+28",
    "1e4294967296",
    "18446744073709551616",
    "9223372036854775808",
    "79228162514264337593543950336",
    "0.00000000000000000000000000001",
    "1.",
    ".5",
    "null",
    "true",
    "\"\\ud800\"",
];

#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Splice(
        prop::sample::Index,
        prop::sample::Index,
        prop::sample::Index,
    ),
    Number(prop::sample::Index, prop::sample::Index),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = || any::<prop::sample::Index>();
    let one = prop_oneof![
        3 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Flip(at, byte)),
        1 => index().prop_map(Mutation::Cut),
        2 => (index(), 1..20_usize).prop_map(|(at, n)| Mutation::Remove(at, n)),
        1 => (index(), 1..40_usize).prop_map(|(at, n)| Mutation::Repeat(at, n)),
        2 => (index(), index(), index()).prop_map(|(a, b, c)| Mutation::Splice(a, b, c)),
        4 => (index(), index()).prop_map(|(at, n)| Mutation::Number(at, n)),
    ];
    prop::collection::vec(one, 1..6)
}

fn mutate(frame: &str, others: &[&str], mutations: &[Mutation]) -> String {
    let mut bytes = frame.as_bytes().to_vec();
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Flip(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Cut(at) => bytes.truncate(at.index(length)),
            Mutation::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Mutation::Repeat(at, count) => {
                let at = at.index(length);
                let part = bytes[at..(at + count).min(length)].to_vec();
                bytes.splice(at..at, part);
            }
            Mutation::Splice(at, other, from) => {
                let other = others[other.index(others.len())].as_bytes();
                let at = at.index(length);
                bytes.splice(at.., other[from.index(other.len())..].iter().copied());
            }
            Mutation::Number(at, number) => {
                replace_number(&mut bytes, *at, EXTREMES[number.index(EXTREMES.len())])
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Puts `number` in the place of one of the frame's runs of digits.
fn replace_number(bytes: &mut Vec<u8>, at: prop::sample::Index, number: &str) {
    let digit = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&i| digit(bytes[i]) && (i == 0 || !digit(bytes[i - 1])))
        .collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[at.index(starts.len())];
    let end = (start..bytes.len())
        .find(|&i| !digit(bytes[i]))
        .unwrap_or(bytes.len());
    bytes.splice(start..end, number.bytes());
}

fn check(protocol: &dyn VenueProtocol, frames: &[String]) {
    let mut decoder = protocol.decoder();
    let mut events = Vec::new();
    let symbols = [
        Symbol::new("BTCUSDT").unwrap(),
        Symbol::new("BTC/USD").unwrap(),
    ];
    let start = Timestamp::from_millis(1_723_161_255_000).unwrap();
    let mut live = FrameAssembler::live(protocol, 3, Admission::LIVE, ConnectionId(1), start, None);
    for message in protocol.session("ws://localhost", &symbols).opening {
        live.request(&message, start);
    }
    let mut file = FrameAssembler::file(protocol, 3, Admission::FILE, ConnectionId(1));
    for frame in frames {
        if let Err(error) = decoder.decode(frame, &mut events) {
            assert!(error.to_string().len() < 1_000, "errors stay short");
        }
        let _ = live.frame(frame, start);
        let _ = file.frame(frame, start);
    }
    for event in events {
        if let VenueEvent::Trade { trade, .. } = event {
            assert!(trade.price.get().is_sign_positive() && !trade.price.get().is_zero());
            assert!(trade.quantity.get().is_sign_positive() && !trade.quantity.get().is_zero());
        }
    }
    live.pass_time(start);
    drop((live.take(), file.take()));
}

#[test]
fn the_corpus_itself_is_understood() {
    for (venue, corpus) in CORPUS {
        let protocol = venues::protocol(venue).unwrap();
        let mut trades = 0;
        for frame in corpus.lines() {
            let mut events = Vec::new();
            match protocol.decoder().decode(frame, &mut events) {
                // One of futures is among them.
                Ok(()) | Err(DecodeError::NotSpot(_)) => {}
                Err(error) => panic!("{venue}: {error}: {frame}"),
            }
            let is_trade = |event: &&VenueEvent| matches!(event, VenueEvent::Trade { .. });
            trades += events.iter().filter(is_trade).count();
        }
        assert!(trades >= 3, "{venue}: {trades} trades");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn mutated_frames_never_panic(
        venue in 0..CORPUS.len(),
        frames in prop::collection::vec((any::<prop::sample::Index>(), mutations()), 1..5),
    ) {
        let (venue, corpus) = CORPUS[venue];
        let corpus: Vec<&str> = corpus.lines().collect();
        let frames: Vec<String> = frames
            .iter()
            .map(|(frame, mutations)| mutate(corpus[frame.index(corpus.len())], &corpus, mutations))
            .collect();
        check(venues::protocol(venue).unwrap(), &frames);
    }

    #[test]
    fn arbitrary_text_never_panics(frame in ".{0,300}", venue in 0..CORPUS.len()) {
        check(venues::protocol(CORPUS[venue].0).unwrap(), &[frame]);
    }

    #[test]
    fn a_venue_never_panics_on_anothers_frames(
        venue in 0..CORPUS.len(), other in 0..CORPUS.len(), frame in any::<prop::sample::Index>(),
    ) {
        let corpus: Vec<&str> = CORPUS[other].1.lines().collect();
        let frame = corpus[frame.index(corpus.len())].to_owned();
        check(venues::protocol(CORPUS[venue].0).unwrap(), &[frame]);
    }
}
