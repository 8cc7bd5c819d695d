//! Child processes, each under a [`shim`](crate::shim): none outlives Millstream, none of one task runs
//! beside another.

mod control;

use crate::logs::{self, Origin};
use crate::shim::Order;
use crate::{Desk, Level, LogLine, Settings, StopSignal, Stream, TryKey};
use control::Control;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use thiserror::Error;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// For the rest of the output once every process has ended: nobody writes then, but the desk may be slow.
const DRAIN: Duration = Duration::from_secs(30);
/// The same when a process could not be ended, which may hold the pipes open for ever.
const DRAIN_SURVIVORS: Duration = Duration::from_secs(1);

/// What to start.
#[derive(Debug, Default)]
pub struct Launch {
    /// Shown in lists of processes: the try.
    pub title: String,
    /// The program: a path, or a name that the environment's PATH knows.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Held while the process, or anything it started, lives: [`lock_of`] gives the one of a task.
    pub lock: Option<PathBuf>,
    /// Its standard input: any file, such as one end of a socket pair. Without one it reads nothing.
    pub input: Option<OwnedFd>,
}

/// Why a process did not start.
#[derive(Debug, Error)]
pub enum ProcessFault {
    /// The shim itself did not start.
    #[error(
        "cannot start {shim} to supervise a task: {source}; check the file and the machine's limits"
    )]
    Shim {
        /// Our own binary.
        shim: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The shim ended, or told something else than what was waited for.
    #[error("the task's supervisor process ended before the task had started; see the lines above")]
    Lost,
    /// The shim refused: the program or directory is missing, or an earlier try still runs.
    #[error("{0}")]
    Refused(String),
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was told to end.
    pub stopped: bool,
    /// Processes of its group that did not even end by SIGKILL.
    pub survivors: Vec<i32>,
    /// The last line of its standard output, without blanks at its end. Empty without output.
    pub last_line: String,
}

/// A running process with its shim. Dropping it ends both, in the background.
#[derive(Debug)]
pub struct Process {
    control: Control,
    shim: Child,
    pid: u32,
    waited: bool,
    output: Option<(ChildStdout, ChildStderr)>,
}

impl Process {
    /// Starts a process, once its lock is free.
    ///
    /// # Errors
    /// [`ProcessFault`]; then nothing runs.
    pub async fn start(settings: &Settings, launch: Launch) -> Result<Self, ProcessFault> {
        let failed =
            |source| ProcessFault::Shim { shim: settings.shim.display().to_string(), source };
        let (mut control, theirs) = Control::pair().map_err(failed)?;
        // Its environment is empty, so that nothing of ours is told to who looks into it.
        let mut shim = Command::new(&settings.shim)
            .arg(crate::shim::ARGUMENT)
            .arg(&launch.title)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let output = shim.stdout.take().zip(shim.stderr.take());
        let order = Order {
            program: launch.program,
            arguments: launch.arguments,
            environment: launch.environment,
            directory: launch.directory,
            lock: launch.lock,
            lock_patience_ms: millis(settings.lock_patience),
            grace_ms: millis(settings.stop_grace),
        };
        control.order(&order, launch.input).await.map_err(failed)?;
        let (pid, waited) = control.started().await?;
        Ok(Self { control, shim, pid, waited, output })
    }

    /// The process, which leads a group of this number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it had to wait for processes of an earlier try.
    #[must_use]
    pub fn waited(&self) -> bool {
        self.waited
    }

    /// Its output, for who reads it without [`Process::follow`].
    pub fn take_output(&mut self) -> Option<(ChildStdout, ChildStderr)> {
        self.output.take()
    }

    /// Tells it and its group to end: SIGTERM, and SIGKILL after the grace.
    pub async fn stop(&mut self) {
        self.control.stop().await;
    }

    /// Waits until the process and everything it started have ended.
    pub async fn ended(&mut self) -> Ended {
        if let Some(ended) = self.control.ended().await {
            return ended;
        }
        // Somebody killed the shim. Its group may live on; the lock is theirs until it ends.
        if let Some(group) = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let status = self.shim.wait().await.ok();
        tracing::warn!(
            ?status,
            pid = self.pid,
            "a task's supervisor process ended before its task"
        );
        Ended { signal: Some(9), ..Ended::default() }
    }

    /// Sends its output to the desk until it has ended. A desk that takes its time makes the process
    /// wait: nothing is gathered here.
    pub async fn follow(
        mut self,
        settings: &Settings,
        desk: &dyn Desk,
        mut stop: StopSignal,
    ) -> Ended {
        let output = self.output.take();
        let pumped = async {
            let Some((out, err)) = output else { return String::new() };
            let budget = logs::Budget::default();
            let of = |stream| Origin { stream, desk, settings, budget: &budget };
            let (last, _) =
                tokio::join!(logs::pump(out, of(Stream::Out)), logs::pump(err, of(Stream::Err)));
            last
        };
        tokio::pin!(pumped);
        let mut last_line = None;
        let mut told = false;
        let mut ended = loop {
            tokio::select! {
                ended = self.ended() => break ended,
                last = &mut pumped, if last_line.is_none() => last_line = Some(last),
                _ = stop.stopped(), if !told => {
                    told = true;
                    self.stop().await;
                }
            }
        };
        let patience = if ended.survivors.is_empty() { DRAIN } else { DRAIN_SURVIVORS };
        ended.last_line = match last_line {
            Some(last) => last,
            None => tokio::time::timeout(patience, pumped).await.unwrap_or_default(),
        };
        ended
    }
}

/// Starts a process and follows it to its end.
///
/// # Errors
/// [`ProcessFault`] when it did not start. [`Ended::stopped`] tells a stop, also one while it waited.
pub async fn run(
    settings: &Settings,
    launch: Launch,
    desk: &dyn Desk,
    mut stop: StopSignal,
) -> Result<Ended, ProcessFault> {
    let process = tokio::select! {
        process = Process::start(settings, launch) => process?,
        _ = stop.stopped() => return Ok(Ended { stopped: true, ..Ended::default() }),
    };
    if process.waited() {
        let text = "waited for processes of an earlier try of this task to end".to_owned();
        let line = LogLine { at: settings.now(), stream: Stream::Task, level: Level::Info, text };
        desk.log(vec![line]).await;
    }
    Ok(process.follow(settings, desk, stop).await)
}

/// The lock of a task of a run: one file for all its tries.
///
/// # Errors
/// When the directory of locks cannot be made.
pub fn lock_of(settings: &Settings, key: &TryKey) -> std::io::Result<PathBuf> {
    let directory = settings.scratch.join("locks");
    std::fs::create_dir_all(&directory)?;
    let names = [&key.dag_id, &key.run_id, &key.task_id].map(String::as_str);
    Ok(directory.join(format!("{}.lock", file_name(&names))))
}

/// A file name for names that may hold anything: a readable beginning and a hash of all (FNV-1a, which
/// stays the same from version to version).
pub(crate) fn file_name(names: &[&str]) -> String {
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let shown: String = names.join(".").chars().map(plain).take(100).collect();
    format!("{shown}-{hash:016x}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_that_look_alike_have_files_of_their_own() {
        let name = file_name(&["dag", "scheduled__2026-01-01T00:00:00+00:00", "task"]);
        assert!(name.starts_with("dag_scheduled__2026-01-01T00_00_00_00_00_task-"), "{name}");
        assert_ne!(file_name(&["a", "b"]), file_name(&["a.b"]));
        assert_ne!(file_name(&["a/b"]), file_name(&["a:b"]));
        assert!(file_name(&[&"x".repeat(1_000)]).len() < 128);
    }
}
