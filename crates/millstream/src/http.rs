//! Bounded HTTP requests to services of ours on this machine.
//!
//! HTTP/1.0, so that the answer comes in one piece and ends with the connection. Never does: TLS,
//! redirects, other machines.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Take};
use tokio::net::TcpStream;

/// Largest answer that is read: a status of some thousand partitions is below it.
const ANSWER_BYTES_MAX: u64 = 8 << 20;
/// Largest answer that is read line by line.
const LINES_BYTES_MAX: u64 = 4 << 30;
/// Longest wait for an answer, and for the next line of one.
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

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// GET, POST, PATCH, PUT.
    pub(crate) method: &'a str,
    /// Path and query, percent-encoded.
    pub(crate) path: &'a str,
    /// Who asks.
    pub(crate) token: Option<&'a str>,
    /// The kind of answer.
    pub(crate) accept: &'a str,
    /// JSON that is sent.
    pub(crate) body: &'a str,
}

impl<'a> Request<'a> {
    /// A request without a token that gets JSON.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, token: None, accept: "application/json", body: "" }
    }

    fn text(&self, address: SocketAddr) -> String {
        let Self { method, path, accept, body, .. } = self;
        let token = self
            .token
            .map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n{token}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status of HTTP.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// The body of the answer to `GET path`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<String, GetError> {
    let answer = ask(address, &Request::get(path)).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(GetError::Refused(format!("HTTP {status}"))),
    }
}

/// The answer to a request.
pub(crate) async fn ask(address: SocketAddr, request: &Request<'_>) -> Result<Answer, GetError> {
    let asking = async {
        let (status, answer) = open(address, request, ANSWER_BYTES_MAX).await?;
        rest(status, answer).await
    };
    tokio::time::timeout(WAIT, asking).await.unwrap_or(Err(GetError::Slow))
}

/// Gives each line of an answer to `each`, until that says no. What is not a 200 comes back whole.
pub(crate) async fn lines(
    address: SocketAddr,
    request: &Request<'_>,
    mut each: impl FnMut(&str) -> bool,
) -> Result<Answer, GetError> {
    let opening = open(address, request, LINES_BYTES_MAX);
    let (status, answer) =
        tokio::time::timeout(WAIT, opening).await.map_err(|_| GetError::Slow)??;
    if status != 200 {
        return tokio::time::timeout(WAIT, rest(status, answer))
            .await
            .map_err(|_| GetError::Slow)?;
    }
    let mut lines = answer.lines();
    loop {
        let line = tokio::time::timeout(WAIT, lines.next_line()).await;
        match line.map_err(|_| GetError::Slow)?? {
            Some(line) if each(&line) => {}
            _ => return Ok(Answer { status, body: String::new() }),
        }
    }
}

/// Sends a request, and reads as far as the body begins.
async fn open(
    address: SocketAddr,
    request: &Request<'_>,
    most: u64,
) -> Result<(u16, BufReader<Take<TcpStream>>), GetError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.text(address).as_bytes()).await?;
    let mut answer = BufReader::new(stream.take(most));
    let mut first = String::new();
    answer.read_line(&mut first).await?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| GetError::Refused(first.trim_end().to_owned()))?;
    let mut line = String::new();
    while answer.read_line(&mut line).await? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    Ok((status, answer))
}

async fn rest(status: u16, mut answer: BufReader<Take<TcpStream>>) -> Result<Answer, GetError> {
    let mut bytes = Vec::new();
    answer.read_to_end(&mut bytes).await?;
    Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
}
