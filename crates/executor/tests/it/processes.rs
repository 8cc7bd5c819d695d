//! Nothing outlives Millstream, and no two tries of a task run at a time.
//!
//! Every process of a test holds a named pipe open. The pipe's reader sees its end when the last of them
//! has ended, whoever their parents are by then.

use crate::desk::{House, PATIENCE, example, task};
use dag::Operator;
use executor::process::{self, Launch, Process, ProcessFault};
use executor::{Outcome, StopSignal};
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A named pipe that tells when nobody holds it any more.
struct Lives {
    path: PathBuf,
    ended: JoinHandle<()>,
}

impl Lives {
    fn new(directory: &Path) -> Self {
        let path = directory.join("lives");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = path.clone();
        let ended = tokio::task::spawn_blocking(move || {
            let mut pipe = std::fs::File::open(reader).unwrap();
            pipe.read_to_end(&mut Vec::new()).unwrap();
        });
        Self { path, ended }
    }

    /// A command all of whose processes hold the pipe.
    fn command(&self, command: &str) -> String {
        format!("exec 9>{}; {command}", self.path.display())
    }

    async fn all_ended(self) {
        let ended = tokio::time::timeout(PATIENCE, self.ended).await;
        assert!(ended.is_ok(), "a process still lives");
    }
}

/// A child, a grandchild in a session of its own, and one that ignores SIGTERM.
const FAMILY: &str = "sleep 1000 & setsid sleep 1000 & (trap '' TERM; sleep 1000; sleep 1000) & \
                      sh -c 'setsid sleep 1000 & exit' & ";

