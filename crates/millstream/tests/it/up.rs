//! A node in a process of its own, as long as a test needs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use crate::command::millstream;

/// A node that is stopped at the end of a test, also a failed one.
pub(crate) struct Up(pub(crate) Child);

impl Up {
    /// Starts a node and returns with the lines of its table, once it has printed them.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> (Self, Vec<String>) {
        let (up, table, _) = Self::begin(directory, arguments);
        (up, table)
    }

    /// As [`Self::start`], with the link that logs in, which the webserver's start prints.
    pub(crate) fn start_with_link(
        directory: &Path,
        arguments: &[&str],
    ) -> (Self, Vec<String>, String) {
        let (up, table, mut lines) = Self::begin(directory, arguments);
        let line = lines.next().unwrap().unwrap();
        let (_, link) = line.split_once("once: ").unwrap();
        (up, table, link.to_owned())
    }

    fn begin(
        directory: &Path,
        arguments: &[&str],
    ) -> (Self, Vec<String>, std::io::Lines<BufReader<ChildStdout>>) {
        let mut command = millstream(directory, &["up", "--quiet"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut table = Vec::new();
        while let Some(line) = out.next().map(Result::unwrap) {
            if line.is_empty() && table.len() > 1 {
                return (Self(child), table, out);
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
