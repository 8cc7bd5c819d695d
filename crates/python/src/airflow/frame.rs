//! Frames: four bytes of length, big end first, and a MessagePack array.
//!
//! From the child `[id, body]`, perhaps with a trace context after it; to the child `[id, body, error]`.

use super::answers::Reply;
use super::value::{from_json, to_json};
use rmpv::Value as Packed;
use serde_json::Value;
use std::io::Cursor;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The longest frame: an XCom, or the serialised DAGs of a file.
const FRAME_BYTES_MAX: u32 = 64 << 20;
/// Lists and maps inside each other.
const DEPTH_MAX: usize = 128;

/// A child that does not speak the protocol.
#[derive(Debug, Error)]
pub(super) enum FrameFault {
    #[error(
        "the task sends {bytes} bytes in one piece, and {FRAME_BYTES_MAX} are allowed; let it return \
         less, and keep large results in a file or a table"
    )]
    TooLong { bytes: u32 },
    #[error("the Python process said what nobody understands: {0}")]
    Garbled(String),
}

/// The request socket.
pub(super) struct Frames {
    socket: BufReader<UnixStream>,
}

impl Frames {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket: BufReader::new(socket) }
    }

    /// The next question; `None` at the end.
    pub(super) async fn read(&mut self) -> Result<Option<(u64, Value)>, FrameFault> {
        let mut length = [0; 4];
        if self.socket.read_exact(&mut length).await.is_err() {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length);
        if length > FRAME_BYTES_MAX {
            return Err(FrameFault::TooLong { bytes: length });
        }
        // Grows with what comes, not with what is announced.
        let mut bytes = Vec::new();
        let read = (&mut self.socket).take(u64::from(length)).read_to_end(&mut bytes).await;
        if read.is_err() || bytes.len() < length as usize {
            return Ok(None);
        }
        decode(&bytes).map(Some)
    }

    /// Answers a question.
    pub(super) async fn write(&mut self, id: u64, reply: Reply) -> std::io::Result<()> {
        let bytes = encode(id, &reply)?;
        self.socket.get_mut().write_all(&bytes).await
    }
}

fn decode(bytes: &[u8]) -> Result<(u64, Value), FrameFault> {
    let garbled = |text: String| FrameFault::Garbled(text);
    let frame = rmpv::decode::read_value_with_max_depth(&mut Cursor::new(bytes), DEPTH_MAX)
        .map_err(|error| garbled(error.to_string()))?;
    let parts = frame.as_array().ok_or_else(|| garbled("a frame is an array".to_owned()))?;
    let (Some(id), Some(body)) = (parts.first().and_then(Packed::as_u64), parts.get(1)) else {
        return Err(garbled("a frame is a number and a body".to_owned()));
    };
    Ok((id, to_json(body)))
}

fn encode(id: u64, reply: &Reply) -> std::io::Result<Vec<u8>> {
    let (body, error) = match reply {
        Reply::Body(body) => (from_json(body), Packed::Nil),
        Reply::Error(error) => (Packed::Nil, from_json(error)),
    };
    let frame = Packed::Array(vec![Packed::from(id), body, error]);
    let mut bytes = vec![0; 4];
    rmpv::encode::write_value(&mut bytes, &frame).map_err(std::io::Error::other)?;
    let length = u32::try_from(bytes.len() - 4).map_err(std::io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Frames, decode, encode};
    use crate::airflow::answers::Reply;
    use serde_json::json;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    #[test]
    fn a_frame_is_its_length_and_an_array_of_id_body_and_error() {
        let bytes = encode(7, &Reply::Body(json!({"type": "OKResponse"}))).unwrap();
        assert_eq!(bytes[..4], u32::try_from(bytes.len() - 4).unwrap().to_be_bytes());
        assert_eq!(decode(&bytes[4..]).unwrap(), (7, json!({"type": "OKResponse"})));
    }

    #[tokio::test]
    async fn frames_that_come_in_pieces_are_put_together_and_the_end_is_the_end() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut frames = Frames::new(ours);
        let bytes = encode(1, &Reply::Body(json!({"type": "GetVariable", "key": "a"}))).unwrap();
        let writer = tokio::spawn(async move {
            for byte in bytes {
                theirs.write_all(&[byte]).await.unwrap();
            }
        });
        let (id, body) = frames.read().await.unwrap().unwrap();
        assert_eq!((id, body["key"].as_str()), (1, Some("a")));
        writer.await.unwrap();
        assert!(frames.read().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused_and_takes_no_memory() {
        for bytes in [&[0xff_u8, 0xff, 0xff, 0xff][..], &[0, 0, 0, 1, 0xc1], &[0, 0, 0, 1, 0x01]] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(bytes).await.unwrap();
            drop(theirs);
            assert!(Frames::new(ours).read().await.is_err(), "{bytes:?}");
        }
        let deep = [&[0, 0, 0x4e, 0x20][..], &[0x91; 20_000]].concat();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&deep).await.unwrap();
        drop(theirs);
        assert!(Frames::new(ours).read().await.is_err(), "20,000 lists in each other were read");
    }
}
