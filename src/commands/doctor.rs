//! `doctor`: what is installed, what is in use, and what to do about each.

use std::path::Path;
use std::time::Duration;

use coinsphere_pipelines::log::LogKind;
use coinsphere_pipelines::store::private_server::{PrivateServer, installations};
use coinsphere_pipelines::store::{Description, Store};
use nix::sys::statvfs::statvfs;

use super::{load, on_runtime};
use crate::app::database::{START, store_config, url_config};
use crate::app::event_log;
use crate::cli::DoctorArgs;
use crate::config::{Config, Profile};
use crate::output::print_line;
use crate::telemetry::start_plain_logging;

/// Less free disk than this is worth a word.
const LOW_DISK: u64 = 2 << 30;

/// The time a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks and reports.
pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let config = load(Profile::Live, &args.place, args.place.flags())?;
    start_plain_logging()?;
    on_runtime(async move {
        let mut trouble = program(&config);
        trouble |= disk(&config);
        trouble |= log(&config);
        trouble |= database(&config, args.database).await;
        shared_state(&config);
        if trouble {
            print_line!("\nlines marked with ! need attention");
        } else {
            print_line!("\nall well");
        }
        Ok(())
    })
}

fn say(good: bool, what: &str, text: &str) -> bool {
    let mark = if good { ' ' } else { '!' };
    print_line!("{mark} {what:<14} {text}");
    !good
}

fn program(config: &Config) -> bool {
    let fluvio = if cfg!(feature = "fluvio") {
        "with"
    } else {
        "without"
    };
    say(
        true,
        "coinsphere",
        &format!("{} ({fluvio} the Fluvio client)", env!("CARGO_PKG_VERSION")),
    );
    let venues: Vec<_> = config
        .venues
        .iter()
        .filter(|(_, venue)| venue.enabled)
        .map(|(name, _)| name.as_str())
        .collect();
    say(!venues.is_empty(), "venues", &venues.join(", "));
    let public = if config.public_market_data {
        "readable without sign-in"
    } else {
        "readable when signed in"
    };
    say(true, "http", &format!("{} ({public})", config.listen))
}

fn disk(config: &Config) -> bool {
    let mut existing: &Path = &config.data_dir;
    while !existing.exists() {
        let Some(parent) = existing.parent() else {
            break;
        };
        existing = parent;
    }
    let dir = config.data_dir.display();
    let state = if config.data_dir.exists() {
        ""
    } else {
        " (will be created)"
    };
    match statvfs(existing) {
        Ok(stat) => {
            let free = stat.blocks_available() * stat.fragment_size();
            let advice = if free < LOW_DISK {
                ": free some, or move it with --data-dir"
            } else {
                ""
            };
            say(
                free >= LOW_DISK,
                "data directory",
                &format!("{dir}{state}, {} free{advice}", bytes(free)),
            )
        }
        Err(error) => say(false, "data directory", &format!("{dir}{state}: {error}")),
    }
}

fn log(config: &Config) -> bool {
    match config.log.kind {
        LogKind::Embedded => {
            let dir = event_log::directory(config);
            let size = size_of(&dir);
            let limit = config.log.max_bytes;
            let text = format!(
                "embedded in {}, {} of at most {}",
                dir.display(),
                bytes(size),
                bytes(limit)
            );
            say(size < limit, "event log", &text)
        }
        LogKind::Fluvio => {
            let here = cfg!(feature = "fluvio");
            let advice = if here {
                ""
            } else {
                ": build with --features fluvio"
            };
            say(
                here,
                "event log",
                &format!("fluvio at {}{advice}", config.log.fluvio.endpoint),
            )
        }
    }
}

fn shared_state(config: &Config) {
    let text = match config.redis.url {
        Some(_) => "on Redis, as configured",
        None => "in process",
    };
    say(true, "shared state", text);
}

