//! `record`: a venue's raw frames to a file.

use anyhow::Context;
use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::recording::Recorder;
use coinsphere_pipelines::task::spawn_bounded;
use coinsphere_pipelines::venues;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use tokio::sync::watch;

use super::{clock, on_runtime};
use crate::app::stop_requested;
use crate::cli::RecordArgs;
use crate::output::print_line;
use crate::telemetry::{LogFormat, LoggingSettings, start_logging};

/// Records until asked to stop.
pub(super) fn run(args: &RecordArgs) -> anyhow::Result<()> {
    start_logging(&LoggingSettings {
        filter: "info".to_owned(),
        format: LogFormat::Text,
    })?;
    let protocol = venues::protocol(&args.venue)
        .with_context(|| format!("there is no venue called {}", args.venue))?;
    let symbols = args
        .instruments
        .iter()
        .map(|symbol| anyhow::Ok(protocol.spelling(&Symbol::new(symbol)?)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let rng = StdRng::try_from_rng(&mut SysRng).context("no randomness to be had")?;
    on_runtime(async move {
        let stop = stop_requested()?;
        let recorder = Recorder::new(
            protocol,
            symbols,
            args.endpoint.as_deref(),
            &args.out,
            clock(),
            rng,
        )?;
        let (end, ended) = watch::channel(false);
        spawn_bounded(async move {
            stop.await;
            end.send_replace(true);
        });
        tracing::info!(file = %args.out.display(), "recording until Ctrl-C");
        let recorded = recorder.run(ended).await?;
        if recorded.frames == 0 {
            std::fs::remove_file(&args.out)
                .with_context(|| format!("cannot remove the empty {}", args.out.display()))?;
            print_line!("nothing was recorded");
            return Ok(());
        }
        print_line!("{} frames in {}", recorded.frames, args.out.display());
        Ok(())
    })
}
