//! `millstream dags`: its actions and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::InProject;

/// Help's last part.
pub(super) const AFTER_HELP: &str = "\
validate and next read the DAG files alone: YAML in dag-factory's form, in the project's directory dags.
All others ask the webserver of a running project, and show it that they may read the project's secret
key. Where RUN is asked for, latest stands for the newest run.

Examples:
  millstream dags validate
  millstream dags list
  millstream dags unpause user_automation
  millstream dags trigger user_automation --conf '{\"seconds\": 10}' --wait
  millstream dags logs user_automation latest stream_data_from_api
  millstream dags backfill report --from 2026-01-01 --to 2026-01-31 --dry-run";

#[derive(Debug, Subcommand)]
pub(crate) enum Dags {
    /// Read every DAG file and list the DAGs, or everything that is wrong.
    Validate(InProject),
    /// Print the times at which a DAG runs next, as if it had never run.
    Next {
        /// The DAG's id.
        dag: String,
        /// How many runs.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        count: u16,
        #[command(flatten)]
        project: InProject,
    },
    /// List the DAGs of a running project.
    List {
        /// Print the API's answer as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Start a run by hand and print its id.
    Trigger {
        /// The DAG's id.
        dag: String,
        /// What the run is given: a JSON object, over the DAG's params.
        #[arg(long, value_name = "JSON")]
        conf: Option<String>,
        /// The run's id, instead of one made of the time.
        #[arg(long, value_name = "ID")]
        run_id: Option<String>,
        /// Wait until the run has ended; exit with 1 if it failed.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Keep a DAG from starting runs and tasks; what runs goes on to its end.
    Pause {
        /// The DAG's id.
        dag: String,
        #[command(flatten)]
        running: Running,
    },
    /// Let a DAG start runs and tasks.
    Unpause {
        /// The DAG's id.
        dag: String,
        #[command(flatten)]
        running: Running,
    },
    /// List the runs of a DAG, the newest first.
    Runs {
        /// The DAG's id.
        dag: String,
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        count: u32,
        /// Print the API's answer as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Run tasks of a run again: all of them, or those that are named.
    Clear {
        /// The DAG's id.
        dag: String,
        /// The run's id, or latest.
        run: String,
        /// A task; may be repeated.
        #[arg(long = "task", value_name = "TASK")]
        tasks: Vec<String>,
        /// With --task: all tasks after it as well.
        #[arg(long, requires = "tasks")]
        downstream: bool,
        /// Only tasks that failed.
        #[arg(long)]
        only_failed: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Print the log of a task of a run.
    Logs {
        /// The DAG's id.
        dag: String,
        /// The run's id, or latest.
        run: String,
        /// The task's id.
        task: String,
        /// Which of its tries, from 1; default: the last.
        #[arg(long = "try", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        number: Option<u32>,
        #[command(flatten)]
        running: Running,
    },
    /// Make the runs that a schedule would have made between two dates, where they are missing.
    Backfill(Backfill),
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// The DAG's id.
    pub(crate) dag: String,
    /// The first date, as 2026-01-31 or 2026-01-31T12:00:00Z. A day stands for its first moment in UTC.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: String,
    /// The last date.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: String,
    /// Which runs that are there already are run again.
    #[arg(long, value_enum, default_value_t = Reprocess::None)]
    pub(crate) reprocess: Reprocess,
    /// Runs at a time.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) max_active_runs: u32,
    /// Start with the newest.
    #[arg(long)]
    pub(crate) run_backwards: bool,
    /// What the runs are given: a JSON object, over the DAG's params.
    #[arg(long, value_name = "JSON")]
    pub(crate) conf: Option<String>,
    /// Print the dates of the runs, and make none.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reprocess {
    /// None of them.
    None,
    /// Those that failed.
    Failed,
    /// All that have ended.
    Completed,
}

impl Reprocess {
    /// The API's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Failed => "failed",
            Self::Completed => "completed",
        }
    }
}

/// A project that runs.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// The project's directory.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// The data directory; default: data in the project.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}
