//! A child of the fork server: its leash, its request socket, and what it writes.

use serde::Deserialize;
use std::io::Result as IoResult;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// A report of the fork server, bytes.
const REPORT_BYTES_MAX: usize = 4 * 1_024;
/// From the request to the report of the fork. The fork server does nothing else.
const FORK_PATIENCE: Duration = Duration::from_secs(30);

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Read a file.
    Parse,
    /// Run a task.
    Run,
}

impl Kind {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Parse => b'P',
            Self::Run => b'T',
        }
    }
}

/// Why there is no child. Trying again may help.
#[derive(Debug, Error)]
pub(crate) enum JobFault {
    /// This process could not make the sockets.
    #[error("cannot make sockets for a Python process: {0}; check the limit of open files")]
    Sockets(#[from] std::io::Error),
    /// The fork server ended, or could not fork.
    #[error("{0}")]
    Lost(String),
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// The fork server went first: nothing is known.
    pub(crate) lost: bool,
}

impl Exit {
    /// For people.
    pub(crate) fn sentence(self) -> String {
        match (self.lost, self.signal, self.code) {
            (true, _, _) => "the Python helper process ended".to_owned(),
            (_, Some(9), _) => {
                "the task's process was killed by signal 9; often the machine's memory was short"
                    .to_owned()
            }
            (_, Some(signal), _) => format!("the task's process was killed by signal {signal}"),
            (_, None, Some(code)) => format!("the task's process ended with exit code {code}"),
            (_, None, None) => "the task's process ended".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Report {
    Started { pid: i32 },
    Failed { failed: String },
    Ended { code: Option<i32>, signal: Option<i32> },
}

/// Our ends of a child's sockets.
#[derive(Debug)]
pub(crate) struct Files {
    leash: UnixStream,
    requests: UnixStream,
    out: UnixStream,
    err: UnixStream,
    logs: UnixStream,
}

/// Sockets for a child: our ends, and its ends in the order in which the fork server takes them.
pub(crate) fn pairs() -> IoResult<(Files, [StdUnixStream; 5])> {
    let pair = || {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok::<_, std::io::Error>((UnixStream::from_std(ours)?, theirs))
    };
    let (leash, their_leash) = pair()?;
    let (requests, their_requests) = pair()?;
    let (out, their_out) = pair()?;
    let (err, their_err) = pair()?;
    let (logs, their_logs) = pair()?;
    let files = Files { leash, requests, out, err, logs };
    Ok((files, [their_leash, their_requests, their_out, their_err, their_logs]))
}

/// A running child. Dropping it ends it and its process group.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) leash: Leash,
    pub(crate) requests: UnixStream,
    pub(crate) out: UnixStream,
    pub(crate) err: UnixStream,
    pub(crate) logs: UnixStream,
}

/// The line to the fork server about one child. Its end ends the child.
#[derive(Debug)]
pub(crate) struct Leash {
    socket: BufReader<UnixStream>,
    line: Vec<u8>,
    pid: i32,
}

impl Job {
    /// Waits for the fork.
    pub(crate) async fn started(files: Files) -> Result<Self, JobFault> {
        let Files { leash, requests, out, err, logs } = files;
        let mut leash = Leash { socket: BufReader::new(leash), line: Vec::new(), pid: 0 };
        let lost = |text: &str| JobFault::Lost(text.to_owned());
        match tokio::time::timeout(FORK_PATIENCE, leash.report()).await {
            Ok(Some(Report::Started { pid })) => leash.pid = pid,
            Ok(Some(Report::Failed { failed })) => {
                return Err(JobFault::Lost(format!("the Python helper could not fork: {failed}")));
            }
            Ok(Some(Report::Ended { .. }) | None) => {
                return Err(lost("the Python helper process ended before it could fork"));
            }
            Err(_) => return Err(lost("the Python helper process does not answer")),
        }
        Ok(Self { leash, requests, out, err, logs })
    }
}

impl Leash {
    /// Waits until the child and its process group have ended. Can be dropped and called again.
    pub(crate) async fn ended(&mut self) -> Exit {
        loop {
            match self.report().await {
                Some(Report::Ended { code, signal }) => return Exit { code, signal, lost: false },
                Some(_) => {}
                None => {
                    self.kill();
                    return Exit { lost: true, ..Exit::default() };
                }
            }
        }
    }

    /// SIGTERM to the process group, and SIGKILL after the grace.
    pub(crate) async fn stop(&mut self) {
        // A fork server that is gone has nothing to stop.
        let _gone = self.socket.get_mut().write_all(b"t").await;
    }

    /// Ends the process group, where nobody else does.
    fn kill(&self) {
        if self.pid > 1
            && let Some(group) = rustix::process::Pid::from_raw(self.pid)
        {
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    async fn report(&mut self) -> Option<Report> {
        let room = (REPORT_BYTES_MAX - self.line.len().min(REPORT_BYTES_MAX)) as u64;
        let mut reader = (&mut self.socket).take(room);
        let read = reader.read_until(b'\n', &mut self.line).await;
        let whole = read.is_ok() && self.line.ends_with(b"\n");
        let report = whole.then(|| serde_json::from_slice(&self.line).ok()).flatten();
        self.line.clear();
        report
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Job, pairs};
    use std::io::{Read, Write};

    #[tokio::test]
    async fn a_child_is_followed_from_its_fork_to_its_end() {
        let (files, ends) = pairs().unwrap();
        let [mut leash, ..] = ends;
        leash.write_all(b"{\"pid\": 1234567}\n").unwrap();
        let mut job = Job::started(files).await.unwrap();
        job.leash.stop().await;
        let mut byte = [0];
        leash.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"t");
        leash.write_all(b"{\"code\": null, \"signal\": 15}\n").unwrap();
        let exit = job.leash.ended().await;
        assert_eq!(exit, Exit { code: None, signal: Some(15), lost: false });
        drop(job);
        assert_eq!(leash.read(&mut byte).unwrap(), 0, "the leash has no end");
    }

    #[tokio::test]
    async fn a_fork_server_that_goes_without_a_word_leaves_a_lost_child() {
        let (files, ends) = pairs().unwrap();
        let [leash, ..] = ends;
        drop(leash);
        let fault = Job::started(files).await.unwrap_err();
        assert!(fault.to_string().contains("before it could fork"), "{fault}");
    }

    #[tokio::test]
    async fn a_fork_that_the_system_refuses_is_told() {
        let (files, ends) = pairs().unwrap();
        let [mut leash, ..] = ends;
        leash.write_all(b"{\"failed\": \"fork: Resource temporarily unavailable\"}\n").unwrap();
        let fault = Job::started(files).await.unwrap_err();
        assert!(fault.to_string().contains("could not fork: fork: Resource"), "{fault}");
    }

    #[test]
    fn an_exit_reads_as_a_sentence() {
        let killed = Exit { signal: Some(9), ..Exit::default() };
        assert!(killed.sentence().contains("memory was short"));
        let code = Exit { code: Some(3), ..Exit::default() };
        assert_eq!(code.sentence(), "the task's process ended with exit code 3");
    }
}
