//! Frames on a socket: a four-byte length, then that many bytes.
//!
//! A frame of more than [`FREE_BYTES`] is read on only with a share of the broker's memory.
//!
//! Never does: allocate by a length the peer sent. The buffer grows with the bytes that arrive.

use crate::memory::{FREE_BYTES, Memory, Share, patience};
use crate::wire::FRAME_BYTES_MAX;
use bytes::{Buf, Bytes, BytesMut};
use std::pin::Pin;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1024;

/// Why a connection's bytes are not frames.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The length is negative or over the limit.
    #[error("a frame of {0} bytes was announced; the limit is {FRAME_BYTES_MAX}")]
    Length(i32),
    /// The socket failed.
    /// The peer holds memory that others wait for.
    #[error("a frame of {0} bytes did not arrive in time")]
    Slow(usize),
    #[error("the broker stops")]
    Stopping,
    #[error(transparent)]
    Socket(#[from] std::io::Error),
}

/// A frame, and its share of the broker's memory if it is a large one.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) share: Option<Share>,
}

/// A large frame that is being read.
#[derive(Debug)]
struct Arriving {
    share: Share,
    /// When its peer is given up.
    deadline: Pin<Box<tokio::time::Sleep>>,
}

/// The reading half of a connection.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    socket: R,
    buffer: BytesMut,
    ended: bool,
    arriving: Option<Arriving>,
    patience: fn(usize) -> Duration,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(socket: R) -> Self {
        Self { socket, buffer: BytesMut::new(), ended: false, arriving: None, patience }
    }

    /// Whether the peer has closed its side.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes that arrived and were not taken yet.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, without its length; None once the peer has closed. Cancel safe.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is then of no more use.
    pub(crate) async fn next(&mut self, memory: &Memory) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.ended {
                return Ok(None);
            }
            if let Some(length) = self.announced()?.filter(|length| *length > FREE_BYTES)
                && self.arriving.is_none()
            {
                let share = memory.for_request(length).await.ok_or(FrameError::Stopping)?;
                let deadline = Box::pin(tokio::time::sleep((self.patience)(length)));
                self.arriving = Some(Arriving { share, deadline });
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads what the socket has; false at its end. Cancel safe.
    pub(crate) async fn fill(&mut self) -> Result<bool, FrameError> {
        // Doubling up to the frame's size keeps copies linear without trusting the announced length.
        self.buffer.reserve(READ_BYTES.max(self.buffer.len().min(FRAME_BYTES_MAX / 4)));
        let read = match &mut self.arriving {
            None => self.socket.read_buf(&mut self.buffer).await?,
            Some(arriving) => tokio::select! {
                biased;
                read = self.socket.read_buf(&mut self.buffer) => read?,
                () = &mut arriving.deadline => return Err(FrameError::Slow(self.buffer.len())),
            },
        };
        self.ended = read == 0;
        Ok(read != 0)
    }

    /// The length of the frame that comes next, once it is known.
    fn announced(&self) -> Result<Option<usize>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let announced = i32::from_be_bytes(*prefix);
        usize::try_from(announced)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .map(Some)
            .ok_or(FrameError::Length(announced))
    }

    fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(length) = self.announced()? else { return Ok(None) };
        if self.buffer.len() - 4 < length {
            return Ok(None);
        }
        self.buffer.advance(4);
        let bytes = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            // An idle connection then holds no buffer.
            self.buffer = BytesMut::new();
        }
        let share = self.arriving.take().map(|arriving| arriving.share);
        Ok(Some(Frame { bytes, share }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tokio::io::AsyncWriteExt;

    const LARGE: usize = 400_000;

    fn frame_of(length: usize) -> Vec<u8> {
        let mut frame = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        frame.resize(4 + length, 7);
        frame
    }

    #[tokio::test]
    async fn a_large_frame_comes_with_its_share_and_a_small_one_without() {
        let memory = Memory::new(1 << 20);
        let (mut peer, socket) = tokio::io::duplex(1 << 20);
        let mut reader = FrameReader::new(socket);
        peer.write_all(&frame_of(FREE_BYTES)).await.unwrap();
        peer.write_all(&frame_of(LARGE)).await.unwrap();
        let small = reader.next(&memory).await.unwrap().unwrap();
        assert!(small.share.is_none() && small.bytes.len() == FREE_BYTES);
        let large = reader.next(&memory).await.unwrap().unwrap();
        assert!(large.share.is_some() && large.bytes.len() == LARGE);
    }

    #[tokio::test]
    async fn a_large_frame_is_not_read_while_others_use_the_memory() {
        let memory = Memory::new(1 << 20);
        let taken = memory.for_request(LARGE).await;
        let (mut peer, socket) = tokio::io::duplex(1 << 20);
        let mut reader = FrameReader::new(socket);
        peer.write_all(&frame_of(LARGE)).await.unwrap();
        assert!(reader.next(&memory).now_or_never().is_none());
        assert!(reader.buffered() <= 2 * FREE_BYTES, "{}", reader.buffered());
        drop(taken);
        assert_eq!(reader.next(&memory).await.unwrap().unwrap().bytes.len(), LARGE);
    }

    #[tokio::test]
    async fn a_sender_that_is_slow_with_a_large_frame_is_given_up() {
        let memory = Memory::new(1 << 20);
        let (mut peer, socket) = tokio::io::duplex(1 << 20);
        let mut reader = FrameReader::new(socket);
        reader.patience = |_| Duration::ZERO;
        peer.write_all(frame_of(LARGE).split_at(LARGE / 2).0).await.unwrap();
        assert!(matches!(reader.next(&memory).await, Err(FrameError::Slow(_))));
        drop(reader);
        assert!(memory.for_request(LARGE).now_or_never().is_some());
    }
}
