//! Whether a Cassandra server answers: OPTIONS, the one exchange CQL allows before any agreement.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::WAIT;

/// Asks the servers in turn; the first that answers is enough.
pub(super) async fn ask(servers: &[String]) -> Result<(), String> {
    let mut why = String::from("no server is named");
    for server in servers {
        match tokio::time::timeout(WAIT, options(server)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => "no answer within 2 seconds".clone_into(&mut why),
        }
    }
    Err(why)
}

async fn options(server: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    // Version 4 request, no flags, stream 0, opcode OPTIONS, empty body.
    stream.write_all(&[0x04, 0, 0, 0, 0x05, 0, 0, 0, 0]).await?;
    let mut header = [0_u8; 9];
    stream.read_exact(&mut header).await?;
    // 0x06 is SUPPORTED; 0x00 is ERROR, by which a server refuses the version, yet lives.
    match header[4] {
        0x06 | 0x00 => Ok(()),
        other => Err(std::io::Error::other(format!("its answer {other:#04x} is not CQL"))),
    }
}
