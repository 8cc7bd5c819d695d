//! Children that are played here: an end, a stop, a limit, a fork server that goes.

use super::{Followed, Until, follow};
use crate::job::{Exit, Job, pairs};
use crate::lines::Log;
use crate::notes::Notes;
use crate::testing::TestDesk;
use executor::StopSignal;
use runtime::ManualClock;
use std::io::Write;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// The child's ends: leash, requests, out, err, logs.
type Ends = [StdUnixStream; 5];

async fn started() -> (Job, Ends) {
    let (files, mut ends) = pairs().unwrap();
    ends[0].write_all(b"{\"pid\": 1234567}\n").unwrap();
    (Job::started(files).await.unwrap(), ends)
}

async fn read_all(mut socket: UnixStream) -> Result<String, String> {
    let mut text = String::new();
    socket.read_to_string(&mut text).await.map_err(|error| error.to_string())?;
    Ok(text)
}

async fn followed(job: Job, desk: &TestDesk, until: Until) -> Followed<String> {
    let (notes, clock) = (Notes::default(), ManualClock::at(0));
    follow(job, &Log::new(Some(desk), &clock, &notes), read_all, until).await
}

fn forever() -> Until {
    Until { stop: StopSignal::never(), limit: None }
}

/// Waits for the order to end, then ends.
fn obeys(ends: Ends) -> std::thread::JoinHandle<()> {
    use std::io::Read;
    std::thread::spawn(move || {
        let [mut leash, ..] = ends;
        let mut byte = [0];
        leash.read_exact(&mut byte).unwrap();
        leash.write_all(b"{\"code\": null, \"signal\": 15}\n").unwrap();
    })
}

#[tokio::test]
async fn all_that_a_child_said_and_wrote_is_there_when_it_has_ended() {
    let (job, ends) = started().await;
    let desk = TestDesk::default();
    let child = std::thread::spawn(move || {
        let [mut leash, mut requests, mut out, mut err, mut logs] = ends;
        leash.write_all(b"{\"code\": 0, \"signal\": null}\n").unwrap();
        requests.write_all(b"words").unwrap();
        out.write_all(b"printed\nand the rest").unwrap();
        err.write_all(b"complained\n").unwrap();
        logs.write_all(b"{\"level\": \"info\", \"event\": \"logged\"}\n").unwrap();
    });
    let followed = followed(job, &desk, forever()).await;
    child.join().unwrap();
    assert_eq!(followed.said, Some(Ok("words".to_owned())));
    assert_eq!(followed.exit, Exit { code: Some(0), signal: None, lost: false });
    let mut texts: Vec<String> = desk.lines().into_iter().map(|line| line.text).collect();
    texts.sort();
    assert_eq!(texts, ["and the rest", "complained", "logged", "printed"]);
}

#[tokio::test]
async fn a_stop_reaches_the_child_and_its_reason_is_kept() {
    let (job, ends) = started().await;
    let child = obeys(ends);
    let (stopper, stop) = StopSignal::new();
    stopper.stop("cleared");
    let followed = followed(job, &TestDesk::default(), Until { stop, limit: None }).await;
    child.join().unwrap();
    assert_eq!((followed.stopped.as_deref(), followed.exit.signal), (Some("cleared"), Some(15)));
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_told_to_end() {
    let (job, ends) = started().await;
    let child = obeys(ends);
    let until = Until { stop: StopSignal::never(), limit: Some(Duration::from_millis(1)) };
    let followed = followed(job, &TestDesk::default(), until).await;
    child.join().unwrap();
    assert!(followed.late && followed.stopped.is_none());
}

#[tokio::test]
async fn a_child_whose_fork_server_goes_is_lost() {
    let (job, ends) = started().await;
    drop(ends);
    let followed = followed(job, &TestDesk::default(), forever()).await;
    assert!(followed.exit.lost);
}

#[tokio::test]
async fn a_child_that_speaks_another_language_is_told_to_end() {
    let (job, ends) = started().await;
    let child = obeys(ends);
    let (notes, clock) = (Notes::default(), ManualClock::at(0));
    let log = Log::new(None, &clock, &notes);
    let refuse = async |_socket| Err::<(), _>("garbled".to_owned());
    let followed = follow(job, &log, refuse, forever()).await;
    child.join().unwrap();
    assert_eq!(followed.said, Some(Err("garbled".to_owned())));
}
