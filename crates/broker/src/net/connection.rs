//! One connection: requests in, responses out, in the order of the requests.
//!
//! One request runs at a time, as in Kafka. A produce request that waits only for the disk lets
//! the next produce request start; at most [`PENDING_MAX`] such wait. While a request runs, at most
//! [`FREE_BYTES`] more are read, which also notices a peer that has gone. Large requests and fetched
//! records have a share of the broker's memory (see [`crate::memory`]).

use super::frame::{Frame, FrameReader};
use crate::api::list::{API_VERSIONS, Api, FETCH, PRODUCE, find};
use crate::api::{Answer, AnswerError, Call, Peer, api_versions};
use crate::memory::{FREE_BYTES, Share, patience};
use crate::service::Node;
use crate::wire::encode_frame;
use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use kafka_wire_core::StrBytes;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

/// Produce responses of one connection that may wait for the disk.
const PENDING_MAX: usize = 32;
/// A peer that takes none of a response for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);

type Pending = FuturesOrdered<BoxFuture<'static, Result<Bytes, AnswerError>>>;

struct Connection {
    node: Arc<Node>,
    peer: Peer,
    reader: FrameReader<OwnedReadHalf>,
    writer: BufWriter<OwnedWriteHalf>,
    pending: Pending,
}

/// Serves a connection until the peer closes, misbehaves, falls silent, or the broker stops.
pub(crate) async fn serve(
    node: Arc<Node>,
    socket: TcpStream,
    peer: Peer,
    mut stopping: watch::Receiver<bool>,
) {
    let (reader, writer) = socket.into_split();
    let mut connection = Connection {
        node,
        peer,
        reader: FrameReader::new(reader),
        writer: BufWriter::with_capacity(4_096, writer),
        pending: FuturesOrdered::new(),
    };
    match connection.run(&mut stopping).await {
        Ok(()) => {}
        // A response that cannot be written is this broker's mistake.
        Err(Ended::Answer(error @ AnswerError::Encode(_))) => {
            tracing::warn!(peer = %peer.remote, "connection closed: {error}");
        }
        Err(error) => tracing::debug!(peer = %peer.remote, "connection closed: {error}"),
    }
}

/// Why a connection ends before its peer closes it.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Frame(#[from] super::frame::FrameError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error("the peer took its answer too slowly")]
    Slow,
    #[error("the broker stops")]
    Stopping,
    #[error("the peer has gone")]
    Gone,
}

impl Connection {
    async fn run(&mut self, stopping: &mut watch::Receiver<bool>) -> Result<(), Ended> {
        let idle = Duration::from_millis(self.node.settings.connections_max_idle_ms);
        let mut stopping_in_call = stopping.clone();
        loop {
            tokio::select! {
                biased;
                () = stopped(stopping) => return self.drain().await,
                Some(ready) = self.pending.next(), if !self.pending.is_empty() => {
                    let ready = ready?;
                    self.write(&ready).await?;
                }
                frame = self.reader.next(&self.node.memory), if self.pending.len() < PENDING_MAX => {
                    let Some(frame) = frame? else { return self.drain().await };
                    self.answer(frame, &mut stopping_in_call).await?;
                }
                () = tokio::time::sleep(idle), if self.pending.is_empty() => return Ok(()),
            }
        }
    }

