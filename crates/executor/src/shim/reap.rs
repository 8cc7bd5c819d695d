//! The end of a process group, and of what left it.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeSet;
use std::time::Duration;

/// Between two looks at processes that were told to end.
const POLL_MIN: Duration = Duration::from_millis(1);
const POLL_MAX: Duration = Duration::from_millis(50);

/// Makes this process the parent of all its descendants whose own parent has ended.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        // Without it, only processes that stay in the group are found.
        let _unsupported = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
}

/// Signals a group, if there is one.
pub(super) fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // It may have ended by itself.
        let _gone = kill_process_group(group, signal);
    }
}

/// Ends everything that the child left behind, and tells what could not be ended.
pub(super) async fn end_rest(group: Option<Pid>, grace: Duration, patience: Duration) -> Vec<i32> {
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, patience)] {
        if nothing_left(group) {
            return Vec::new();
        }
        signal_group(group, signal);
        let gone = async {
            let mut pause = POLL_MIN;
            let mut told = BTreeSet::new();
            // Looked for anew each time: more may have come since. Each is asked to end once only.
            loop {
                for pid in children() {
                    if signal == Signal::KILL || told.insert(pid.as_raw_pid()) {
                        let _gone = kill_process(pid, signal);
                    }
                }
                if nothing_left(group) {
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(POLL_MAX);
            }
        };
        if tokio::time::timeout(patience, gone).await.is_ok() {
            return Vec::new();
        }
    }
    let mut survivors: Vec<i32> = children().into_iter().map(Pid::as_raw_pid).collect();
    if survivors.is_empty() {
        survivors.extend(group.map(Pid::as_raw_pid));
    }
    survivors
}

/// Reaps what has ended; whether nothing lives.
#[cfg(target_os = "linux")]
fn nothing_left(_group: Option<Pid>) -> bool {
    use rustix::io::Errno;
    use rustix::process::{WaitOptions, wait};
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            // No children: every descendant would be one, once its own parent has ended.
            Err(_) => return true,
        }
    }
}

/// Whether nothing of the group lives.
#[cfg(not(target_os = "linux"))]
fn nothing_left(group: Option<Pid>) -> bool {
    group.is_none_or(|group| rustix::process::test_kill_process_group(group).is_err())
}

/// The processes whose parent this process is.
fn children() -> Vec<Pid> {
    let me = rustix::process::getpid().as_raw_pid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| parent(*pid) == Some(me))
        .filter_map(Pid::from_raw)
        .collect()
}

/// The parent of a process: the second word after its name, which stands in parentheses.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn the_parent_of_a_process_is_told_by_the_kernel() {
        let me = rustix::process::getpid().as_raw_pid();
        let expected = rustix::process::getppid().map(|pid| pid.as_raw_pid());
        assert_eq!(parent(me), expected);
    }
}
