//! A node in a process of its own, as long as a test needs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::command::millstream;

/// A node that is stopped at the end of a test, also a failed one.
pub(crate) struct Up(pub(crate) Child);

impl Up {
    /// Starts a node and returns with the lines of its table, once it has printed them.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> (Self, Vec<String>) {
        let mut command = millstream(directory, &["up", "--quiet"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut table = Vec::new();
        for line in out.lines().map(Result::unwrap) {
            if line.is_empty() && table.len() > 1 {
                return (Self(child), table);
            }
            if !line.is_empty() {
                table.push(line);
            }
        }
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let _ended = child.wait();
        panic!("the node did not start: {err}");
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        let _waited = self.0.wait();
    }

    /// What it says on standard error from now on, line by line.
    pub(crate) fn notes(&mut self) -> std::io::Lines<BufReader<ChildStderr>> {
        BufReader::new(self.0.stderr.take().unwrap()).lines()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}
