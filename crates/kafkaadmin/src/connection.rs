//! One connection to one broker: its versions first, then one request after another.
//!
//! A connection whose request failed half way is not used again: who holds it drops it.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_wire::{
    ApiVersionsRequest, ApiVersionsResponse, OutboundFrameLimits, RequestResponsePair,
    encode_request, response_header_version_for,
};
use kafka_wire_core::ApiVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorCode};
use crate::wire::{FRAME_BYTES_MAX, decode, message};

/// Bytes that are reserved for an answer before any of it has come.
const FIRST_BYTES: usize = 64 << 10;
/// Our name in the broker's metrics.
const SOFTWARE: &str = "millstream";

/// What a connection needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The name in requests.
    pub(crate) client_id: String,
    /// How long a connection may take to open.
    pub(crate) connect_timeout: Duration,
    /// How long an answer may take.
    pub(crate) request_timeout: Duration,
}

/// A connection that has agreed on versions.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    broker: Arc<str>,
    client_id: String,
    request_timeout: Duration,
    correlation: i32,
    versions: BTreeMap<i16, (i16, i16)>,
    used: Instant,
}

impl Connection {
    /// Connects and asks for versions. `known_as` says how the address was learnt.
    pub(crate) async fn open(
        broker: Arc<str>,
        terms: &Terms,
        hint: &'static str,
    ) -> Result<Self, Error> {
        let unreachable =
            |reason: String| Error::Unreachable { broker: broker.to_string(), reason, hint };
        let stream = match timeout(terms.connect_timeout, TcpStream::connect(&*broker)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => {
                let reason = format!("no connection within {:?}", terms.connect_timeout);
                return Err(unreachable(reason));
            }
        };
        stream.set_nodelay(true).ok();
        let mut connection = Self {
            stream,
            broker: Arc::clone(&broker),
            client_id: terms.client_id.clone(),
            request_timeout: terms.request_timeout,
            correlation: 0,
            versions: BTreeMap::new(),
            used: Instant::now(),
        };
        connection.negotiate().await?;
        Ok(connection)
    }

    /// The broker's address.
    pub(crate) fn broker(&self) -> Arc<str> {
        Arc::clone(&self.broker)
    }

