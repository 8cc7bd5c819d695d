//! A child from its start to its end: its conversation, its output, its leash.

use crate::job::{Exit, Job};
use crate::lines::Log;
use executor::{StopSignal, Stream};
use std::time::Duration;
use tokio::net::UnixStream;

/// For what a child has said and written before its end to be taken in; the desk may be slow.
const DRAIN: Duration = Duration::from_secs(30);

/// When a child is told to end.
pub(crate) struct Until {
    /// Somebody says so.
    pub(crate) stop: StopSignal,
    /// It takes too long.
    pub(crate) limit: Option<Duration>,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Followed<T> {
    /// What the conversation came to; `None` when the child ended in the middle.
    pub(crate) said: Option<Result<T, String>>,
    pub(crate) exit: Exit,
    /// Why it was told to end, if it was.
    pub(crate) stopped: Option<String>,
    pub(crate) late: bool,
}

/// Follows a child until it and its process group have ended.
pub(crate) async fn follow<T, F>(
    job: Job,
    log: &Log<'_>,
    talk: impl FnOnce(UnixStream) -> F,
    mut until: Until,
) -> Followed<T>
where
    F: Future<Output = Result<T, String>>,
{
    let Job { mut leash, requests, out, err, logs } = job;
    let talk = talk(requests);
    let pump = async {
        tokio::join!(log.plain(out, Stream::Out), log.plain(err, Stream::Err), log.records(logs));
    };
    tokio::pin!(talk, pump);
    let late = async {
        match until.limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(late);
    let (mut said, mut stopped, mut is_late, mut pumped) = (None, None, false, false);
    let exit = loop {
        tokio::select! {
            exit = leash.ended() => break exit,
            result = &mut talk, if said.is_none() => {
                // Whoever does not speak the protocol is not waited for.
                if result.is_err() {
                    leash.stop().await;
                }
                said = Some(result);
            }
            () = &mut pump, if !pumped => pumped = true,
            reason = until.stop.stopped(), if stopped.is_none() => {
                stopped = Some(reason);
                leash.stop().await;
            }
            () = &mut late, if !is_late => {
                is_late = true;
                leash.stop().await;
            }
        }
    };
    // Output first: as long as it is not read, the conversation may wait for the desk.
    let rest = async {
        if !pumped {
            pump.await;
        }
    };
    let talked = async {
        match said {
            Some(said) => Some(said),
            None => Some(talk.await),
        }
    };
    let both = tokio::time::timeout(DRAIN, async { tokio::join!(rest, talked) }).await;
    let said = both.ok().and_then(|((), said)| said);
    Followed { said, exit, stopped, late: is_late }
}

#[cfg(test)]
mod tests;