    /// Writes the responses that are still owed.
    async fn drain(&mut self) -> Result<(), Ended> {
        while let Some(ready) = self.pending.next().await {
            self.write(&ready?).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        frame: Frame,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        // Given back when the request has run: what it wrote is then in the log, or refused.
        let Frame { bytes, share: _share } = frame;
        let (api, call, body) = match self.open(bytes)? {
            Opened::Call(api, call, body) => (api, call, body),
            Opened::Answered(frame) => {
                self.drain().await?;
                return self.write(&frame).await;
            }
        };
        if api.key != PRODUCE {
            // What was produced before is there for every other request, as if each waited.
            self.drain().await?;
        }
        let mut running = (api.run)(call, body);
        let answer = loop {
            let (pending, reader) = (&mut self.pending, &mut self.reader);
            let may_read = !reader.ended() && reader.buffered() < FREE_BYTES;
            tokio::select! {
                biased;
                answer = &mut running => break answer?,
                Some(ready) = pending.next(), if !pending.is_empty() => {
                    let ready = ready?;
                    self.write(&ready).await?;
                }
                more = reader.fill(), if may_read => {
                    if !more? && api.key == FETCH {
                        return Err(Ended::Gone);
                    }
                }
                () = stopped(stopping), if api.waits_for_others() => {
                    return Err(Ended::Stopping);
                }
            }
        };
        match answer {
            Answer::Silent => Ok(()),
            Answer::Later(ready) => {
                self.pending.push_back(ready);
                Ok(())
            }
            Answer::Now(frame) => {
                self.drain().await?;
                self.write(&frame).await
            }
            Answer::Records(frame, share) => {
                self.drain().await?;
                self.write_held(&frame, share).await
            }
        }
    }

    /// Reads a request's header and finds its handler.
    fn open(&self, mut frame: Bytes) -> Result<Opened, AnswerError> {
        if frame.len() < 8 {
            return Err(AnswerError::Header);
        }
        let (key, version, correlation_id) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
        let api = find(key).ok_or(AnswerError::Unserved { key, version })?;
        if version < api.min || version > api.max {
            if key == API_VERSIONS {
                let response = encode_frame(&api_versions::unsupported(), 0, correlation_id, false);
                return Ok(Opened::Answered(response?));
            }
            return Err(AnswerError::Unserved { key, version });
        }
        let flexible = api.flexible(version);
        let client_id = client_id(&mut frame)?;
        if flexible {
            skip_tags(&mut frame)?;
        }
        let call = Call {
            node: Arc::clone(&self.node),
            peer: self.peer,
            client_id,
            version,
            correlation_id,
            tagged_header: flexible && key != API_VERSIONS,
        };
        Ok(Opened::Call(api, call, frame))
    }

    /// Writes a frame that holds memory which others may wait for.
    async fn write_held(&mut self, frame: &[u8], share: Share) -> Result<(), Ended> {
        let written = tokio::time::timeout(patience(frame.len()), self.write(frame)).await;
        drop(share);
        written.map_err(|_elapsed| Ended::Slow)?
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), Ended> {
        let mut rest = frame;
        while !rest.is_empty() {
            let taken = tokio::time::timeout(WRITE_PATIENCE, self.writer.write(rest))
                .await
                .map_err(|_elapsed| Ended::Slow)??;
            if taken == 0 {
                return Err(Ended::Gone);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        tokio::time::timeout(WRITE_PATIENCE, self.writer.flush())
            .await
            .map_err(|_elapsed| Ended::Slow)??;
        Ok(())
    }
}

/// Waits until the broker stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is gone only with the broker.
    let _stop = stopping.wait_for(|stop| *stop).await;
}

enum Opened {
    Call(&'static Api, Call, Bytes),
    Answered(Bytes),
}

/// The nullable string of a request header, which is never compact.
fn client_id(frame: &mut Bytes) -> Result<Option<StrBytes>, AnswerError> {
    if frame.len() < 2 {
        return Err(AnswerError::Header);
    }
    let Ok(length) = usize::try_from(frame.get_i16()) else { return Ok(None) };
    if length > frame.len() {
        return Err(AnswerError::Header);
    }
    StrBytes::try_from(frame.split_to(length)).map(Some).map_err(|_| AnswerError::Header)
}

/// Skips the tagged fields of a request header; none has a meaning to a broker.
fn skip_tags(frame: &mut Bytes) -> Result<(), AnswerError> {
    let count = varint(frame)?;
    for _ in 0..count {
        let _tag = varint(frame)?;
        let size = usize::try_from(varint(frame)?).map_err(|_| AnswerError::Header)?;
        if size > frame.len() {
            return Err(AnswerError::Header);
        }
        frame.advance(size);
    }
    Ok(())
}

fn varint(frame: &mut Bytes) -> Result<u32, AnswerError> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = frame.first().copied().ok_or(AnswerError::Header)?;
        frame.advance(1);
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(AnswerError::Header)
}