#[tokio::test]
async fn killing_millstream_ends_its_tasks_and_all_their_processes() {
    let directory = tempfile::tempdir().unwrap();
    let lives = Lives::new(directory.path());
    let mut parent = Command::new(example("parent"))
        .arg(example("shim"))
        .arg(directory.path().join("scratch"))
        .arg(lives.command(&format!("{FAMILY} echo ready; wait")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    parent.kill().unwrap();
    parent.wait().unwrap();
    lives.all_ended().await;
    // The lock file goes after the last process: then another try may start.
    let locks = directory.path().join("scratch/locks");
    let gone = async {
        while std::fs::read_dir(&locks).unwrap().count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn what_a_task_leaves_behind_ends_with_it() {
    let house = House::new();
    let lives = Lives::new(house.directory.path());
    let command = lives.command(&format!("{FAMILY} echo done"));
    let outcome = house.run(Operator::Bash, json!({ "bash_command": command })).await;
    assert_eq!(outcome, Outcome::Success, "{}", house.desk.log_text());
    assert!(lives.ended.is_finished() || tokio::time::timeout(PATIENCE, lives.ended).await.is_ok());
}

#[tokio::test]
async fn a_stop_ends_a_task_that_ignores_sigterm() {
    let house = House::new();
    let lives = Lives::new(house.directory.path());
    let command = lives.command("trap '' TERM; echo ready; while true; do sleep 1000; done");
    let (stopper, stop) = StopSignal::new();
    let task = task(Operator::Bash, json!({ "bash_command": command }));
    let run = house.executor.run(task, house.desk.as_ref(), stop);
    let stopping = async {
        house.desk.until("out: ready").await;
        stopper.stop("somebody marked it failed");
    };
    let (outcome, ()) = tokio::join!(run, stopping);
    let reason = "somebody marked it failed".to_owned();
    assert_eq!(outcome, Outcome::Stopped { reason });
    lives.all_ended().await;
    assert_eq!(house.executor.free_slots(), 32);
}

#[tokio::test]
async fn a_task_that_takes_too_long_fails_and_ends() {
    let house = House::new();
    let lives = Lives::new(house.directory.path());
    let command = lives.command(&format!("{FAMILY} wait"));
    let mut task = task(Operator::Bash, json!({ "bash_command": command }));
    task.timeout = Some(Duration::from_millis(500));
    let outcome = house.executor.run(task, house.desk.as_ref(), StopSignal::never()).await;
    let reason =
        "the task ran longer than its execution_timeout of 0.5 s and was stopped".to_owned();
    assert_eq!(outcome, Outcome::Failed { reason, retryable: true });
    lives.all_ended().await;
}

#[tokio::test]
async fn a_try_that_is_dropped_ends_too() {
    let house = House::new();
    let lives = Lives::new(house.directory.path());
    let command = lives.command("echo ready; sleep 1000");
    let task = task(Operator::Bash, json!({ "bash_command": command }));
    {
        let run = house.executor.run(task, house.desk.as_ref(), StopSignal::never());
        tokio::select! {
            outcome = run => panic!("{outcome:?}"),
            () = house.desk.until("out: ready") => {}
        }
    }
    lives.all_ended().await;
}

#[tokio::test]
async fn endless_output_takes_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    // 100 MB in one line, then 2 MB in short ones.
    let command = "head -c 100000000 /dev/zero | tr '\\0' x; echo; yes | head -c 2000000; echo end; \
                   sleep 1000";
    let mut parent = Command::new(example("parent"))
        .arg(example("shim"))
        .arg(directory.path().join("scratch"))
        .arg(command)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.as_mut().unwrap()).lines();
    let count = lines.map(Result::unwrap).take_while(|line| line != "end").count();
    let status = std::fs::read_to_string(format!("/proc/{}/status", parent.id())).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(count, 1_000_001);
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let most: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(most < 64 * 1_024, "{most} KiB");
}

#[tokio::test]
async fn a_log_is_kept_up_to_a_limit_and_the_task_goes_on() {
    let house = House::new();
    let command = "yes 0123456789012345678901234567890 | head -c 80000000; echo end";
    let result = house.result(Operator::Bash, json!({ "bash_command": command })).await;
    assert_eq!(result, json!("end"));
    let lines = std::mem::take(&mut *house.desk.lines.lock().unwrap());
    let kept: usize = lines.iter().map(|line| line.text.len() + 1).sum();
    assert!(kept <= (64 << 20) + 1_000, "{kept} bytes of log");
    let last = &lines.last().unwrap().text;
    assert!(last.contains("more lines are left out"), "{last}");
}

fn launch(house: &House, command: &str) -> Launch {
    Launch {
        title: "d/r/t/1".into(),
        program: "bash".into(),
        arguments: vec!["-c".into(), command.into()],
        environment: house.executor.settings().environment.clone(),
        directory: house.directory.path().to_owned(),
        lock: Some(house.path("the.lock")),
        input: None,
    }
}

#[tokio::test]
async fn a_second_try_waits_for_the_first_ones_processes() {
    let house = House::new();
    let settings = house.executor.settings();
    let mut first = Process::start(settings, launch(&house, "sleep 1000")).await.unwrap();
    assert!(!first.waited());
    let second = Process::start(settings, launch(&house, "echo second"));
    tokio::pin!(second);
    // It does not start while the first runs.
    let early = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(early.is_err());
    first.stop().await;
    assert!(first.ended().await.stopped);
    let second = tokio::time::timeout(PATIENCE, second).await.unwrap().unwrap();
    assert!(second.waited());
    let ended = second.follow(settings, house.desk.as_ref(), StopSignal::never()).await;
    assert_eq!((ended.code, ended.last_line.as_str()), (Some(0), "second"));
    assert!(!house.path("the.lock").exists());
}

#[tokio::test]
async fn the_lock_outlives_a_killed_supervisor_until_its_processes_have_ended() {
    let house = House::with(|settings| settings.lock_patience = Duration::from_millis(50));
    let settings = house.executor.settings();
    let mut first = Process::start(settings, launch(&house, "sleep 1000")).await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", first.pid())).unwrap();
    let shim = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap();
    assert!(Command::new("kill").args(["-9", shim]).status().unwrap().success());
    let refused = Process::start(settings, launch(&house, "echo second")).await.unwrap_err();
    let ProcessFault::Refused(reason) = refused else { panic!("{refused}") };
    let expected = format!("(process group {}, as it noted)", first.pid());
    assert!(reason.contains("an earlier try of this task still run"), "{reason}");
    assert!(reason.contains(&expected), "{reason}");
    // Who watches the first one ends its processes once the supervisor is gone.
    assert_eq!(first.ended().await.signal, Some(9));
    let second = async {
        loop {
            if let Ok(second) = Process::start(settings, launch(&house, "exit 3")).await {
                return second;
            }
        }
    };
    let second = tokio::time::timeout(PATIENCE, second).await.unwrap();
    let ended = second.follow(settings, house.desk.as_ref(), StopSignal::never()).await;
    assert_eq!(ended.code, Some(3));
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_leaves_no_lock() {
    let house = House::new();
    let settings = house.executor.settings();
    let mut missing = launch(&house, "");
    missing.program = "no-such-program".into();
    let mut nowhere = launch(&house, "");
    nowhere.directory = house.path("nowhere");
    for (launch, expected) in [(missing, "install it"), (nowhere, "directory does not exist")] {
        let fault = Process::start(settings, launch).await.unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
        assert!(!house.path("the.lock").exists());
    }
    let house = House::with(|settings| settings.shim = "/nowhere/shim".into());
    let (reason, retryable) = house.failure(Operator::Bash, json!({"bash_command": "true"})).await;
    assert!(reason.contains("cannot start /nowhere/shim") && retryable, "{reason}");
}

#[tokio::test]
async fn a_process_reads_what_its_caller_gives_it_as_standard_input() {
    let house = House::new();
    let settings = house.executor.settings();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut launch = launch(&house, "read line; echo \"got $line\"; echo back >&0");
    launch.input = Some(theirs.into());
    std::io::Write::write_all(&mut &ours, b"hello\n").unwrap();
    let run = process::run(settings, launch, house.desk.as_ref(), StopSignal::never());
    let ended = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_eq!(ended.last_line, "got hello");
    let mut answer = String::new();
    BufReader::new(ours).read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "back\n");
}
