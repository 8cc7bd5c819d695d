//! One bounded HTTP GET, plain: of the engine's status, or of a source.
//!
//! HTTP/1.0, so that the answer comes in one piece and ends with the connection. Never does: TLS,
//! redirects, a second try.

use super::listener::in_words;
use crate::facts::{Silence, SilenceKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Vec<u8>,
}

/// The parts of `http://host:port/path?query`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// `host` or `host:port`, as it is written.
    pub(super) host: &'a str,
    /// From `/` on, without a fragment.
    pub(super) target: String,
}

impl<'a> Url<'a> {
    /// The parts; none if it is not plain HTTP, or names a user.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        let fit = |c: char| c.is_ascii_graphic();
        if host.is_empty() || host.contains('@') || !host.chars().chain(target.chars()).all(fit) {
            return None;
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Some(Self { host, target: format!("{slash}{target}") })
    }

    /// Where to connect.
    pub(super) fn address(&self) -> String {
        let has_port = self.host.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        if has_port { self.host.to_owned() } else { format!("{}:80", self.host) }
    }
}

/// The answer to `GET target`, or why there is none. `connect` is for the connection, `wait` for all.
pub(super) async fn get(
    address: &str,
    host: &str,
    target: &str,
    connect: Duration,
    wait: Duration,
) -> Result<Answer, Silence> {
    let slow = |wait: Duration| {
        Silence::new(SilenceKind::Slow, format!("no answer within {} ms", wait.as_millis()))
    };
    let all = async {
        let stream = match timeout(connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Silence::new(SilenceKind::Away, in_words(&error))),
            Err(_) => return Err(slow(connect)),
        };
        exchange(stream, host, target).await
    };
    timeout(wait, all).await.unwrap_or_else(|_| Err(slow(wait)))
}

async fn exchange(mut stream: TcpStream, host: &str, target: &str) -> Result<Answer, Silence> {
    let broken = |error: std::io::Error| Silence::new(SilenceKind::Foreign, in_words(&error));
    let request = format!(
        "GET {target} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: millstream-doctor\r\nAccept: */*\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut bytes = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await;
    if bytes.is_empty() {
        read.map_err(broken)?;
    }
    parse(bytes)
        .ok_or_else(|| Silence::new(SilenceKind::Foreign, "something that does not speak HTTP"))
}

fn parse(mut bytes: Vec<u8>) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    if !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let code = bytes.split(|byte| *byte == b' ').nth(1)?;
    let code = std::str::from_utf8(code.get(..3)?).ok()?.parse().ok()?;
    Some(Answer { code, body: bytes.split_off(end + 4) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_or_refused() {
        let url = Url::parse("http://127.0.0.1:8089/api/?a=1#x").unwrap();
        assert_eq!((url.host, url.target.as_str()), ("127.0.0.1:8089", "/api/?a=1"));
        assert_eq!(Url::parse("http://[::1]").unwrap().address(), "[::1]:80");
        assert_eq!(Url::parse("http://api?x").unwrap().target, "/?x");
        for refused in
            ["https://api/", "http://", "http://me:pw@api/", "http://a/\r\nX: y", "ftp://a"]
        {
            assert_eq!(Url::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_answer_is_read_whatever_it_holds() {
        let answer = parse(b"HTTP/1.1 503 No\r\nA: b\r\n\r\nbody".to_vec()).unwrap();
        assert_eq!((answer.code, answer.body.as_slice()), (503, &b"body"[..]));
        for other in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1", b"HTTP/1.1 x\r\n\r\n", b""] {
            assert!(parse(other.to_vec()).is_none());
        }
    }
}
