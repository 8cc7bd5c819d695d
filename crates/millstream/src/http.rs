//! One bounded HTTP GET to a service of ours on this machine.
//!
//! HTTP/1.0, so that the answer comes in one piece and ends with the connection. Never does: TLS,
//! redirects, other machines.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Largest answer that is read: a status of some thousand partitions is below it.
const ANSWER_BYTES_MAX: u64 = 8 << 20;
/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// Nothing listens, or the connection broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It took longer than three seconds.
    #[error("no answer within 3 seconds")]
    Slow,
    /// It answered, but not with 200.
    #[error("the answer was {0:?}")]
    Refused(String),
}

/// The body of the answer to `GET path`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<String, GetError> {
    tokio::time::timeout(WAIT, ask(address, path)).await.unwrap_or(Err(GetError::Slow))
}

async fn ask(address: SocketAddr, path: &str) -> Result<String, GetError> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await?;
    let answer = String::from_utf8_lossy(&bytes);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let line = head.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) == Some("200") {
        Ok(body.to_owned())
    } else {
        Err(GetError::Refused(line.to_owned()))
    }
}
