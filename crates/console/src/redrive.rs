//! Sends dead letters back to where they came from, each once.
//!
//! What was sent is kept in Kafka itself, as the committed offsets of group `millstream-redrive-TOPIC`:
//! the position of a partition, and with it the offsets before the position that stay open, since a
//! filter passed them over. Letters and offsets go in one Kafka transaction. Its transactional id is the
//! group's name, so that of two people who press at once, on two consoles, one is fenced off.
//!
//! A plan is made first and shown: how many letters, to where. It is made again inside the fence before
//! anything is sent, and if it is not the plan that was shown, nothing is.

mod open;
mod send;

use std::collections::BTreeMap;
use std::time::Duration;

use kafkaadmin::{Admin, FetchOptions, Isolation, OffsetSpec, Record, TopicPartition};

pub(crate) use open::Open;
pub(crate) use send::send;

use crate::problem::Problem;
use crate::scan::own;

/// Letters of one re-drive, and their bytes: one transaction.
pub(crate) const LETTERS_MAX: usize = 5_000;
const BYTES_MAX: usize = 32 << 20;
/// How long making a plan may take.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The group that keeps what was sent of a dead-letter topic.
pub(crate) fn group(topic: &str) -> String {
    format!("millstream-redrive-{topic}")
}

/// A dead letter.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Where it lies.
    pub(crate) at: TopicPartition,
    pub(crate) record: Record,
    /// Why it is there, in one sentence.
    pub(crate) reason: String,
    /// The stream that put it there.
    pub(crate) stream: String,
    /// Where it came from: a topic's name, or that of another source.
    pub(crate) source: String,
    pub(crate) source_partition: Option<i32>,
    pub(crate) source_offset: Option<i64>,
}

/// The headers that the engine adds to a dead letter begin so.
const OURS: &str = "millstream.";
/// The header that a letter carries after it was sent back.
pub(crate) const REDRIVEN: &str = "millstream.redriven";
/// Stands for a number in [`Letter::kind`].
const NUMBER: char = '#';

impl Letter {
    pub(crate) fn of(at: &TopicPartition, record: Record) -> Self {
        // A record that failed twice has each of our headers twice: the last ones count.
        let text = |key: &str| {
            let header = record.headers.iter().rev();
            let mut header = header.filter(|one| one.key.strip_prefix(OURS) == Some(key));
            let value = header.next().and_then(|one| one.value.as_deref());
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let (partition, offset) = (text("partition"), text("offset"));
        Self {
            at: at.clone(),
            reason: text("reason").unwrap_or_default(),
            stream: text("stream").unwrap_or_default(),
            source: text("topic").unwrap_or_default(),
            source_partition: partition.and_then(|text| text.parse().ok()),
            source_offset: offset.and_then(|text| text.parse().ok()),
            record,
        }
    }

    /// What its reason is with the numbers taken out: letters of one cause differ by the column at which
    /// a text breaks off, or by the value that is too large.
    pub(crate) fn kind(&self) -> String {
        let mut kind = String::with_capacity(self.reason.len());
        for letter in self.reason.chars() {
            match letter {
                '0'..='9' if kind.ends_with(NUMBER) => {}
                '0'..='9' => kind.push(NUMBER),
                letter => kind.push(letter),
            }
        }
        kind
    }

    /// How often it was sent back already, before it came here again.
    pub(crate) fn redriven(&self) -> usize {
        self.record.headers.iter().filter(|header| header.key == REDRIVEN).count()
    }

    /// The headers that the record had, with one more that says where it comes from.
    fn headers(&self) -> Vec<kafkaadmin::Header> {
        let kept = self.record.headers.iter();
        let kept = kept.filter(|one| !one.key.starts_with(OURS) || one.key == REDRIVEN);
        let mut headers: Vec<_> = kept.cloned().collect();
        let place = format!("{}@{}", self.at, self.record.offset);
        let value = Some(place.into_bytes().into());
        headers.push(kafkaadmin::Header { key: REDRIVEN.to_owned(), value });
        headers
    }
}

/// What is to be sent.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) letters: Vec<Letter>,
    /// Where each partition stands afterwards.
    pub(crate) after: BTreeMap<i32, Open>,
    /// Letters of another kind: they stay.
    pub(crate) passed: u64,
    /// Letters whose source is no topic, with the source: they stay.
    pub(crate) homeless: BTreeMap<String, u64>,
    /// Whether the limits left letters for another time.
    pub(crate) more: bool,
}

