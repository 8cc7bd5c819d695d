//! What a table's WITH options mean. Unknown keys and values are errors with the nearest right one.

mod datagen;

pub use datagen::{Content, DatagenTable};

use super::Problem;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use dialect::Position;
use dialect::interval_micros;

/// Where a table's records are.
#[derive(Debug, Clone, PartialEq)]
pub enum Connector {
    /// A topic of the Kafka at the project's address.
    Kafka(KafkaTable),
    /// A table of the Cassandra at the project's address.
    Cassandra(CassandraTable),
    /// An HTTP API that is polled.
    Http(HttpTable),
    /// A file of one JSON object per line.
    File(FileTable),
    /// Rows made up from a seed.
    Datagen(DatagenTable),
}

impl Connector {
    /// Whether a stream reads it by polling, position by position.
    #[must_use]
    pub fn is_polled(&self) -> bool {
        matches!(self, Self::Http(_) | Self::File(_) | Self::Datagen(_))
    }
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTable {
    /// The topic.
    pub topic: String,
    /// Partitions of the topic when it is created; the cluster's default when absent.
    pub partitions: Option<i32>,
    /// Retention of the topic when it is created, milliseconds; the cluster's default when absent.
    pub retention_ms: Option<i64>,
    /// The column that is the record's key when the table is written.
    pub key: Option<String>,
    /// The column that is the record's timestamp when the table is written.
    pub timestamp: Option<String>,
    /// The dead-letter topic; by default the stream's name and `.dead-letters`.
    pub dead_letters: Option<String>,
    /// The late topic; by default the stream's name and `.late`.
    pub late: Option<String>,
}

/// A Cassandra table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CassandraTable {
    /// Keyspace.
    pub keyspace: String,
    /// Table.
    pub table: String,
    /// Rows expire after this many seconds, when the table is created here.
    pub ttl_seconds: Option<i64>,
    /// CQL types of columns, where the table's own type does not tell, when the table is created here.
    pub column_types: Vec<(String, String)>,
}

/// An HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTable {
    /// Address of the API.
    pub url: String,
    /// The member of the answer that lists the records.
    pub records: String,
    /// Records asked for at once.
    pub batch: u64,
    /// Milliseconds between two polls.
    pub interval_ms: u64,
    /// What starts the stream that polls it.
    pub start: Start,
}

/// What starts a stream that polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The project: it runs as long as the engine does.
    #[default]
    WithProject,
    /// A task of a DAG, or a person.
    ByTask,
}

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTable {
    /// Path, relative to the project.
    pub path: String,
    /// The member that lists the records, when the file is one JSON object; else one object per line.
    pub records: Option<String>,
    /// Records per second; as fast as they can be written when absent.
    pub rate: Option<u64>,
}

/// How a record's value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    Json,
    /// The value's bytes as they are, in the one column that is not metadata.
    Raw,
}

/// A property of the record itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// Its timestamp.
    Timestamp,
    /// Its partition.
    Partition,
    /// Its offset.
    Offset,
    /// Its key, as text.
    Key,
}

impl Metadata {
    /// The names that METADATA FROM takes.
    pub const NAMES: [&'static str; 4] = ["timestamp", "partition", "offset", "key"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "timestamp" => Some(Self::Timestamp),
            "partition" => Some(Self::Partition),
            "offset" => Some(Self::Offset),
            "key" => Some(Self::Key),
            _ => None,
        }
    }
}

type Options = [(String, String, Position)];

/// The options of one table, each to be taken once.
struct Reader<'a> {
    options: &'a Options,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.known.push(key);
        self.entry(key).map(|(_, value, _)| value.as_str())
    }

    fn entry(&self, key: &str) -> Option<&'a (String, String, Position)> {
        self.options.iter().find(|(name, ..)| name == key)
    }

    fn required(&mut self, key: &'static str, example: &str) -> Result<&'a str, Problem> {
        self.text(key).ok_or_else(|| {
            Problem::new(format!("option '{key}' is missing"))
                .hint(format!("add '{key}' = '{example}'"))
        })
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let place = self.entry(key).map(|(.., position)| *position).unwrap_or_default();
        let parsed = parse(text);
        let wrong = || Problem::new(format!("'{key}' = '{text}' is not {wanted}")).at(place);
        parsed.ok_or_else(wrong).map(Some)
    }

    fn column(&mut self, key: &'static str, schema: &SchemaRef) -> Result<Option<String>, Problem> {
        let Some(name) = self.text(key) else { return Ok(None) };
        let name = name.to_lowercase();
        if schema.field_with_name(&name).is_ok() {
            return Ok(Some(name));
        }
        let names = schema.fields().iter().map(|field| field.name().as_str());
        Err(Problem::new(format!("'{key}' names no column of the table: {name}"))
            .nearest(&name, names))
    }

    /// Refuses what nobody asked for.
    fn finish(self, prefixes: &[&str]) -> Result<(), Problem> {
        for (key, _, position) in self.options {
            let known = self.known.contains(&key.as_str());
            if !known && !prefixes.iter().any(|prefix| key.starts_with(prefix)) {
                return Err(Problem::new(format!("no option is named '{key}'"))
                    .nearest(key, self.known.iter().copied())
                    .at(*position));
            }
        }
        Ok(())
    }
}

