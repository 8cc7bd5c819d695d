//! `ListOffsets` (2): the offsets of partitions by their ends and by time.

use std::collections::{BTreeMap, btree_map::Entry};

use kafka_wire::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_wire::{ListOffsetsRequest, ListOffsetsResponse};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::admin::{Admin, Target};
use crate::error::{Error, ErrorCode};
use crate::wire::message;
use crate::{Isolation, TopicPartition};

/// Which offset is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first that is kept.
    Earliest,
    /// The next that will be given. With [`Isolation::ReadCommitted`], the first of an open
    /// transaction.
    Latest,
    /// The first whose record is not older than this, milliseconds since the Unix epoch.
    Timestamp(i64),
    /// That of the record with the largest timestamp.
    MaxTimestamp,
}

impl OffsetSpec {
    fn on_the_wire(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::Timestamp(at) => at.max(0),
        }
    }
}

/// An offset that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListedOffset {
    /// The offset; none if no record is that young.
    pub offset: Option<i64>,
    /// The record's timestamp, where it was asked for by time.
    pub timestamp: Option<i64>,
}

/// What was found, by partition.
pub(crate) type Found = BTreeMap<TopicPartition, Result<ListedOffset, Error>>;

impl Admin {
    /// The asked offset of each partition, or why there is none. Leaders are asked at the same time, one
    /// request each.
    ///
    /// # Errors
    /// No broker answers who leads.
    pub async fn list_offsets(
        &self,
        asked: &[(TopicPartition, OffsetSpec)],
        isolation: Isolation,
    ) -> Result<BTreeMap<TopicPartition, Result<ListedOffset, Error>>, Error> {
        let mut found = Found::new();
        let mut open = asked.to_vec();
        // A second look mends what the first found to be led by another.
        for _ in 0..2 {
            let mut asks = JoinSet::new();
            for (leader, part) in self.by_leader(&open, &mut found).await? {
                let admin = self.clone();
                asks.spawn(async move {
                    let done = admin.offsets_of(leader, &part, isolation).await;
                    (part, done)
                });
            }
            open.clear();
            while let Some(done) = asks.join_next().await {
                let Ok((part, done)) = done else { continue };
                take(part, done, &mut found, &mut open);
            }
            if open.is_empty() {
                break;
            }
            self.forget_leaders();
        }
        Ok(found)
    }

    /// The offsets of one end of all partitions of a topic.
    ///
    /// # Errors
    /// The topic does not exist, or no broker answers.
    pub async fn topic_offsets(
        &self,
        topic: &crate::Topic,
        spec: OffsetSpec,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, Result<ListedOffset, Error>>, Error> {
        let all = topic.partitions.iter();
        let asked: Vec<_> =
            all.map(|one| (TopicPartition::new(&topic.name, one.index), spec)).collect();
        let found = self.list_offsets(&asked, isolation).await?;
        Ok(found.into_iter().map(|(at, found)| (at.partition, found)).collect())
    }

    /// Groups what is asked by who leads it.
    async fn by_leader(
        &self,
        asked: &[(TopicPartition, OffsetSpec)],
        found: &mut Found,
    ) -> Result<BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>>, Error> {
        let mut parts: BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>> = BTreeMap::new();
        for (at, spec) in asked {
            match self.leader(&at.topic, at.partition).await {
                Ok(leader) => parts.entry(leader.id).or_default().push((at.clone(), *spec)),
                Err(error) if error.is_unreachable() => return Err(error),
                Err(error) => {
                    found.insert(at.clone(), Err(error));
                }
            }
        }
        Ok(parts)
    }

    async fn offsets_of(
        &self,
        leader: i32,
        part: &[(TopicPartition, OffsetSpec)],
        isolation: Isolation,
    ) -> Result<Found, Error> {
        let build = |_| {
            let mut topics: BTreeMap<&str, ListOffsetsTopic> = BTreeMap::new();
            for (at, spec) in part {
                let topic = match topics.entry(&at.topic) {
                    Entry::Vacant(free) => {
                        free.insert(message!(ListOffsetsTopic { name: at.topic.as_str().into() }))
                    }
                    Entry::Occupied(taken) => taken.into_mut(),
                };
                topic.partitions.push(message!(ListOffsetsPartition {
                    partition_index: at.partition,
                    current_leader_epoch: -1,
                    timestamp: spec.on_the_wire(),
                }));
            }
            message!(ListOffsetsRequest {
                replica_id: -1,
                isolation_level: i8::from(isolation == Isolation::ReadCommitted),
                topics: topics.into_values().collect(),
            })
        };
        let by_max = part.iter().any(|(_, spec)| *spec == OffsetSpec::MaxTimestamp);
        let least = if by_max { 7 } else { 2 };
        let code = |_: &ListOffsetsResponse| 0;
        let reply = self.ask(Target::Node(leader), least..=9, build, code).await?;
        let mut found = BTreeMap::new();
        for topic in &reply.body.topics {
            for one in &topic.partitions {
                let at = TopicPartition::new(&topic.name, one.partition_index);
                let refused = reply.check(one.error_code, || at.to_string(), None);
                let known = |number: i64| Some(number).filter(|number| *number >= 0);
                let offset =
                    ListedOffset { offset: known(one.offset), timestamp: known(one.timestamp) };
                found.insert(at, refused.map(|()| offset));
            }
        }
        Ok(found)
    }
}

/// Keeps what was found; what another leader may answer is asked again.
fn take(
    part: Vec<(TopicPartition, OffsetSpec)>,
    done: Result<Found, Error>,
    found: &mut Found,
    open: &mut Vec<(TopicPartition, OffsetSpec)>,
) {
    let mut done = done;
    for (at, spec) in part {
        let one = match &mut done {
            Ok(all) => all.remove(&at).unwrap_or_else(|| {
                Err(Error::Nobody { what: format!("{at}: the broker left it out of its answer") })
            }),
            Err(error) => Err(error.clone()),
        };
        if one.as_ref().err().and_then(Error::code).is_some_and(ErrorCode::is_retriable) {
            open.push((at.clone(), spec));
        }
        found.insert(at, one);
    }
}
