//! What listens at an address: asked only where what should be there did not answer as it should.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Said of what takes connections and does not answer: too busy, or a listener that wants TLS.
pub(super) const SILENT: &str = "it takes connections and gives no answer";
/// How long each greeting waits for its answer.
const WAIT: Duration = Duration::from_millis(200);

/// An error of the system in the words of a sentence.
pub(super) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "it closes the connection".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "no way to the host".to_owned()
        }
        _ if text.contains("lookup address") => "no such host".to_owned(),
        _ => text.split(" (os error").next().unwrap_or(&text).to_lowercase(),
    }
}

/// Whether somebody listens there.
pub(super) async fn reach(address: &str, wait: Duration) -> Result<(), String> {
    match timeout(wait, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(in_words(&error)),
        Err(_) => Err(format!("no connection within {} ms", wait.as_millis())),
    }
}

/// What answers there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Nothing: it takes connections and does not say a word.
    Silent,
    /// A Kafka broker.
    Kafka,
    /// A CQL server.
    Cql,
    /// Something else, in words.
    Other(&'static str),
}

/// What answers there, by how it answers three greetings.
pub(super) async fn guess(address: &str) -> Guess {
    // ApiVersions 0, correlation id 7, no client id; and OPTIONS of CQL 4 on stream 0.
    const KAFKA: &[u8] = &[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    const CQL: &[u8] = &[4, 0, 0, 0, 5, 0, 0, 0, 0];
    let (http, kafka, cql) = tokio::join!(
        greet(address, b"GET / HTTP/1.0\r\n\r\n"),
        greet(address, KAFKA),
        greet(address, CQL)
    );
    if http.starts_with(b"HTTP/") || kafka.starts_with(b"HTTP/") {
        Guess::Other("an HTTP server")
    } else if kafka.get(4..8) == Some(&[0, 0, 0, 7]) {
        Guess::Kafka
    } else if cql.first().is_some_and(|byte| byte & 0x80 != 0) && cql.len() >= 9 {
        Guess::Cql
    } else if http.starts_with(b"SSH-") {
        Guess::Other("an SSH server")
    } else if [http, kafka, cql].iter().all(Vec::is_empty) {
        Guess::Silent
    } else {
        Guess::Other("something of another kind")
    }
}

/// The first bytes of an answer; none if nothing came.
async fn greet(address: &str, greeting: &[u8]) -> Vec<u8> {
    let mut bytes = [0; 16];
    let mut count = 0;
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(greeting).await?;
        while count < bytes.len() {
            let more = stream.read(&mut bytes[count..]).await?;
            if more == 0 {
                break;
            }
            count += more;
        }
        Ok::<(), io::Error>(())
    };
    // What came before the end of the time counts.
    let _ended = timeout(WAIT, talk).await;
    bytes[..count].to_vec()
}