    /// Whether the broker has neither closed it nor said anything unasked, and it was used lately.
    pub(crate) fn is_fresh(&self, age_max: Duration) -> bool {
        let mut byte = [0];
        let quiet = self.stream.try_read(&mut byte);
        let quiet = matches!(quiet, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        quiet && self.used.elapsed() < age_max
    }

    /// The version of a request that both know, within `ours`.
    pub(crate) fn version<R: RequestResponsePair>(
        &self,
        ours: &RangeInclusive<i16>,
    ) -> Result<i16, Error> {
        let theirs = self.versions.get(&R::API_KEY.value());
        let (least, most) = (*ours.start(), *ours.end());
        if let Some((their_least, their_most)) = theirs {
            let version = most.min(*their_most);
            if version >= least.max(*their_least) {
                return Ok(version);
            }
        }
        let serves = theirs.map_or_else(
            || "it does not know the request".to_owned(),
            |(least, most)| format!("it serves {least} to {most}"),
        );
        let broker = self.broker.to_string();
        Err(Error::Unsupported { broker, api: api::<R>(), least, most, serves })
    }

    /// Asks. `wait` is how long the broker itself is asked to wait, on top of the timeout.
    pub(crate) async fn call<R: RequestResponsePair>(
        &mut self,
        request: &R,
        version: i16,
        wait: Duration,
    ) -> Result<R::Response, Error> {
        let version = ApiVersion::new(version);
        let tagged = response_header_version_for::<R>(version)
            .map_err(|error| self.unwritable::<R>(&error))?
            >= 1;
        let body = self.exchange(request, version, wait).await?;
        decode(body, version, tagged).map_err(|error| self.malformed::<R>(error.to_string()))
    }

    /// The answer's bytes after the correlation id.
    async fn exchange<R: RequestResponsePair>(
        &mut self,
        request: &R,
        version: ApiVersion,
        wait: Duration,
    ) -> Result<Bytes, Error> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut frame = BytesMut::new();
        let (client, limits) =
            (self.client_id.as_str().into(), OutboundFrameLimits::new(FRAME_BYTES_MAX));
        encode_request(&mut frame, self.correlation, Some(client), request, version, limits)
            .map_err(|error| self.unwritable::<R>(&error))?;
        let after = self.request_timeout.saturating_add(wait);
        let answer = timeout(after, transfer(&mut self.stream, &frame)).await;
        let broker = self.broker.to_string();
        let mut body = match answer {
            Ok(Ok(body)) => body,
            Ok(Err(Failure::Io(error))) => {
                let reason = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "the broker closed it".to_owned(),
                    _ => error.to_string(),
                };
                return Err(Error::Broken { broker, api: api::<R>(), reason });
            }
            Ok(Err(Failure::Length(length))) => {
                let limit = FRAME_BYTES_MAX;
                let reason = format!("it claims {length} bytes, the limit is {limit}");
                return Err(self.malformed::<R>(reason));
            }
            Err(_) => return Err(Error::Timeout { broker, api: api::<R>(), after }),
        };
        self.used = Instant::now();
        let correlation = body.get_i32();
        if correlation != self.correlation {
            let expected = self.correlation;
            let reason = format!("it answers request {correlation}, not {expected}");
            return Err(self.malformed::<R>(reason));
        }
        Ok(body)
    }

    async fn negotiate(&mut self) -> Result<(), Error> {
        type Request = ApiVersionsRequest;
        let request = message!(Request {
            client_software_name: SOFTWARE.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        });
        let mut version = ApiVersion::new(3);
        let mut body = self.exchange(&request, version, Duration::ZERO).await?;
        // A broker that does not know the version says so in the form of version 0.
        let code = body.first_chunk::<2>().map(|code| ErrorCode(i16::from_be_bytes(*code)));
        if code == Some(ErrorCode::UNSUPPORTED_VERSION) {
            version = ApiVersion::new(0);
            body = self.exchange(&Request::default(), version, Duration::ZERO).await?;
        }
        let answer: ApiVersionsResponse = decode(body, version, false)
            .map_err(|error| self.malformed::<Request>(error.to_string()))?;
        let code = ErrorCode(answer.error_code);
        if code != ErrorCode::NONE {
            return Err(Error::Refused {
                broker: self.broker.to_string(),
                api: "ApiVersions",
                what: "this client".to_owned(),
                code,
                message: None,
            });
        }
        let versions = answer.api_keys.iter();
        self.versions =
            versions.map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        Ok(())
    }

    fn malformed<R: RequestResponsePair>(&self, reason: String) -> Error {
        Error::Malformed { broker: self.broker.to_string(), api: api::<R>(), reason }
    }

    fn unwritable<R: RequestResponsePair>(&self, error: &kafka_wire_core::EncodeError) -> Error {
        let reason = error.to_string();
        Error::Unwritable { broker: self.broker.to_string(), api: api::<R>(), reason }
    }
}

/// Kafka's name of a request.
pub(crate) fn api<R: RequestResponsePair>() -> &'static str {
    R::NAME.strip_suffix("Request").unwrap_or(R::NAME)
}

/// Why there is no frame.
enum Failure {
    Io(io::Error),
    Length(i32),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a frame and reads one, whose length is checked before anything is kept of it.
async fn transfer(stream: &mut TcpStream, frame: &[u8]) -> Result<Bytes, Failure> {
    stream.write_all(frame).await?;
    let claimed = stream.read_i32().await?;
    let length =
        usize::try_from(claimed).ok().filter(|length| (4..=FRAME_BYTES_MAX).contains(length));
    let Some(length) = length else { return Err(Failure::Length(claimed)) };
    let mut body = BytesMut::with_capacity(length.min(FIRST_BYTES));
    let mut rest = stream.take(length as u64);
    while body.len() < length {
        if rest.read_buf(&mut body).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(body.freeze())
}
