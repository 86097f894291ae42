//! Reports about recordings, for the commands that read them: the venue, what was not used, and that there
//! was nothing to use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::output::remark_line;
use anyhow::bail;
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Refusal;
use coinsphere_pipelines::venues::{self, VenueEvent, VenueProtocol};

/// Frames looked at to tell which venue's they are.
const PROBED_FRAMES: usize = 1_000;

/// Streams that a message names.
const MOST_STREAMS: usize = 8;

/// Findings in a file's first frames.
#[derive(Default)]
struct Probe {
    frames: usize,
    /// The venue that has sent them, for there is a trade among them.
    found: Option<&'static dyn VenueProtocol>,
    /// Of each venue's own frames without a trade: how many there are, and of which streams.
    alike: BTreeMap<usize, (usize, BTreeSet<String>)>,
    /// The beginning of the first frame.
    first: String,
}

impl Probe {
    fn of(file: &Path) -> anyhow::Result<Self> {
        let mut reader = RecordingReader::open(file)?;
        let mut decoders: Vec<_> = venues::ALL.iter().map(|v| v.decoder()).collect();
        let (mut probe, mut events) = (Self::default(), Vec::new());
        while probe.frames < PROBED_FRAMES {
            let recorded = match reader.next_frame() {
                Ok(Some(recorded)) => recorded,
                Ok(None) => break,
                Err(error) if error.is_truncation() => break,
                Err(error) => return Err(error.into()),
            };
            let frame = recorded.frame;
            if probe.frames == 0 {
                probe.first = frame.chars().take(80).collect();
            }
            probe.frames += 1;
            for (place, decoder) in decoders.iter_mut().enumerate() {
                let _ = decoder.decode(frame, &mut events);
                let is_trade = |event: &VenueEvent| matches!(event, VenueEvent::Trade { .. });
                if events.drain(..).any(|event| is_trade(&event)) {
                    probe.found = Some(venues::ALL[place]);
                    return Ok(probe);
                }
                if let Some(stream) = decoder.stream(frame) {
                    let (count, streams) = probe.alike.entry(place).or_default();
                    *count += 1;
                    if streams.len() < MOST_STREAMS {
                        streams.insert(stream);
                    }
                }
            }
        }
        Ok(probe)
    }

    /// The venue whose frames most of them look like, and their streams.
    fn likely(&self) -> Option<(&'static dyn VenueProtocol, String)> {
        let most = self.alike.iter().max_by_key(|(_, (count, _))| *count);
        most.map(|(&place, (_, streams))| {
            let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
            (venues::ALL[place], streams.join(", "))
        })
    }
}

/// The venue whose trades the file's frames are.
///
/// # Errors
/// When the file cannot be read, or its first frames are no venue's trades: says what they are, and with
/// which `command` the venue can be given.
pub(super) fn venue_of(file: &Path, command: &str) -> anyhow::Result<&'static dyn VenueProtocol> {
    let name = file.display();
    // A pipe cannot be read again.
    if file.exists() && !file.is_file() {
        bail!(
            "cannot tell which venue {name} was recorded from, for it is read only once: add --venue"
        );
    }
    let probe = Probe::of(file)?;
    if let Some(found) = probe.found {
        return Ok(found);
    }
    let cannot = format!("cannot tell which venue {name} was recorded from");
    if probe.frames == 0 {
        bail!("{cannot}: it holds no frames at all");
    }
    match probe.likely() {
        Some((likely, streams)) => bail!(
            "{cannot}: there is no trade in its first {} frames. They look like frames of {venue} ({streams}), whose trades are read from {}: if there are any further on, `coinsphere {command} {name} --venue {venue}` reads them",
            probe.frames,
            likely.trade_stream(),
            venue = likely.venue(),
        ),
        None => bail!(
            "{cannot}: its first {} frames are like none of {} (line 1 begins with {:?}). If they are, name it: `coinsphere {command} {name} --venue VENUE`",
            probe.frames,
            venue_names(),
            probe.first
        ),
    }
}

fn venue_names() -> String {
    let names: Vec<_> = venues::ALL.iter().map(|v| v.venue().name()).collect();
    names.join(", ")
}

/// Says what of a recording was not used.
pub(super) fn report_left_out(feed: &RecordingPlayback) {
    let counts = feed.counts();
    for (reason, count) in counts.decode_errors() {
        if let Some(first) = feed.undecodable().get(reason) {
            remark_line!(
                "coinsphere: left out as {reason}: {count} frames, the first in line {}: {}",
                first.line,
                first.error
            );
        }
    }
    for (reason, count) in counts.refused_trades().filter(|(_, count)| *count > 0) {
        remark_line!("coinsphere: refused as {reason}: {count} trades");
    }
    if feed.has_junk_at_the_end() {
        remark_line!(
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
        remark_line!(
            "coinsphere: {frames} frames of other streams ({}): trades are read from {}",
            names.join(", "),
            protocol.trade_stream()
        );
    }
    // A pipe cannot be read again.
    let probe = file.is_file().then(|| Probe::of(file).ok()).flatten();
    let hint = probe.map_or_else(String::new, |probe| match (probe.found, probe.likely()) {
        (Some(found), _) => format!(" It holds trades of {}", found.venue()),
        (None, Some((likely, streams))) if likely.venue() != venue => {
            format!(
                " Its frames look like those of {} ({streams})",
                likely.venue()
            )
        }
        _ => String::new(),
    });
    bail!("{}: is it the right --venue?{hint}", about())
}
