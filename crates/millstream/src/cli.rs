//! The command line: commands, flags and their help.
//!
//! Never does: act. Exit codes: 0 done, 1 failed, 2 not understood.

pub(crate) mod dags;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
Examples:
  millstream up                          run the project in this directory
  millstream new weather                 make a project
  millstream sql \"SELECT count(*) FROM created_users\"
  millstream consume users_created --from earliest --count 5
  millstream config explain broker.retention

Settings: millstream.toml in the project, MILLSTREAM_<SECTION>_<KEY> in the environment,
--set KEY=VALUE on the command line; `millstream config defaults` lists them all.
MILLSTREAM_LOG=debug shows more. MILLSTREAM_CRASH_AT=STEP:NTH is a test aid: it ends the process,
as kill -9 would, when it passes that step the nth time.

Exit codes: 0 done, 1 failed, 2 the command line was not understood.";

/// Real-time data pipelines in one program: Kafka, streaming SQL and Cassandra.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Set one setting, over file and environment; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start every part and run the project's streams until Ctrl-C.
    #[command(after_help = "\
Without PROJECT: the current directory if it has a millstream.toml, else examples/users of a
checkout, else the example that is built in.

Examples:
  millstream up
  millstream up examples/users --data /var/lib/millstream
  millstream up --only broker,store        servers only, no streams
  millstream up --set addresses.kafka=kafka-1:9092,kafka-2:9092")]
    Up(Up),
    /// Make a project directory with a stream that runs.
    #[command(after_help = "Example:\n  millstream new weather && millstream up weather")]
    New {
        /// The directory to make; its last part is the project's name.
        name: PathBuf,
    },
    /// Read a project's settings and SQL, and tell what is wrong, without starting anything.
    #[command(after_help = "Examples:\n  millstream check\n  millstream check examples/users")]
    Check(InProject),
    /// Check DAG files; list, trigger, pause, clear and backfill the DAGs of a running project.
    #[command(after_help = dags::AFTER_HELP)]
    Dags {
        #[command(subcommand)]
        action: dags::Dags,
    },
    /// Show the streams of a running project.
    #[command(after_help = "\
