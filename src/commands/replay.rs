//! `replay`: recordings through the pipeline into the database.
//!
//! A replay has an event log of its own in the data directory, named after its files, until it is
//! done. Decoding is deterministic, so a replay that was killed goes on where its log ends, and the
//! store goes on where its last commit did: nothing is counted twice.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use coinsphere_actors::database::{Database, Keeper};
use coinsphere_actors::market::candle_store::CandleStore;
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::candles::{CandlePipeline, Commit, Rules};
use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog};
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::{self, VenueProtocol};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{clock, load, on_runtime, recordings};
use crate::app::database::database;
use crate::cli::ReplayArgs;
use crate::config::{Config, Profile};
use crate::output::{print_line, remark_line};
use crate::telemetry::start_logging;

/// Records applied between two looks at what waits for the store.
const RECORDS_A_STEP: usize = 256;

/// Candles and gaps that make a commit worth while before the end.
const WORTH_A_COMMIT: usize = 2_000;

/// The time to wait before trying again what failed for now.
const RETRY: Duration = Duration::from_millis(500);

/// Outcome of replaying the files.
#[derive(Default)]
struct Replayed {
    trades: u64,
    /// Why a file gave no trade, for each that gave none: the others have been replayed.
    without_trades: Vec<String>,
}

/// Replays every file.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let config = load(Profile::Live, &args.place, args.place.flags())?;
    start_logging(&config.logging)?;
    let named = args.venue.as_deref().and_then(venues::protocol);
    let files = args
        .files
        .iter()
        .map(|file| {
            Ok((
                file.clone(),
                named.map_or_else(|| recordings::venue_of(file, "replay"), Ok)?,
            ))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    on_runtime(async move {
        let database = database(&config, StatusRegistry::new(clock()), clock())?;
        let keeper = database.keep().await?;
        let stop = crate::app::stop_requested()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let outcome = tokio::select! {
            outcome = replay(&config, &database, files, Arc::clone(&stopping)) => outcome,
            () = stop => Ok(None),
        };
        stopping.store(true, Ordering::SeqCst);
        finish(keeper, &database).await;
        match outcome? {
            Some(replayed) => {
                print_line!("{} trades replayed", replayed.trades);
                if !replayed.without_trades.is_empty() {
                    anyhow::bail!(replayed.without_trades.join(", and "));
                }
            }
            None => print_line!("stopped; run the same command again to go on"),
        }
        Ok(())
    })
}

async fn finish(keeper: Keeper, database: &Database) {
    if let Some(store) = database.store() {
        // Longer candles; what is left over is done by whoever runs next.
        while store
            .keep_up(clock().now())
            .await
            .is_ok_and(|upkeep| upkeep.more)
        {}
    }
    keeper.stop().await;
}

async fn replay(
    config: &Config,
    database: &Arc<Database>,
    files: Vec<(PathBuf, &'static dyn VenueProtocol)>,
    stopping: Arc<AtomicBool>,
) -> anyhow::Result<Option<Replayed>> {
    let job = job(&files)?;
    let dir = config.data_dir.join("replay").join(format!("{job:016x}"));
    let done = dir.with_extension("done");
    if done.exists() {
        std::fs::remove_dir_all(&done)
            .with_context(|| format!("cannot remove {}", done.display()))?;
    }
    let settings = EmbeddedConfig {
        // It holds one replay and ends with it.
        max_bytes: u64::MAX,
        commit_interval_ms: config.log.sync_interval_ms,
        ..EmbeddedConfig::at(&dir)
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(settings, clock())?);
    let rules = Rules {
        grace: config.candles.grace(),
        ..Rules::default()
    };
    let mut pipelines = Vec::new();
    for partition in 0..log.partitions() {
        let (offset, checkpoints) = until_done("read the stored state", || {
            database.load(log.as_ref(), partition)
        })
        .await?;
        pipelines.push(CandlePipeline::resume(
            log.clone(),
            partition,
            rules,
            offset,
            checkpoints,
        )?);
    }

    let (done, mut appended) = watch::channel(false);
    let admission = Admission {
        max_ahead: config.candles.max_ahead(),
        ..Admission::FILE
    };
    let producer = {
        let log = Arc::clone(&log);
        tokio::task::spawn_blocking(move || {
            let replayed = append(&files, &admission, log.as_ref(), job, &stopping);
            done.send_replace(true);
            replayed
        })
    };
    loop {
        let finished = *appended.borrow_and_update();
        let mut advanced = false;
        for pipeline in &mut pipelines {
            while pipeline.pending() < WORTH_A_COMMIT {
                if pipeline.step(RECORDS_A_STEP).await?.records == 0 {
                    break;
                }
                advanced = true;
            }
            if let Some(commit) = pipeline.take_commit() {
                write(database, log.as_ref(), &commit).await?;
            }
        }
        if !advanced {
            if finished {
                break;
            }
            // Whichever is first: more records, or the end of the files.
            let mut progress: Vec<_> = pipelines
                .iter()
                .map(|pipeline| log.progress(pipeline.partition()))
                .collect();
            let more = futures_util::future::select_all(progress.iter_mut().zip(&pipelines).map(
                |(progress, pipeline)| {
                    let next = pipeline.next_offset();
                    Box::pin(progress.wait_for(move |now| now.head > next))
                },
            ));
            tokio::select! {
                _ = more => {}
                _ = appended.changed() => {}
            }
        }
    }
    let replayed = producer
        .await
        .context("reading the recordings panicked")??;
    log.close().await?;
    // Renamed first: a kill in the middle of removing must not leave half a log under its name.
    let done = dir.with_extension("done");
    std::fs::rename(&dir, &done)
        .and_then(|()| std::fs::remove_dir_all(&done))
        .with_context(|| format!("cannot remove {}", dir.display()))?;
    Ok(Some(replayed))
}

/// Decodes the files and appends what the log does not have yet. Blocks.
fn append(
    files: &[(PathBuf, &'static dyn VenueProtocol)],
    admission: &Admission,
    log: &dyn EventLog,
    job: u64,
    stopping: &AtomicBool,
) -> anyhow::Result<Replayed> {
    let runtime = Handle::current();
    // How many of the records that come are in the log already.
    let mut known: Vec<u64> = (0..log.partitions())
        .map(|partition| log.progress(partition).borrow().head.0)
        .collect();
    let mut replayed = Replayed::default();
    for (index, (file, protocol)) in files.iter().enumerate() {
        let connection = ConnectionId(job.wrapping_add((index as u64) << 32));
        let reader = RecordingReader::open(file)?;
        let mut feed =
            RecordingPlayback::new(reader, *protocol, log.partitions(), *admission, connection)
                .ending_the_connection();
        while !stopping.load(Ordering::SeqCst) {
            let batch = match feed.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) if error.is_truncation() => {
                    remark_line!("coinsphere: {error}; what could be read is used");
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            for (partition, mut records) in batch {
                let known = &mut known[partition as usize];
                let skip = (records.len() as u64).min(*known);
                *known -= skip;
                // At most the number of records.
                records.drain(..skip as usize);
                if !records.is_empty() {
                    runtime.block_on(until_appended(log, partition, records))?;
                }
            }
        }
        recordings::report_left_out(&feed);
        replayed.trades += feed.counts().trades;
        if !stopping.load(Ordering::SeqCst)
            && let Err(error) = recordings::require_trades(&feed, *protocol)
        {
            replayed.without_trades.push(error.to_string());
        }
    }
    runtime.block_on(log.sync())?;
    Ok(replayed)
}

async fn until_appended(
    log: &dyn EventLog,
    partition: u32,
    records: Vec<Arc<coinsphere_pipelines::events::Record>>,
) -> anyhow::Result<()> {
    loop {
        match log.append(partition, records.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_retriable() => {
                tracing::warn!(%error, "waiting for the event log");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn write(database: &Database, log: &dyn EventLog, commit: &Commit) -> anyhow::Result<()> {
    let mut progress = log.progress(commit.partition);
    progress
        .wait_for(|now| now.synced >= commit.next_offset)
        .await
        .context("the event log was closed")?;
    until_done("write candles", || database.commit(log, commit)).await?;
    log.release("replay", commit.partition, commit.next_offset);
    Ok(())
}

/// Tries again for as long as the database is away.
async fn until_done<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<T, coinsphere_actors::market::candle_store::StoreFault>>,
{
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(fault) if fault.is_retriable() => {
                tracing::warn!(%fault, "waiting for the database to {what}");
                tokio::time::sleep(RETRY).await;
            }
            Err(fault) => return Err(fault).with_context(|| format!("cannot {what}")),
        }
    }
}

/// Names a replay by its files: which, how long, and changed when.
fn job(files: &[(PathBuf, &'static dyn VenueProtocol)]) -> anyhow::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for (file, protocol) in files {
        let about = || format!("cannot read {}", file.display());
        let path = file.canonicalize().with_context(about)?;
        let metadata = path.metadata().with_context(about)?;
        let modified = metadata.modified().with_context(about)?;
        (protocol.venue().name(), path, metadata.len(), modified).hash(&mut hasher);
    }
    Ok(hasher.finish())
}
