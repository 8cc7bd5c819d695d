//! `cargo x`: the checks of this repository that Cargo does not know.
//!
//! `dialect` compares the catalogue of SQL with `PySpark`, `layers` keeps crates apart, `tidy`
//! reads the sources, `judges` runs the programs that judge from outside. Each prints what is wrong and ends with 1 if something is.
//!
//! Never does: change a file of the repository.

mod dialect;
mod judges;
mod layers;
mod tidy;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo x <task>
  dialect [VENV]  run every example of the SQL catalogue on PySpark 4.2 (needs Java 17, python3)
                  VENV is a virtual environment to use or make; default: under the system's temp
  judges [OPTION ...]
                  run the judges of judges/ on a fresh build and print one table; --help lists options
  layers          check which crate may depend on which
  tidy            check headers, lengths, characters and machine paths of all sources";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let outcome = match task.as_str() {
        "dialect" => dialect::run(&root(), arguments.next().map(PathBuf::from)),
        "judges" => judges::run(&root(), arguments),
        "layers" => layers::run(&root()),
        "tidy" => tidy::run(&root()),
        _ => Err(USAGE.to_string()),
    };
    match outcome {
        Ok(summary) => {
            say(&summary);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            say(&problems);
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace: the parent of this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Prints a line; a closed output is no reason to fail.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// The cargo that runs this task.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}