const CONNECTORS: [&str; 5] = ["kafka", "cassandra", "http", "file", "datagen"];

/// Reads the options of table `name`.
pub(super) fn read(
    name: &str,
    schema: &SchemaRef,
    options: &Options,
) -> Result<(Connector, Format), Problem> {
    let mut reader = Reader { options, known: Vec::new() };
    let kind = reader.required("connector", "kafka")?;
    match kind {
        "kafka" => kafka(name, schema, reader),
        "cassandra" => cassandra(name, schema, reader),
        "http" => http(reader),
        "file" => file(reader),
        "datagen" => datagen::read(schema, reader),
        other => {
            Err(Problem::new(format!("no connector is named '{other}'")).nearest(other, CONNECTORS))
        }
    }
}

fn format(reader: &mut Reader<'_>) -> Result<Format, Problem> {
    let parsed = reader.parsed("format", "'json' or 'raw'", |text| match text {
        "json" => Some(Format::Json),
        "raw" => Some(Format::Raw),
        _ => None,
    });
    Ok(parsed?.unwrap_or(Format::Json))
}

fn length_ms(text: &str) -> Option<i64> {
    interval_micros(text).map(|micros| micros / 1_000)
}

fn kafka(
    name: &str,
    schema: &SchemaRef,
    mut reader: Reader<'_>,
) -> Result<(Connector, Format), Problem> {
    let format = format(&mut reader)?;
    let table = KafkaTable {
        topic: reader.text("topic").unwrap_or(name).to_owned(),
        partitions: reader.parsed("partitions", "a number of partitions", |text| {
            text.parse().ok().filter(|count| (1..=10_000).contains(count))
        })?,
        retention_ms: reader.parsed("retention", "a length such as '7 days'", length_ms)?,
        key: reader.column("key", schema)?,
        timestamp: reader.column("timestamp", schema)?,
        dead_letters: reader.text("dead-letters").map(str::to_owned),
        late: reader.text("late").map(str::to_owned),
    };
    if format == Format::Raw {
        let text = |field: &&datafusion::arrow::datatypes::FieldRef| {
            matches!(field.data_type(), DataType::Utf8 | DataType::Binary)
        };
        if !schema.fields().iter().any(|field| text(&field)) {
            return Err(Problem::new("format 'raw' needs a STRING or BYTES column for the value"));
        }
    }
    reader.finish(&[])?;
    Ok((Connector::Kafka(table), format))
}

fn cassandra(
    name: &str,
    schema: &SchemaRef,
    mut reader: Reader<'_>,
) -> Result<(Connector, Format), Problem> {
    let mut column_types = Vec::new();
    for (key, value, position) in reader.options {
        let Some(column) = key.strip_prefix("type.") else { continue };
        if schema.field_with_name(column).is_err() {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            return Err(Problem::new(format!("'{key}' names no column of the table"))
                .nearest(column, names)
                .at(*position));
        }
        column_types.push((column.to_owned(), value.clone()));
    }
    let table = CassandraTable {
        keyspace: reader.required("keyspace", "my_keyspace")?.to_owned(),
        table: reader.text("table").unwrap_or(name).to_owned(),
        ttl_seconds: reader
            .parsed("ttl", "a length such as '7 days'", |text| Some(length_ms(text)? / 1_000))?,
        column_types,
    };
    reader.finish(&["type."])?;
    Ok((Connector::Cassandra(table), Format::Json))
}

fn http(mut reader: Reader<'_>) -> Result<(Connector, Format), Problem> {
    let table = HttpTable {
        url: reader.required("url", "https://randomuser.me/api/")?.to_owned(),
        records: reader.text("records").unwrap_or("results").to_owned(),
        batch: reader
            .parsed("batch", "a number from 1 to 5000", |text| {
                text.parse().ok().filter(|count| (1..=5_000).contains(count))
            })?
            .unwrap_or(500),
        interval_ms: reader
            .parsed("interval", "a length such as '1 second'", |text| {
                u64::try_from(length_ms(text)?).ok()
            })?
            .unwrap_or(1_000),
        start: reader
            .parsed("start", "'with-project' or 'by-task'", |text| match text {
                "with-project" => Some(Start::WithProject),
                "by-task" => Some(Start::ByTask),
                _ => None,
            })?
            .unwrap_or_default(),
    };
    reader.finish(&[])?;
    Ok((Connector::Http(table), Format::Raw))
}

fn file(mut reader: Reader<'_>) -> Result<(Connector, Format), Problem> {
    let format = format(&mut reader)?;
    let table = FileTable {
        path: reader.required("path", "events.ndjson")?.to_owned(),
        records: reader.text("records").map(str::to_owned),
        rate: reader.parsed("rate", "a number of records per second", |text| text.parse().ok())?,
    };
    reader.finish(&[])?;
    Ok((Connector::File(table), format))
}
