//! `jobs`: which there are, how far they are, and the end of one that is not wanted any more.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_pipelines::store::Store;
use uuid::Uuid;

use super::clock;
use super::models::{print_json, time};
use super::stored::with_store;
use crate::audit::{AuditEntry, Outcome};
use crate::cli::ReportFormat;
use crate::cli::jobs::JobsCommand;
use crate::jobs::{JobQuery, JobView, Jobs};
use crate::output::print_line;

/// Does what was asked.
pub(super) fn run(command: &JobsCommand) -> anyhow::Result<()> {
    match command {
        JobsCommand::List(args) => with_store(&args.place, async |opened| {
            let asked = JobQuery {
                state: args.state,
                limit: args.limit,
                ..JobQuery::default()
            };
            let listed = jobs(opened.store).list(&asked).await?;
            match args.format {
                ReportFormat::Json => print_json(&listed),
                ReportFormat::Text => {
                    if listed.is_empty() {
                        print_line!("there are no such jobs");
                    }
                    for job in &listed {
                        print_line!("{}", line(job));
                    }
                    Ok(())
                }
            }
        }),
        JobsCommand::Show(args) => with_store(&args.place, async |opened| {
            print(&found(&jobs(opened.store), args.id).await?, args.format)
        }),
        JobsCommand::Cancel(args) => with_store(&args.place, async |opened| {
            let jobs = jobs(opened.store);
            let cancelled = jobs.cancel(args.id).await?;
            let job = found(&jobs, args.id).await?;
            anyhow::ensure!(
                cancelled,
                "job {} has ended already: {}",
                args.id,
                job.state.name()
            );
            let entry = AuditEntry::new("job.cancelled", Outcome::Done);
            opened.audit.note(entry.with("about", args.id.to_string()));
            print(&job, args.format)
        }),
    }
}

fn jobs(store: Store) -> Jobs {
    Jobs::new(Arc::new(store), clock())
}

async fn found(jobs: &Jobs, id: Uuid) -> anyhow::Result<JobView> {
    jobs.show(id).await?.with_context(|| {
        format!("there is no job {id}: `coinsphere jobs list` shows what there is")
    })
}

fn print(job: &JobView, format: ReportFormat) -> anyhow::Result<()> {
    match format {
        ReportFormat::Json => print_json(job),
        ReportFormat::Text => {
            print_line!("{}\narguments: {}", line(job), job.arguments);
            if let Some(error) = &job.last_error {
                print_line!("last error: {}", error.replace('\n', " "));
            }
            Ok(())
        }
    }
}

/// A job in a line, for people.
fn line(job: &JobView) -> String {
    let state = match job.finished_at {
        None if job.cancel_requested => format!("{}, to be cancelled", job.state.name()),
        _ => job.state.name().to_owned(),
    };
    let progress = job.progress.as_deref().map(|text| format!(": {text}"));
    format!(
        "{}  {}  {:<20} {state}, attempt {} of {}{}",
        job.id,
        time(job.created_at),
        job.kind,
        job.attempts,
        job.max_attempts,
        progress.unwrap_or_default()
    )
}
