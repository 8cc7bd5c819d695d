//! `Metadata` (3), `CreateTopics` (19), `DeleteTopics` (20), `CreatePartitions` (37) and
//! `DeleteRecords` (21): topics, and what makes and unmakes them.

use kafka_wire::create_partitions_request::CreatePartitionsTopic;
use kafka_wire::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_wire::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_wire::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_wire::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteTopicsRequest,
};
use serde::Serialize;

use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::wire::message;
use crate::{Change, TopicPartition};

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Whether Kafka keeps it for itself.
    pub internal: bool,
    /// Its partitions, by index.
    pub partitions: Vec<Partition>,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its index.
    pub index: i32,
    /// The broker that leads it.
    pub leader: Option<i32>,
    /// The epoch of that leadership.
    pub leader_epoch: i32,
    /// The brokers that keep it.
    pub replicas: Vec<i32>,
    /// Those that are in sync.
    pub isr: Vec<i32>,
    /// Those that are offline.
    pub offline: Vec<i32>,
}

impl Partition {
    /// Whether fewer replicas are in sync than there are.
    #[must_use]
    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() < self.replicas.len()
    }
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its partitions; the broker's `num.partitions` if none.
    pub partitions: Option<i32>,
    /// Replicas of each partition; the broker's `default.replication.factor` if none.
    pub replication_factor: Option<i16>,
    /// Its configs.
    pub configs: Vec<(String, String)>,
}

impl Admin {
    /// All topics, by name.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn list_topics(&self) -> Result<Vec<Topic>, Error> {
        let reply = self.metadata(None).await?;
        let mut topics: Vec<Topic> =
            reply.body.topics.into_iter().filter(|one| one.error_code == 0).map(topic).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// One topic.
    ///
    /// # Errors
    /// No broker answers, or there is no such topic.
    pub async fn describe_topic(&self, name: &str) -> Result<Topic, Error> {
        let mut reply = self.metadata(Some(&[name])).await?;
        let Some(found) = reply.body.topics.pop() else {
            return Err(Error::Nobody { what: format!("topic {name:?}") });
        };
        reply.check(found.error_code, || format!("topic {name:?}"), None)?;
        Ok(topic(found))
    }

    /// Creates a topic, or checks whether it could be.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn create_topic(&self, new: &NewTopic, change: Change) -> Result<(), Error> {
        let build = |_| {
            let configs = new.configs.iter().map(|(name, value)| {
                message!(CreatableTopicConfig {
                    name: name.as_str().into(),
                    value: Some(value.as_str().into()),
                })
            });
            let topic = message!(CreatableTopic {
                name: new.name.as_str().into(),
                num_partitions: new.partitions.unwrap_or(-1),
                replication_factor: new.replication_factor.unwrap_or(-1),
                configs: configs.collect(),
            });
            message!(CreateTopicsRequest {
                topics: vec![topic],
                timeout_ms: self.request_timeout_ms(),
                validate_only: change.validates_only(),
            })
        };
        let code = |answer: &kafka_wire::CreateTopicsResponse| {
            answer.topics.first().map_or(0, |topic| topic.error_code)
        };
        let reply = self.ask(Target::Controller, 4..=7, build, code).await?;
        let what = || format!("topic {:?}", new.name);
        reply
            .body
            .topics
            .iter()
            .try_for_each(|one| reply.check(one.error_code, what, one.error_message.clone()))
    }

    /// Deletes a topic and all that is in it.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn delete_topic(&self, name: &str) -> Result<(), Error> {
        let build = |_| {
            message!(DeleteTopicsRequest {
                topic_names: vec![name.into()],
                timeout_ms: self.request_timeout_ms(),
            })
        };
        let code = |answer: &kafka_wire::DeleteTopicsResponse| {
            answer.responses.first().map_or(0, |topic| topic.error_code)
        };
        let reply = self.ask(Target::Controller, 1..=5, build, code).await?;
        let what = || format!("topic {name:?}");
        reply
            .body
            .responses
            .iter()
            .try_for_each(|one| reply.check(one.error_code, what, one.error_message.clone()))
    }

    /// Gives a topic more partitions: `count` in all.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn create_partitions(
        &self,
        name: &str,
        count: i32,
        change: Change,
    ) -> Result<(), Error> {
        let build = |_| {
            let topic = message!(CreatePartitionsTopic {
                name: name.into(),
                count: count,
                assignments: None,
            });
            message!(CreatePartitionsRequest {
                topics: vec![topic],
                timeout_ms: self.request_timeout_ms(),
                validate_only: change.validates_only(),
            })
        };
        let code = |answer: &kafka_wire::CreatePartitionsResponse| {
            answer.results.first().map_or(0, |topic| topic.error_code)
        };
        let reply = self.ask(Target::Controller, 0..=3, build, code).await?;
        let what = || format!("{count} partitions of topic {name:?}");
        reply
            .body
            .results
            .iter()
            .try_for_each(|one| reply.check(one.error_code, what, one.error_message.clone()))
    }

    /// Deletes the records of a partition before an offset; all of them if none is given. Gives the
    /// earliest offset that is left.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn delete_records(
        &self,
        at: &TopicPartition,
        before: Option<i64>,
    ) -> Result<i64, Error> {
        let build = |_| {
            let partition = message!(DeleteRecordsPartition {
                partition_index: at.partition,
                offset: before.unwrap_or(-1),
            });
            let topic = message!(DeleteRecordsTopic {
                name: at.topic.as_str().into(),
                partitions: vec![partition],
            });
            message!(DeleteRecordsRequest {
                topics: vec![topic],
                timeout_ms: self.request_timeout_ms(),
            })
        };
        let first = |answer: &DeleteRecordsResponse| {
            let topic = answer.topics.first()?;
            topic.partitions.first().map(|one| (one.error_code, one.low_watermark))
        };
        let code = |answer: &DeleteRecordsResponse| first(answer).map_or(0, |(code, _)| code);
        let target = Target::Leader(&at.topic, at.partition);
        let reply = self.ask(target, 0..=2, build, code).await?;
        let Some((code, low)) = first(&reply.body) else {
            return Err(Error::Nobody { what: at.to_string() });
        };
        reply.check(code, || at.to_string(), None)?;
        Ok(low)
    }
}

fn topic(found: MetadataResponseTopic) -> Topic {
    let mut partitions: Vec<Partition> = found.partitions.into_iter().map(partition).collect();
    partitions.sort_by_key(|partition| partition.index);
    let name = found.name.map(kafka_wire_core::StrBytes::into_string).unwrap_or_default();
    Topic { name, internal: found.is_internal, partitions }
}

fn partition(found: MetadataResponsePartition) -> Partition {
    Partition {
        index: found.partition_index,
        leader: Some(found.leader_id).filter(|id| *id >= 0),
        leader_epoch: found.leader_epoch,
        replicas: found.replica_nodes,
        isr: found.isr_nodes,
        offline: found.offline_replicas,
    }
}
