//! Our end of the control socket.

use super::{Ended, ProcessFault};
use crate::shim::{Order, Report, SOCKET_COMES, SOCKET_NONE};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{IoSlice, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The longest report, bytes: a refusal with its paths.
const REPORT_BYTES_MAX: u64 = 64 * 1_024;

#[derive(Debug)]
pub(super) struct Control {
    socket: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Control {
    /// Our end, and the shim's.
    pub(super) fn pair() -> Result<(Self, OwnedFd)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = BufReader::new(UnixStream::from_std(ours)?);
        Ok((Self { socket, line: Vec::new() }, OwnedFd::from(theirs)))
    }

    /// Sends the order, and the child's standard input with it.
    pub(super) async fn order(&mut self, order: &Order, input: Option<OwnedFd>) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files = input.as_ref().map(|input| [input.as_fd()]);
        let first = if let Some(files) = &files {
            ancillary.push(SendAncillaryMessage::ScmRights(files));
            [SOCKET_COMES]
        } else {
            [SOCKET_NONE]
        };
        // The buffer of a new socket holds one byte.
        sendmsg(
            self.socket.get_ref(),
            &[IoSlice::new(&first)],
            &mut ancillary,
            SendFlags::empty(),
        )?;
        drop(input);
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.socket.get_mut().write_all(&line).await
    }

    /// Waits for the start: the process, and whether it had to wait for its lock.
    pub(super) async fn started(&mut self) -> std::result::Result<(u32, bool), ProcessFault> {
        let mut waited = false;
        loop {
            match self.report().await {
                Some(Report::Waiting) => waited = true,
                Some(Report::Started { pid }) => return Ok((pid, waited)),
                Some(Report::Refused { reason }) => return Err(ProcessFault::Refused(reason)),
                Some(Report::Ended { .. }) | None => return Err(ProcessFault::Lost),
            }
        }
    }

    /// Waits for the end; `None` when the shim went without a word.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        loop {
            match self.report().await? {
                Report::Ended { code, signal, stopped, survivors } => {
                    return Some(Ended {
                        code,
                        signal,
                        stopped,
                        survivors,
                        last_line: String::new(),
                    });
                }
                _ => continue,
            }
        }
    }

    pub(super) async fn stop(&mut self) {
        // A shim that is gone has nothing to stop.
        let _gone = self.socket.get_mut().write_all(b"stop\n").await;
    }

    /// The next report. Can be dropped and called again: what was read is kept.
    async fn report(&mut self) -> Option<Report> {
        let room = REPORT_BYTES_MAX.saturating_sub(self.line.len() as u64);
        let mut reader = (&mut self.socket).take(room);
        let read = reader.read_until(b'\n', &mut self.line).await;
        let whole = read.is_ok() && self.line.ends_with(b"\n");
        let report = whole.then(|| serde_json::from_slice(&self.line).ok()).flatten();
        self.line.clear();
        report
    }
}
