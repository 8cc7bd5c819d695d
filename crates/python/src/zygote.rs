//! The fork server, seen from here: one process that has a runtime loaded, and a child of it per job.
//!
//! It runs under the executor's shim, which ends it and everything that descends from it when this
//! process is gone. `py/zygote.py` is the other side.

use crate::job::{Job, JobFault, Kind};
use executor::Settings as Executor;
use executor::process::{Launch, Process};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, Interest};
use tokio::net::UnixStream;

/// The fork server's first answer, bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024;
/// What is kept of its standard error, for the case that it does not start.
const TAIL_LINES: usize = 20;
/// Files that go with a job at most.
const FILES_MAX: usize = 6;

/// What to start.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) interpreter: PathBuf,
    /// `zygote.py`.
    pub(crate) script: PathBuf,
    /// Its settings, as JSON.
    pub(crate) settings: Value,
    pub(crate) timeout: Duration,
}

/// A running fork server. Dropping it ends it and its children.
#[derive(Debug)]
pub(crate) struct Zygote {
    control: tokio::sync::Mutex<UnixStream>,
    about: Value,
    packages: Value,
    gone: AtomicBool,
    _process: Process,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Hello {
    Ready(Value),
    Failed(String),
}

impl Zygote {
    /// Starts it, and waits until it has loaded its runtime.
    ///
    /// # Errors
    /// One sentence: why it did not.
    pub(crate) async fn start(executor: &Executor, recipe: Recipe) -> Result<Self, String> {
        let failed =
            |error: std::io::Error| format!("cannot start a Python helper process: {error}");
        let (ours, theirs) = StdUnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let control = UnixStream::from_std(ours).map_err(failed)?;
        let packages = recipe.settings["packages"].clone();
        let launch = Launch {
            title: "python helper".to_owned(),
            program: recipe.interpreter,
            arguments: vec![recipe.script.display().to_string(), recipe.settings.to_string()],
            environment: executor.environment.clone(),
            // Relative paths of author code start at the project.
            directory: executor.project.clone(),
            lock: None,
            input: Some(OwnedFd::from(theirs)),
        };
        let mut process =
            Process::start(executor, launch).await.map_err(|error| error.to_string())?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        if let Some((out, err)) = process.take_output() {
            tokio::spawn(drain(out, Arc::clone(&tail)));
            tokio::spawn(drain(err, Arc::clone(&tail)));
        }
        let mut control = BufReader::new(control);
        let hello = tokio::time::timeout(recipe.timeout, hello(&mut control)).await;
        let reason = match hello {
            Ok(Ok(Hello::Ready(about))) => {
                tracing::debug!(%about, "a Python helper process is ready");
                return Ok(Self {
                    about,
                    packages,
                    control: tokio::sync::Mutex::new(control.into_inner()),
                    gone: AtomicBool::new(false),
                    _process: process,
                });
            }
            Ok(Ok(Hello::Failed(reason))) => reason,
            Ok(Err(())) => {
                let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                let last = tail.iter().rev().find(|line| !line.is_empty());
                last.cloned().unwrap_or_else(|| "it ended without a word".to_owned())
            }
            Err(_) => format!("it was not ready within {} s", recipe.timeout.as_secs_f64()),
        };
        Err(reason)
    }

    /// What it told of its runtime.
    pub(crate) fn about(&self) -> &Value {
        &self.about
    }

    /// The packages that its children may import.
    pub(crate) fn packages(&self) -> &Value {
        &self.packages
    }

    /// Whether a job could not be given to it: another one is needed.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Forks a child for a job.
    pub(crate) async fn launch(
        &self,
        kind: Kind,
        lock: Option<BorrowedFd<'_>>,
    ) -> Result<Job, JobFault> {
        let (files, ends) = crate::job::pairs()?;
        let mut given: Vec<BorrowedFd<'_>> = ends.iter().map(AsFd::as_fd).collect();
        given.extend(lock);
        let control = self.control.lock().await;
        let sent =
            control.async_io(Interest::WRITABLE, || send(control.as_fd(), kind, &given)).await;
        drop(control);
        drop(given);
        drop(ends);
        if let Err(error) = sent {
            self.gone.store(true, Ordering::Relaxed);
            return Err(JobFault::Lost(format!("the Python helper process is gone: {error}")));
        }
        let job = Job::started(files).await;
        if job.is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
        job
    }
}

/// One byte that says what the job is, and the job's files with it.
fn send(control: BorrowedFd<'_>, kind: Kind, files: &[BorrowedFd<'_>]) -> std::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(files));
    sendmsg(control, &[IoSlice::new(&[kind.byte()])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

async fn hello(control: &mut BufReader<UnixStream>) -> Result<Hello, ()> {
    let mut line = Vec::new();
    let mut limited = control.take(ANSWER_BYTES_MAX);
    limited.read_until(b'\n', &mut line).await.map_err(|_| ())?;
    serde_json::from_slice(&line).map_err(|_| ())
}

/// Reads what a helper writes, so that it never waits for a reader, and keeps the end of it.
async fn drain(from: impl AsyncRead + Unpin, tail: Arc<Mutex<VecDeque<String>>>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A longer line is read in pieces.
        match (&mut reader).take(4_096).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        tracing::debug!(line = text, "python helper");
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() >= TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::send;
    use crate::job::{Kind, pairs};
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::io::{IoSliceMut, Read};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;

    #[tokio::test]
    async fn a_job_goes_as_one_byte_with_its_files_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (files, ends) = pairs().unwrap();
        let lock = tempfile::tempfile().unwrap();
        let mut given: Vec<_> = ends.iter().map(AsFd::as_fd).collect();
        given.push(lock.as_fd());
        send(ours.as_fd(), Kind::Run, &given).unwrap();
        drop((ends, lock));

        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut slices = [IoSliceMut::new(&mut byte)];
        recvmsg(&theirs, &mut slices, &mut ancillary, RecvFlags::empty()).unwrap();
        let mut received: Vec<OwnedFd> = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                received.extend(files);
            }
        }
        assert_eq!((byte, received.len()), (*b"T", 6));
        // The first is the leash: what is written there comes to the job.
        let mut leash = UnixStream::from(received.remove(0));
        std::io::Write::write_all(&mut leash, b"{\"pid\": 1234567}\n").unwrap();
        let job = crate::job::Job::started(files).await.unwrap();
        drop(job);
        assert_eq!(leash.read(&mut byte).unwrap(), 0);
    }
}
