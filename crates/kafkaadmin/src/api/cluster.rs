//! `Metadata` (3) and `DescribeQuorum` (55): who the brokers are, and who votes on the metadata.

use std::collections::BTreeMap;

use kafka_wire::describe_quorum_request::{PartitionData, TopicData};
use kafka_wire::describe_quorum_response::ReplicaState;
use kafka_wire::{DescribeQuorumRequest, DescribeQuorumResponse};
use serde::Serialize;

use crate::admin::{Admin, Target};
use crate::api::topics::Topic;
use crate::error::Error;
use crate::known::{Broker, Known};
use crate::wire::{message, text};

/// The topic of a cluster's metadata.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Its id.
    pub cluster_id: Option<String>,
    /// The broker that takes changes. In KRaft any broker takes them for the quorum's leader, and this
    /// is one of them.
    pub controller_id: Option<i32>,
    /// Its brokers, by id.
    pub brokers: Vec<Broker>,
}

/// The voters of a cluster's metadata (KRaft).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// The active controller.
    pub leader_id: i32,
    /// Its epoch.
    pub leader_epoch: i32,
    /// The offset up to which the metadata is agreed on.
    pub high_watermark: i64,
    /// Those who vote.
    pub voters: Vec<Replica>,
    /// Those who follow.
    pub observers: Vec<Replica>,
}

/// A replica of a cluster's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// The node.
    pub id: i32,
    /// Its next offset.
    pub log_end_offset: i64,
    /// When it last asked, milliseconds since the Unix epoch, if known.
    pub last_fetch_ms: Option<i64>,
    /// When it last had everything, milliseconds since the Unix epoch, if known.
    pub last_caught_up_ms: Option<i64>,
}

impl Cluster {
    /// The brokers that should keep replicas of these topics and are not in the cluster now, each with
    /// the number of those replicas.
    #[must_use]
    pub fn away(&self, topics: &[Topic]) -> BTreeMap<i32, usize> {
        let mut away = BTreeMap::new();
        for partition in topics.iter().flat_map(|topic| &topic.partitions) {
            for id in &partition.replicas {
                if !self.brokers.iter().any(|broker| broker.id == *id) {
                    *away.entry(*id).or_default() += 1;
                }
            }
        }
        away
    }
}

impl Admin {
    /// The cluster's id, controller and brokers.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn describe_cluster(&self) -> Result<Cluster, Error> {
        let reply = self.metadata(Some(&[])).await?;
        let mut known = Known::default();
        known.learn(&reply.body);
        Ok(Cluster {
            cluster_id: text(reply.body.cluster_id),
            controller_id: known.controller,
            brokers: known.brokers.into_values().collect(),
        })
    }

    /// The quorum behind the cluster's metadata.
    ///
    /// # Errors
    /// No broker answers, or the cluster has no quorum, or an ACL forbids it.
    pub async fn describe_quorum(&self) -> Result<Quorum, Error> {
        let build = |_| {
            let partition = PartitionData::default();
            let topic = message!(TopicData {
                topic_name: METADATA_TOPIC.into(),
                partitions: vec![partition]
            });
            message!(DescribeQuorumRequest { topics: vec![topic] })
        };
        let code = |answer: &DescribeQuorumResponse| answer.error_code;
        let mut reply = self.ask(Target::Any, 0..=2, build, code).await?;
        let what = || "the metadata quorum".to_owned();
        reply.check(reply.body.error_code, what, reply.body.error_message.clone())?;
        let topics = std::mem::take(&mut reply.body.topics);
        let Some(found) = topics.into_iter().flat_map(|topic| topic.partitions).next() else {
            return Err(Error::Nobody { what: "the metadata quorum".to_owned() });
        };
        reply.check(found.error_code, what, found.error_message)?;
        Ok(Quorum {
            leader_id: found.leader_id,
            leader_epoch: found.leader_epoch,
            high_watermark: found.high_watermark,
            voters: found.current_voters.iter().map(replica).collect(),
            observers: found.observers.iter().map(replica).collect(),
        })
    }
}

fn replica(state: &ReplicaState) -> Replica {
    let known = |at: i64| Some(at).filter(|at| *at >= 0);
    Replica {
        id: state.replica_id,
        log_end_offset: state.log_end_offset,
        last_fetch_ms: known(state.last_fetch_timestamp),
        last_caught_up_ms: known(state.last_caught_up_timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::topics::Partition;

    #[test]
    fn a_broker_that_is_missed_is_counted_with_its_replicas() {
        let broker = |id| Broker { id, host: "b".to_owned(), port: 9092, rack: None };
        let brokers = vec![broker(1), broker(3)];
        let cluster = Cluster { cluster_id: None, controller_id: None, brokers };
        let partition = |index, replicas: &[i32]| Partition {
            index,
            leader: None,
            leader_epoch: 0,
            replicas: replicas.to_vec(),
            isr: Vec::new(),
            offline: Vec::new(),
        };
        let partitions = vec![partition(0, &[1, 2, 3]), partition(1, &[2, 4])];
        let topic = Topic { name: "t".to_owned(), internal: false, partitions };
        assert_eq!(cluster.away(&[topic]), BTreeMap::from([(2, 2), (4, 1)]));
        assert!(cluster.away(&[]).is_empty());
    }
}
