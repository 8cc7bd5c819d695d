//! Frames on a socket: a four-byte length, then that many bytes.
//!
//! Never does: allocate by a length the peer sent. The buffer grows with the bytes that arrive.

use crate::wire::FRAME_BYTES_MAX;
use bytes::{Buf, Bytes, BytesMut};
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
    #[error(transparent)]
    Socket(#[from] std::io::Error),
}

/// The reading half of a connection.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    socket: R,
    buffer: BytesMut,
    ended: bool,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(socket: R) -> Self {
        Self { socket, buffer: BytesMut::new(), ended: false }
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
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.ended || !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads what the socket has; false at its end. Cancel safe.
    pub(crate) async fn fill(&mut self) -> Result<bool, FrameError> {
        // Doubling up to the frame's size keeps copies linear without trusting the announced length.
        self.buffer.reserve(READ_BYTES.max(self.buffer.len().min(FRAME_BYTES_MAX / 4)));
        let read = self.socket.read_buf(&mut self.buffer).await?;
        self.ended = read == 0;
        Ok(read != 0)
    }

    fn take(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let announced = i32::from_be_bytes(*prefix);
        let length = usize::try_from(announced)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .ok_or(FrameError::Length(announced))?;
        if self.buffer.len() - 4 < length {
            return Ok(None);
        }
        self.buffer.advance(4);
        let frame = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            // An idle connection then holds no buffer.
            self.buffer = BytesMut::new();
        }
        Ok(Some(frame))
    }
}
