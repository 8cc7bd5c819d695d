//! One bounded `GET /status`.
//!
//! HTTP/1.0, so that the answer comes in one piece and ends with the connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::WAIT;
use crate::model::Status;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// The engine's streams, or why there is no answer.
pub(super) async fn ask(address: SocketAddr) -> Result<Status, String> {
    match tokio::time::timeout(WAIT, get(address)).await {
        Ok(Ok(body)) => serde_json::from_slice(&body)
            .map_err(|error| format!("its answer is not a status: {error}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within 2 seconds".to_owned()),
    }
}

async fn get(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /status HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let status = answer.split(|byte| *byte == b' ').nth(1);
    match (end, status) {
        (Some(end), Some(b"200")) => Ok(answer.split_off(end + 4)),
        _ => Err(std::io::Error::other("its answer was not 200 OK")),
    }
}