Examples:
  millstream status
  millstream status --json | jq '.streams[] | select(.state != \"running\")'")]
    Status {
        #[command(flatten)]
        project: InProject,
        /// Print the engine's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Walk every hop from source to table, and say in one sentence why a table is empty or late.
    #[command(after_help = "\
It asks only, and answers within two seconds whatever is down.

Examples:
  millstream doctor
  millstream doctor --json | jq '.findings[0].sentence'")]
    Doctor {
        #[command(flatten)]
        project: InProject,
        /// Print the whole report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run one query over the project's topics and tables, and print its rows.
    #[command(after_help = "\
Examples:
  millstream sql \"SELECT * FROM created_users LIMIT 5\"
  millstream sql --format json \"SELECT country, count(*) AS n FROM created_users GROUP BY country\"

Functions and operators are those of streams, with the same values. What does not fit in sql.memory
goes over the temporary directory.")]
    Sql {
        /// The query.
        query: String,
        /// How rows are printed.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// The project's directory.
        #[arg(short, long, value_name = "DIR")]
        project: Option<PathBuf>,
    },
    /// List, make, delete or describe topics.
    #[command(after_help = "\
Examples:
  millstream topics
  millstream topics create orders --partitions 6 --config retention.ms=86400000
  millstream topics describe orders
  millstream topics delete orders")]
    Topics {
        #[command(subcommand)]
        action: Option<Topics>,
        #[command(flatten)]
        broker: Broker,
    },
    /// Send each line of standard input as a record.
    #[command(after_help = "\
Examples:
  echo '{\"id\": 1}' | millstream produce orders
  printf 'k1:first\\nk2:second\\n' | millstream produce orders -k :")]
    Produce {
        /// The topic.
        topic: String,
        /// Text between key and value; without it records have no key.
        #[arg(short = 'k', long, value_name = "SEPARATOR")]
        key_separator: Option<String>,
        /// A header of every record; may be repeated.
        #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
        headers: Vec<String>,
        /// The partition; without it the key decides.
        #[arg(short, long)]
        partition: Option<i32>,
        #[command(flatten)]
        broker: Broker,
    },
    /// Print the records of a topic.
    #[command(after_help = "\
Examples:
  millstream consume orders                          all that is there now
  millstream consume orders --follow --from latest   what arrives from now on
  millstream consume orders --from 1200 --count 10 --headers")]
    Consume(Consume),
    /// Move a stopped stream to another position of its topic.
    #[command(after_help = "\
Only while `millstream up` does not run on the data directory. Records read again are written
again: tables keyed by the record stay right, topics hold the records twice.

Examples:
  millstream reset users --to earliest
  millstream reset users --to 0=1200,1=900")]
    Reset {
        /// The stream's name.
        stream: String,
        /// earliest, latest, or PARTITION=OFFSET with further ones after commas.
        #[arg(long, value_name = "POSITION")]
        to: String,
        #[command(flatten)]
        project: InProject,
        /// The data directory; default: data in the project.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// List, make or remove who may sign in to the pages, and their API tokens.
    #[command(after_help = "\
Roles: Viewer, User, Op, Admin; OperationsUser, DagAuthor, DeploymentManager. Passwords are asked for, or
read from the first line of standard input.

Examples:
  millstream users create ada --role Op
  millstream users token ada laptop        a token for: Authorization: Bearer TOKEN
  millstream users link                    a link that logs in, as `up` prints one
  millstream users list")]
    Users {
        #[command(subcommand)]
        action: Users,
        /// The project's directory.
        #[arg(short, long, value_name = "DIR", global = true)]
        project: Option<PathBuf>,
        /// The data directory; default: data in the project.
        #[arg(long, value_name = "DIR", global = true)]
        data: Option<PathBuf>,
    },
    /// Show settings, where they come from and what they do.
    #[command(after_help = "\
Examples:
  millstream config explain broker.retention
  MILLSTREAM_BROKER_RETENTION=1d millstream config explain broker.retention
  millstream config defaults > all-settings.toml")]
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print the completion script of a shell.
    #[command(after_help = "\
Examples:
  millstream completions bash > /etc/bash_completion.d/millstream
  millstream completions zsh > ~/.zfunc/_millstream")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The project's directory.
    pub(crate) project: Option<PathBuf>,
    /// Start only these parts, after commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    pub(crate) only: Vec<PartName>,
    /// The data directory; default: data in the project.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the table of parts and errors, no lines about streams.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum PartName {
    Broker,
    Store,
    Generator,
    Engine,
    Orchestrator,
    Webserver,
    Console,
}

#[derive(Debug, Args)]
pub(crate) struct InProject {
    /// The project's directory.
    pub(crate) project: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Broker {
    /// The project's directory, whose settings name the broker.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) project: Option<PathBuf>,
    /// The broker's address, instead of the project's.
    #[arg(short, long, value_name = "HOST:PORT", global = true)]
    pub(crate) broker: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List the users.
    List,
    /// Make a user with a password.
    Create {
        /// The user's name.
        name: String,
        /// What the user may do.
        #[arg(short, long, default_value = "Viewer")]
        role: String,
    },
    /// Remove a user, with all sessions and tokens.
    Remove {
        /// The user's name.
        name: String,
    },
    /// Give a user another role.
    Role {
        /// The user's name.
        name: String,
        /// What the user may do.
        role: String,
    },
    /// Give a user another password.
    Password {
        /// The user's name.
        name: String,
    },
    /// Make an API token and print it, this once.
    Token {
        /// The user whose role it has.
        user: String,
        /// A name to know it by.
        name: String,
    },
    /// Print a link that logs in as an Admin, once, within 15 minutes.
    Link,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topics {
    /// List the topics with their partitions and records (the default).
    List,
    /// Make a topic.
    Create {
        /// The topic's name.
        name: String,
        /// Its partitions; default: the setting broker.partitions.
        #[arg(short, long)]
        partitions: Option<i32>,
        /// Copies of each partition.
        #[arg(short, long, default_value_t = 1)]
        replication: i32,
        /// A setting of the topic; may be repeated.
        #[arg(short, long, value_name = "NAME=VALUE")]
        config: Vec<String>,
    },
    /// Delete a topic and its records.
    Delete {
        /// The topic's name.
        name: String,
    },
    /// Show a topic's partitions, offsets and settings.
    Describe {
        /// The topic's name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Consume {
    /// The topic.
    pub(crate) topic: String,
    /// Where to begin: earliest, latest, an offset, or -N for the last N of each partition.
    #[arg(long, default_value = "earliest", allow_hyphen_values = true, value_name = "POSITION")]
    pub(crate) from: String,
    /// Stop after so many records.
    #[arg(short, long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Wait for further records at the end.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only this partition.
    #[arg(short, long)]
    pub(crate) partition: Option<i32>,
    /// Print partition, offset, time and key before each value.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print the headers before each value.
    #[arg(long)]
    pub(crate) headers: bool,
    #[command(flatten)]
    pub(crate) broker: Broker,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show one setting: value, origin, meaning.
    Explain {
        /// The setting, SECTION.KEY.
        key: String,
        /// The project's directory.
        #[arg(short, long, value_name = "DIR")]
        project: Option<PathBuf>,
    },
    /// Print every setting with its default and meaning.
    Defaults,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON object per row.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// Reads the command line. Help and version go to standard output with code 0, mistakes to standard
/// error with code 2.
pub(crate) fn read() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        // Nothing can be told to a user whose terminal is gone.
        let _gone = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
