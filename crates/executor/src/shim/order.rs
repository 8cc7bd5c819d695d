//! What is said on the control socket.

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, IoSliceMut, Read, Result};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// First byte on the socket: the child's standard input comes with it.
pub(crate) const SOCKET_COMES: u8 = b'S';
/// First byte on the socket: the child has no standard input.
pub(crate) const SOCKET_NONE: u8 = b'N';

/// The longest order, bytes: an environment and arguments, which the kernel itself limits to 2 MiB.
const ORDER_BYTES_MAX: u64 = 8 << 20;

/// What the shim is to run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) directory: PathBuf,
    pub(crate) lock: Option<PathBuf>,
    pub(crate) lock_patience_ms: u64,
    pub(crate) grace_ms: u64,
}

/// What the shim tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Report {
    /// Another try of the task has the lock.
    Waiting,
    /// The child runs; it leads the process group of this number.
    Started { pid: u32 },
    /// Nothing was started.
    Refused { reason: String },
    /// The child has ended, and its group with it, except survivors.
    Ended { code: Option<i32>, signal: Option<i32>, stopped: bool, survivors: Vec<i32> },
}

/// Reads the order, and the child's standard input when one comes with it.
pub(super) fn receive(control: &UnixStream) -> Result<(Order, Option<OwnedFd>)> {
    let mut first = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut first)];
    let received = recvmsg(control, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 || received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Error::new(ErrorKind::UnexpectedEof, "no order came"));
    }
    let socket = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    if first[0] == SOCKET_COMES && socket.is_none() {
        return Err(Error::new(ErrorKind::InvalidData, "the child's standard input did not come"));
    }
    Ok((order(control)?, socket))
}

fn order(control: &UnixStream) -> Result<Order> {
    let mut line = Vec::new();
    // Byte by byte past the buffer: what follows the line is not the order's.
    let mut reader = control.take(ORDER_BYTES_MAX);
    let mut chunk = [0; 4_096];
    loop {
        let count = reader.read(&mut chunk)?;
        line.extend_from_slice(&chunk[..count]);
        // Millstream sends nothing after the order until the shim has reported.
        if line.ends_with(b"\n") {
            break;
        }
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the order is cut off"));
        }
    }
    serde_json::from_slice(&line).map_err(Error::from)
}
