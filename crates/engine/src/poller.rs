//! Sources that are polled: an HTTP API, a file read at a rate, rows made up from a seed.

mod datagen;

use crate::project::{Connector, DatagenTable, FileTable, HttpTable, Table};
use crate::record::Record;
use runtime::World;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// How long an API may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Milliseconds that an API with positions is asked to wait for its next record.
const LONG_POLL_MS: u64 = 500;
/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Pause between two polls of a source that has no more for now, so that a transaction carries more than
/// one record: with the demo's ten a second, transactions are most of what the whole node costs.
const LINGER: Duration = Duration::from_secs(2);

/// What a poll brought.
#[derive(Debug)]
pub struct Polled {
    /// Records; the offset is the source's position.
    pub records: Vec<Record>,
    /// How long to wait before the next poll.
    pub wait: Duration,
    /// What the source's positions promise.
    pub note: &'static str,
}

/// Why a poll brought nothing. All of it is tried again.
#[derive(Debug, Error)]
pub enum PollError {
    /// The API did not answer, or not with success.
    #[error("the API at {url} does not answer: {source}; the stream asks again")]
    Api {
        /// Its address.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is not what the table says.
    #[error(
        "the API at {url} does not answer with an object that lists its records in \"{member}\": {reason}; correct the table's 'records' option"
    )]
    Answer {
        /// Its address.
        url: String,
        /// The member that lists the records.
        member: String,
        /// What was found.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A source that is polled by position.
#[derive(Debug)]
pub enum Poller {
    /// An HTTP API.
    Http {
        /// Its table.
        table: HttpTable,
        /// The client, which keeps its connection.
        agent: Box<ureq::Agent>,
    },
    /// The records of a file.
    File {
        /// Its table.
        table: FileTable,
        /// One JSON object each.
        records: Vec<String>,
        /// What its rate is counted from.
        began: Began,
    },
    /// Rows made up from a seed.
    Datagen {
        /// Its table.
        table: DatagenTable,
        /// What its rate is counted from.
        began: Began,
    },
}

/// When reading began, and at which position.
#[derive(Debug, Default)]
pub struct Began(Option<(Duration, i64)>);

impl Began {
    /// The position before which records are due, at so many per second since the first call.
    fn due(&mut self, rate: u64, position: i64, world: &World) -> i64 {
        let now = world.clock.elapsed();
        let (since, first) = *self.0.get_or_insert((now, position));
        let elapsed = now.saturating_sub(since).as_millis();
        let due = elapsed.saturating_mul(u128::from(rate)) / 1_000;
        first.saturating_add(i64::try_from(due).unwrap_or(i64::MAX))
    }
}

impl Poller {
    /// A poller for a table; a file is read now, as a whole.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(table: &Table, project_dir: &Path) -> Result<Self, PollError> {
        match &table.connector {
            Connector::File(file) => {
                let path = project_dir.join(&file.path);
                let records = read_file(&path, file.records.as_deref())?;
                Ok(Self::File { table: file.clone(), records, began: Began::default() })
            }
            Connector::Http(http) => {
                let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_TIMEOUT));
                Ok(Self::Http { table: http.clone(), agent: Box::new(config.build().into()) })
            }
            Connector::Datagen(table) => {
                Ok(Self::Datagen { table: table.clone(), began: Began::default() })
            }
            _ => Err(PollError::File {
                path: table.file.clone(),
                source: std::io::Error::other("a topic is not polled"),
            }),
        }
    }

    /// Asks for the records from `position` on.
    ///
    /// # Errors
    /// [`PollError`]; ask again.
    pub fn poll(&mut self, position: i64, world: &World) -> Result<Polled, PollError> {
        match self {
            Self::Http { table, agent } => poll_http(table, agent, position, world),
            Self::File { table, records, began } => {
                Ok(poll_file(table, records, began, position, world))
            }
            Self::Datagen { table, began } => Ok(poll_datagen(table, began, position, world)),
        }
    }
}

/// The part of an API's answer about itself. An API that says which position its answer begins at can be
/// asked for the same records again.
#[derive(Debug, Default, Deserialize)]
struct Info {
    from: Option<i64>,
    times: Option<Vec<i64>>,
}

