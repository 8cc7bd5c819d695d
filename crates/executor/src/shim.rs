//! The process between Millstream and a task's processes, so that these never outlive it.
//!
//! ```text
//!  executor ---- control: a socket, the shim's standard input ----> shim ----> process group
//!     |   order: one JSON line, then "stop"; its end means that Millstream is gone      |
//!     |   <---- reports: JSON lines: waiting, started, refused, ended                   |
//!     +<------------------- standard output and error, as pipes ------------------------+
//! ```
//!
//! The shim leads a session of its own, so that no terminal reaches it, and its child leads a process
//! group. When the child ends, when it is told to stop, or when the control socket ends (the kernel
//! closes it, whatever killed Millstream), the whole group gets SIGTERM and, after a grace, SIGKILL.
//! On Linux the shim is also the reaper of all that descends from it, so that a process which left the
//! group is found as well, and "nothing is left" is known and not guessed.
//!
//! No two tries of one task run at a time: the shim holds a lock file, and so does every process it
//! starts, by inheritance. Even where somebody kills the shim itself, a later try waits for them.

mod lock;
mod order;
mod reap;

pub(crate) use order::{Order, Report, SOCKET_COMES, SOCKET_NONE};

pub use lock::Lock;
use rustix::process::{Pid, Signal};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// The binary's first argument when it is to be a shim.
pub const ARGUMENT: &str = "__task";

/// After SIGKILL, for a process to be gone. What is stuck in the kernel for longer is reported.
pub const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Supervises one child process as the order on standard input says. The arguments are for people who
/// list processes: they name the try.
#[must_use]
pub fn main(_arguments: &[String]) -> ExitCode {
    match supervise() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = format!(
                "cannot supervise a task: {error}; only Millstream itself starts this command\n"
            );
            // Nobody is left to tell when standard error is gone.
            let _gone = std::io::stderr().write_all(reason.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn supervise() -> std::io::Result<()> {
    // Fails for a process that leads its group already, which then has no terminal to lose.
    let _leader = rustix::process::setsid();
    let control = StdUnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let (order, socket) = order::receive(&control)?;
    reap::adopt_orphans();
    // Millstream does without huge pages, which is inherited; a task has what its machine gives. Where the kernel
    // knows no such switch, nothing was inherited.
    let _unknown = rustix::thread::disable_transparent_huge_pages(false);
    control.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let control = Control {
            socket: UnixStream::from_std(control)?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        run(order, socket, control).await
    })
}

/// The line to Millstream.
struct Control {
    socket: UnixStream,
    terminate: SignalStream,
    interrupt: SignalStream,
}

impl Control {
    /// Tells Millstream, if it is still there.
    async fn report(&mut self, report: &Report) {
        let Ok(mut line) = serde_json::to_vec(report) else { return };
        line.push(b'\n');
        // Millstream may be gone; its children are then ended all the same.
        let _gone = self.socket.write_all(&line).await;
    }

    /// Waits until the child is to end: told so, Millstream gone, or a signal.
    async fn stopped(&mut self) {
        let mut byte = [0];
        tokio::select! {
            _told_or_gone = self.socket.read(&mut byte) => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn run(order: Order, socket: Option<OwnedFd>, mut control: Control) -> std::io::Result<()> {
    let lock = match acquire(&order, &mut control).await {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(()),
        Err(reason) => {
            control.report(&Report::Refused { reason }).await;
            return Ok(());
        }
    };
    if let Err(reason) = lock.inherited() {
        control.report(&Report::Refused { reason }).await;
        return Ok(());
    }
    let mut child = match start(&order, socket) {
        Ok(child) => child,
        Err(error) => {
            let reason = not_started(&order, &error);
            lock.release();
            control.report(&Report::Refused { reason }).await;
            return Ok(());
        }
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    lock.note(child.id());
    control.report(&Report::Started { pid: child.id().unwrap_or_default() }).await;
    let grace = Duration::from_millis(order.grace_ms);
    let (status, stopped) = tokio::select! {
        status = child.wait() => (status.ok(), false),
        () = control.stopped() => (terminate(&mut child, group, grace).await, true),
    };
    let survivors = reap::end_rest(group, grace, KILL_PATIENCE).await;
    if survivors.is_empty() {
        lock.release();
    }
    control.report(&ended(status, stopped, survivors)).await;
    Ok(())
}

/// Takes the order's lock; `None` when it is to stop while it waits.
async fn acquire(order: &Order, control: &mut Control) -> Result<Option<Lock>, String> {
    let Some(path) = &order.lock else { return Ok(Some(Lock::none())) };
    if let Some(lock) = Lock::attempt(path)? {
        return Ok(Some(lock));
    }
    control.report(&Report::Waiting).await;
    let patience = Duration::from_millis(order.lock_patience_ms);
    tokio::select! {
        lock = Lock::wait(path, patience) => lock.map(Some),
        () = control.stopped() => Ok(None),
    }
}

fn start(order: &Order, socket: Option<OwnedFd>) -> std::io::Result<Child> {
    Command::new(&order.program)
        .args(&order.arguments)
        .env_clear()
        .envs(&order.environment)
        .current_dir(&order.directory)
        .stdin(socket.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()
}

fn not_started(order: &Order, error: &std::io::Error) -> String {
    let (program, directory) = (order.program.display(), order.directory.display());
    let next = if !order.directory.is_dir() {
        "the directory does not exist"
    } else if error.kind() == std::io::ErrorKind::NotFound {
        "install it, or name its full path"
    } else {
        "check the command's length and the file's rights"
    };
    format!("cannot start {program} in {directory}: {error}; {next}")
}

/// SIGTERM to the group; after the grace, SIGKILL.
async fn terminate(child: &mut Child, group: Option<Pid>, grace: Duration) -> Option<ExitStatus> {
    reap::signal_group(group, Signal::TERM);
    if let Ok(status) = tokio::time::timeout(grace, child.wait()).await {
        return status.ok();
    }
    reap::signal_group(group, Signal::KILL);
    tokio::time::timeout(KILL_PATIENCE, child.wait()).await.ok().and_then(Result::ok)
}

fn ended(status: Option<ExitStatus>, stopped: bool, survivors: Vec<i32>) -> Report {
    use std::os::unix::process::ExitStatusExt;
    Report::Ended {
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        stopped,
        survivors,
    }
}
