//! Whether a server answers: a Kafka metadata request, a CQL OPTIONS frame. Bounded in time.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config::Config;
use crate::failure::Failure;
use crate::kafka::Cluster;

/// Longest wait for a server of the user's to answer.
const WAIT: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Waits until a Kafka broker answers.
pub(crate) async fn kafka(config: &Config, bootstrap: &str) -> Result<(), Failure> {
    let cluster = Cluster { bootstrap: bootstrap.to_owned() };
    let reader = cluster.reader()?;
    // The client library's call blocks: it gets a thread of its own.
    let asked = tokio::task::spawn_blocking(move || ask_kafka(&reader)).await;
    match asked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => {
            Err(unreachable(config, "addresses.kafka", "Kafka broker", bootstrap, &why))
        }
        Err(error) => Err(Failure::new(format!("asking the broker at {bootstrap} broke: {error}"))),
    }
}

fn ask_kafka(reader: &BaseConsumer) -> Result<(), String> {
    match reader.fetch_metadata(None, WAIT) {
        Ok(metadata) if !metadata.brokers().is_empty() => Ok(()),
        Ok(_) => Err("it names no broker".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits until one of the Cassandra servers answers, and returns it.
pub(crate) async fn cassandra(config: &Config, servers: &[String]) -> Result<(), Failure> {
    let mut why = String::from("no server is named");
    let asked = async {
        loop {
            for server in servers {
                match options(server).await {
                    Ok(()) => return,
                    Err(error) => why = error.to_string(),
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(WAIT, asked).await {
        Ok(()) => Ok(()),
        Err(_) => {
            let servers = servers.join(",");
            Err(unreachable(config, "addresses.cassandra", "Cassandra server", &servers, &why))
        }
    }
}

/// Sends OPTIONS and expects SUPPORTED, the one exchange CQL allows before any agreement.
async fn options(server: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    // Version 4 request, no flags, stream 0, opcode OPTIONS, empty body.
    stream.write_all(&[0x04, 0, 0, 0, 0x05, 0, 0, 0, 0]).await?;
    let mut header = [0_u8; 9];
    stream.read_exact(&mut header).await?;
    // 0x06 is SUPPORTED; 0x00 is ERROR, by which an old server refuses the version, yet lives.
    match header[4] {
        0x06 | 0x00 => Ok(()),
        other => Err(std::io::Error::other(format!("its answer {other:#04x} is not CQL"))),
    }
}

fn unreachable(config: &Config, key: &str, part: &str, servers: &str, why: &str) -> Failure {
    let place = config.setting(key).ok().and_then(|setting| setting.origin.place());
    let next = format!("start that server or correct {key}; \"embedded\" runs it in this process");
    let seconds = WAIT.as_secs();
    Failure::new(format!("the {part} at {servers} did not answer within {seconds} s: {why}"))
        .at_place(place)
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_server_that_answers_options_is_healthy_and_another_is_not() {
        for (opcode, healthy) in [(0x06_u8, true), (0x48, false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut frame = [0; 9];
                stream.read_exact(&mut frame).await.unwrap();
                stream.write_all(&[0x84, 0, 0, 0, opcode, 0, 0, 0, 0]).await.unwrap();
            });
            assert_eq!(options(&address).await.is_ok(), healthy);
            server.await.unwrap();
        }
    }
}
