//! A source record as it came, kept until its batch has committed: what goes to a dead-letter or late
//! topic is these bytes.

use crate::kafka::Outgoing;

/// One record of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition of the source topic.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// The record's timestamp, milliseconds since the Unix epoch; `None` when it carries none.
    pub timestamp: Option<i64>,
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Value bytes.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// The memory it takes, bytes: its texts, and what holds them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        let header =
            |(name, value): &(String, Option<Vec<u8>>)| HOLDER_BYTES + name.len() + of(value);
        let headers: usize = self.headers.iter().map(header).sum();
        HOLDER_BYTES + of(&self.key) + of(&self.value) + headers
    }
}

/// What a record, or a header, takes beside its bytes.
const HOLDER_BYTES: usize = 128;

/// Why a record left the stream by a side door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It lay before its partition's watermark.
    Late,
    /// It could not be decoded or evaluated.
    DeadLetter,
}

/// A record on its way to the late or the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideRecord {
    /// Which topic.
    pub side: Side,
    /// One sentence.
    pub reason: String,
    /// The record as it came.
    pub record: Record,
}

/// The topics beside a stream: where its late records and its dead letters go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideDoors {
    /// The stream.
    pub stream: String,
    /// What it reads: a topic, or the name of a source without one.
    pub source: String,
    /// The dead-letter topic.
    pub dead_letters: String,
    /// The late topic.
    pub late: String,
}

impl SideDoors {
    /// The record as it came, with headers that say why it left and where it stands.
    #[must_use]
    pub fn outgoing(&self, found: SideRecord) -> Outgoing {
        let SideRecord { side, reason, record } = found;
        let topic = match side {
            Side::Late => self.late.clone(),
            Side::DeadLetter => self.dead_letters.clone(),
        };
        let mut headers = record.headers;
        let mut note = |key: &str, value: String| {
            headers.push((format!("millstream.{key}"), Some(value.into_bytes())));
        };
        note("stream", self.stream.clone());
        note("reason", reason);
        note("topic", self.source.clone());
        note("partition", record.partition.to_string());
        note("offset", record.offset.to_string());
        if let Some(timestamp) = record.timestamp {
            note("timestamp", timestamp.to_string());
        }
        Outgoing {
            topic,
            key: record.key,
            value: record.value,
            timestamp: record.timestamp,
            headers,
        }
    }
}