impl Plan {
    /// A number that is another one for another plan.
    pub(crate) fn mark(&self) -> String {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        for letter in &self.letters {
            (&letter.at, letter.record.offset).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }

    /// How many letters go to which topic and partition.
    pub(crate) fn targets(&self) -> BTreeMap<(String, Option<i32>), u64> {
        let mut targets = BTreeMap::new();
        for letter in &self.letters {
            let target = (letter.source.clone(), letter.source_partition);
            *targets.entry(target).or_default() += 1;
        }
        targets
    }
}

/// Where a re-drive of each partition stands.
pub(crate) async fn positions(admin: &Admin, topic: &str) -> Result<BTreeMap<i32, Open>, Problem> {
    let committed = admin.list_consumer_group_offsets(&group(topic)).await?;
    let of = |one: kafkaadmin::CommittedOffset| {
        (one.at.partition, Open::read(one.offset, &one.metadata))
    };
    Ok(committed.into_iter().filter(|one| one.at.topic == topic).map(of).collect())
}

/// Makes the plan: the open letters of this kind ([`Letter::kind`]), or of any if it is empty.
pub(crate) async fn plan(admin: &Admin, topic: &str, kind: &str) -> Result<Plan, Problem> {
    let made = tokio::time::timeout(TIME_MAX, try_plan(admin, topic, kind)).await;
    made.unwrap_or_else(|_| {
        Err(Problem::away("the dead letters could not be read within 20 seconds; try again"))
    })
}

async fn try_plan(admin: &Admin, topic: &str, kind: &str) -> Result<Plan, Problem> {
    let before = positions(admin, topic).await?;
    let described = admin.describe_topic(topic).await?;
    let isolation = Isolation::ReadCommitted;
    let earliest = admin.topic_offsets(&described, OffsetSpec::Earliest, isolation).await?;
    let latest = admin.topic_offsets(&described, OffsetSpec::Latest, isolation).await?;
    let mut plan = Plan::default();
    let mut sources: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut bytes = 0;
    for partition in &described.partitions {
        let end = |known: &BTreeMap<i32, Result<kafkaadmin::ListedOffset, kafkaadmin::Error>>| {
            match known.get(&partition.index) {
                Some(Ok(found)) => Ok(found.offset.unwrap_or(0)),
                Some(Err(error)) => Err(Problem::from(error.clone())),
                None => Ok(0),
            }
        };
        let (first, next) = (end(&earliest)?, end(&latest)?);
        let mut open = before.get(&partition.index).cloned().unwrap_or_default();
        open.forget_before(first);
        let at = TopicPartition::new(topic, partition.index);
        let mut from = open.first().max(first);
        'partition: while from < next {
            let options = FetchOptions { isolation, until: next, ..FetchOptions::default() };
            let fetched = admin.fetch(&at, from, &options).await?;
            for record in fetched.records.into_iter().filter(|one| one.control.is_none()) {
                let offset = record.offset;
                if !open.is_open(offset) {
                    continue;
                }
                if plan.letters.len() >= LETTERS_MAX || bytes >= BYTES_MAX {
                    plan.more = true;
                    open.move_to(offset);
                    break 'partition;
                }
                let (record, size) = own(record);
                let letter = Letter::of(&at, record);
                if !kind.is_empty() && letter.kind() != kind {
                    plan.passed += 1;
                    open.pass(offset);
                } else if home(admin, &letter, &mut sources).await {
                    bytes += size;
                    open.send(offset);
                    plan.letters.push(letter);
                } else {
                    *plan.homeless.entry(letter.source).or_default() += 1;
                    open.pass(offset);
                }
            }
            if fetched.next_offset <= from {
                break;
            }
            from = fetched.next_offset;
            open.move_to(from.min(next));
        }
        plan.after.insert(partition.index, open);
    }
    Ok(plan)
}

/// Whether the letter's source is a topic with its partition. Each source is asked about once.
async fn home(
    admin: &Admin,
    letter: &Letter,
    sources: &mut BTreeMap<String, Option<usize>>,
) -> bool {
    if letter.source.is_empty() {
        return false;
    }
    if !sources.contains_key(&letter.source) && sources.len() < 100 {
        let found = admin.describe_topic(&letter.source).await.ok();
        sources.insert(letter.source.clone(), found.map(|topic| topic.partitions.len()));
    }
    let Some(Some(partitions)) = sources.get(&letter.source) else { return false };
    letter.source_partition.is_none_or(|partition| {
        usize::try_from(partition).is_ok_and(|partition| partition < *partitions)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafkaadmin::{Header, TimestampType};

    fn header(key: &str, value: &str) -> Header {
        Header { key: key.to_owned(), value: Some(value.as_bytes().to_vec().into()) }
    }

    #[test]
    fn a_letter_goes_back_with_its_own_headers_and_one_that_names_where_it_lay() {
        let record = Record {
            offset: 7,
            timestamp: 1,
            timestamp_type: TimestampType::CreateTime,
            key: None,
            value: None,
            headers: vec![
                header("own", "x"),
                header("millstream.reason", "old"),
                header("millstream.redriven", "d-0@3"),
                header("millstream.reason", "new"),
                header("millstream.topic", "t"),
                header("millstream.partition", "2"),
            ],
            producer_id: None,
            transactional: true,
            compression: "none",
            leader_epoch: 0,
            control: None,
        };
        let letter = Letter::of(&TopicPartition::new("d", 0), record);
        assert_eq!((letter.reason.as_str(), letter.source.as_str()), ("new", "t"));
        assert_eq!((letter.source_partition, letter.redriven()), (Some(2), 1));
        assert_eq!(letter.kind(), "new");
        let broken =
            Letter { reason: "line 1 column 1045: -3 is no INT8".to_owned(), ..letter.clone() };
        assert_eq!(broken.kind(), "line # column #: -# is no INT#");
        let expected = [header("own", "x"), header(REDRIVEN, "d-0@3"), header(REDRIVEN, "d-0@7")];
        assert_eq!(letter.headers(), expected);
    }
}
