//! What the commands that read recordings say of them: which venue's they are, what in them was not
//! used, and that there was nothing to use.

use std::path::Path;

use anyhow::bail;
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Refusal;
use coinsphere_pipelines::venues::{self, VenueEvent, VenueProtocol};

/// Frames looked at to tell which venue's they are.
const PROBED_FRAMES: usize = 1_000;

/// The venue whose trades the file's frames are.
///
/// # Errors
/// When the file cannot be read, or its first frames are no venue's trades.
pub(super) fn venue_of(file: &Path) -> anyhow::Result<&'static dyn VenueProtocol> {
    for protocol in venues::ALL.iter().copied() {
        let mut reader = RecordingReader::open(file)?;
        let mut decoder = protocol.decoder();
        let mut events = Vec::new();
        for _ in 0..PROBED_FRAMES {
            let recorded = match reader.next_frame() {
                Ok(Some(recorded)) => recorded,
                Ok(None) => break,
                Err(error) if error.is_truncation() => break,
                Err(error) => return Err(error.into()),
            };
            let understood = decoder.decode(recorded.frame, &mut events).is_ok();
            let is_trade = |event: &VenueEvent| matches!(event, VenueEvent::Trade { .. });
            if understood && events.drain(..).any(|event| is_trade(&event)) {
                return Ok(protocol);
            }
            events.clear();
        }
    }
    bail!(
        "cannot tell which venue {} was recorded from: say so with --venue",
        file.display()
    )
}

/// Says what of a recording was not used.
pub(super) fn report_left_out(feed: &RecordingPlayback) {
    let counts = feed.counts();
    for (reason, count) in counts.decode_errors() {
        if let Some(first) = feed.undecodable().get(reason) {
            eprintln!(
                "coinsphere: left out as {reason}: {count} frames, the first in line {}: {}",
                first.line, first.error
            );
        }
    }
    for (reason, count) in counts.refused_trades().filter(|(_, count)| *count > 0) {
        eprintln!("coinsphere: refused as {reason}: {count} trades");
    }
    if feed.has_junk_at_the_end() {
        eprintln!(
            "coinsphere: {}: what follows the last gzip member is no gzip data and was ignored",
            feed.path().display()
        );
    }
}

/// Refuses a recording that has been read to its end and of which no trade could be used.
///
/// # Errors
/// Says what the recording holds in place of trades.
pub(super) fn require_trades(
    feed: &RecordingPlayback,
    protocol: &dyn VenueProtocol,
) -> anyhow::Result<()> {
    let (counts, file, venue) = (feed.counts(), feed.path(), protocol.venue());
    if counts.trades > 0 {
        return Ok(());
    }
    let about = || format!("{} holds no trades that {venue} sends", file.display());
    if counts.frames == 0 {
        bail!("{}: it holds no frames at all", about());
    }
    if let Some(first) = feed.undecodable().get("not_spot") {
        bail!("{} on its spot market: {}", about(), first.error);
    }
    let far = counts.refused[Refusal::FarFuture.index()];
    if far > 0 {
        bail!(
            "no trade in {} can be used: {far} of them are later than the times at which they were received",
            file.display()
        );
    }
    let streams = feed.other_streams();
    if !streams.is_empty() {
        let frames: u64 = streams.values().sum();
        let names: Vec<&str> = streams.keys().map(String::as_str).collect();
        eprintln!(
            "coinsphere: {frames} frames of other streams ({}): trades are read from {}",
            names.join(", "),
            protocol.trade_stream()
        );
    }
    // A pipe cannot be read again.
    let other = file.is_file().then(|| venue_of(file).ok()).flatten();
    let hint = other.map_or_else(String::new, |other| {
        format!(" It holds trades of {}", other.venue())
    });
    bail!("{}: is it the right --venue?{hint}", about())
}
