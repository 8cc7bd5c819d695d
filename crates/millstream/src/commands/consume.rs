//! `millstream consume TOPIC`: prints records, without a group, so nothing is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::{Outcome, cluster};
use crate::cli::Consume;
use crate::failure::Failure;
use crate::kafka::Cluster;
use crate::screen;

/// Longest wait for a record or the end of a partition before the broker counts as silent.
const SILENCE: Duration = Duration::from_secs(15);

/// Prints what was asked for.
pub(crate) fn run(consume: &Consume, set: &[String]) -> Outcome {
    let (cluster, _) = cluster(&consume.broker, set)?;
    let reader = cluster.reader()?;
    let mut left = assign(consume, &cluster, &reader)?;
    let mut remaining = consume.count.unwrap_or(u64::MAX);
    while remaining > 0 && (consume.follow || !left.is_empty()) {
        match reader.poll(SILENCE) {
            Some(Ok(message)) => {
                let ended = left
                    .get(&message.partition())
                    .is_some_and(|end| !consume.follow && message.offset() + 1 >= *end);
                if ended {
                    left.remove(&message.partition());
                }
                if !print(consume, &message) {
                    return Ok(());
                }
                remaining -= 1;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.remove(&partition);
            }
            Some(Err(error)) => return Err(cluster.unreachable(&error).into()),
            None if consume.follow => {}
            None => {
                let at = &cluster.bootstrap;
                return Err(Failure::new(format!("the broker at {at} has been silent for 15 s"))
                    .next("look at its state, or stop with --count")
                    .into());
            }
        }
    }
    Ok(())
}

/// Assigns the partitions and returns, for each that has records to read, the offset to stop at.
fn assign(
    consume: &Consume,
    cluster: &Cluster,
    reader: &BaseConsumer,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let mut partitions = cluster.partitions(reader, &consume.topic)?;
    if let Some(only) = consume.partition {
        if !partitions.contains(&only) {
            let topic = &consume.topic;
            return Err(Failure::new(format!("{topic:?} has no partition {only}"))
                .next(format!("it has 0 to {}", partitions.len().saturating_sub(1))));
        }
        partitions = vec![only];
    }
    let mut list = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for partition in partitions {
        let (first, next) = cluster.offsets(reader, &consume.topic, partition)?;
        let start = start(&consume.from, first, next)?;
        list.add_partition_offset(&consume.topic, partition, Offset::Offset(start))
            .map_err(|error| cluster.unreachable(&error))?;
        if start < next {
            ends.insert(partition, next);
        }
    }
    reader.assign(&list).map_err(|error| cluster.unreachable(&error))?;
    Ok(ends)
}

/// The offset at which to begin in a partition that holds `first..next`.
fn start(from: &str, first: i64, next: i64) -> Result<i64, Failure> {
    match from {
        "earliest" => Ok(first),
        "latest" => Ok(next),
        _ => match from.parse::<i64>() {
            Ok(last) if last < 0 => Ok(next.saturating_add(last).max(first)),
            Ok(offset) => Ok(offset.clamp(first, next)),
            Err(_) => Err(Failure::new(format!("--from {from} is no position"))
                .next("write earliest, latest, an offset such as 1200, or -5 for the last five")),
        },
    }
}

/// Prints a record. False if nobody reads the output any more.
fn print(consume: &Consume, message: &BorrowedMessage<'_>) -> bool {
    let mut line = Vec::new();
    if consume.verbose {
        let time = message.timestamp().to_millis().unwrap_or(-1);
        let place = format!("{}:{} time={time} ", message.partition(), message.offset());
        line.extend_from_slice(place.as_bytes());
        if let Some(key) = message.key() {
            line.extend_from_slice(b"key=");
            line.extend_from_slice(key);
            line.push(b' ');
        }
    }
    if let Some(headers) = message.headers().filter(|_| consume.headers) {
        for header in headers.iter() {
            line.extend_from_slice(header.key.as_bytes());
            line.push(b'=');
            line.extend_from_slice(header.value.unwrap_or_default());
            line.push(b' ');
        }
    }
    line.extend_from_slice(message.payload().unwrap_or(b"(no value)"));
    line.push(b'\n');
    screen::write(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_kept_within_the_partition() {
        assert_eq!(start("earliest", 3, 9).unwrap(), 3);
        assert_eq!(start("latest", 3, 9).unwrap(), 9);
        assert_eq!(start("-2", 3, 9).unwrap(), 7);
        assert_eq!(start("-20", 3, 9).unwrap(), 3);
        assert_eq!(start("1", 3, 9).unwrap(), 3);
        assert_eq!(start("100", 3, 9).unwrap(), 9);
        assert!(start("soon", 3, 9).is_err());
    }
}