async fn database(config: &Config, describe: bool) -> bool {
    let installed = installations();
    let mut trouble = false;
    if config.database.url.is_none() {
        let text = match installed.first() {
            Some(found) => format!("PostgreSQL {} in {}", found.major, found.bin.display()),
            None => {
                "no PostgreSQL server of version 15 or newer found: apt-get install postgresql, \
                     or set DATABASE_URL"
                    .to_owned()
            }
        };
        trouble |= say(!installed.is_empty(), "server", &text);
    }
    let running = PrivateServer::running(&config.data_dir);
    let mut started = None;
    let settings = match (&config.database.url, running) {
        (Some(_), _) => store_config(&config.database, &config.market, None),
        (None, Some(url)) => Ok(url_config(&config.database, &config.market, url)),
        (None, None) if describe => match PrivateServer::start(&config.data_dir, START).await {
            Ok(server) => {
                let settings = store_config(&config.database, &config.market, Some(&server));
                started = Some(server);
                settings
            }
            Err(error) => Err(error.into()),
        },
        (None, None) => {
            say(
                true,
                "database",
                "private server, not running (it runs while coinsphere does)",
            );
            return trouble;
        }
    };
    let asked = async {
        let store = Store::connect(&settings?).await?;
        let description = store.describe().await?;
        store.close();
        anyhow::Ok(description)
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(description)) => {
            let where_from = if config.database.url.is_some() {
                "by URL"
            } else {
                "private server"
            };
            let text = format!(
                "{} {} ({where_from}), {}",
                description.flavour.name(),
                description.server_version,
                bytes(description.bytes.unsigned_abs())
            );
            say(true, "database", &text);
            if !description.cost.is_empty() {
                say(true, "", description.cost);
            }
            if describe {
                list(&description);
            }
        }
        Ok(Err(error)) => trouble |= say(false, "database", &format!("{error:#}")),
        Err(_) => trouble |= say(false, "database", "it does not answer"),
    }
    if let Some(server) = started
        && let Err(error) = server.stop().await
    {
        trouble |= say(false, "database", &error.to_string());
    }
    trouble
}

/// Everything about the database, section by section.
fn list(description: &Description) {
    let time = |time: Option<coinsphere_pipelines::market::Timestamp>| {
        time.map_or_else(|| "never".to_owned(), |time| time.to_string())
    };
    print_line!(
        "\nmigration {}, {} ranges of longer candles to refresh",
        description.migration,
        description.stale_ranges
    );
    print_line!("\ntables");
    for table in &description.tables {
        let rows = table
            .rows
            .map_or_else(|| "?".to_owned(), |rows| rows.to_string());
        print_line!(
            "  {:<28} {rows:>12} rows  {:>10}",
            table.name,
            bytes(table.bytes.unsigned_abs())
        );
    }
    if let Some(version) = &description.timescale_version {
        print_line!("\nhypertables (TimescaleDB {version})");
    }
    for table in &description.hypertables {
        print_line!(
            "  {:<28} {} chunks, {} compressed (compression {}, by {}, ordered by {}; {} before, {} after)",
            table.name,
            table.chunks,
            table.compressed_chunks,
            if table.compression { "on" } else { "off" },
            table.segment_by.as_deref().unwrap_or("-"),
            table.order_by.as_deref().unwrap_or("-"),
            table
                .bytes_before
                .map_or_else(|| "-".to_owned(), |size| bytes(size.unsigned_abs())),
            table
                .bytes_after
                .map_or_else(|| "-".to_owned(), |size| bytes(size.unsigned_abs())),
        );
    }
    for chunk in &description.chunks {
        let state = if chunk.compressed {
            "compressed"
        } else {
            "plain"
        };
        print_line!(
            "  {:<28} {} to {} {state}",
            chunk.name,
            chunk.from,
            chunk.to
        );
    }
    for view in &description.aggregates {
        print_line!(
            "  {:<28} continuous aggregate, materialised until {}{}",
            view.name,
            time(view.materialized_until),
            if view.materialized_only {
                ", materialized only (!)"
            } else {
                ", newest computed on read"
            },
        );
    }
    for job in &description.policies {
        print_line!(
            "  {:<28} {} every {}, last {}, {} failures {}",
            job.procedure,
            job.target.as_deref().unwrap_or("-"),
            job.schedule,
            time(job.last_success),
            job.failures,
            job.settings.as_deref().unwrap_or(""),
        );
    }
    if !description.partitions.is_empty() {
        print_line!("\npartitions of price_data");
    }
    for partition in &description.partitions {
        print_line!(
            "  {:<28} {} {}",
            partition.name,
            partition.bounds,
            bytes(partition.bytes.unsigned_abs())
        );
    }
}

/// Bytes of all files below a directory; what cannot be read counts nothing.
fn size_of(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn bytes(count: u64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if count >= size {
            let tenths = u128::from(count) * 10 / u128::from(size);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{count} B")
}