fn poll_http(
    table: &HttpTable,
    agent: &ureq::Agent,
    position: i64,
    world: &World,
) -> Result<Polled, PollError> {
    let joint = if table.url.contains('?') { '&' } else { '?' };
    let url =
        format!("{}{joint}from={position}&results={}&wait={LONG_POLL_MS}", table.url, table.batch);
    let api = |source| PollError::Api { url: table.url.clone(), source: Box::new(source) };
    let mut answer = agent.get(&url).call().map_err(api)?;
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let body = body.map_err(api)?;
    let wrong = |reason: String| PollError::Answer {
        url: table.url.clone(),
        member: table.records.clone(),
        reason,
    };
    let members: BTreeMap<&str, &RawValue> =
        serde_json::from_str(&body).map_err(|error| wrong(error.to_string()))?;
    let list = members.get(table.records.as_str()).ok_or_else(|| wrong("no such member".into()))?;
    let elements: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|error| wrong(error.to_string()))?;
    let info: Info = members
        .get("info")
        .and_then(|info| serde_json::from_str(info.get()).ok())
        .unwrap_or_default();
    let positioned = info.from == Some(position);
    let now = world.clock.wall_millis();
    let times = info.times.unwrap_or_default();
    let records: Vec<Record> = elements
        .into_iter()
        .zip(position..)
        .enumerate()
        .map(|(at, (element, offset))| Record {
            partition: 0,
            offset,
            timestamp: Some(times.get(at).copied().unwrap_or(now)),
            key: None,
            value: Some(element_bytes(element)),
            headers: Vec::new(),
        })
        .collect();
    let (wait, note) = if positioned {
        // A full answer means that more is ready; an empty one, that the API itself has waited.
        let more = records.is_empty() || records.len() as u64 >= table.batch;
        (if more { Duration::ZERO } else { LINGER }, "exactly once: the API answers by position")
    } else {
        let wait = Duration::from_millis(table.interval_ms);
        (wait, "at least once from the poll on: the API has no positions")
    };
    Ok(Polled { records, wait, note })
}

/// A record as it is to be stored: an object's own text; of a string, what it says.
fn element_bytes(element: &RawValue) -> Vec<u8> {
    let text = element.get();
    match serde_json::from_str::<String>(text) {
        Ok(inner) if text.starts_with('"') => inner.into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

fn read_file(path: &Path, member: Option<&str>) -> Result<Vec<String>, PollError> {
    let failed = |source| PollError::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let Some(member) = member else {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return Ok(lines.map(str::to_owned).collect());
    };
    let invalid =
        |reason: String| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
    let members: BTreeMap<&str, &RawValue> =
        serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let list = members.get(member).ok_or_else(|| invalid(format!("no member \"{member}\"")))?;
    let elements: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|error| invalid(error.to_string()))?;
    Ok(elements.into_iter().map(|element| element.get().to_owned()).collect())
}

/// Most records of a file, or made up, in one transaction.
const BATCH: i64 = 1_000;

fn poll_file(
    table: &FileTable,
    records: &[String],
    began: &mut Began,
    position: i64,
    world: &World,
) -> Polled {
    let due = table.rate.map_or(i64::MAX, |rate| began.due(rate, position, world));
    let end = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let text =
        |offset| records.get(usize::try_from(offset).ok()?).map(|text| text.clone().into_bytes());
    by_position(position, end.min(due), world, text, "exactly once: the file is read by position")
}

fn poll_datagen(table: &DatagenTable, began: &mut Began, position: i64, world: &World) -> Polled {
    let due = began.due(table.rate, position, world).min(table.rows.unwrap_or(i64::MAX));
    let row = |number| Some(datagen::row(table, number));
    by_position(position, due, world, row, "exactly once: rows are made by position")
}

/// The records from `position` up to `due` that fit in one transaction.
fn by_position(
    position: i64,
    due: i64,
    world: &World,
    value: impl Fn(i64) -> Option<Vec<u8>>,
    note: &'static str,
) -> Polled {
    let until = due.min(position.saturating_add(BATCH));
    let wall = world.clock.wall_millis();
    let records = (position..until).filter_map(|offset| {
        let value = Some(value(offset)?);
        let timestamp = Some(wall);
        Some(Record { partition: 0, offset, timestamp, key: None, value, headers: Vec::new() })
    });
    // More is due than fits: the next transaction begins at once.
    let wait = if until < due { Duration::ZERO } else { LINGER };
    Polled { records: records.collect(), wait, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_text_and_a_string_gives_its_own() {
        let object: Box<RawValue> = serde_json::from_str(r#"{ "a": 1 }"#).unwrap();
        assert_eq!(element_bytes(&object), br#"{ "a": 1 }"#);
        let text: Box<RawValue> = serde_json::from_str(r#""{\"a\": ""#).unwrap();
        assert_eq!(element_bytes(&text), br#"{"a": "#);
    }

    #[test]
    fn rows_are_made_as_they_fall_due_and_end_at_the_last() {
        let clock = std::sync::Arc::new(runtime::ManualClock::at(0));
        let world = World { clock: clock.clone(), ..World::real(runtime::Durability::Os) };
        let columns = vec![("n".to_owned(), crate::project::Content::Sequence(0))];
        let table = DatagenTable { rate: 10, rows: Some(25), seed: 0, columns };
        let mut poller = Poller::Datagen { table, began: Began::default() };
        assert!(poller.poll(20, &world).unwrap().records.is_empty());
        clock.advance(Duration::from_millis(300));
        let values = |polled: Polled| -> Vec<String> {
            let text = |record: Record| String::from_utf8(record.value.unwrap()).unwrap();
            polled.records.into_iter().map(text).collect()
        };
        let polled = poller.poll(20, &world).unwrap();
        assert_eq!(values(polled), [r#"{"n":20}"#, r#"{"n":21}"#, r#"{"n":22}"#]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(values(poller.poll(23, &world).unwrap()).len(), 2);
        assert!(poller.poll(25, &world).unwrap().records.is_empty());
    }
}
