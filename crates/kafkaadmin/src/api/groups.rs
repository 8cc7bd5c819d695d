//! Consumer groups of both protocols: who they are, what they have committed, and changing that.
//!
//! `ListGroups` (16), `ConsumerGroupDescribe` (69), `DescribeGroups` (15), `OffsetFetch` (9),
//! `OffsetCommit` (8), `OffsetDelete` (47), `DeleteGroups` (42).

use std::collections::BTreeMap;

use kafka_wire::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_wire::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_wire::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_wire::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest,
    ListGroupsResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse,
    decode_consumer_protocol_assignment, decode_consumer_protocol_subscription,
};
use serde::Serialize;

use crate::TopicPartition;
use crate::admin::{Admin, Target};
use crate::error::{Error, ErrorCode};
use crate::wire::{limits, message, text};

/// How a group agrees on who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// By joining and syncing; the members assign.
    Classic,
    /// By heartbeats; the coordinator assigns (KIP-848).
    Consumer,
    /// A kind of group that we do not describe: share groups, streams groups.
    Other,
}

impl GroupProtocol {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "" | "classic" => Self::Classic,
            "consumer" => Self::Consumer,
            _ => Self::Other,
        }
    }

    /// Kafka's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Other => "other",
        }
    }
}

/// A group, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupListing {
    /// Its id.
    pub group_id: String,
    /// Kafka's name of its state; empty from brokers before Kafka 2.6.
    pub state: String,
    /// Its protocol.
    pub protocol: GroupProtocol,
    /// What it is for: `consumer`, `connect`; empty for a group that only keeps offsets.
    pub protocol_type: String,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its id.
    pub group_id: String,
    /// Kafka's name of its state: `Stable`, `Empty`, `PreparingRebalance`, ...
    pub state: String,
    /// Its protocol.
    pub protocol: GroupProtocol,
    /// How partitions are assigned: `range`, `uniform`, ...
    pub assignor: String,
    /// The broker that coordinates it.
    pub coordinator: String,
    /// The epoch of a group of the consumer protocol.
    pub epoch: Option<i32>,
    /// Its members.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id.
    pub member_id: String,
    /// Its name across restarts, if it has one.
    pub instance_id: Option<String>,
    /// The name that its client says.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// The topics that it wants.
    pub subscribed: Vec<String>,
    /// The partitions that it reads.
    pub assignment: Vec<TopicPartition>,
}

/// What a group has committed of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommittedOffset {
    /// The partition.
    #[serde(flatten)]
    pub at: TopicPartition,
    /// The next offset to read.
    pub offset: i64,
    /// What its consumer said with it.
    pub metadata: String,
}

