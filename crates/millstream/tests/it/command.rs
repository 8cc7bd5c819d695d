//! Runs the binary in a directory of its own, without the environment of the test.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use runtime::{Clock as _, SystemClock};

/// How long a test asks for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command said and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary, ready to run in `directory`.
pub(crate) fn millstream(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLSTREAM_")) {
        command.env_remove(name);
    }
    command
}

/// Tries of a question whose answer must come: as many as there is patience for. Each runs a command or asks a
/// server, so none needs to wait between two.
pub(crate) fn tries() -> impl Iterator<Item = usize> {
    let clock = SystemClock::new();
    let until = clock.elapsed() + PATIENCE;
    (0..).take_while(move |_| clock.elapsed() < until)
}

/// Runs the binary to its end.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Said {
    millstream(directory, arguments).output().unwrap().into()
}

/// A directory with these files.
pub(crate) fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

/// Settings of a node that takes free ports and needs nothing else.
pub(crate) const FREE_PORTS: &str = "\
[broker]
listen = \"127.0.0.1:0\"
[store]
listen = \"127.0.0.1:0\"
[engine]
listen = \"127.0.0.1:0\"
[webserver]
listen = \"127.0.0.1:0\"
[console]
listen = \"127.0.0.1:0\"
[generator]
listen = \"127.0.0.1:0\"
";
