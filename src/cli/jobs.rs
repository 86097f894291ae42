//! Commands for jobs: work that the program does later.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{PlaceArgs, ReportFormat};
use crate::jobs::JobState;

/// `jobs …`
#[derive(Debug, Clone, Subcommand)]
pub enum JobsCommand {
    /// List jobs, the newest first. Finished ones are kept for 30 days.
    List(JobsListArgs),
    /// Show one.
    Show(JobArgs),
    /// Cancel one: a job that waits at once, one that runs within seconds.
    Cancel(JobArgs),
}

/// `jobs list`
#[derive(Debug, Clone, Args)]
pub struct JobsListArgs {
    /// Only those that are waiting, running, done, failed or cancelled.
    #[arg(long, value_name = "STATE")]
    pub state: Option<JobState>,
    /// Number of jobs at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `jobs show` and `jobs cancel`
#[derive(Debug, Clone, Args)]
pub struct JobArgs {
    /// The job, as `coinsphere jobs list` shows it.
    pub id: Uuid,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}