impl Admin {
    /// All groups, by id. Every broker is asked, since each coordinates some.
    ///
    /// # Errors
    /// A broker does not answer or refuses.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>, Error> {
        let mut all = Vec::new();
        for broker in self.describe_cluster().await?.brokers {
            let build = |_| ListGroupsRequest::default();
            let code = |answer: &ListGroupsResponse| answer.error_code;
            let reply = self.ask(Target::Node(broker.id), 0..=5, build, code).await?;
            reply.check(reply.body.error_code, || "its groups".to_owned(), None)?;
            all.extend(reply.body.groups.into_iter().map(|one| GroupListing {
                group_id: one.group_id.into_string(),
                state: one.group_state.into_string(),
                protocol: GroupProtocol::named(&one.group_type),
                protocol_type: one.protocol_type.into_string(),
            }));
        }
        all.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        all.dedup_by(|a, b| a.group_id == b.group_id);
        Ok(all)
    }

    /// One group, of either protocol.
    ///
    /// # Errors
    /// The coordinator's refusal, also where there is no such group.
    pub async fn describe_group(&self, group: &str) -> Result<Group, Error> {
        match self.describe_consumer_group(group).await {
            Err(Error::Unsupported { .. }) => {}
            Err(error) if error.code() == Some(ErrorCode::GROUP_ID_NOT_FOUND) => {}
            Err(error) if error.code() == Some(ErrorCode::UNSUPPORTED_VERSION) => {}
            done => return done,
        }
        self.describe_classic_group(group).await
    }

    async fn describe_consumer_group(&self, group: &str) -> Result<Group, Error> {
        let build = |_| message!(ConsumerGroupDescribeRequest { group_ids: vec![group.into()] });
        let code = |answer: &ConsumerGroupDescribeResponse| {
            answer.groups.first().map_or(0, |one| one.error_code)
        };
        let mut reply = self.ask(Target::Group(group), 0..=1, build, code).await?;
        let what = || format!("group {group:?}");
        let Some(one) = reply.body.groups.pop() else {
            return Err(Error::Nobody { what: what() });
        };
        reply.check(one.error_code, what, one.error_message)?;
        let members = one.members.into_iter().map(|member| {
            let assigned = member.assignment.topic_partitions.iter().flat_map(|topic| {
                let name = &topic.topic_name;
                topic.partitions.iter().map(|index| TopicPartition::new(name, *index))
            });
            let regex = text(member.subscribed_topic_regex.clone());
            let names = member.subscribed_topic_names.iter().map(ToString::to_string);
            Member {
                assignment: sorted(assigned.collect()),
                subscribed: names.chain(regex).collect(),
                member_id: member.member_id.into_string(),
                instance_id: text(member.instance_id),
                client_id: member.client_id.into_string(),
                client_host: member.client_host.into_string(),
            }
        });
        Ok(Group {
            members: members.collect(),
            group_id: one.group_id.into_string(),
            state: one.group_state.into_string(),
            protocol: GroupProtocol::Consumer,
            assignor: one.assignor_name.into_string(),
            coordinator: reply.broker.to_string(),
            epoch: Some(one.group_epoch),
        })
    }

    async fn describe_classic_group(&self, group: &str) -> Result<Group, Error> {
        let build = |_| message!(DescribeGroupsRequest { groups: vec![group.into()] });
        let code =
            |answer: &DescribeGroupsResponse| answer.groups.first().map_or(0, |one| one.error_code);
        let mut reply = self.ask(Target::Group(group), 0..=6, build, code).await?;
        let what = || format!("group {group:?}");
        let Some(one) = reply.body.groups.pop() else {
            return Err(Error::Nobody { what: what() });
        };
        reply.check(one.error_code, what, one.error_message)?;
        // Before version 6 an unknown group is a dead one.
        if one.group_state.as_str() == "Dead" {
            reply.check(ErrorCode::GROUP_ID_NOT_FOUND.0, what, None)?;
        }
        let members = one.members.into_iter().map(|member| {
            let assigned = decode_consumer_protocol_assignment(member.member_assignment, limits());
            let assigned = assigned.map(|(_, assigned)| assigned.assigned_partitions);
            let assigned = assigned.unwrap_or_default();
            let assigned = assigned.iter().flat_map(|topic| {
                topic.partitions.iter().map(|index| TopicPartition::new(&topic.topic, *index))
            });
            let wanted = decode_consumer_protocol_subscription(member.member_metadata, limits());
            let wanted = wanted.map(|(_, wanted)| wanted.topics).unwrap_or_default();
            Member {
                assignment: sorted(assigned.collect()),
                subscribed: wanted.iter().map(ToString::to_string).collect(),
                member_id: member.member_id.into_string(),
                instance_id: text(member.group_instance_id),
                client_id: member.client_id.into_string(),
                client_host: member.client_host.into_string(),
            }
        });
        Ok(Group {
            members: members.collect(),
            group_id: one.group_id.into_string(),
            state: one.group_state.into_string(),
            protocol: GroupProtocol::Classic,
            assignor: one.protocol_data.into_string(),
            coordinator: reply.broker.to_string(),
            epoch: None,
        })
    }

    /// What a group has committed, by partition.
    ///
    /// # Errors
    /// The coordinator's refusal.
    pub async fn list_consumer_group_offsets(
        &self,
        group: &str,
    ) -> Result<Vec<CommittedOffset>, Error> {
        let build = |version| {
            if version >= 8 {
                let one =
                    message!(OffsetFetchRequestGroup { group_id: group.into(), topics: None });
                message!(OffsetFetchRequest { groups: vec![one] })
            } else {
                message!(OffsetFetchRequest { group_id: group.into(), topics: None })
            }
        };
        let code = |answer: &OffsetFetchResponse| {
            answer.groups.first().map_or(answer.error_code, |one| one.error_code)
        };
        let reply = self.ask(Target::Group(group), 2..=9, build, code).await?;
        let what = || format!("the offsets of group {group:?}");
        reply.check(code(&reply.body), what, None)?;
        let old = reply.body.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(move |one| {
                (&topic.name, one.partition_index, one.committed_offset, &one.metadata)
            })
        });
        let topics = reply.body.groups.iter().flat_map(|group| &group.topics);
        let new = topics.flat_map(|topic| {
            topic.partitions.iter().map(move |one| {
                (&topic.name, one.partition_index, one.committed_offset, &one.metadata)
            })
        });
        let known = old.chain(new).filter(|(_, _, offset, _)| *offset >= 0);
        let committed = known.map(|(topic, partition, offset, metadata)| CommittedOffset {
            at: TopicPartition::new(topic, partition),
            offset,
            metadata: metadata.as_ref().map(ToString::to_string).unwrap_or_default(),
        });
        let mut committed: Vec<_> = committed.collect();
        committed.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(committed)
    }

    /// Commits offsets for a group that has no members, making the group if there is none.
    ///
    /// # Errors
    /// The coordinator's refusal, also where the group has members.
    pub async fn alter_consumer_group_offsets(
        &self,
        group: &str,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<(), Error> {
        let build = |_| {
            let mut topics: BTreeMap<&str, OffsetCommitRequestTopic> = BTreeMap::new();
            for (at, offset) in offsets {
                let topic = topics.entry(&at.topic).or_default();
                topic.name = at.topic.as_str().into();
                topic.partitions.push(message!(OffsetCommitRequestPartition {
                    partition_index: at.partition,
                    committed_offset: *offset,
                    committed_metadata: Some("".into()),
                }));
            }
            message!(OffsetCommitRequest {
                group_id: group.into(),
                generation_id_or_member_epoch: -1,
                topics: topics.into_values().collect(),
            })
        };
        let code = |answer: &OffsetCommitResponse| {
            let mut all = answer.topics.iter().flat_map(|topic| &topic.partitions);
            all.find_map(|one| (one.error_code != 0).then_some(one.error_code)).unwrap_or(0)
        };
        let reply = self.ask(Target::Group(group), 2..=9, build, code).await?;
        for topic in &reply.body.topics {
            for one in &topic.partitions {
                let what = || format!("group {group:?}, {}-{}", topic.name, one.partition_index);
                reply.check(one.error_code, what, None)?;
            }
        }
        Ok(())
    }

    /// Makes a group forget what it has committed of these partitions.
    ///
    /// # Errors
    /// The coordinator's refusal, also where a member reads the topic.
    pub async fn delete_consumer_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<(), Error> {
        let build = |_| {
            let mut topics: BTreeMap<&str, OffsetDeleteRequestTopic> = BTreeMap::new();
            for at in partitions {
                let topic = topics.entry(&at.topic).or_default();
                topic.name = at.topic.as_str().into();
                let partition =
                    message!(OffsetDeleteRequestPartition { partition_index: at.partition });
                topic.partitions.push(partition);
            }
            message!(OffsetDeleteRequest {
                group_id: group.into(),
                topics: topics.into_values().collect(),
            })
        };
        let code = |answer: &OffsetDeleteResponse| answer.error_code;
        let reply = self.ask(Target::Group(group), 0..=0, build, code).await?;
        reply.check(reply.body.error_code, || format!("group {group:?}"), None)?;
        for topic in &reply.body.topics {
            for one in &topic.partitions {
                let what = || format!("group {group:?}, {}-{}", topic.name, one.partition_index);
                reply.check(one.error_code, what, None)?;
            }
        }
        Ok(())
    }

    /// Deletes a group that has no members, and what it has committed.
    ///
    /// # Errors
    /// The coordinator's refusal, also where the group has members.
    pub async fn delete_consumer_group(&self, group: &str) -> Result<(), Error> {
        let build = |_| message!(DeleteGroupsRequest { groups_names: vec![group.into()] });
        let code =
            |answer: &DeleteGroupsResponse| answer.results.first().map_or(0, |one| one.error_code);
        let reply = self.ask(Target::Group(group), 0..=2, build, code).await?;
        reply.body.results.iter().try_for_each(|one| {
            reply.check(one.error_code, || format!("group {group:?}"), one.error_message.clone())
        })
    }
}

fn sorted(mut partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
    partitions.sort();
    partitions
}
